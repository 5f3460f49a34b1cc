//! What the engine is told and what it asks for.
//!
//! Invariant: events are things that happened, actions are things to do; both are plain data.

use std::sync::Arc;
use std::time::Duration;

use super::retry::RetryAfter;
use super::time::Now;
use crate::model::{JobId, Observation, ProjectName, Status, Transition, TransitionId};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// [`Engine::next_deadline`](super::Engine::next_deadline) came.
    DeadlineReached,
    /// A poll was answered with a readable job.
    Answered {
        /// The poll.
        poll: PollId,
        /// What the answer said.
        observation: Observation,
    },
    /// A poll was not answered, or not well.
    PollFailed {
        /// The poll.
        poll: PollId,
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
    /// Somebody will stop waiting soon: each job that has not ended is to be polled once more, from now on.
    LastLookRequested,
    /// No further polls are wanted; what is owed to sinks goes on.
    StopRequested,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Describe a job, and report `Answered` or `PollFailed` in any case.
    Poll(PollId),
    /// Make a batch safe, all of it or nothing, and report `Committed`. One is asked for at a time.
    Commit(Batch),
    /// Hand a transition to a sink, and report `Delivered` or `DeliveryFailed` in any case.
    Deliver(Delivery),
    /// Log something that is no transition.
    Note(Note),
}

/// One poll of one job. A later poll of the job has a higher generation, so that a late answer can be told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollId {
    /// The project whose key is used.
    pub project: ProjectName,
    /// The job.
    pub job: JobId,
    /// Counts the polls of the job.
    pub generation: u64,
}

/// What is to be made safe before anybody is told: one unit to commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// What happened, in order.
    pub entries: Vec<BatchEntry>,
}

/// A transition and what is owed for it.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchEntry {
    /// What happened.
    pub transition: Arc<Transition>,
    /// The sinks that are owed it, as their places in the list of sinks.
    pub owed_to: Vec<usize>,
}

/// A transition on its way to a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The transition.
    pub transition: TransitionId,
    /// The sink, as its place in the list of sinks.
    pub sink: usize,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Which delivery.
    pub id: DeliveryId,
    /// What to tell.
    pub transition: Arc<Transition>,
    /// Counts the attempts, from 1.
    pub attempt: u32,
}

/// Something for the log that is no transition.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
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

/// What to make of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// It may pass: try again.
    Transient,
    /// The server limits the whole project, not this request alone.
    Throttled,
    /// The key or its permission is refused.
    Refused,
    /// The server says there is no such thing, which is not always so.
    NotFound,
    /// Trying again will not help. No poll fails like this, but deliveries do.
    Permanent,
}
