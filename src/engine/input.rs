//! What the engine is told and what it asks for.
//!
//! Invariant: events are things that happened, actions are things to do; both are plain data.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::retry::RetryAfter;
use super::snapshot::{DeliveryRecord, JobRecord, ProjectRecord, SinkRecord};
use crate::model::time::Now;
use crate::model::{Event, EventId, IndexObservation, JobId, Observation, ProjectName, SinkName, Status};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// [`Engine::next_deadline`](super::Engine::next_deadline) came.
    TimeoutReached,
    /// A poll was answered, and the answer could be read.
    Answered {
        /// The poll.
        poll: PollId,
        /// What it said.
        answer: Answer,
    },
    /// A poll was not answered, or not well.
    PollFailed {
        /// The poll.
        poll: PollId,
        /// What went wrong.
        failure: Failure,
    },
    /// A page of the list of a project was answered, and could be read.
    Listed {
        /// Which.
        list: ListId,
        /// What is on it.
        page: ListPage,
    },
    /// A page of the list was not answered, or not well.
    ListFailed {
        /// Which.
        list: ListId,
        /// Whether it is the token that was refused: the list is to be begun anew.
        is_of_token: bool,
        /// What went wrong.
        failure: Failure,
    },
    /// The batch of the last [`Action::Commit`] is safe.
    Committed,
    /// A sink took a delivery.
    Delivered(DeliveryId),
    /// A sink did not take a delivery.
    DeliveryFailed {
        /// The delivery.
        id: DeliveryId,
        /// What went wrong.
        failure: Failure,
    },
    /// Somebody changed what is owed in the state itself.
    DeliveriesEdited(Vec<Edit>),
    /// The machine was suspended for so long, or this process was not run: nothing was done meanwhile, and nothing could
    /// be.
    Suspended(Duration),
    /// Somebody will stop waiting soon: each job that has not ended is to be polled once more, from now on.
    FinalPollRequested,
    /// No further polls are wanted; what is owed to sinks goes on.
    StopRequested,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Describe a job, and report `Answered` or `PollFailed` in any case.
    Poll(PollId),
    /// Describe the index of a job instead, and report the same.
    PollIndex(PollId, String),
    /// Ask for a page of the list of jobs: the first, or the one that this token of the page before leads to. Report
    /// `Listed` or `ListFailed` in any case.
    List(ListId, Option<String>),
    /// Make a batch safe, all of it or nothing, and report `Committed`. One is asked for at a time.
    Commit(Batch),
    /// Hand what is owed to a sink, and report `Delivered` or `DeliveryFailed` in any case.
    Deliver(Delivery),
    /// Log something that is no transition.
    Diagnostic(Diagnostic),
}

/// What the API said.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Of the job.
    Job(Observation),
    /// Of its index.
    Index(IndexObservation),
}

/// One poll of one job or of its index. A later poll of the job has a higher generation, so that a late answer can be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollId {
    /// The project whose key is used.
    pub project: ProjectName,
    /// The job.
    pub job: JobId,
    /// Counts the polls of the job.
    pub generation: u64,
}

/// One request for a page of a project's list. A later one has a higher generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListId {
    /// The project whose key is used.
    pub project: ProjectName,
    /// Counts the requests.
    pub generation: u64,
}

/// A page of the list of jobs. The list is best effort: that a job is not on it says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListPage {
    /// The jobs on it; one may be there twice.
    pub jobs: Vec<Observation>,
    /// How many rows it had beyond those that were asked for; they are left out.
    pub surplus: usize,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// What is to be made safe, all of it or nothing. What is told in it goes to nobody before it is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Projects as they are now.
    pub projects: Vec<ProjectRecord>,
    /// Jobs as they are now.
    pub jobs: Vec<JobRecord>,
    /// Sinks as they are now.
    pub sinks: Vec<SinkRecord>,
    /// What happened, in order.
    pub entries: Vec<BatchEntry>,
    /// What became of deliveries, in order.
    pub deliveries: Vec<DeliveryUpdate>,
    /// Jobs that nobody watches any more and that are to be forgotten.
    pub forgotten: Vec<(ProjectName, JobId)>,
    /// Forget what was delivered or dropped before this time.
    pub prune_before: Option<Timestamp>,
}

impl Batch {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A transition and what is owed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchEntry {
    /// What happened.
    pub event: Arc<Event>,
    /// The sinks that are owed it, from now on.
    pub recipients: Vec<SinkName>,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryUpdate {
    /// Which delivery.
    pub id: DeliveryId,
    /// When that was known.
    pub at: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    /// What became of it.
    pub state: DeliveryState,
    /// What went wrong at the last attempt.
    pub reason: Option<String>,
}

/// How it goes on with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is tried again. Where no reason is given, the one that was given before holds.
    Pending {
        /// Then.
        due: Timestamp,
    },
    /// The sink took it.
    Delivered,
    /// It was given up: a dead letter.
    Dead,
    /// It is not worth telling any more.
    Dropped,
}

impl DeliveryState {
    /// Whether nothing further becomes of it by itself.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending { .. })
    }
}

/// A change to what is owed that somebody made in the state itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Edit {
    /// It is to be tried now.
    Retry(DeliveryRecord),
    /// It is not to be tried any more.
    Drop(DeliveryId),
}

/// A transition on its way to a sink.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The transition.
    pub event: EventId,
    /// The sink.
    pub sink: SinkName,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Which delivery.
    pub id: DeliveryId,
    /// Counts the attempts, from 1.
    pub attempt: u32,
}

/// Something for the log that is no transition.
#[derive(Debug, Clone, PartialEq)]
pub enum Diagnostic {
    /// The state was written by a wall clock that was ahead of the one of now: what was left of the times in it then
    /// counts from now.
    ClockWentBack {
        /// The latest time at which it was written, by the clock of then.
        written_at: Timestamp,
        /// How far that is ahead.
        by: Duration,
    },
    /// A job has a status that this program does not know, for the first time.
    UnknownStatus {
        /// The project of the job.
        project: ProjectName,
        /// The job.
        job: JobId,
        /// What people call it.
        title: String,
        /// The status, as it was sent.
        status: Status,
    },
    /// The server of a project limited it: it is asked less, until [`Diagnostic::RateRestored`]. Further cuts are not told.
    RateCut {
        /// The project.
        project: ProjectName,
        /// The rate that holds now, in requests a second.
        per_second: f64,
        /// The configured one.
        configured: f64,
        /// What the server said.
        reason: String,
    },
    /// The server of a project takes the configured rate again.
    RateRestored {
        /// The project.
        project: ProjectName,
        /// The rate, in requests a second.
        per_second: f64,
    },
    /// Requests of a project cannot be made as they are set up. The same reason is not noted again for a while.
    Misconfigured {
        /// The project.
        project: ProjectName,
        /// What is wrong, and what to do about it.
        reason: String,
    },
    /// The list of a project cannot be read, so that nothing is discovered, until [`Diagnostic::ListRestored`].
    ListLost {
        /// The project.
        project: ProjectName,
        /// What went wrong.
        reason: String,
    },
    /// The list of a project can be read again.
    ListRestored {
        /// The project.
        project: ProjectName,
    },
    /// Not all unfinished jobs of the list are watched, until [`Diagnostic::AllJobsWatched`].
    JobsLeftOut {
        /// The project.
        project: ProjectName,
        /// Why.
        reason: String,
    },
    /// All unfinished jobs that the list shows are watched again.
    AllJobsWatched {
        /// The project.
        project: ProjectName,
    },
    /// A delivery failed and will be tried again.
    DeliveryDelayed {
        /// The delivery.
        id: DeliveryId,
        /// The attempts so far.
        attempts: u32,
        /// When it is tried again, from now.
        retry_in: Duration,
        /// What went wrong.
        reason: String,
    },
    /// A delivery was given up.
    DeliveryAbandoned {
        /// The delivery.
        id: DeliveryId,
        /// The attempts made.
        attempts: u32,
        /// What went wrong at the last of them.
        reason: String,
    },
    /// A delivery was too old to be worth telling, and was dropped.
    DeliveryExpired {
        /// The delivery.
        id: DeliveryId,
        /// What went wrong when it was last tried, if it was.
        reason: Option<String>,
    },
    /// Nothing is sent to a sink any more until its settings change.
    SinkDisabled {
        /// The sink.
        sink: SinkName,
        /// Why.
        reason: String,
        /// How many deliveries became dead letters by this.
        buried: usize,
    },
    /// The settings of a sink to which nothing was sent changed: it is used again.
    SinkEnabled {
        /// The sink.
        sink: SinkName,
    },
    /// Jobs were added to a project that the configuration does not have, and did not end by the time it went.
    ProjectMissing {
        /// The project.
        project: ProjectName,
        /// How many.
        jobs: usize,
    },
    /// Deliveries are owed to a sink that the configuration does not have.
    SinkMissing {
        /// The sink.
        sink: SinkName,
        /// How many.
        pending: usize,
    },
}

/// Why a poll or a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What to make of it.
    pub class: FailureClass,
    /// How long the server asks to be left alone.
    pub retry_after: Option<RetryAfter>,
    /// What went wrong, in words fit for a log.
    pub message: String,
}

impl Failure {
    /// How long the server asks to be left alone, from `now`; not at all where it does not ask.
    pub fn pause(&self, now: Now) -> Duration {
        self.retry_after.map(|asked| asked.from(now)).unwrap_or_default()
    }
}

impl FailureClass {
    /// Whether it speaks against the key.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Blocked)
    }
}

/// What to make of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// It may pass: try again.
    Transient,
    /// The server limits the whole project, not this request alone.
    Throttled,
    /// It lies in how this side is set up (a certificate, a proxy, a scheme): trying again helps once that is changed.
    Misconfigured,
    /// The key or its permission is refused, in the words of the API.
    Unauthorized,
    /// The same without a body of the API: a gateway in front of it may have answered, which passes. No delivery fails
    /// like this.
    Blocked,
    /// The server says there is no such thing, which is not always so.
    NotFound,
    /// Trying again will not help. No poll fails like this, but deliveries do.
    Permanent,
    /// The other side wants nothing any more. No poll fails like this.
    Gone,
}
