//! What the engine reports for the log beside events.
//!
//! Invariant: a lasting condition is reported when it begins and when it ends, not while it lasts.

use std::time::Duration;

use jiff::Timestamp;

use super::failure::Rejection;
use super::silences::Silence;
use crate::model::{DeliveryId, EventKind, JobId, ProjectName, SinkName, Status};

/// A log message that is no event.
#[derive(Debug, Clone, PartialEq)]
pub enum Diagnostic {
    /// The state was written by a wall clock that was ahead of the present one: the rest of each
    /// wait counts from now.
    ClockWentBack {
        /// The latest time at which it was written, by the clock of then.
        written_at: Timestamp,
        /// How far that is ahead.
        by: Duration,
    },
    /// A job has a status that this program does not know, for the first time.
    UnknownStatus {
        project: ProjectName,
        job: JobId,
        /// Its name for people.
        title: String,
        /// The status, as it was sent.
        status: Status,
    },
    /// The server of a project throttled it, so its rate is lower until
    /// [`Diagnostic::RateRestored`]. Further cuts are not reported.
    RateCut {
        project: ProjectName,
        /// The present rate, in requests a second.
        per_second: f64,
        /// The configured one.
        configured: f64,
        /// What the server said.
        reason: String,
    },
    /// The server of a project accepts the configured rate again.
    RateRestored {
        project: ProjectName,
        /// The rate, in requests a second.
        per_second: f64,
    },
    /// Requests of a project fail because of the local setup. The same reason is not repeated for a
    /// while.
    Misconfigured {
        project: ProjectName,
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// The list of a project cannot be read, so discovery stands still until
    /// [`Diagnostic::ListRestored`].
    ListLost {
        project: ProjectName,
        /// What went wrong.
        reason: String,
    },
    /// The list of a project can be read again.
    ListRestored { project: ProjectName },
    /// Some unfinished jobs of the list are not watched, until [`Diagnostic::AllJobsWatched`].
    JobsLeftOut { project: ProjectName, reason: LeftOut },
    /// All unfinished jobs of the list are watched again.
    AllJobsWatched { project: ProjectName },
    /// An attempt at a delivery failed, and another one follows. Not every one is reported.
    DeliveryFailed {
        delivery: DeliverySubject,
        attempts: Attempts,
        /// Time to the next attempt.
        retry_in: Duration,
        /// What went wrong.
        reason: String,
        /// How many others failed since the last report of this kind.
        left_out: usize,
    },
    /// The receiver of a sink, which never took a delivery, rejects one as it is.
    SinkRejects {
        delivery: DeliverySubject,
        rejection: Rejection,
        /// What went wrong.
        reason: String,
    },
    /// A delivery became a dead letter. Not every one is reported.
    DeadLetter {
        delivery: DeliverySubject,
        attempts: Attempts,
        /// What of it the receiver rejects, if that is why.
        rejection: Option<Rejection>,
        /// What went wrong at the last attempt.
        reason: String,
        /// How many others became dead letters since the last report of this kind.
        left_out: usize,
    },
    /// A delivery expired and was dropped. Not every one is reported.
    DeliveryExpired {
        delivery: DeliverySubject,
        /// What went wrong at the last attempt, if there was one.
        reason: Option<String>,
        /// How many others expired since the last report of this kind.
        left_out: usize,
    },
    /// An event was emitted that some sinks do not get although their routes take it.
    Withheld {
        /// The first of them.
        delivery: DeliverySubject,
        /// All of them.
        sinks: Vec<SinkName>,
        /// Why, in the published words.
        reason: String,
    },
    /// A silence was set.
    SilenceBegan { silence: Silence, until: Timestamp },
    /// A silence is over.
    SilenceEnded { silence: Silence, how: SilenceEnd },
    /// The end of a restore is not delivered to a sink for long, until [`Diagnostic::SinkRecovered`]
    /// or until it is.
    EndUndelivered {
        /// The oldest one.
        delivery: DeliverySubject,
        /// How long it has waited.
        waiting: Duration,
        attempts: Attempts,
        /// What went wrong at the last attempt, if there was one.
        reason: Option<String>,
        /// How many ends wait beside it.
        others: usize,
    },
    /// A sink that took nothing takes deliveries again.
    SinkRecovered {
        sink: SinkName,
        /// How long it took nothing.
        lasted: Duration,
        /// How many deliveries are pending for it.
        pending: usize,
        /// How many deliveries to it are dead letters.
        dead_letters: usize,
    },
    /// A sink gets no deliveries until its settings change.
    SinkDisabled {
        sink: SinkName,
        reason: String,
        /// How many deliveries became dead letters by this; none if it was disabled before.
        dead_letters: usize,
    },
    /// The settings of a disabled sink changed, so it gets deliveries again.
    SinkEnabled { sink: SinkName },
    /// The configuration has no project of this name, but unfinished jobs were added to it.
    ProjectMissing { project: ProjectName, jobs: usize },
    /// The configuration has no sink of this name, but deliveries to it are pending.
    SinkMissing { sink: SinkName, pending: usize },
}

/// Which delivery it is, and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliverySubject {
    /// The event and the sink that it goes to.
    pub id: DeliveryId,
    /// The project of the event.
    pub project: ProjectName,
    /// The job of the event, if it has one.
    pub job: Option<JobId>,
    /// The type of the event.
    pub kind: EventKind,
}

/// Why a silence is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceEnd {
    /// Its time is.
    Expired,
    /// A person ended it.
    ByHand,
}

/// How often a delivery was attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempts {
    /// The attempts so far.
    pub made: u32,
    /// All that its schedule permits; none if the receiver rejects the delivery as it is, so that
    /// the attempts end within minutes.
    pub of: Option<u32>,
}

/// Why not all jobs of a list are watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// A page had this many rows beyond the requested number.
    SurplusRows(usize),
    /// More unfinished jobs were found than this limit.
    TooManyUnfinished(usize),
    /// More jobs ended since discovery began than this limit.
    TooManyEnded(usize),
}
