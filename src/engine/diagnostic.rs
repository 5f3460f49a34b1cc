//! What the engine reports for the log beside events.
//!
//! Invariant: a lasting condition is reported when it begins and when it ends, not while it lasts.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{DeliveryId, JobId, ProjectName, SinkName, Status};

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
    /// A delivery failed and will be attempted again.
    DeliveryDelayed {
        id: DeliveryId,
        /// The attempts so far.
        attempts: u32,
        /// Time to the next attempt.
        retry_in: Duration,
        /// What went wrong.
        reason: String,
    },
    /// A delivery was given up.
    DeliveryAbandoned {
        id: DeliveryId,
        /// The attempts so far.
        attempts: u32,
        /// What went wrong at the last one.
        reason: String,
    },
    /// A delivery expired and was dropped.
    DeliveryExpired {
        id: DeliveryId,
        /// What went wrong at the last attempt, if there was one.
        reason: Option<String>,
    },
    /// A sink gets no deliveries until its settings change.
    SinkDisabled {
        sink: SinkName,
        reason: String,
        /// How many deliveries became dead letters by this.
        dead_letters: usize,
    },
    /// The settings of a disabled sink changed, so it gets deliveries again.
    SinkEnabled { sink: SinkName },
    /// The configuration has no project of this name, but unfinished jobs were added to it.
    ProjectMissing { project: ProjectName, jobs: usize },
    /// The configuration has no sink of this name, but deliveries to it are pending.
    SinkMissing { sink: SinkName, pending: usize },
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
