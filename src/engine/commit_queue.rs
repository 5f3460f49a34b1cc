//! Collects what is committed next.
//!
//! Invariant: at most one batch is under way, and the next one holds everything that changed
//! meanwhile, so the state of a job is committed together with the events that led to it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::action::{Batch, BatchEntry, DeliveryUpdate};
use super::snapshot::SinkRecord;
use crate::model::time::{Instant, Now};
use crate::model::{DeliveryId, Event, EventId, EventKind, JobId, ProjectName, SinkName};

/// Maximum delay before a change that emitted no event is committed. A crash in between costs a few
/// repeated polls.
const QUIET_COMMIT_DELAY: Duration = Duration::from_secs(5);

/// Time for a server to confirm what time it is, before records are pruned by the clock of this
/// machine. By then, a time service has set that right.
const TIME_CONFIRMATION_TIMEOUT: Duration = Duration::from_hours(1);

/// Time between two searches for old records.
const PRUNE_INTERVAL: Duration = Duration::from_hours(24);

/// The batch under way and the next one.
#[derive(Debug)]
pub(super) struct CommitQueue {
    next: Batch,
    committing: Option<AfterCommit>,
    /// When the next batch is due, if something changed without an event.
    quiet_until: Option<Instant>,
    prune_at: Instant,
    /// From when on the clock of this machine alone decides what is old.
    unconfirmed_from: Instant,
    last_taken: CommitTicket,
    last_committed: CommitTicket,
}

/// A place in the sequence of commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitTicket(u64);

/// What follows once a batch is committed.
#[derive(Debug, Default)]
pub(super) struct AfterCommit {
    /// Events whose deliveries begin.
    pub(super) outgoing: Vec<OutgoingEvent>,
    /// Deliveries that are finished.
    pub(super) finished: Vec<DeliveryId>,
}

/// An event to be delivered to these sinks.
#[derive(Debug)]
pub(super) struct OutgoingEvent {
    pub(super) header: EventHeader,
    pub(super) recipients: Vec<SinkName>,
}

/// What is needed of an event to deliver it.
#[derive(Debug, Clone)]
pub(super) struct EventHeader {
    pub(super) event: EventId,
    pub(super) project: ProjectName,
    pub(super) job: Option<JobId>,
    pub(super) kind: EventKind,
}

impl CommitQueue {
    /// An empty queue whose first batch is due at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: Batch::default(),
            committing: None,
            quiet_until: Some(now),
            prune_at: now,
            unconfirmed_from: now + TIME_CONFIRMATION_TIMEOUT,
            last_taken: CommitTicket::default(),
            last_committed: CommitTicket::default(),
        }
    }

    /// Adds an event and its recipients.
    pub(super) fn emit(&mut self, event: Event, recipients: Vec<SinkName>) {
        self.next.entries.push(BatchEntry { event: Arc::new(event), recipients });
    }

    /// Adds a changed delivery.
    pub(super) fn update(&mut self, update: DeliveryUpdate) {
        self.next.deliveries.push(update);
    }

    /// Adds a changed sink.
    pub(super) fn sink(&mut self, record: SinkRecord) {
        self.next.sinks.retain(|known| known.name != record.name);
        self.next.sinks.push(record);
    }

    /// Adds states before the batch is taken.
    pub(super) fn add(&mut self, gather: impl FnOnce(&mut Batch)) {
        gather(&mut self.next);
    }

    /// Something changed without an event: a commit is due soon.
    pub(super) fn touch(&mut self, now: Instant) {
        self.quiet_until.get_or_insert(now + QUIET_COMMIT_DELAY);
    }

    /// Everything that changed so far is to be committed at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        if !self.next.is_empty() {
            self.touch(now);
        }
        self.quiet_until = self.quiet_until.map(|until| until.min(now));
    }

    /// Whether the next batch may delete old records.
    pub(super) fn may_prune(&self, now: Now) -> bool {
        self.committing.is_none() && self.prune_at <= now.instant
    }

    /// The time by the clock of this machine, if no server has confirmed it for long.
    pub(super) fn unconfirmed_time(&self, now: Now) -> Option<Timestamp> {
        (self.unconfirmed_from <= now.instant).then_some(now.wall)
    }

    /// Has the next batch delete what finished before this time.
    pub(super) fn prune(&mut self, before: Option<Timestamp>, now: Now) {
        self.next.prune_before = before;
        self.touch(now.instant);
        self.prune_at = now.instant + PRUNE_INTERVAL;
    }

    /// Has the next batch delete the record of a job.
    pub(super) fn forget(&mut self, project: ProjectName, job: JobId) {
        self.next.forgotten.insert((project, job));
    }

    /// Takes back [`CommitQueue::forget`].
    pub(super) fn cancel_forget(&mut self, project: &ProjectName, job: &JobId) {
        if !self.next.forgotten.is_empty() {
            self.next.forgotten.remove(&(project.clone(), job.clone()));
        }
    }

    /// The next batch, if it is due and none is under way; `gather` adds the states that changed.
    pub(super) fn take(&mut self, now: Now, gather: impl FnOnce(&mut Batch)) -> Option<Batch> {
        if !self.is_due(now) {
            return None;
        }

        self.quiet_until = None;
        gather(&mut self.next);
        let batch = std::mem::take(&mut self.next);

        self.last_taken.0 += 1;
        if batch.is_empty() {
            self.last_committed = self.last_taken;
            return None;
        }
        self.committing = Some(AfterCommit::of(&batch));
        Some(batch)
    }

    fn is_due(&self, now: Now) -> bool {
        let is_quiet = self.quiet_until.is_none_or(|until| until > now.instant);
        self.committing.is_none() && (self.next_is_urgent() || !is_quiet)
    }

    /// The batch under way is committed.
    pub(super) fn committed(&mut self) -> AfterCommit {
        self.last_committed = self.last_taken;
        self.committing.take().unwrap_or_default()
    }

    /// The commit that holds everything that changed so far.
    pub(super) fn ticket(&self) -> CommitTicket {
        let is_clean = self.quiet_until.is_none() && self.next.is_empty();
        CommitTicket(self.last_taken.0 + u64::from(!is_clean))
    }

    /// Whether this commit is durable.
    pub(super) fn is_committed(&self, ticket: CommitTicket) -> bool {
        ticket <= self.last_committed
    }

    /// When [`CommitQueue::take`] has something; none if only inputs can bring that about.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.quiet_until.filter(|_| self.committing.is_none())
    }

    /// How many deliveries have not begun because their event is not committed.
    pub(super) fn pending(&self) -> usize {
        let next = self.next.entries.iter().map(|entry| entry.recipients.len());
        let committing = self.committing.iter().flat_map(|after_commit| &after_commit.outgoing);
        next.chain(committing.map(|outgoing| outgoing.recipients.len())).sum()
    }

    /// Whether a batch is under way, or an event, a delivery or a sink waits for the next one.
    pub(super) fn has_urgent_changes(&self) -> bool {
        self.committing.is_some() || self.next_is_urgent()
    }

    /// Whether a batch is under way, or one begins until `at`.
    pub(super) fn busy_until(&self, at: Instant) -> bool {
        self.has_urgent_changes() || self.quiet_until.is_some_and(|until| until <= at)
    }

    fn next_is_urgent(&self) -> bool {
        let Batch { entries, deliveries, sinks, .. } = &self.next;
        !(entries.is_empty() && deliveries.is_empty() && sinks.is_empty())
    }
}

impl AfterCommit {
    fn of(batch: &Batch) -> Self {
        let outgoing = batch.entries.iter().map(|BatchEntry { event, recipients }| OutgoingEvent {
            header: EventHeader {
                event: event.id,
                project: event.project.clone(),
                job: event.job.as_ref().map(|job| job.id.clone()),
                kind: event.kind,
            },
            recipients: recipients.clone(),
        });
        let finished = batch.deliveries.iter().filter(|update| update.change.is_final());
        Self { outgoing: outgoing.collect(), finished: finished.map(|update| update.id.clone()).collect() }
    }
}
