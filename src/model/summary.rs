//! What happened, in one line for people: the same words in logs, notifications and on terminals.

use std::time::Duration;

use super::{JobRef, Status, Transition, TransitionKind, duration};

impl JobRef {
    /// The shortest thing people call the job: its name, the index it makes, or its id.
    pub fn label(&self) -> &str {
        let index = self.facts.target_index_name.as_deref();
        self.name.as_deref().or(index).unwrap_or(self.id.as_str())
    }

    /// What people call the job: its name, or its id, and the index it makes where that is known and adds anything.
    pub fn title(&self) -> String {
        let name = self.name.as_deref().unwrap_or(self.id.as_str());
        match self.facts.target_index_name.as_deref() {
            Some(index) if index != name => format!("{name} into index {index}"),
            _ => name.to_owned(),
        }
    }

    /// What people call the index that it makes.
    fn index_title(&self) -> String {
        let name = self.name.as_deref().unwrap_or(self.id.as_str());
        match self.facts.target_index_name.as_deref() {
            Some(index) => format!("index {index} of restore {name}"),
            None => format!("the index of restore {name}"),
        }
    }
}

impl Transition {
    /// What happened, in one line without a full stop.
    pub fn summary(&self) -> String {
        let what = self.what();
        match &self.reason {
            // It goes on with what was just said.
            Some(reason) if self.kind == TransitionKind::Slow => format!("{what}, {reason}"),
            Some(reason) => format!("{what}: {reason}"),
            None => what,
        }
    }

    /// What the API was asked about: once a job completed, that is its index.
    fn asked_about(&self, job: &JobRef) -> String {
        if self.is_after_completion() { job.index_title() } else { format!("restore {}", job.title()) }
    }

    fn is_after_completion(&self) -> bool {
        self.previous_status == Some(Status::Completed)
    }

    fn what(&self) -> String {
        let Some(job) = &self.job else {
            return match self.kind {
                TransitionKind::ProjectRecovered => {
                    format!("project {}: the API key is accepted again", self.project)
                }
                TransitionKind::Test => "a test of restore-watch; no restore is meant".to_owned(),
                _ => format!("project {}: the API refuses the key or its permission", self.project),
            };
        };
        let title = job.title();
        let status = self.status.as_ref().map_or("unknown", |status| status.as_str());
        let after = self
            .elapsed_seconds
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .map(|elapsed| format!(" after {}", duration::human(elapsed)))
            .unwrap_or_default();
        match self.kind {
            TransitionKind::Watched => format!("watching restore {title}: {status}"),
            TransitionKind::StatusChanged => {
                let before = self.previous_status.as_ref().map_or("unknown", |status| status.as_str());
                format!("restore {title}: {before} -> {status}")
            }
            TransitionKind::Progressed => {
                let percent = job.facts.percent_complete.unwrap_or_default();
                format!("restore {title}: {percent:.0} %{after}")
            }
            TransitionKind::Completed => format!("restore {title} completed{after}"),
            TransitionKind::Failed => format!("restore {title} failed{after}"),
            TransitionKind::Cancelled => format!("restore {title} was cancelled{after}"),
            TransitionKind::Unrecognised => {
                format!("restore {title} ended with the unknown status {status}{after}")
            }
            TransitionKind::Overdue if self.is_after_completion() => {
                format!("{} is overdue{after}", job.index_title())
            }
            TransitionKind::Overdue => format!("restore {title} is overdue: {status}{after}"),
            TransitionKind::Slow => format!("restore {title} is slow: {status}{after}"),
            TransitionKind::NotFound if self.status.is_some() => {
                format!("restore {title} can no longer be found")
            }
            TransitionKind::NotFound => format!("restore {title} cannot be found"),
            TransitionKind::Unreachable => {
                format!("no good answer about {} for too long", self.asked_about(job))
            }
            TransitionKind::Recovered if self.is_after_completion() => {
                format!("good answers about {} again", self.asked_about(job))
            }
            TransitionKind::Recovered => format!("good answers about restore {title} again: {status}"),
            TransitionKind::IndexReady => format!("{} is ready{after}", job.index_title()),
            TransitionKind::IndexNotReady => format!("{} did not become ready{after}", job.index_title()),
            TransitionKind::ProjectUnauthorized | TransitionKind::ProjectRecovered | TransitionKind::Test => {
                title
            }
        }
    }
}
