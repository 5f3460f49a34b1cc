//! One sentence for people per event: the same words in logs, notifications and on terminals.

use super::{Event, EventKind, JobId, JobRef, Status, presentable};

/// The longest id that is shown whole beside a name, in characters.
const MAX_SHOWN_ID: usize = 16;

/// How much is shown of a longer one: the first group of a UUID, enough to find it.
const SHORT_ID: usize = 8;

/// The longest summary in a message, in characters. Only the reason in it can be long, and its
/// beginning says what is wrong.
const MAX_SUMMARY: usize = 1000;

impl JobRef {
    /// The shortest name for people: that of the job, that of its index, or the id.
    pub fn label(&self) -> &str {
        let index = self.facts.target_index_name.as_deref();
        self.name.as_deref().or(index).unwrap_or(self.id.as_str())
    }

    /// The full name for people: the id of the job, after its name if it has one, and its index if
    /// that is known and adds anything.
    pub fn title(&self) -> String {
        let (name, subject) = (self.name.as_deref().unwrap_or(self.id.as_str()), self.subject());
        match self.facts.target_index_name.as_deref() {
            Some(index) if index != name => format!("{subject} into index {index}"),
            _ => subject,
        }
    }

    fn index_title(&self) -> String {
        let subject = self.subject();
        match self.facts.target_index_name.as_deref() {
            Some(index) => format!("index {index} of restore {subject}"),
            None => format!("the index of restore {subject}"),
        }
    }

    /// Its name, or its id if it has none.
    pub fn name_or_id(&self) -> &str {
        self.name.as_deref().unwrap_or(self.id.as_str())
    }

    fn subject(&self) -> String {
        match &self.name {
            // Some name a job by the beginning of its id.
            Some(name) if self.id.as_str().starts_with(name.as_str()) => name.clone(),
            Some(name) => format!("{name} ({})", short(&self.id)),
            None => self.id.to_string(),
        }
    }
}

/// An id, or enough of it to find it by, where a name stands beside it.
fn short(id: &JobId) -> &str {
    let id = id.as_str();
    if id.chars().nth(MAX_SHOWN_ID).is_none() {
        return id;
    }
    id.char_indices().nth(SHORT_ID).map_or(id, |(end, _)| &id[..end])
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

    /// The same for messages: in one line without control characters, cut if it is long, and never
    /// empty.
    pub fn presentable_summary(&self) -> String {
        let summary = presentable(&self.summary(), MAX_SUMMARY);
        // A summary of blank names may be empty.
        if summary.is_empty() { self.kind.heading().to_owned() } else { summary }
    }

    /// The same with the project, for readers of several projects.
    pub fn summary_with_project(&self) -> String {
        let summary = self.summary();
        // Without a job, the sentence begins with the project.
        if self.job.is_none() { summary } else { format!("project {}: {summary}", self.project) }
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
            // With a bound it would read like a time limit.
            EventKind::IndexNotReady => format!("{} did not become ready", job.index_title()),
            EventKind::ProjectUnauthorized | EventKind::ProjectRecovered | EventKind::Test => title,
        }
    }

    fn after(&self) -> String {
        self.elapsed.after_words().map(|after| format!(" {after}")).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{Elapsed, EventId, JobFacts, ProjectName};

    const UUID: &str = "94a63aeb-29d1-4b4f-8f39-04d2a0b0a8f0";

    fn event(kind: EventKind, elapsed: Elapsed) -> Event {
        let at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let facts = JobFacts { target_index_name: Some("orders".to_owned()), ..JobFacts::default() };
        let job = JobRef { id: JobId::new(UUID).unwrap(), name: Some("nightly".to_owned()), facts };
        let event = Event::of_project(EventId::from_parts(at, [0; 10]), kind, at, ProjectName::default());
        Event { job: Some(job), status: Some(Status::Failed), elapsed, ..event }
    }

    #[test]
    fn an_end_says_what_is_known_of_its_time() {
        let exact = Elapsed::Exact(Duration::from_secs(40));
        let unseen = Elapsed::AtMost { bound: Duration::from_secs(20), seen_running: None };
        let seen = Elapsed::AtMost {
            bound: Duration::from_secs(11_520),
            seen_running: Some(Duration::from_secs(11_500)),
        };
        let restore = "restore nightly (94a63aeb) into index orders";
        let index = "index orders of restore nightly (94a63aeb)";
        for (kind, elapsed, summary) in [
            (EventKind::Completed, exact, format!("{restore} completed after 40s")),
            (EventKind::Completed, unseen, format!("{restore} completed within 20s of its start")),
            (EventKind::Failed, Elapsed::Unknown, format!("{restore} failed")),
            (EventKind::Failed, unseen, format!("{restore} failed within 20s of its start")),
            (
                EventKind::Cancelled,
                seen,
                format!(
                    "{restore} was cancelled within 3h 12m of its start, noticed 20s after its last running poll"
                ),
            ),
            (EventKind::IndexReady, exact, format!("{index} is ready after 40s")),
            (EventKind::IndexNotReady, unseen, format!("{index} did not become ready")),
        ] {
            assert_eq!(event(kind, elapsed).summary(), summary);
        }
    }

    #[test]
    fn a_sentence_names_its_project_once() {
        let failed = event(EventKind::Failed, Elapsed::Unknown);
        let of_job = Event { project: ProjectName::new("eu"), ..failed };
        let of_project = Event { kind: EventKind::ProjectUnauthorized, job: None, ..of_job.clone() };

        for event in [of_job, of_project] {
            let line = event.summary_with_project();
            assert!(line.starts_with("project eu: ") && line.matches("project").count() == 1, "{line}");
        }
    }

    #[test]
    fn an_id_beside_a_name_is_short() {
        for (id, shown) in [
            (UUID, "94a63aeb"),
            ("rj-1", "rj-1"),
            ("sixteen-chars-ok", "sixteen-chars-ok"),
            ("ééééééééééééééééé", "éééééééé"),
        ] {
            assert_eq!(short(&JobId::new(id).unwrap()), shown);
        }
    }
}
