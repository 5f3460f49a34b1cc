//! What comes out of the engine: things to do.
//!
//! Invariant: actions are plain data; each request, commit and delivery is answered by exactly one
//! [`Input`](super::Input).

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use super::diagnostic::Diagnostic;
use super::snapshot::{JobRecord, ProjectRecord, SilencesSnapshot, SinkRecord};
use crate::model::{
    DeliveryId, DeliveryState, EndedRestore, Event, EventId, JobId, ProjectName, RequestId, SinkName,
};

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Describe a job, then report `PollAnswered` or `PollFailed`.
    Poll(PollId),
    /// Describe the index of a job, which has this name, then report the same.
    PollIndex(PollId, String),
    /// Fetch a page of the list of jobs, the first one or the one of this token, then report
    /// `PageFetched` or `PageFailed`.
    FetchPage(ListId, Option<String>),
    /// Commit a batch atomically, then report `Committed`. At most one is under way.
    Commit(Batch),
    /// Hand a delivery to its sink, then report `Delivered` or `DeliveryFailed`.
    Deliver(Delivery),
    /// Log something that is no event.
    Diagnostic(Diagnostic),
}

/// One poll of one job or of its index. A late answer to an earlier one has another generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollId {
    /// The project whose key is used.
    pub project: ProjectName,
    pub job: JobId,
    /// Counts the requests of the engine.
    pub generation: u64,
}

/// One request for a page of a project's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListId {
    /// The project whose key is used.
    pub project: ProjectName,
    /// Counts the requests of the engine.
    pub generation: u64,
}

/// What is committed at once. No event in it is delivered before it is durable.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    /// Projects as they are now.
    pub projects: Vec<ProjectRecord>,
    /// Jobs as they are now.
    pub jobs: Vec<JobRecord>,
    /// Sinks as they are now.
    pub sinks: Vec<SinkRecord>,
    /// The events, in order.
    pub entries: Vec<BatchEntry>,
    /// Restores that ended, for the history.
    pub ends: Vec<BatchEnd>,
    /// Changed deliveries, in order. A delivery of an event of this batch is in it if it is dropped
    /// at once.
    pub deliveries: Vec<DeliveryUpdate>,
    /// Jobs whose records are deleted; the history keeps what it has of them.
    pub forgotten: BTreeSet<(ProjectName, JobId)>,
    /// The silences, if they changed.
    pub silences: Option<SilencesSnapshot>,
    /// Answers to requests whose changes are in this batch.
    pub answers: Vec<RequestAnswer>,
    /// Delete what is older.
    pub prune: Prune,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The events, each with the sinks that it is delivered to: those are left out to which its
    /// delivery is dropped at once.
    pub(super) fn outgoing(&self) -> impl Iterator<Item = (&Arc<Event>, Vec<&SinkName>)> {
        let finished = self.deliveries.iter().filter(|update| update.change.is_final());
        let finished: BTreeSet<_> = finished.map(|update| (update.id.event, &update.id.sink)).collect();
        self.entries.iter().map(move |BatchEntry { event, recipients }| {
            let is_delivered = |sink: &&SinkName| !finished.contains(&(event.id, *sink));
            (event, recipients.iter().filter(is_delivered).collect())
        })
    }

    /// The restores whose end an event of the batch reports: those that are counted.
    pub fn reported_ends(&self) -> impl Iterator<Item = &EndedRestore> {
        self.ends.iter().filter(|end| end.event.is_some()).map(|end| &end.restore)
    }
}

/// An event and the deliveries that it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchEntry {
    /// What happened.
    pub event: Arc<Event>,
    /// The sinks that it goes to.
    pub recipients: Vec<SinkName>,
}

/// A restore that ended: nothing further can become of it. Each is in one batch, unless it is
/// watched again, such as until its index is ready, and ends again.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchEnd {
    /// The row of the history. It replaces an earlier one of the same job, unless that is of the
    /// same end. It counts no deliveries: those are the store's to count.
    pub restore: EndedRestore,
    /// The event of the same batch that reports the end. None if it was emitted before: the
    /// settings changed or the job left, so that it ended with what had been emitted.
    pub event: Option<EventId>,
}

impl BatchEnd {
    /// A restore that ended with what had been emitted.
    pub(super) fn without_event(restore: EndedRestore) -> Self {
        Self { restore, event: None }
    }
}

/// The answer to a request that another replica handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAnswer {
    pub request: RequestId,
    /// As the replica that asked reads it.
    pub text: String,
}

/// Which records are old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Prune {
    /// Deliveries that finished before this time, and events that were emitted before it, unless
    /// one of their deliveries is kept.
    pub deliveries_before: Option<Timestamp>,
    /// Restores of the history that are older, by [`EndedRestore::aged_from`].
    pub history_before: Option<Timestamp>,
}

/// A change of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryUpdate {
    pub id: DeliveryId,
    /// When it changed.
    pub at: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    pub change: DeliveryChange,
    /// What went wrong at the last attempt.
    pub reason: Option<String>,
}

/// What becomes of a delivery: its state from then on, and what belongs to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryChange {
    /// It is attempted again. An update without a reason keeps the last one.
    Pending {
        /// When the next attempt is due.
        due: Timestamp,
    },
    /// The sink accepted it.
    Delivered,
    /// It was given up: a dead letter.
    Dead,
    /// It is not delivered, and need not be: it expired, was withheld, or the end of its restore
    /// superseded it.
    Dropped,
}

impl DeliveryChange {
    pub fn state(self) -> DeliveryState {
        match self {
            Self::Pending { .. } => DeliveryState::Pending,
            Self::Delivered => DeliveryState::Delivered,
            Self::Dead => DeliveryState::Dead,
            Self::Dropped => DeliveryState::Dropped,
        }
    }

    /// When the next attempt is due, if one follows.
    pub fn due(self) -> Option<Timestamp> {
        match self {
            Self::Pending { due } => Some(due),
            Self::Delivered | Self::Dead | Self::Dropped => None,
        }
    }

    /// Whether no attempt follows by itself.
    pub fn is_final(self) -> bool {
        self.state() != DeliveryState::Pending
    }
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    /// Counts the attempts, from 1.
    pub attempt: u32,
}
