//! The JSON of the records in a state.
//!
//! Invariant: what a release wrote, all later ones read. A field that came later has a default, and a field keeps its
//! name here even if the engine's name for it changes.

use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::engine::Ending;
use crate::engine::snapshot::{
    AddedJob, DiscoverySnapshot, EndSnapshot, IndexSnapshot, JobSnapshot, LearnedRateSnapshot,
    ProgressSnapshot, ProjectSnapshot, SinkSnapshot, StreakSnapshot, ThrottleSnapshot,
};
use crate::model::{JobFacts, JobId, Status, Until};

/// A snapshot that a store keeps as text.
pub(super) trait Record: Sized + Clone {
    /// Its form in JSON.
    type Json: From<Self> + Into<Self> + Serialize + DeserializeOwned;

    /// The text of this snapshot.
    fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Self::Json::from(self.clone()))
    }

    /// The snapshot of this text.
    fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str::<Self::Json>(text).map(Into::into)
    }
}

impl Record for ProjectSnapshot {
    type Json = ProjectJson;
}

impl Record for JobSnapshot {
    type Json = JobJson;
}

impl Record for SinkSnapshot {
    type Json = SinkJson;
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ProjectJson {
    written_at: Option<Timestamp>,
    refused: Option<String>,
    throttled: Option<ThrottleJson>,
    paused_since: Option<Timestamp>,
    learned: Option<LearnedRateJson>,
    discovery: Option<DiscoveryJson>,
    past: Vec<(i64, u64)>,
}

impl From<ProjectSnapshot> for ProjectJson {
    fn from(snapshot: ProjectSnapshot) -> Self {
        Self {
            written_at: snapshot.written_at,
            refused: snapshot.unauthorized,
            throttled: snapshot.throttled.map(Into::into),
            paused_since: snapshot.paused_since,
            learned: snapshot.learned.map(Into::into),
            discovery: snapshot.discovery.map(Into::into),
            past: snapshot.past,
        }
    }
}

impl From<ProjectJson> for ProjectSnapshot {
    fn from(json: ProjectJson) -> Self {
        Self {
            written_at: json.written_at,
            unauthorized: json.refused,
            throttled: json.throttled.map(Into::into),
            paused_since: json.paused_since,
            learned: json.learned.map(Into::into),
            discovery: json.discovery.map(Into::into),
            past: json.past,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct ThrottleJson {
    until: Timestamp,
    reason: String,
    #[serde(default)]
    is_backoff: bool,
}

impl From<ThrottleSnapshot> for ThrottleJson {
    fn from(snapshot: ThrottleSnapshot) -> Self {
        Self { until: snapshot.until, reason: snapshot.reason, is_backoff: snapshot.is_backoff }
    }
}

impl From<ThrottleJson> for ThrottleSnapshot {
    fn from(json: ThrottleJson) -> Self {
        Self { until: json.until, reason: json.reason, is_backoff: json.is_backoff }
    }
}

#[derive(Serialize, Deserialize)]
struct LearnedRateJson {
    refused_per_second: f64,
    good_for: Duration,
    counted_until: Timestamp,
    reason: String,
}

impl From<LearnedRateSnapshot> for LearnedRateJson {
    fn from(snapshot: LearnedRateSnapshot) -> Self {
        Self {
            refused_per_second: snapshot.refused_per_second,
            good_for: snapshot.good_for,
            counted_until: snapshot.counted_until,
            reason: snapshot.reason,
        }
    }
}

impl From<LearnedRateJson> for LearnedRateSnapshot {
    fn from(json: LearnedRateJson) -> Self {
        Self {
            refused_per_second: json.refused_per_second,
            good_for: json.good_for,
            counted_until: json.counted_until,
            reason: json.reason,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct DiscoveryJson {
    since: Timestamp,
    began: Option<Timestamp>,
    has_baseline: bool,
    ignored: Vec<(JobId, Timestamp)>,
}

impl From<DiscoverySnapshot> for DiscoveryJson {
    fn from(snapshot: DiscoverySnapshot) -> Self {
        Self {
            since: snapshot.since,
            began: snapshot.began,
            has_baseline: snapshot.has_baseline,
            ignored: snapshot.ignored,
        }
    }
}

impl From<DiscoveryJson> for DiscoverySnapshot {
    fn from(json: DiscoveryJson) -> Self {
        Self { since: json.since, began: json.began, has_baseline: json.has_baseline, ignored: json.ignored }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct JobJson {
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
            slow_told: snapshot.slow_emitted,
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
            slow_emitted: json.slow_told,
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
    how: EndingJson,
    observed_at: Timestamp,
    age: Option<Duration>,
}

impl From<EndSnapshot> for EndJson {
    fn from(snapshot: EndSnapshot) -> Self {
        Self { how: snapshot.how.into(), observed_at: snapshot.observed_at, age: snapshot.age }
    }
}

impl From<EndJson> for EndSnapshot {
    fn from(json: EndJson) -> Self {
        Self { how: json.how.into(), observed_at: json.observed_at, age: json.age }
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
    told: bool,
}

impl From<StreakSnapshot> for StreakJson {
    fn from(snapshot: StreakSnapshot) -> Self {
        Self { lasted: snapshot.lasted, told: snapshot.emitted }
    }
}

impl From<StreakJson> for StreakSnapshot {
    fn from(json: StreakJson) -> Self {
        Self { lasted: json.lasted, emitted: json.told }
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
}

impl From<IndexSnapshot> for IndexJson {
    fn from(snapshot: IndexSnapshot) -> Self {
        Self {
            is_wanted: snapshot.is_wanted,
            is_refused: snapshot.is_unauthorized,
            state: snapshot.state,
            verdict: snapshot.verdict,
            age: snapshot.age,
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
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct SinkJson {
    written_at: Option<Timestamp>,
    fingerprint: u64,
    disabled: Option<String>,
    held_until: Option<Timestamp>,
}

impl From<SinkSnapshot> for SinkJson {
    fn from(snapshot: SinkSnapshot) -> Self {
        Self {
            written_at: snapshot.written_at,
            fingerprint: snapshot.fingerprint,
            disabled: snapshot.disabled,
            held_until: snapshot.held_until,
        }
    }
}

impl From<SinkJson> for SinkSnapshot {
    fn from(json: SinkJson) -> Self {
        Self {
            written_at: json.written_at,
            fingerprint: json.fingerprint,
            disabled: json.disabled,
            held_until: json.held_until,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum EndingJson {
    Completed,
    Failed,
    Cancelled,
    Unrecognised,
}

impl From<Ending> for EndingJson {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Completed => Self::Completed,
            Ending::Failed => Self::Failed,
            Ending::Cancelled => Self::Cancelled,
            Ending::Unrecognised => Self::Unrecognised,
        }
    }
}

impl From<EndingJson> for Ending {
    fn from(json: EndingJson) -> Self {
        match json {
            EndingJson::Completed => Self::Completed,
            EndingJson::Failed => Self::Failed,
            EndingJson::Cancelled => Self::Cancelled,
            EndingJson::Unrecognised => Self::Unrecognised,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::store::samples::{full, job, limited, noon};

    /// What a release before wrote for this snapshot: without the fields that came later.
    fn written_before<T: Record>(snapshot: &T, added: &[(&str, &str)]) -> T {
        let mut json: serde_json::Value = serde_json::from_str(&snapshot.to_json().unwrap()).unwrap();
        for (parent, key) in added {
            let fields = json.pointer_mut(parent).and_then(serde_json::Value::as_object_mut).unwrap();
            fields.remove(*key).unwrap_or_else(|| panic!("{parent}/{key}"));
        }
        T::from_json(&json.to_string()).unwrap()
    }

    #[test]
    fn a_project_of_the_release_before_is_read() {
        let throttled = ThrottleSnapshot { until: noon(), reason: "HTTP 429".to_owned(), is_backoff: true };
        let project = ProjectSnapshot { throttled: Some(throttled), written_at: Some(noon()), ..limited() };

        let read = written_before(&project, &[("", "written_at"), ("/throttled", "is_backoff")]);

        assert_eq!(read.written_at, None);
        assert_eq!(read.throttled.map(|throttled| throttled.is_backoff), Some(false));
    }

    #[test]
    fn a_project_with_a_refused_key_alone_is_read() {
        let read = ProjectSnapshot::from_json(r#"{"refused":"401","throttled":null}"#).unwrap();
        assert_eq!((read.unauthorized.as_deref(), read.learned), (Some("401"), None));
    }

    #[test]
    fn a_discovery_without_its_begin_is_read() {
        let kept = r#"{ "discovery": { "since": "2026-09-23T11:00:00Z", "has_baseline": true,
            "ignored": [["forgotten", "2026-11-23T11:00:00Z"]] } }"#;

        let discovery = ProjectSnapshot::from_json(kept).unwrap().discovery.unwrap();

        assert_eq!((discovery.began, discovery.has_baseline, discovery.ignored.len()), (None, true, 1));
    }

    #[test]
    fn a_job_of_the_release_before_is_read() {
        let end = EndSnapshot { how: Ending::Failed, observed_at: noon(), age: Some(Duration::ZERO) };
        let job = JobSnapshot { end: Some(end), ..job("rj-1", 0).snapshot };

        let added = [("", "started_at"), ("/end", "age"), ("/index", "age"), ("", "gone_for")];
        let read = written_before(&job, &added);

        assert_eq!((read.started_at, read.end.map(|end| end.age)), (None, Some(None)));
        assert_eq!(read.not_found_for, Duration::ZERO);
    }

    #[test]
    fn a_sink_of_the_release_before_is_read() {
        let sink = full().sinks.remove(0).snapshot;
        let read = written_before(&sink, &[("", "written_at")]);
        assert_eq!(read, SinkSnapshot { written_at: None, ..sink });
    }
}
