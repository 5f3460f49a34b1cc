//! What is to be made safe next.
//!
//! Invariant: one batch is under way at a time, and the next one holds everything that came up meanwhile: no state of a
//! job is made safe without what was told of it by then, nor the other way round.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::input::{Batch, BatchEntry, DeliveryId, DeliveryUpdate};
use super::snapshot::SinkRecord;
use crate::model::time::{Instant, Now};
use crate::model::{Event, EventKind, JobId, ProjectName, SinkName};

/// How long what nobody is told of may wait to be made safe: a crash in between only polls a few jobs again.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a process waits for a server to say what time it is, before it looks by the clock of this machine for what is
/// old. By then, that has been set right.
const UNDATED: Duration = Duration::from_hours(1);

/// How often what is over is looked through for what is old.
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// The batch under way and the next one.
#[derive(Debug)]
pub(super) struct CommitQueue {
    next: Batch,
    committing: Option<AfterCommit>,
    /// There are changes that nobody is told of: to be made safe by then.
    quiet_until: Option<Instant>,
    prune_at: Instant,
    /// From when on the clock of this machine alone says what is old.
    undated_at: Instant,
    /// How many batches were taken, and how many of those are safe.
    taken: u64,
    safe: u64,
}

/// What follows once a batch is safe.
#[derive(Debug, Default)]
pub(super) struct AfterCommit {
    /// What is owed from then on.
    pub(super) pending: Vec<OutgoingEvent>,
    /// The deliveries that are over from then on.
    pub(super) finished: Vec<DeliveryId>,
}

/// A transition to be delivered to these sinks.
#[derive(Debug)]
pub(super) struct OutgoingEvent {
    pub(super) header: EventHeader,
    pub(super) recipients: Vec<SinkName>,
}

/// What must be known of a transition in order to deliver it.
#[derive(Debug, Clone)]
pub(super) struct EventHeader {
    pub(super) event: crate::model::EventId,
    pub(super) project: ProjectName,
    pub(super) job: Option<JobId>,
    pub(super) kind: EventKind,
}

impl CommitQueue {
    /// An empty one, whose first batch is taken at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            next: Batch::default(),
            committing: None,
            quiet_until: Some(now),
            prune_at: now,
            undated_at: now + UNDATED,
            taken: 0,
            safe: 0,
        }
    }

    /// A transition happened, and is owed to these sinks.
    pub(super) fn emit(&mut self, event: Event, recipients: Vec<SinkName>) {
        self.next.entries.push(BatchEntry { event: Arc::new(event), recipients });
    }

    /// Something became of a delivery.
    pub(super) fn update(&mut self, update: DeliveryUpdate) {
        self.next.deliveries.push(update);
    }

    /// Something became of a sink.
    pub(super) fn sink(&mut self, record: SinkRecord) {
        self.next.sinks.retain(|known| known.name != record.name);
        self.next.sinks.push(record);
    }

    /// Something changed that nobody is told of.
    pub(super) fn touch(&mut self, now: Instant) {
        self.quiet_until.get_or_insert(now + PATIENCE);
    }

    /// Nothing that changed is to wait any longer.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.quiet_until = self.quiet_until.map(|until| until.min(now));
    }

    /// Somebody waits for what changed to be safe: it is once so many batches are.
    pub(super) fn promise(&mut self, now: Instant) -> u64 {
        if !self.next.is_empty() {
            self.touch(now);
        }
        self.hurry(now);
        self.taken + u64::from(self.quiet_until.is_some())
    }

    /// How many batches are safe.
    pub(super) fn safe(&self) -> u64 {
        self.safe
    }

    /// Whether the batch that is taken next is to forget what is old.
    pub(super) fn may_prune(&self, now: Now) -> bool {
        self.committing.is_none() && self.prune_at <= now.instant
    }

    /// The time by the clock of this machine, where no server has said it for long.
    pub(super) fn undated(&self, now: Now) -> Option<Timestamp> {
        (self.undated_at <= now.instant).then_some(now.wall)
    }

    /// The next batch is to forget what was over before this time.
    pub(super) fn prune(&mut self, before: Option<Timestamp>, now: Now) {
        self.next.prune_before = before;
        self.touch(now.instant);
        self.prune_at = now.instant + PRUNE_EVERY;
    }

    /// Adds states that changed to the next batch, before its time.
    pub(super) fn add(&mut self, gather: impl FnOnce(&mut Batch)) {
        gather(&mut self.next);
    }

    /// A job is to be forgotten.
    pub(super) fn forget(&mut self, project: ProjectName, job: JobId) {
        self.next.forgotten.push((project, job));
    }

    /// A job is not to be forgotten after all.
    pub(super) fn remember_again(&mut self, project: &ProjectName, job: &JobId) {
        self.next.forgotten.retain(|(of, id)| (of, id) != (project, job));
    }

    /// The next batch, if its time has come; `gather` adds the states that changed.
    pub(super) fn take(&mut self, now: Now, gather: impl FnOnce(&mut Batch)) -> Option<Batch> {
        if !self.takes(now) {
            return None;
        }
        self.quiet_until = None;
        gather(&mut self.next);
        let batch = std::mem::take(&mut self.next);
        self.taken += 1;
        if batch.is_empty() {
            self.safe = self.taken;
            return None;
        }
        self.committing = Some(AfterCommit::of(&batch));
        Some(batch)
    }

    fn takes(&self, now: Now) -> bool {
        let is_quiet = self.quiet_until.is_none_or(|until| until > now.instant);
        self.committing.is_none() && !(self.has_no_news() && is_quiet)
    }

    /// The batch under way is safe.
    pub(super) fn committed(&mut self) -> AfterCommit {
        self.safe = self.taken;
        self.committing.take().unwrap_or_default()
    }

    /// When [`CommitQueue::take`] has something; none where only events can bring that about.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.quiet_until.filter(|_| self.committing.is_none())
    }

    /// How many deliveries are not yet handed out because what they tell is not yet safe.
    pub(super) fn pending(&self) -> usize {
        let next = self.next.entries.iter().map(|entry| entry.recipients.len());
        let committing = self.committing.iter().flat_map(|after_commit| &after_commit.pending);
        next.chain(committing.map(|outgoing| outgoing.recipients.len())).sum()
    }

    /// Whether something that matters to others waits to be made safe.
    pub(super) fn is_busy(&self) -> bool {
        self.committing.is_some() || !self.has_no_news()
    }

    /// Whether anything at all waits to be made safe until `at`.
    pub(super) fn writes_until(&self, at: Instant) -> bool {
        self.is_busy() || self.quiet_until.is_some_and(|until| until <= at)
    }

    fn has_no_news(&self) -> bool {
        let Batch { entries, deliveries, sinks, .. } = &self.next;
        entries.is_empty() && deliveries.is_empty() && sinks.is_empty()
    }
}

impl AfterCommit {
    fn of(batch: &Batch) -> Self {
        let pending = batch.entries.iter().map(|BatchEntry { event, recipients }| OutgoingEvent {
            header: EventHeader {
                event: event.id,
                project: event.project.clone(),
                job: event.job.as_ref().map(|job| job.id.clone()),
                kind: event.kind,
            },
            recipients: recipients.clone(),
        });
        let finished = batch.deliveries.iter().filter(|update| update.state.is_final());
        Self { pending: pending.collect(), finished: finished.map(|update| update.id.clone()).collect() }
    }
}
