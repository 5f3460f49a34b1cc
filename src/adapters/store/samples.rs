//! Sample batches for the tests of stores.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::IndexPattern;
use crate::engine::snapshot::{
    AddedJob, FailingSnapshot, IndexSnapshot, JobRecord, JobSnapshot, LearnedRateSnapshot, ProjectRecord,
    ProjectSnapshot, SilenceSnapshot, SilencesSnapshot, SinkRecord, SinkSnapshot, StreakSnapshot,
};
use crate::engine::{Batch, BatchEntry, DeliveryChange, DeliveryUpdate, SilenceMatcher};
use crate::model::{
    DeliveryId, Elapsed, Event, EventId, EventKind, JobFacts, JobId, JobRef, ProjectName, SinkName, Status,
};

const NOON: &str = "2026-11-23T12:00:00Z";

pub(super) fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

pub(super) fn event(number: u8) -> Event {
    Event {
        id: EventId::from_parts(noon(), [number; 10]),
        kind: EventKind::Completed,
        timestamp: noon(),
        project: ProjectName::default(),
        job: Some(JobRef { id: JobId::new("rj-1").unwrap(), name: None, facts: JobFacts::default() }),
        previous_status: Some(Status::Pending),
        status: Some(Status::Completed),
        elapsed: Elapsed::Exact(Duration::from_millis(300)),
        detection_delay_seconds: None,
        reason: None,
    }
}

pub(super) fn entry(number: u8, sinks: &[&str]) -> BatchEntry {
    let recipients = sinks.iter().map(|name| SinkName::new(*name)).collect();
    BatchEntry { event: Arc::new(event(number)), recipients }
}

pub(super) fn delivery(number: u8, sink: &str) -> DeliveryId {
    DeliveryId { event: event(number).id, sink: SinkName::new(sink) }
}

pub(super) fn update(number: u8, sink: &str, change: DeliveryChange) -> DeliveryUpdate {
    let reason = Some("HTTP 500".into());
    DeliveryUpdate { id: delivery(number, sink), at: noon(), attempts: 1, change, reason }
}

/// A batch with this change alone.
pub(super) fn change(number: u8, sink: &str, change: DeliveryChange) -> Batch {
    Batch { deliveries: vec![update(number, sink, change)], ..Batch::default() }
}

pub(super) fn job(name: &str, failures: u32) -> JobRecord {
    let snapshot = JobSnapshot {
        watched_since: noon(),
        head_start: Some(Duration::from_millis(1500)),
        started_at: Some(noon()),
        status: Some(Status::parse("Warming up")),
        facts: JobFacts { percent_complete: Some(33.3), ..JobFacts::default() },
        end: None,
        progress: None,
        progress_emitted: 30.0,
        overdue_emitted: true,
        overdue_deadline: Some(Duration::from_secs(7200)),
        emitted_once: [EventKind::Slow, EventKind::Overdue].into(),
        unknown_statuses: vec!["warming up".to_owned()],
        not_found: StreakSnapshot::default(),
        unreachable: StreakSnapshot { lasted: Some(Duration::from_secs(9)), emitted: false },
        failures,
        last_error: Some("HTTP 503".to_owned()),
        last_was_not_found: false,
        next_poll: Some(noon()),
        answered_at: Some(noon()),
        not_found_for: Duration::from_secs(9),
        added: Some(AddedJob { name: Some("nightly".to_owned()), ..AddedJob::default() }),
        index: IndexSnapshot::default(),
    };
    JobRecord { project: ProjectName::default(), id: JobId::new(name).unwrap(), written_at: noon(), snapshot }
}

/// A project whose server takes less than is configured.
pub(super) fn limited() -> ProjectSnapshot {
    let learned = LearnedRateSnapshot {
        refused_per_second: 1.9,
        good_for: Duration::from_millis(1500),
        counted_until: noon(),
        reason: "HTTP 429".to_owned(),
    };
    ProjectSnapshot { learned: Some(learned), ..ProjectSnapshot::default() }
}

/// A batch with something of each kind: event 2 goes to the sinks `ops` and `log`, then event 1 to
/// `ops`.
pub(super) fn full() -> Batch {
    Batch {
        projects: vec![ProjectRecord { name: ProjectName::default(), snapshot: limited() }],
        jobs: vec![job("rj-1", 3), job("rj-2", 0)],
        sinks: vec![SinkRecord {
            name: SinkName::new("ops"),
            snapshot: SinkSnapshot {
                written_at: Some(noon()),
                fingerprint: u64::MAX,
                disabled: Some("gone".into()),
                held_until: Some(noon()),
                closed_until: Some(noon()),
                has_accepted: true,
                failing: Some(FailingSnapshot { since: noon(), reason: "HTTP 400".to_owned() }),
            },
        }],
        entries: vec![entry(2, &["ops", "log"]), entry(1, &["ops"])],
        silences: Some(silences(&[1, 3])),
        ..Batch::default()
    }
}

/// Silences with these numbers.
pub(super) fn silences(numbers: &[u8]) -> SilencesSnapshot {
    let silence = |number: &u8| SilenceSnapshot {
        id: number.to_string().parse().unwrap(),
        matcher: SilenceMatcher {
            index: (*number > 1).then(|| IndexPattern::parse("prod-*").unwrap()),
            project: Some(ProjectName::default()),
            sink: (*number > 2).then(|| SinkName::new("ops")),
        },
        comment: format!("maintenance {number}"),
        set_by: (*number > 1).then(|| "alice".to_owned()),
        set_at: noon(),
        until: noon() + Duration::from_secs(7200),
    };
    SilencesSnapshot {
        written_at: Some(noon()),
        last: numbers.iter().max().map(|number| number.to_string().parse().unwrap()),
        in_force: numbers.iter().map(silence).collect(),
    }
}
