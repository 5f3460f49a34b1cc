//! The JSON of a job.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Record;
use crate::engine::snapshot::{
    AddedJob, EndSnapshot, IndexSnapshot, JobSnapshot, ProgressSnapshot, StreakSnapshot,
};
use crate::model::{EventKind, JobFacts, Outcome, Status, Until};

impl Record for JobSnapshot {
    type Json = JobJson;
}

#[derive(Serialize, Deserialize)]
pub(in crate::adapters::store) struct JobJson {
    watched_since: Timestamp,
    head_start: Option<Duration>,
    started_at: Option<Timestamp>,
    status: Option<Status>,
    facts: JobFacts,
    end: Option<EndJson>,
    progress: Option<ProgressJson>,
    progress_told: f64,
    overdue_told: bool,
    overdue_deadline: Option<Duration>,
    #[serde(default)]
    slow_told: bool,
    /// Kinds beside `restore_job.slow`, which has a key of its own since 0.1.0.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    emitted_once: BTreeSet<EventKind>,
    unknown_statuses: Vec<String>,
    missing: StreakJson,
    unreachable: StreakJson,
    failures: u32,
    last_error: Option<String>,
    last_was_not_found: bool,
    next_poll: Option<Timestamp>,
    answered_at: Option<Timestamp>,
    #[serde(default)]
    gone_for: Duration,
    added: Option<AddedJobJson>,
    #[serde(default)]
    index: IndexJson,
}

impl From<JobSnapshot> for JobJson {
    fn from(snapshot: JobSnapshot) -> Self {
        let mut emitted_once = snapshot.emitted_once;
        Self {
            watched_since: snapshot.watched_since,
            head_start: snapshot.head_start,
            started_at: snapshot.started_at,
            status: snapshot.status,
            facts: snapshot.facts,
            end: snapshot.end.map(Into::into),
            progress: snapshot.progress.map(Into::into),
            progress_told: snapshot.progress_emitted,
            overdue_told: snapshot.overdue_emitted,
            overdue_deadline: snapshot.overdue_deadline,
            slow_told: emitted_once.remove(&EventKind::Slow),
            emitted_once,
            unknown_statuses: snapshot.unknown_statuses,
            missing: snapshot.not_found.into(),
            unreachable: snapshot.unreachable.into(),
            failures: snapshot.failures,
            last_error: snapshot.last_error,
            last_was_not_found: snapshot.last_was_not_found,
            next_poll: snapshot.next_poll,
            answered_at: snapshot.answered_at,
            gone_for: snapshot.not_found_for,
            added: snapshot.added.map(Into::into),
            index: snapshot.index.into(),
        }
    }
}

impl From<JobJson> for JobSnapshot {
    fn from(json: JobJson) -> Self {
        let mut emitted_once = json.emitted_once;
        emitted_once.extend(json.slow_told.then_some(EventKind::Slow));
        Self {
            watched_since: json.watched_since,
            head_start: json.head_start,
            started_at: json.started_at,
            status: json.status,
            facts: json.facts,
            end: json.end.map(Into::into),
            progress: json.progress.map(Into::into),
            progress_emitted: json.progress_told,
            overdue_emitted: json.overdue_told,
            overdue_deadline: json.overdue_deadline,
            emitted_once,
            unknown_statuses: json.unknown_statuses,
            not_found: json.missing.into(),
            unreachable: json.unreachable.into(),
            failures: json.failures,
            last_error: json.last_error,
            last_was_not_found: json.last_was_not_found,
            next_poll: json.next_poll,
            answered_at: json.answered_at,
            not_found_for: json.gone_for,
            added: json.added.map(Into::into),
            index: json.index.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct EndJson {
    #[serde(deserialize_with = "end_of_restore")]
    how: Outcome,
    observed_at: Timestamp,
    age: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen_running: Option<Duration>,
    #[serde(default, skip_serializing_if = "is_false")]
    is_before_watch: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what `skip_serializing_if` calls")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Refuses a word with which no restore ends: if it were dropped, the end would be emitted again.
fn end_of_restore<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Outcome, D::Error> {
    match Outcome::deserialize(deserializer)? {
        end @ (Outcome::Completed | Outcome::Failed | Outcome::Cancelled | Outcome::Unrecognised) => Ok(end),
        other => Err(D::Error::custom(format_args!("no restore ends as `{other}`"))),
    }
}

impl From<EndSnapshot> for EndJson {
    fn from(snapshot: EndSnapshot) -> Self {
        Self {
            how: snapshot.outcome,
            observed_at: snapshot.observed_at,
            age: snapshot.age,
            seen_running: snapshot.seen_running,
            is_before_watch: snapshot.is_before_watch,
        }
    }
}

impl From<EndJson> for EndSnapshot {
    fn from(json: EndJson) -> Self {
        Self {
            outcome: json.how,
            observed_at: json.observed_at,
            age: json.age,
            seen_running: json.seen_running,
            is_before_watch: json.is_before_watch,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ProgressJson {
    first: (f64, Duration),
    last: (f64, Duration),
    seen_at: Timestamp,
}

impl From<ProgressSnapshot> for ProgressJson {
    fn from(snapshot: ProgressSnapshot) -> Self {
        Self { first: snapshot.first, last: snapshot.last, seen_at: snapshot.seen_at }
    }
}

impl From<ProgressJson> for ProgressSnapshot {
    fn from(json: ProgressJson) -> Self {
        Self { first: json.first, last: json.last, seen_at: json.seen_at }
    }
}

#[derive(Serialize, Deserialize)]
struct StreakJson {
    lasted: Option<Duration>,
    #[serde(rename = "told")]
    emitted: bool,
}

impl From<StreakSnapshot> for StreakJson {
    fn from(snapshot: StreakSnapshot) -> Self {
        Self { lasted: snapshot.lasted, emitted: snapshot.emitted }
    }
}

impl From<StreakJson> for StreakSnapshot {
    fn from(json: StreakJson) -> Self {
        Self { lasted: json.lasted, emitted: json.emitted }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct AddedJobJson {
    name: Option<String>,
    deadline: Option<Duration>,
    until: Option<Until>,
    discovered: bool,
}

impl From<AddedJob> for AddedJobJson {
    fn from(snapshot: AddedJob) -> Self {
        Self {
            name: snapshot.name,
            deadline: snapshot.deadline,
            until: snapshot.until,
            discovered: snapshot.discovered,
        }
    }
}

impl From<AddedJobJson> for AddedJob {
    fn from(json: AddedJobJson) -> Self {
        Self { name: json.name, deadline: json.deadline, until: json.until, discovered: json.discovered }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct IndexJson {
    is_wanted: bool,
    is_refused: bool,
    state: Option<Status>,
    verdict: Option<(bool, Timestamp)>,
    age: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seen_running: Option<Duration>,
}

impl From<IndexSnapshot> for IndexJson {
    fn from(snapshot: IndexSnapshot) -> Self {
        Self {
            is_wanted: snapshot.is_wanted,
            is_refused: snapshot.is_unauthorized,
            state: snapshot.state,
            verdict: snapshot.verdict,
            age: snapshot.age,
            seen_running: snapshot.seen_running,
        }
    }
}

impl From<IndexJson> for IndexSnapshot {
    fn from(json: IndexJson) -> Self {
        Self {
            is_wanted: json.is_wanted,
            is_unauthorized: json.is_refused,
            state: json.state,
            verdict: json.verdict,
            age: json.age,
            seen_running: json.seen_running,
        }
    }
}
