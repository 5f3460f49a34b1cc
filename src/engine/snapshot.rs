//! What outlives the process: the state of the engine as plain data, in wall-clock time.
//!
//! Invariant: each record says when it was written, and its times are read by that (`engine::time::Recorded`), because
//! the clock of the process that reads them may show another time. An engine made from what another one
//! committed continues from there: no event is emitted twice, and what was pending is still pending.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::input::DeliveryId;
use crate::model::{EventKind, JobFacts, JobId, Outcome, ProjectName, SinkName, Status, Until};

/// All that is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// The projects, at most one record each.
    pub projects: Vec<ProjectRecord>,
    /// The jobs, at most one record each, those included that are no longer watched.
    pub jobs: Vec<JobRecord>,
    /// The sinks, at most one record each.
    pub sinks: Vec<SinkRecord>,
    /// What is owed, in the order in which it was told.
    pub deliveries: Vec<DeliveryRecord>,
}

/// What is kept of a project.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRecord {
    /// The project.
    pub name: ProjectName,
    /// What is known of it.
    pub snapshot: ProjectSnapshot,
}

/// What is known of a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectSnapshot {
    /// When this was recorded; not said in a state of 0.1.0.
    pub written_at: Option<Timestamp>,
    /// Why its key is refused; that was told.
    pub refused: Option<String>,
    /// Until when its server asked to be left alone.
    pub throttled: Option<Throttled>,
    /// Since when somebody has it paused.
    pub paused_since: Option<Timestamp>,
    /// What its server was found to take, where that is less than is configured.
    pub learned: Option<LearnedRateSnapshot>,
    /// What is known for the discovery of jobs, where some are discovered.
    pub discovery: Option<DiscoverySnapshot>,
    /// Restores that completed: when, in seconds since 1970, and how many milliseconds they had taken.
    pub past: Vec<(i64, u64)>,
}

/// What a server was found to take. It ages by the time for which nobody wrote it down: a process that starts an hour later
/// goes by little of it, one that starts at once by all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedRateSnapshot {
    /// The rate that it refused last, in requests a second.
    pub refused_per_second: f64,
    /// For how long it had given good answers since then.
    pub good_for: Duration,
    /// Up to when that was counted.
    pub counted_until: Timestamp,
    /// What it said.
    pub reason: String,
}

/// What is known for the discovery of jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiscoverySnapshot {
    /// Jobs that ended earlier are history; so are those that began earlier, where nobody says when they ended.
    pub since: Timestamp,
    /// When the first search began, by the clock of the server. None from releases that did not keep it.
    #[serde(default)]
    pub began: Option<Timestamp>,
    /// Whether the list was read to its end once.
    pub has_baseline: bool,
    /// Jobs that are not to be watched although they are listed, and when they ended, or a later time.
    pub ignored: Vec<(JobId, Timestamp)>,
}

/// A server's wish to be left alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Throttled {
    /// Until then.
    pub until: Timestamp,
    /// What it said.
    pub reason: String,
    /// Whether it did not say for how long, so that this is by our own backoff.
    #[serde(default)]
    pub is_backoff: bool,
}

/// What is kept of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    /// Its project.
    pub project: ProjectName,
    /// Its id.
    pub id: JobId,
    /// When this was recorded.
    pub saved_at: Timestamp,
    /// What is known of it.
    pub snapshot: JobSnapshot,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSnapshot {
    /// Since when it is watched, or a time from which its age counts as well.
    pub watched_since: Timestamp,
    /// Its age then, where its start is known.
    pub head_start: Option<Duration>,
    /// When it began by the clock of its server, where that is known.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// The last known status.
    pub status: Option<Status>,
    /// The last known facts.
    pub facts: JobFacts,
    /// How it ended, if it did.
    pub end: Option<EndSnapshot>,
    /// The intermediate progress that moved first and last, and when that was.
    pub progress: Option<ProgressSnapshot>,
    /// The progress that was told last.
    pub progress_told: f64,
    /// Its passed deadline was told.
    pub overdue_told: bool,
    /// Which one that was.
    #[serde(default)]
    pub overdue_deadline: Option<Duration>,
    /// That it is slow was told.
    #[serde(default)]
    pub slow_told: bool,
    /// The unknown statuses that were warned of.
    pub unknown_statuses: Vec<String>,
    /// Trouble of never having been found.
    pub missing: StreakSnapshot,
    /// Trouble of having no good answer.
    pub unreachable: StreakSnapshot,
    /// Failed polls in a row.
    pub failures: u32,
    /// What the last one failed with.
    pub last_error: Option<String>,
    /// Whether that was a 404.
    pub last_was_not_found: bool,
    /// When it is polled next; not at all once it ended.
    pub next_poll: Option<Timestamp>,
    /// When the API last gave a good answer.
    #[serde(default)]
    pub answered_at: Option<Timestamp>,
    /// For how long the API has answered that there is no such job.
    #[serde(default)]
    pub gone_for: Duration,
    /// What somebody who added it while the daemon ran said of it; none for a job that only the configuration names.
    #[serde(default)]
    pub added: Option<AddedJob>,
    /// What is known of its index, if that was followed.
    #[serde(default)]
    pub index: IndexSnapshot,
}

/// What is known of an index.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IndexSnapshot {
    /// Whether the job was watched until its index is ready when it completed.
    pub is_wanted: bool,
    /// Whether the key may not ask for it; that was told.
    pub is_refused: bool,
    /// The last known state.
    pub state: Option<Status>,
    /// Whether it serves, once that is decided, and when it was.
    pub verdict: Option<(bool, Timestamp)>,
    /// The age of the job then; not said in a state of 0.1.0.
    pub age: Option<Duration>,
}

/// What is known of a job that no configuration need name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AddedJob {
    /// What people call it.
    pub name: Option<String>,
    /// How long after its start it is overdue.
    pub deadline: Option<Duration>,
    /// Until when it is watched.
    pub until: Option<Until>,
    /// Whether nobody named it: it was found in the list.
    pub discovered: bool,
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EndSnapshot {
    /// How.
    pub how: Outcome,
    /// When that was observed.
    pub observed_at: Timestamp,
    /// The age of the job then; not said in a state of 0.1.0.
    #[serde(default)]
    pub age: Option<Duration>,
}

/// Intermediate progress.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ProgressSnapshot {
    /// The first reading: percent, and the age of the job.
    pub first: (f64, Duration),
    /// The last one that moved.
    pub last: (f64, Duration),
    /// When it was taken.
    pub seen_at: Timestamp,
}

/// Trouble that is told once it has lasted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StreakSnapshot {
    /// How long it has lasted. A duration, because the time in which nobody watched does not count.
    pub lasted: Option<Duration>,
    /// Whether it was told.
    pub told: bool,
}

/// What is kept of a sink.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkRecord {
    /// The sink.
    pub name: SinkName,
    /// What is known of it.
    pub snapshot: SinkSnapshot,
}

/// What is known of a sink.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SinkSnapshot {
    /// When this was recorded; not said in a state of 0.1.0.
    pub written_at: Option<Timestamp>,
    /// Stands for the settings it had, see [`SinkPlan`](super::SinkPlan).
    pub fingerprint: u64,
    /// Why nothing is sent to it any more, until its settings change.
    pub disabled: Option<String>,
    /// Until when its receiver asked to be left alone.
    pub held_until: Option<Timestamp>,
}

/// What is owed to a sink.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// Which delivery.
    pub id: DeliveryId,
    /// The project of the transition.
    pub project: ProjectName,
    /// The job of the transition, if it has one.
    pub job: Option<JobId>,
    /// What happened.
    pub kind: EventKind,
    /// When that was observed.
    pub told_at: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
    /// When that was decided.
    pub written_at: Timestamp,
}
