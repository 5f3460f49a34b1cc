//! What happened, in one line for people: the same words in logs, notifications and on terminals.

use std::time::Duration;

use super::{Event, EventKind, JobRef, Status, duration};

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

impl Event {
    /// What happened, in one line without a full stop.
    pub fn summary(&self) -> String {
        let what = self.what();
        match &self.reason {
            // It goes on with what was just said.
            Some(reason) if self.kind == EventKind::Slow => format!("{what}, {reason}"),
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
                EventKind::ProjectRecovered => {
                    format!("project {}: the API key is accepted again", self.project)
                }
                EventKind::Test => "a test of restore-watch; no restore is meant".to_owned(),
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
            EventKind::Watched => format!("watching restore {title}: {status}"),
            EventKind::StatusChanged => {
                let before = self.previous_status.as_ref().map_or("unknown", |status| status.as_str());
                format!("restore {title}: {before} -> {status}")
            }
            EventKind::Progressed => {
                let percent = job.facts.percent_complete.unwrap_or_default();
                format!("restore {title}: {percent:.0} %{after}")
            }
            EventKind::Completed => format!("restore {title} completed{after}"),
            EventKind::Failed => format!("restore {title} failed{after}"),
            EventKind::Cancelled => format!("restore {title} was cancelled{after}"),
            EventKind::Unrecognised => {
                format!("restore {title} ended with the unknown status {status}{after}")
            }
            EventKind::Overdue if self.is_after_completion() => {
                format!("{} is overdue{after}", job.index_title())
            }
            EventKind::Overdue => format!("restore {title} is overdue: {status}{after}"),
            EventKind::Slow => format!("restore {title} is slow: {status}{after}"),
            EventKind::NotFound if self.status.is_some() => {
                format!("restore {title} can no longer be found")
            }
            EventKind::NotFound => format!("restore {title} cannot be found"),
            EventKind::Unreachable => {
                format!("no good answer about {} for too long", self.asked_about(job))
            }
            EventKind::Recovered if self.is_after_completion() => {
                format!("good answers about {} again", self.asked_about(job))
            }
            EventKind::Recovered => format!("good answers about restore {title} again: {status}"),
            EventKind::IndexReady => format!("{} is ready{after}", job.index_title()),
            EventKind::IndexNotReady => format!("{} did not become ready{after}", job.index_title()),
            EventKind::ProjectUnauthorized | EventKind::ProjectRecovered | EventKind::Test => title,
        }
    }
}
