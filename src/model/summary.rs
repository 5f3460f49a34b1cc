//! One sentence for people per event: the same words in logs, notifications and on terminals.

use std::time::Duration;

use super::{Event, EventKind, JobRef, Status, duration};

impl JobRef {
    /// The shortest name for people: that of the job, that of its index, or the id.
    pub fn label(&self) -> &str {
        let index = self.facts.target_index_name.as_deref();
        self.name.as_deref().or(index).unwrap_or(self.id.as_str())
    }

    /// The full name for people: the name or id of the job, and its index if that is known and adds
    /// anything.
    pub fn title(&self) -> String {
        let name = self.name_or_id();
        match self.facts.target_index_name.as_deref() {
            Some(index) if index != name => format!("{name} into index {index}"),
            _ => name.to_owned(),
        }
    }

    fn index_title(&self) -> String {
        let name = self.name_or_id();
        match self.facts.target_index_name.as_deref() {
            Some(index) => format!("index {index} of restore {name}"),
            None => format!("the index of restore {name}"),
        }
    }

    pub fn name_or_id(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }
}

impl Event {
    /// What happened, in one line without a full stop.
    pub fn summary(&self) -> String {
        let what = match &self.job {
            Some(job) => self.what_happened_to(job),
            None => self.what_happened(),
        };

        match &self.reason {
            // This reason continues the sentence; others explain it.
            Some(reason) if self.kind == EventKind::Slow => format!("{what}, {reason}"),
            Some(reason) => format!("{what}: {reason}"),
            None => what,
        }
    }

    fn what_happened(&self) -> String {
        match self.kind {
            EventKind::ProjectUnauthorized => {
                format!("project {}: the API refuses the key or its permission", self.project)
            }
            EventKind::ProjectRecovered => {
                format!("project {}: the API key is accepted again", self.project)
            }
            EventKind::Test => "a test of restore-watch; no restore is meant".to_owned(),
            // The engine emits these with a job.
            kind => format!("project {}: {}", self.project, kind.heading()),
        }
    }

    fn what_happened_to(&self, job: &JobRef) -> String {
        let title = job.title();
        let status = text(self.status.as_ref());
        let after = self.after();

        match self.kind {
            EventKind::Watched => format!("watching restore {title}: {status}"),
            EventKind::StatusChanged => {
                format!("restore {title}: {} -> {status}", text(self.previous_status.as_ref()))
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
                format!("no good answer about {} for too long", self.polled_resource(job))
            }
            EventKind::Recovered if self.is_after_completion() => {
                format!("good answers about {} again", self.polled_resource(job))
            }
            EventKind::Recovered => format!("good answers about restore {title} again: {status}"),
            EventKind::IndexReady => format!("{} is ready{after}", job.index_title()),
            EventKind::IndexNotReady => format!("{} did not become ready{after}", job.index_title()),
            EventKind::ProjectUnauthorized | EventKind::ProjectRecovered | EventKind::Test => title,
        }
    }

    fn after(&self) -> String {
        let elapsed = self.elapsed_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        elapsed.map(|elapsed| format!(" after {}", duration::human(elapsed))).unwrap_or_default()
    }

    /// The job, or its index once the job completed.
    fn polled_resource(&self, job: &JobRef) -> String {
        if self.is_after_completion() { job.index_title() } else { format!("restore {}", job.title()) }
    }

    fn is_after_completion(&self) -> bool {
        self.previous_status == Some(Status::Completed)
    }
}

fn text(status: Option<&Status>) -> &str {
    status.map_or("unknown", Status::as_str)
}
