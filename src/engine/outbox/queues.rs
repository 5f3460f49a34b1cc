//! The pending deliveries of one sink.
//!
//! Invariant: the first delivery of each ordering key is in one of three states: it waits for its
//! next attempt, it is under way, or it waits for the commit of the one before. What happens to one
//! delivery takes no time for those of other keys.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::concurrency;
use super::queue::{PendingDelivery, Queue, WaitsFor};
use super::rejected::Rejections;
use super::waiting_ends::WaitingEnds;
use crate::engine::snapshot::DeliveryRecord;
use crate::model::time::Instant;
use crate::model::{EventId, JobId, ProjectName};

/// The queues of all ordering keys.
#[derive(Debug)]
pub(super) struct Queues {
    by_key: BTreeMap<OrderingKey, Queue>,
    /// How many deliveries are in them.
    pending: usize,
    /// The keys whose first delivery waits, by the time of its next attempt.
    due: BTreeSet<(Instant, OrderingKey)>,
    /// The keys whose first delivery is under way.
    in_flight: BTreeMap<EventId, (OrderingKey, Attempt)>,
    /// The keys whose last delivery is finished, which is not committed yet.
    awaiting_commit: BTreeMap<EventId, AwaitingCommit>,
    pub(super) waiting_ends: WaitingEnds,
}

/// What must stay in order: the events of one job, or those of a project.
pub(super) type OrderingKey = (ProjectName, Option<JobId>);

/// How a delivery under way began.
#[derive(Debug)]
pub(super) struct Attempt {
    /// Of the settings at that time.
    pub(super) fingerprint: u64,
    pub(super) number: concurrency::Attempt,
    pub(super) began: Instant,
}

/// A finished delivery whose end is not committed yet.
#[derive(Debug)]
pub(super) struct AwaitingCommit {
    key: OrderingKey,
    is_delivered: bool,
}

impl Queues {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            by_key: BTreeMap::new(),
            pending: 0,
            due: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            awaiting_commit: BTreeMap::new(),
            waiting_ends: WaitingEnds::new(now),
        }
    }

    /// How many deliveries are under way or wait.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// How many deliveries with this ordering key are pending.
    pub(super) fn pending_of(&self, key: &OrderingKey) -> usize {
        self.by_key.get(key).map_or(0, |queue| queue.pending.len())
    }

    /// How many deliveries are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// A delivery under way, with its ordering key.
    pub(super) fn under_way(&self, event: EventId) -> Option<(&OrderingKey, &PendingDelivery)> {
        let (key, _) = self.in_flight.get(&event)?;
        Some((key, self.by_key.get(key)?.pending.front()?))
    }

    /// How a delivery began, if it is under way.
    pub(super) fn attempt(&self, event: EventId) -> Option<&Attempt> {
        self.in_flight.get(&event).map(|(_, attempt)| attempt)
    }

    /// The end of a restore that waits longest, with its ordering key.
    pub(super) fn oldest_end(&self) -> Option<(&OrderingKey, &PendingDelivery)> {
        let (_, event, key) = self.waiting_ends.oldest()?;
        let pending = self.by_key.get(key)?.pending.iter().find(|pending| pending.event == event)?;
        Some((key, pending))
    }

    /// Why the last attempt at a pending delivery failed, of any that failed.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.by_key.values().find_map(|queue| queue.pending.front()?.reason.as_deref())
    }

    /// Adds a delivery, which is attempted at `due` or after the others of its key.
    pub(super) fn add(&mut self, key: OrderingKey, pending: PendingDelivery, due: Instant) {
        self.pending += 1;
        if pending.is_end() {
            self.waiting_ends.insert(pending.emitted_at, pending.event, key.clone());
        }
        let Some(queue) = self.by_key.get_mut(&key) else {
            self.by_key.insert(key.clone(), Queue::of_one(pending, due));
            self.due.insert((due, key));
            return;
        };

        queue.push(pending);
        let waits_after_failure =
            matches!(queue.waits_for, WaitsFor::Attempt(_)) && queue.pending[0].attempts > 0;
        if waits_after_failure && queue.let_the_end_overtake() {
            self.schedule(key, due);
        }
    }

    /// The first delivery of a key is attempted at `due`.
    fn schedule(&mut self, key: OrderingKey, due: Instant) {
        let Some(queue) = self.by_key.get_mut(&key) else { return };
        if let WaitsFor::Attempt(old) = std::mem::replace(&mut queue.waits_for, WaitsFor::Attempt(due)) {
            self.due.remove(&(old, key.clone()));
        }
        self.due.insert((due, key));
    }

    /// Whatever waits for its next attempt is attempted at `due`.
    pub(super) fn schedule_all(&mut self, due: Instant) {
        let waiting: Vec<_> = self.due.iter().map(|(_, key)| key.clone()).collect();
        for key in waiting {
            self.schedule(key, due);
        }
    }

    /// When the next delivery is to be attempted.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// Begins the delivery that is due first. Returns which one it is, and the number of its
    /// attempt.
    pub(super) fn begin(&mut self, attempt: Attempt) -> Option<(EventId, u32)> {
        let (_, key) = self.due.pop_first()?;
        let queue = self.by_key.get_mut(&key)?;
        queue.waits_for = WaitsFor::Answer;
        let pending = queue.pending.front_mut()?;
        pending.attempts = pending.attempts.saturating_add(1);

        self.in_flight.insert(pending.event, (key, attempt));
        Some((pending.event, pending.attempts))
    }

    /// A delivery under way failed and is attempted again at `due`, or at once if the end of its
    /// job overtakes.
    pub(super) fn retry_at(&mut self, event: EventId, due: Instant, reason: String, now: Instant) {
        let Some((key, _)) = self.in_flight.remove(&event) else { return };
        let Some(queue) = self.by_key.get_mut(&key) else { return };
        if let Some(pending) = queue.pending.front_mut() {
            pending.reason = Some(reason);
        }
        let is_overtaken = queue.let_the_end_overtake();
        self.schedule(key, if is_overtaken { now } else { due });
    }

    /// The receiver rejected a delivery under way as it is. Returns how it has done so.
    pub(super) fn on_rejected(&mut self, event: EventId, now: Instant) -> Rejections {
        let rejections = self.rejections_mut(event).map(|kept| kept.get_or_insert(Rejections::new(now)));
        rejections.map_or(Rejections::new(now), |rejections| {
            rejections.count += 1;
            *rejections
        })
    }

    /// A delivery under way failed, but was not rejected: a later rejection is the first one again.
    pub(super) fn on_no_rejection(&mut self, event: EventId) {
        if let Some(rejections) = self.rejections_mut(event) {
            *rejections = None;
        }
    }

    fn rejections_mut(&mut self, event: EventId) -> Option<&mut Option<Rejections>> {
        let (key, _) = self.in_flight.get(&event)?;
        let first = self.by_key.get_mut(key)?.pending.front_mut()?;
        Some(&mut first.rejections)
    }

    /// Earlier rejections say nothing about the next attempts any more.
    pub(super) fn forget_rejections(&mut self) {
        let pending = self.by_key.values_mut().flat_map(|queue| queue.pending.iter_mut());
        pending.for_each(|pending| pending.rejections = None);
    }

    /// Takes out what a delivery under way supersedes: if it is the end of a restore, the events that
    /// it overtook.
    pub(super) fn take_superseded(&mut self, event: EventId, now: Instant) -> VecDeque<PendingDelivery> {
        let key = self.in_flight.get(&event).map(|(key, _)| key);
        let queue = key.and_then(|key| self.by_key.get_mut(key));
        let queue = queue.filter(|queue| queue.pending.front().is_some_and(PendingDelivery::is_end));
        let superseded = queue.map(Queue::take_overtaken).unwrap_or_default();

        for pending in &superseded {
            self.waiting_ends.remove(pending.emitted_at, pending.event, now);
        }
        self.pending -= superseded.len();
        superseded
    }

    /// A delivery under way is finished. The next one of its key waits for
    /// [`Queues::release_after`].
    pub(super) fn finish(&mut self, event: EventId, is_delivered: bool, now: Instant) {
        let Some((key, _)) = self.in_flight.remove(&event) else { return };
        if let Some(queue) = self.by_key.get_mut(&key) {
            if let Some(finished) = queue.pending.pop_front() {
                self.pending -= 1;
                self.waiting_ends.remove(finished.emitted_at, finished.event, now);
            }
            queue.waits_for = WaitsFor::Commit;
        }
        self.awaiting_commit.insert(event, AwaitingCommit { key, is_delivered });
    }

    /// The end of a delivery is committed: the next one of its key may begin.
    pub(super) fn release_after(&mut self, event: EventId, now: Instant) {
        let Some(AwaitingCommit { key, .. }) = self.awaiting_commit.remove(&event) else { return };
        if self.by_key.get(&key).is_some_and(|queue| queue.pending.is_empty()) {
            self.by_key.remove(&key);
        } else {
            self.schedule(key, now);
        }
    }

    /// Makes a waiting delivery due. Returns whether it is known; one that was just delivered is.
    pub(super) fn retry_now(&mut self, record: &DeliveryRecord, now: Instant) -> bool {
        let event = record.id.event;
        if self.awaiting_commit.get(&event).is_some_and(|finished| finished.is_delivered) {
            return true;
        }
        let key = (record.project.clone(), record.job.clone());
        let Some(queue) = self.by_key.get_mut(&key) else { return false };
        let Some(place) = queue.place(event) else { return false };
        queue.pending[place].rejections = None;
        if place == 0 && matches!(queue.waits_for, WaitsFor::Attempt(_)) {
            self.schedule(key, now);
        }
        true
    }

    /// Drops a delivery, whether it is under way or not.
    pub(super) fn forget(&mut self, record: &DeliveryRecord, now: Instant) {
        let event = record.id.event;
        let key = (record.project.clone(), record.job.clone());
        let Some(queue) = self.by_key.get_mut(&key) else { return };
        let Some(place) = queue.place(event) else { return };
        if let Some(forgotten) = queue.pending.remove(place) {
            self.pending -= 1;
            self.waiting_ends.remove(forgotten.emitted_at, event, now);
        }
        self.in_flight.remove(&event);

        if place > 0 || queue.waits_for == WaitsFor::Commit {
            return;
        }
        if !queue.pending.is_empty() {
            self.schedule(key, now);
        } else if let Some(Queue { waits_for: WaitsFor::Attempt(due), .. }) = self.by_key.remove(&key) {
            self.due.remove(&(due, key));
        }
    }

    /// Takes out the deliveries that wait. Those under way go on.
    pub(super) fn take_waiting(&mut self, now: Instant) -> Vec<PendingDelivery> {
        self.due.clear();
        let mut waiting = Vec::new();
        self.by_key.retain(|_, queue| {
            let under_way = usize::from(queue.waits_for == WaitsFor::Answer);
            waiting.extend(queue.pending.drain(under_way..));
            !matches!(queue.waits_for, WaitsFor::Attempt(_))
        });

        for pending in &waiting {
            self.waiting_ends.remove(pending.emitted_at, pending.event, now);
        }
        self.pending -= waiting.len();
        waiting
    }
}

#[cfg(test)]
impl Queues {
    /// The deliveries of each ordering key, in their order.
    pub(super) fn events(&self) -> impl Iterator<Item = (&OrderingKey, Vec<EventId>)> {
        let events = |queue: &Queue| queue.pending.iter().map(|pending| pending.event).collect();
        self.by_key.iter().map(move |(key, queue)| (key, events(queue)))
    }

    /// What is kept of each queue agrees with the queues.
    pub(super) fn assert_consistent(&self) {
        let mut expected = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (key, queue) in &self.by_key {
            match queue.waits_for {
                WaitsFor::Attempt(at) => drop(expected.0.insert((at, key.clone()))),
                WaitsFor::Answer => drop(expected.1.insert((queue.pending[0].event, key.clone()))),
                WaitsFor::Commit => drop(expected.2.insert(key.clone())),
            }
            assert!(!queue.pending.is_empty() || queue.waits_for == WaitsFor::Commit);
        }

        assert_eq!(self.due, expected.0);
        let under_way = self.in_flight.iter().map(|(event, (key, _))| (*event, key.clone()));
        assert_eq!(under_way.collect::<BTreeSet<_>>(), expected.1);
        let of_finished = self.awaiting_commit.values().map(|finished| finished.key.clone());
        assert_eq!(of_finished.collect::<BTreeSet<_>>(), expected.2);
        assert_eq!(self.awaiting_commit.len(), expected.2.len());
    }
}
