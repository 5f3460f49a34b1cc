//! The state of the engine as plain data, in wall-clock time: what outlives the process.
//!
//! Invariant: each record says when it was written, and its times are read relative to that
//! ([`Recorded`](crate::model::time::Recorded)), because the clock of the process that reads them
//! may show another time. An engine made from what another one committed continues from there: no
//! event is emitted twice, and what was pending is still pending. How a snapshot is written down is
//! up to the store.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::{Fingerprint, SilenceMatcher, Tracker};
use crate::model::{
    DeliveryId, EndedRestore, EventKind, JobFacts, JobId, Outcome, ProjectName, SilenceId, SinkName, Status,
    Until,
};

/// All that is committed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// At most one record for each project.
    pub projects: Vec<ProjectRecord>,
    /// At most one record for each job, those included that are no longer watched.
    pub jobs: Vec<JobRecord>,
    /// At most one record for each sink.
    pub sinks: Vec<SinkRecord>,
    /// The pending deliveries, in the order in which their events were emitted.
    pub deliveries: Vec<DeliveryRecord>,
    /// The dead letters.
    pub dead_letters: Vec<DeliveryId>,
    pub silences: SilencesSnapshot,
}

/// A project and its snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectRecord {
    pub name: ProjectName,
    pub snapshot: ProjectSnapshot,
}

/// The state of a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProjectSnapshot {
    /// When this was recorded; not said in a state of 0.1.0.
    pub written_at: Option<Timestamp>,
    /// Why its key is unauthorized, for which an event was emitted.
    pub unauthorized: Option<String>,
    /// A pause that its server asked for.
    pub throttled: Option<ThrottleSnapshot>,
    /// Since when it is paused by hand.
    pub paused_since: Option<Timestamp>,
    /// The rate learned from its server, if that is below the configured one.
    pub learned: Option<LearnedRateSnapshot>,
    /// The state of discovery, if jobs are discovered.
    pub discovery: Option<DiscoverySnapshot>,
    /// Restores that completed.
    pub past: Vec<PastRestore>,
}

/// A restore that completed. Two that completed in the same second and took the same time to the
/// millisecond are taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastRestore {
    /// When, in seconds since 1970.
    pub completed: i64,
    /// How many milliseconds it had taken.
    pub took: u64,
    /// What was restored; not said in a state of 0.1.0.
    pub origin: Origin,
}

/// What was restored, as far as the API said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// Stands for the id of the backup.
    pub backup: Option<Fingerprint>,
    /// Stands for the name of the index, apart from its endings of digits, dates and hex.
    pub index: Option<Fingerprint>,
}

/// The rate learned from a server. It ages by the time in which nothing was counted: a process that
/// starts an hour later goes by little of it, one that starts at once by all.
#[derive(Debug, Clone, PartialEq)]
pub struct LearnedRateSnapshot {
    /// The rate that was last answered by a 429, in requests a second.
    pub refused_per_second: f64,
    /// For how long the server had given good answers since then.
    pub good_for: Duration,
    /// Up to when that was counted.
    pub counted_until: Timestamp,
    /// What the server said.
    pub reason: String,
}

/// The state of discovery.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoverySnapshot {
    /// Jobs that ended earlier are history; so are those that began earlier, if their end is not
    /// known.
    pub since: Timestamp,
    /// When the first scan began, by the clock of the server. None from releases that did not
    /// record it.
    pub began: Option<Timestamp>,
    /// Whether the list was read to its end once.
    pub has_baseline: bool,
    /// Jobs that are not to be watched although they are listed, and when they ended, or a later
    /// time.
    pub ignored: Vec<(JobId, Timestamp)>,
}

/// A pause that a server asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ThrottleSnapshot {
    /// When it ends.
    pub until: Timestamp,
    /// What the server said.
    pub reason: String,
    /// Whether the server did not say how long, so that the length comes from our own backoff.
    pub is_backoff: bool,
}

/// A job and its snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRecord {
    pub project: ProjectName,
    pub id: JobId,
    /// When this was recorded.
    pub written_at: Timestamp,
    pub snapshot: JobSnapshot,
}

impl JobRecord {
    /// The job as the history has it, if it ended: by its record alone, which has no name that only
    /// the configuration gives. A job whose index was awaited has ended once that was decided.
    pub fn ended(&self) -> Option<EndedRestore> {
        Tracker::from_record(self.clone()).ended(&self.project)
    }

    /// The same of a job that is not watched any more, if its index was awaited: whether that
    /// serves is then left open.
    pub(super) fn left(&self) -> Option<EndedRestore> {
        let record = Some(self).filter(|record| record.snapshot.awaits_index())?;
        Tracker::from_record(record.clone()).left(&self.project)
    }
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSnapshot {
    /// Since when it is watched, or a time from which its age counts as well.
    pub watched_since: Timestamp,
    /// Its age then, if its start is known.
    pub head_start: Option<Duration>,
    /// When it began, by the clock of its server.
    pub started_at: Option<Timestamp>,
    pub status: Option<Status>,
    pub facts: JobFacts,
    pub end: Option<EndSnapshot>,
    /// The intermediate progress that moved first and last, and when that was.
    pub progress: Option<ProgressSnapshot>,
    /// The progress for which an event was emitted last, in percent.
    pub progress_emitted: f64,
    /// Whether an event was emitted for a passed deadline.
    pub overdue_emitted: bool,
    /// The deadline of that event.
    pub overdue_deadline: Option<Duration>,
    /// The kinds of event that were emitted and are not to be emitted again, such as
    /// `restore_job.slow`.
    pub emitted_once: BTreeSet<EventKind>,
    /// The unknown statuses for which a warning was logged.
    pub unknown_statuses: Vec<String>,
    /// The streak of 404 of a job that was never seen.
    pub not_found: StreakSnapshot,
    /// The streak without a good answer.
    pub unreachable: StreakSnapshot,
    /// Failed polls in a row.
    pub failures: u32,
    /// What the last one failed with.
    pub last_error: Option<String>,
    /// Whether that was a 404.
    pub last_was_not_found: bool,
    /// When it is polled next; none once it ended.
    pub next_poll: Option<Timestamp>,
    /// When the API last gave a good answer.
    pub answered_at: Option<Timestamp>,
    /// For how long the API has answered with 404.
    pub not_found_for: Duration,
    /// What it was added or discovered with; none for a job that only the configuration names.
    pub added: Option<AddedJob>,
    /// The state of its index, if that was watched.
    pub index: IndexSnapshot,
}

impl JobSnapshot {
    /// Whether the job completed, and was watched further until its index is ready.
    pub(super) fn awaits_index(&self) -> bool {
        self.end.is_some() && self.index.is_wanted && self.index.verdict.is_none()
    }
}

/// The state of an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IndexSnapshot {
    /// Whether the job was watched until its index is ready when it completed.
    pub is_wanted: bool,
    /// Whether the key may not ask for it, for which an event was emitted.
    pub is_unauthorized: bool,
    /// The last known state.
    pub state: Option<Status>,
    /// Whether it serves, once that is decided, and when it was.
    pub verdict: Option<(bool, Timestamp)>,
    /// The age of the job then; not said in a state of 0.1.0.
    pub age: Option<Duration>,
    /// Its age at the last answer before that; not said in a state of 0.1.0.
    pub seen_running: Option<Duration>,
}

/// What a job is watched with that no configuration need name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AddedJob {
    /// A name for people.
    pub name: Option<String>,
    /// How long after its start it is overdue.
    pub deadline: Option<Duration>,
    /// Until when it is watched.
    pub until: Option<Until>,
    /// Whether it was found in the API's list, not named.
    pub discovered: bool,
}

/// The end of a job.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EndSnapshot {
    pub outcome: Outcome,
    /// When that was observed.
    pub observed_at: Timestamp,
    /// The age of the job then; not said in a state of 0.1.0.
    pub age: Option<Duration>,
    /// Its age when a poll last showed it running; not said in a state of 0.1.0.
    pub seen_running: Option<Duration>,
    /// Whether it had ended before it was watched.
    pub is_before_watch: bool,
}

/// Intermediate progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProgressSnapshot {
    /// The first reading: percent, and the age of the job.
    pub first: (f64, Duration),
    /// The last one that moved.
    pub last: (f64, Duration),
    /// When it was taken.
    pub seen_at: Timestamp,
}

/// Trouble that lasts, for which an event is emitted after a time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StreakSnapshot {
    /// How long it has lasted. A duration, because the time between two processes does not count.
    pub lasted: Option<Duration>,
    /// Whether its event was emitted.
    pub emitted: bool,
}

/// A sink and its snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkRecord {
    pub name: SinkName,
    pub snapshot: SinkSnapshot,
}

/// The state of a sink.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SinkSnapshot {
    /// When this was recorded; not said in a state of 0.1.0.
    pub written_at: Option<Timestamp>,
    /// Stands for the settings it had, see [`SinkPlan`](super::SinkPlan).
    pub fingerprint: u64,
    /// Why nothing is sent to it until its settings change.
    pub disabled: Option<String>,
    /// The end of a pause that its receiver asked for.
    pub held_until: Option<Timestamp>,
    /// Until when it is outside its hours, if it is.
    pub closed_until: Option<Timestamp>,
    /// Whether it took a delivery with these settings.
    pub has_accepted: bool,
    /// Since when it takes nothing, if that is trouble.
    pub failing: Option<FailingSnapshot>,
}

/// A stretch of time in which a sink takes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct FailingSnapshot {
    /// When the first attempt failed.
    pub since: Timestamp,
    /// What went wrong at the last one.
    pub reason: String,
}

/// All silences in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SilencesSnapshot {
    /// When this was recorded; none before the first silence.
    pub written_at: Option<Timestamp>,
    /// The last number that was given to one.
    pub last: Option<SilenceId>,
    /// By number.
    pub in_force: Vec<SilenceSnapshot>,
}

/// A silence in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilenceSnapshot {
    pub id: SilenceId,
    /// What it drops.
    pub matcher: SilenceMatcher,
    /// Why it was set.
    pub comment: String,
    /// Who set it, as far as that is known.
    pub set_by: Option<String>,
    /// When it was set.
    pub set_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
}

/// A pending delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRecord {
    /// The event and its recipient.
    pub id: DeliveryId,
    pub project: ProjectName,
    /// The job of the event, if it has one.
    pub job: Option<JobId>,
    /// The type of the event.
    pub kind: EventKind,
    /// When the event was emitted.
    pub emitted_at: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    pub due: Timestamp,
    /// When that was decided.
    pub written_at: Timestamp,
}
