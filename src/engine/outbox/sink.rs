//! The pending deliveries of one sink.
//!
//! Invariant: the first delivery of each ordering key is in one of three states: it waits for its
//! next attempt, it is under way, or it waits for the commit of the one before. What happens to one
//! delivery takes no time for those of other keys.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::concurrency::{self, Concurrency};
use super::line_limit::Lines;
use super::queue::{PendingDelivery, Queue, WaitsFor};
use super::reception::Reception;
use super::waiting_ends::WaitingEnds;
use crate::config::EventFilter;
use crate::engine::action::Delivery;
use crate::engine::commit_queue::EventHeader;
use crate::engine::diagnostic::DeliverySubject;
use crate::engine::sink_plan::{DeliveryPolicy, SinkPlan};
use crate::engine::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{DeliveryId, EventId, JobId, ProjectName, SinkName};

/// A sink and its deliveries.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) plan: SinkPlan,
    /// Whether the configuration has it. Deliveries to one that it does not have wait until it
    /// does.
    is_configured: bool,
    queues: BTreeMap<OrderingKey, Queue>,
    /// How many deliveries are in the queues.
    pending: usize,
    /// The keys whose first delivery waits, by the time of its next attempt.
    due: BTreeSet<(Instant, OrderingKey)>,
    /// The keys whose first delivery is under way.
    in_flight: BTreeMap<EventId, Attempt>,
    /// How many of them there may be.
    concurrency: Concurrency,
    /// The keys whose last delivery is finished, which is not committed yet.
    awaiting_commit: BTreeMap<EventId, AwaitingCommit>,
    /// No attempt begins before then: the receiver asked for a pause, or attempts are spaced.
    held_until: Instant,
    disabled: Option<String>,
    /// The dead letters, those included that are not committed yet.
    dead_letters: BTreeSet<EventId>,
    pub(super) reception: Reception,
    pub(super) waiting_ends: WaitingEnds,
    pub(super) lines: Lines,
}

/// What must stay in order: the events of one job, or those of a project.
pub(super) type OrderingKey = (ProjectName, Option<JobId>);

/// A delivery under way.
#[derive(Debug)]
struct Attempt {
    key: OrderingKey,
    /// Of the settings that it began with.
    fingerprint: u64,
    number: concurrency::Attempt,
    began: Instant,
}

/// A finished delivery whose end is not committed yet.
#[derive(Debug)]
struct AwaitingCommit {
    key: OrderingKey,
    is_delivered: bool,
}

impl Sink {
    /// A recorded sink, which counts as not configured before [`Sink::configure`]. `written_at` is
    /// when it was recorded at the latest, for a record that does not say it.
    pub(super) fn from_snapshot(
        name: SinkName,
        snapshot: SinkSnapshot,
        written_at: Option<Timestamp>,
        now: Now,
    ) -> Self {
        let reception = Reception::from_snapshot(&snapshot, now);
        let written_at = snapshot.written_at.or(written_at);

        let held_until =
            snapshot.held_until.map(|until| Recorded::new(written_at.unwrap_or(until), now).due(until));
        Self {
            plan: SinkPlan {
                name,
                events: EventFilter::none(),
                policy: DeliveryPolicy::retry(Vec::new()),
                fingerprint: snapshot.fingerprint,
            },
            is_configured: false,
            queues: BTreeMap::new(),
            pending: 0,
            due: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            concurrency: Concurrency::new(),
            awaiting_commit: BTreeMap::new(),
            held_until: held_until.unwrap_or(now.instant),
            disabled: snapshot.disabled,
            dead_letters: BTreeSet::new(),
            reception,
            waiting_ends: WaitingEnds::new(now.instant),
            lines: Lines::new(now.instant),
        }
    }

    /// The configuration has the sink, with this plan. If its settings changed, it is enabled
    /// again, and what waits for another attempt is attempted at once: the change may be the fix.
    /// Returns whether they changed.
    pub(super) fn configure(&mut self, plan: SinkPlan, now: Instant) -> bool {
        let is_changed = plan.fingerprint != self.plan.fingerprint;
        self.is_configured = true;
        self.plan = plan;
        if is_changed {
            self.held_until = now;
            self.disabled = None;
            self.concurrency = Concurrency::new();
            self.reception = Reception::default();
            self.waiting_ends.start_over(now);
            let waiting: Vec<_> = self.due.iter().map(|(_, key)| key.clone()).collect();
            for key in waiting {
                self.schedule(key, now);
            }
        }
        is_changed
    }

    /// The configuration does not have the sink any more. Attempts under way go on.
    pub(super) fn unconfigure(&mut self) {
        self.is_configured = false;
    }

    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// How many deliveries with this ordering key are pending.
    pub(super) fn pending_of(&self, key: &OrderingKey) -> usize {
        self.queues.get(key).map_or(0, |queue| queue.pending.len())
    }

    /// The record of the sink, without its deliveries.
    pub(super) fn record(&self, now: Now) -> SinkRecord {
        let snapshot = SinkSnapshot {
            written_at: Some(now.wall),
            fingerprint: self.plan.fingerprint,
            disabled: self.disabled.clone(),
            held_until: (self.held_until > now.instant).then(|| now.wall_at(self.held_until)),
            has_accepted: self.reception.has_accepted(),
            failing: self.reception.snapshot(now),
        };
        SinkRecord { name: self.plan.name.clone(), snapshot }
    }

    /// Adds the delivery of an event that was just committed.
    pub(super) fn enqueue(&mut self, header: &EventHeader, now: Instant) {
        let key = (header.project.clone(), header.job.clone());
        self.add(key, PendingDelivery::new(header, now), now);
    }

    /// Adds a recorded delivery.
    pub(super) fn restore_pending(&mut self, record: DeliveryRecord, now: Now) {
        let recorded = Recorded::new(record.written_at, now);
        let header = EventHeader::from(&record);
        let pending = PendingDelivery {
            attempts: record.attempts,
            ..PendingDelivery::new(&header, recorded.instant(record.emitted_at))
        };
        self.add((record.project, record.job), pending, recorded.due(record.due));
    }

    fn add(&mut self, key: OrderingKey, pending: PendingDelivery, due: Instant) {
        self.pending += 1;
        if pending.is_end() {
            self.waiting_ends.insert(pending.emitted_at, pending.event, key.clone());
        }
        let Some(queue) = self.queues.get_mut(&key) else {
            self.queues.insert(key.clone(), Queue::of_one(pending, due));
            self.due.insert((due, key));
            return;
        };

        queue.pending.push_back(pending);
        let waits_after_failure =
            matches!(queue.waits_for, WaitsFor::Attempt(_)) && queue.pending[0].attempts > 0;
        if waits_after_failure && queue.let_the_end_overtake() {
            self.schedule(key, due);
        }
    }

    /// The first delivery of a key is attempted at `due`.
    fn schedule(&mut self, key: OrderingKey, due: Instant) {
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if let WaitsFor::Attempt(old) = std::mem::replace(&mut queue.waits_for, WaitsFor::Attempt(due)) {
            self.due.remove(&(old, key.clone()));
        }
        self.due.insert((due, key));
    }

    /// The earliest time at which [`Sink::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limit = self.concurrency.limit(self.plan.policy.max_in_flight);
        let may_send = self.is_configured && self.in_flight.len() < limit;
        let (due, _) = self.due.first().filter(|_| may_send)?;
        Some((*due).max(self.held_until))
    }

    /// The next delivery to begin at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Delivery> {
        if self.next_deadline()? > now {
            return None;
        }

        let (_, key) = self.due.pop_first()?;
        let queue = self.queues.get_mut(&key)?;
        queue.waits_for = WaitsFor::Answer;
        let pending = queue.pending.front_mut()?;
        pending.attempts = pending.attempts.saturating_add(1);

        let attempt =
            Attempt { key, fingerprint: self.plan.fingerprint, number: self.concurrency.begin(), began: now };
        self.in_flight.insert(pending.event, attempt);
        self.held_until = self.held_until.max(now + self.plan.policy.spacing);
        let id = DeliveryId { event: pending.event, sink: self.plan.name.clone() };
        Some(Delivery { id, attempt: pending.attempts })
    }

    /// Whether a delivery that is about to begin has expired.
    pub(super) fn has_expired(&self, delivery: &Delivery, now: Instant) -> bool {
        let Some(limit) = self.plan.policy.expires_after else { return false };
        self.head(&delivery.id).is_some_and(|pending| now.since(pending.emitted_at) > limit)
    }

    /// When the next alarm about ends of restores that wait is due.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        self.waiting_ends.next_alarm().filter(|_| self.is_configured && !self.is_disabled())
    }

    /// Which delivery it is that is under way.
    pub(super) fn subject(&self, id: &DeliveryId) -> Option<DeliverySubject> {
        let (project, job) = self.in_flight.get(&id.event)?.key.clone();
        Some(DeliverySubject { id: id.clone(), project, job, kind: self.head(id)?.kind })
    }

    /// The end of a restore that waits longest: which one, how many attempts failed, and what went
    /// wrong at the last one.
    pub(super) fn oldest_end(&self) -> Option<(DeliverySubject, u32, Option<&str>)> {
        let (_, event, key) = self.waiting_ends.oldest()?;
        let pending = self.queues.get(key)?.pending.iter().find(|pending| pending.event == event)?;
        let ((project, job), id) = (key.clone(), DeliveryId { event, sink: self.plan.name.clone() });
        let subject = DeliverySubject { id, project, job, kind: pending.kind };
        let under_way = u32::from(self.in_flight.contains_key(&event));
        Some((subject, pending.attempts.saturating_sub(under_way), pending.reason.as_deref()))
    }

    /// What went wrong at the attempt before the one under way.
    pub(super) fn reason_of(&self, id: &DeliveryId) -> Option<&str> {
        self.head(id)?.reason.as_deref()
    }

    /// Why the last attempt at a pending delivery failed, of any that failed.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.queues.values().find_map(|queue| queue.pending.front()?.reason.as_deref())
    }

    /// The attempts at a delivery, if it is under way.
    pub(super) fn attempts_under_way(&self, id: &DeliveryId) -> Option<u32> {
        self.head(id).map(|pending| pending.attempts)
    }

    /// Whether a delivery under way began with other settings: its end says nothing about the
    /// present ones.
    pub(super) fn is_outdated(&self, id: &DeliveryId) -> bool {
        self.in_flight.contains_key(&id.event) && self.present_attempt(id).is_none()
    }

    fn head(&self, id: &DeliveryId) -> Option<&PendingDelivery> {
        self.queues.get(&self.in_flight.get(&id.event)?.key)?.pending.front()
    }

    /// A delivery under way failed and is attempted again at `due`, or later if the end of its job
    /// overtakes.
    pub(super) fn retry_at(&mut self, id: &DeliveryId, due: Instant, reason: String, now: Instant) {
        let Some(Attempt { key, .. }) = self.in_flight.remove(&id.event) else { return };
        let Some(queue) = self.queues.get_mut(&key) else { return };
        if let Some(pending) = queue.pending.front_mut() {
            pending.reason = Some(reason);
        }
        let is_overtaken = queue.let_the_end_overtake();
        self.schedule(key, if is_overtaken { now } else { due });
    }

    /// The receiver accepted a delivery under way: it may be able to take more at once.
    pub(super) fn on_accepted(&mut self, id: &DeliveryId, now: Instant) {
        let Some(attempt) = self.present_attempt(id) else { return };
        let (took, max) = (now.since(attempt.began), self.plan.policy.max_in_flight);
        self.concurrency.on_accepted(took, self.in_flight.len(), max);
    }

    /// An attempt failed in a way that may pass: the receiver gets fewer at once.
    pub(super) fn on_overload(&mut self, id: &DeliveryId) {
        if let Some(number) = self.present_attempt(id).map(|attempt| attempt.number) {
            self.concurrency.on_overload(number);
        }
    }

    /// A delivery under way, if it began with the present settings.
    fn present_attempt(&self, id: &DeliveryId) -> Option<&Attempt> {
        self.in_flight.get(&id.event).filter(|attempt| attempt.fingerprint == self.plan.fingerprint)
    }

    /// Begins no attempt before `until`. Returns whether that is later than before.
    pub(super) fn hold_until(&mut self, until: Instant) -> bool {
        let is_later = until > self.held_until;
        self.held_until = self.held_until.max(until);
        is_later
    }

    /// A delivery under way is finished. The next one of its key waits for [`Sink::release_after`].
    pub(super) fn finish(&mut self, id: &DeliveryId, is_delivered: bool, now: Instant) {
        let Some(Attempt { key, .. }) = self.in_flight.remove(&id.event) else { return };
        if let Some(queue) = self.queues.get_mut(&key) {
            if let Some(finished) = queue.pending.pop_front() {
                self.pending -= 1;
                self.waiting_ends.remove(finished.emitted_at, finished.event, now);
            }
            queue.waits_for = WaitsFor::Commit;
        }
        self.awaiting_commit.insert(id.event, AwaitingCommit { key, is_delivered });
    }

    /// The end of a delivery is committed: the next one of its key may begin.
    pub(super) fn release_after(&mut self, event: EventId, now: Instant) {
        let Some(AwaitingCommit { key, .. }) = self.awaiting_commit.remove(&event) else { return };
        if self.queues.get(&key).is_some_and(|queue| queue.pending.is_empty()) {
            self.queues.remove(&key);
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
        let Some(queue) = self.queues.get(&key) else { return false };
        let Some(place) = queue.place(event) else { return false };
        if place == 0 && matches!(queue.waits_for, WaitsFor::Attempt(_)) {
            self.schedule(key, now);
        }
        true
    }

    /// Drops a delivery, whether it is under way or not.
    pub(super) fn forget(&mut self, record: &DeliveryRecord, now: Instant) {
        let event = record.id.event;
        let key = (record.project.clone(), record.job.clone());
        let Some(queue) = self.queues.get_mut(&key) else { return };
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
        } else if let Some(Queue { waits_for: WaitsFor::Attempt(due), .. }) = self.queues.remove(&key) {
            self.due.remove(&(due, key));
        }
    }

    /// Disables the sink. Returns the deliveries that waited, with their attempts; those under way
    /// go on.
    pub(super) fn disable(&mut self, reason: &str, now: Instant) -> Vec<(DeliveryId, u32)> {
        self.disabled = Some(reason.to_owned());
        self.due.clear();
        let mut waiting = Vec::new();
        let sink = &self.plan.name;
        self.queues.retain(|_, queue| {
            let under_way = usize::from(queue.waits_for == WaitsFor::Answer);
            let dead = queue.pending.drain(under_way..);
            for pending in dead {
                self.waiting_ends.remove(pending.emitted_at, pending.event, now);
                waiting.push((DeliveryId { event: pending.event, sink: sink.clone() }, pending.attempts));
            }
            !matches!(queue.waits_for, WaitsFor::Attempt(_))
        });
        self.pending -= waiting.len();
        waiting
    }

    /// Whether the sink gets no deliveries.
    pub(super) fn is_disabled(&self) -> bool {
        self.disabled.is_some()
    }

    /// Why the sink gets no deliveries, if it is disabled.
    pub(super) fn disabled_for(&self) -> Option<&str> {
        self.disabled.as_deref()
    }

    /// A delivery became a dead letter.
    pub(super) fn add_dead_letter(&mut self, event: EventId) {
        self.dead_letters.insert(event);
    }

    /// A delivery is no dead letter any more, if it was one.
    pub(super) fn remove_dead_letter(&mut self, event: EventId) {
        self.dead_letters.remove(&event);
    }

    /// How many dead letters there are.
    pub(super) fn dead_letters(&self) -> usize {
        self.dead_letters.len()
    }

    /// How many deliveries are under way or wait.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Whether a delivery is under way.
    pub(super) fn is_delivering(&self) -> bool {
        !self.in_flight.is_empty()
    }
}

impl From<&DeliveryRecord> for EventHeader {
    fn from(record: &DeliveryRecord) -> Self {
        Self {
            event: record.id.event,
            project: record.project.clone(),
            job: record.job.clone(),
            kind: record.kind,
        }
    }
}
