//! Sample events: for each type, one with every fact and one of which as little is known as an
//! event of this type can have.
//!
//! Invariant: a field is absent in a sample only if the engine emits events of this type without
//! it, so that what works for the samples works for every event.

use std::time::Duration;

use jiff::Timestamp;

use super::{Elapsed, Event, EventId, EventKind, JobFacts, JobId, JobRef, ProjectName, Status};

/// When the events of the samples happened, in seconds (Unix): a Monday at noon.
const AT: i64 = 1_795_435_200;

/// How long the restore of the samples takes.
const TOOK: Duration = Duration::from_mins(12);

/// Its age at the last poll before its end.
const SEEN_RUNNING: Duration = Duration::from_secs(700);

impl Event {
    /// Events of this type, the one with every fact first.
    pub fn samples(kind: EventKind) -> Vec<Self> {
        match kind.noun() {
            "restore_job" | "index" => vec![of_known_job(kind), of_unknown_job(kind)],
            _ => vec![of_project(kind)],
        }
    }
}

/// About a job of which all is known.
fn of_known_job(kind: EventKind) -> Event {
    let ended = kind == EventKind::Completed || kind.is_of_index();
    let facts = JobFacts {
        backup_id: Some("670e8400-e29b-41d4-a716-446655440001".to_owned()),
        target_index_name: Some("orders".to_owned()),
        target_index_id: Some("123e4567-e89b-12d3-a456-426614174000".to_owned()),
        created_at: Some(at() - TOOK),
        completed_at: ended.then(at),
        percent_complete: Some(if ended { 100.0 } else { 42.0 }),
    };

    Event {
        job: Some(JobRef { name: Some("nightly".to_owned()), facts, ..job() }),
        previous_status: previous_status(kind),
        status: status(kind).or(Some(Status::Pending)),
        elapsed: elapsed(kind),
        detection_delay_seconds: (kind == EventKind::Completed).then_some(0.5),
        reason: reason(kind).map(str::to_owned),
        ..of_unknown_job(kind)
    }
}

/// About a job of which nothing is known that may be unknown.
fn of_unknown_job(kind: EventKind) -> Event {
    let percent_complete = (kind == EventKind::Progressed).then_some(42.0);
    let facts = JobFacts { percent_complete, ..JobFacts::default() };
    Event { job: Some(JobRef { facts, ..job() }), status: status(kind), ..of_project(kind) }
}

/// About a project as a whole, or about nothing.
fn of_project(kind: EventKind) -> Event {
    let reason = reason(kind).filter(|_| kind == EventKind::ProjectUnauthorized).map(str::to_owned);
    let id = EventId::from_parts(at(), [0; 10]);
    Event { reason, ..Event::of_project(id, kind, at(), ProjectName::default()) }
}

fn job() -> JobRef {
    let id = JobId::new("94a63aeb-29d1-4b4f-8f39-04d2a0b0a8f0");
    let id = id.unwrap_or_else(|_| unreachable!("the id of the samples is valid: a test makes them"));
    JobRef { id, name: None, facts: JobFacts::default() }
}

fn at() -> Timestamp {
    Timestamp::from_second(AT).unwrap_or_default()
}

fn previous_status(kind: EventKind) -> Option<Status> {
    match kind {
        EventKind::Watched => None,
        _ if kind.is_of_index() => Some(Status::Other("Initializing".to_owned())),
        _ => Some(Status::Pending),
    }
}

/// The API dates the end of completed restores only.
fn elapsed(kind: EventKind) -> Elapsed {
    match kind {
        EventKind::Failed | EventKind::Cancelled | EventKind::Unrecognised => {
            Elapsed::AtMost { bound: TOOK, seen_running: Some(SEEN_RUNNING) }
        }
        _ => Elapsed::Exact(TOOK),
    }
}

fn reason(kind: EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Slow => Some("longer than 95 % of the past restores"),
        EventKind::NotFound => Some("HTTP 404: Not Found"),
        EventKind::Unreachable => Some("HTTP 503: Service Unavailable"),
        EventKind::IndexNotReady => Some("the index was deleted"),
        EventKind::ProjectUnauthorized => Some("HTTP 401: Unauthorized"),
        _ => None,
    }
}

/// The status of an event of which as little as possible is known.
fn status(kind: EventKind) -> Option<Status> {
    match kind {
        EventKind::Watched | EventKind::Progressed | EventKind::Slow | EventKind::Recovered => {
            Some(Status::Pending)
        }
        EventKind::StatusChanged => Some(Status::Other("Running".to_owned())),
        EventKind::Completed => Some(Status::Completed),
        EventKind::Failed => Some(Status::Failed),
        EventKind::Cancelled => Some(Status::Cancelled),
        EventKind::Unrecognised => Some(Status::Other("Archived".to_owned())),
        EventKind::IndexReady => Some(Status::Other("Ready".to_owned())),
        EventKind::IndexNotReady
        | EventKind::Overdue
        | EventKind::NotFound
        | EventKind::Unreachable
        | EventKind::ProjectUnauthorized
        | EventKind::ProjectRecovered
        | EventKind::Test => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_samples_that_read_back() {
        for kind in EventKind::ALL_AND_TEST {
            let samples = Event::samples(*kind);

            assert!(!samples.is_empty());
            for sample in samples {
                assert_eq!(sample.kind, *kind);
                let json = serde_json::to_string(&sample).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), sample, "{json}");
            }
        }
    }

    #[test]
    fn samples_of_jobs_have_what_their_sentence_needs() {
        for kind in EventKind::ALL {
            for sample in Event::samples(*kind) {
                let summary = sample.summary();

                assert_eq!(sample.job.is_some(), kind.noun() != "project");
                let is_open = [EventKind::Overdue, EventKind::IndexNotReady].contains(kind);
                assert!(is_open || !summary.contains("unknown:"), "{summary}");
            }
        }
    }
}
