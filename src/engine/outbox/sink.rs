//! One sink: its settings, its deliveries, and whether it gets any at present.
//!
//! Invariant: a delivery begins only while the configuration has the sink and its hours permit it,
//! and no sooner than the receiver, the spacing of attempts and the number of those under way permit.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::concurrency::Concurrency;
use super::line_limit::Lines;
use super::opening::Opening;
use super::queue::PendingDelivery;
use super::queues::{Attempt, Queues};
use super::reception::Reception;
use crate::config::{EventFilter, Outside, Route};
use crate::engine::action::Delivery;
use crate::engine::commit_queue::EventHeader;
use crate::engine::diagnostic::{Attempts, DeliverySubject};
use crate::engine::sink_plan::{DeliveryPolicy, SinkPlan};
use crate::engine::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{DeliveryId, EventId, SinkName};

/// A sink and its deliveries.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) plan: SinkPlan,
    /// Whether the configuration has it. Deliveries to one that it does not have wait until it
    /// does.
    is_configured: bool,
    pub(super) queues: Queues,
    /// How many deliveries may be under way.
    concurrency: Concurrency,
    /// No attempt begins before then: the receiver asked for a pause, or attempts are spaced.
    held_until: Instant,
    /// Whether it is within its hours.
    opening: Opening,
    disabled: Option<String>,
    /// The dead letters, those included that are not committed yet.
    dead_letters: BTreeSet<EventId>,
    pub(super) reception: Reception,
    pub(super) lines: Lines,
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
        let opening = Opening::from_snapshot(snapshot.closed_until);
        let written_at = snapshot.written_at.or(written_at);

        let held_until =
            snapshot.held_until.map(|until| Recorded::new(written_at.unwrap_or(until), now).due(until));
        Self {
            plan: SinkPlan {
                name,
                route: Route::new(EventFilter::none()),
                hours: None,
                is_log: false,
                policy: DeliveryPolicy::retry(Vec::new()),
                fingerprint: snapshot.fingerprint,
                former_fingerprint: None,
            },
            is_configured: false,
            queues: Queues::new(now.instant),
            concurrency: Concurrency::new(),
            held_until: held_until.unwrap_or(now.instant),
            opening,
            disabled: snapshot.disabled,
            dead_letters: BTreeSet::new(),
            reception,
            lines: Lines::new(now.instant),
        }
    }

    /// The configuration has the sink, with this plan. If its settings changed, it is enabled
    /// again, and what waits for another attempt is attempted at once: the change may be the fix.
    /// Returns whether they changed.
    pub(super) fn configure(&mut self, plan: SinkPlan, now: Instant) -> bool {
        let known = Some(self.plan.fingerprint);
        let is_changed = ![Some(plan.fingerprint), plan.former_fingerprint].contains(&known);
        self.is_configured = true;
        self.opening.start_over();
        self.plan = plan;
        if is_changed {
            self.held_until = now;
            self.disabled = None;
            self.concurrency = Concurrency::new();
            self.reception = Reception::default();
            self.queues.waiting_ends.start_over(now);
            self.queues.forget_rejections();
            self.queues.schedule_all(now);
        }
        is_changed
    }

    /// The configuration does not have the sink any more. Attempts under way go on.
    pub(super) fn unconfigure(&mut self) {
        self.is_configured = false;
        self.plan.hours = None;
        self.opening.start_over();
    }

    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// The record of the sink, without its deliveries.
    pub(super) fn record(&self, now: Now) -> SinkRecord {
        let snapshot = SinkSnapshot {
            written_at: Some(now.wall),
            fingerprint: self.plan.fingerprint,
            disabled: self.disabled.clone(),
            held_until: (self.held_until > now.instant).then(|| now.wall_at(self.held_until)),
            closed_until: self.opening.snapshot(),
            has_accepted: self.reception.has_accepted(),
            failing: self.reception.snapshot(now),
        };
        SinkRecord { name: self.plan.name.clone(), snapshot }
    }

    /// Is open or closed as the hours say of now. Returns whether the record of the sink changed.
    pub(super) fn follow_hours(&mut self, now: Now) -> bool {
        if self.opening.follow(self.plan.hours.as_ref(), now) {
            // What was held did not wait for the receiver.
            self.queues.waiting_ends.start_over(now.instant);
            self.queues.forget_rejections();
        }
        self.opening.take_change()
    }

    /// Whether it drops what is emitted now, because it is outside its hours.
    pub(super) fn drops_now(&self) -> bool {
        let drops = self.plan.hours.as_ref().is_some_and(|hours| hours.outside == Outside::Drop);
        drops && self.opening.is_closed()
    }

    /// Until when it is outside its hours, if it is.
    pub(super) fn closed_until(&self) -> Option<Timestamp> {
        self.opening.closed_until()
    }

    /// How many deliveries wait for its hours.
    pub(super) fn held(&self) -> usize {
        if self.opening.is_closed() { self.queues.pending() - self.queues.in_flight() } else { 0 }
    }

    /// When the wall clock is to be looked at again, because deliveries wait for the hours.
    pub(super) fn next_hours_check(&self) -> Option<Instant> {
        self.queues.next_due().and_then(|_| self.opening.next_check())
    }

    /// Adds the delivery of an event that was just committed.
    pub(super) fn enqueue(&mut self, header: &EventHeader, now: Instant) {
        let key = (header.project.clone(), header.job.clone());
        self.queues.add(key, PendingDelivery::new(header, now), now);
    }

    /// Adds a recorded delivery.
    pub(super) fn restore_pending(&mut self, record: DeliveryRecord, now: Now) {
        let recorded = Recorded::new(record.written_at, now);
        let header = EventHeader::from(&record);
        let mut pending = PendingDelivery::new(&header, recorded.instant(record.emitted_at));
        pending.attempts = record.attempts;
        self.queues.add((record.project, record.job), pending, recorded.due(record.due));
    }

    /// The earliest time at which [`Sink::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let limit = self.concurrency.limit(self.plan.policy.max_in_flight);
        let may_send = self.is_configured && self.queues.in_flight() < limit;
        let due = self.queues.next_due().filter(|_| may_send)?;
        Some(due.max(self.held_until).max(self.opening.opens_at().unwrap_or(due)))
    }

    /// The next delivery to begin at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Delivery> {
        if self.next_deadline()? > now {
            return None;
        }

        let attempt =
            Attempt { fingerprint: self.plan.fingerprint, number: self.concurrency.begin(), began: now };
        let (event, attempt) = self.queues.begin(attempt)?;
        self.held_until = self.held_until.max(now + self.plan.policy.spacing);
        Some(Delivery { id: self.delivery_id(event), attempt })
    }

    /// Whether a delivery that is about to begin has expired.
    pub(super) fn has_expired(&self, delivery: &Delivery, now: Instant) -> bool {
        let Some(limit) = self.plan.policy.expires_after else { return false };
        // What was held did not expire by that.
        let from = |emitted_at: Instant| self.opening.opened_at().map_or(emitted_at, |at| at.max(emitted_at));
        self.under_way(&delivery.id).is_some_and(|pending| now.since(from(pending.emitted_at)) > limit)
    }

    /// When the next alarm about ends of restores that wait is due.
    pub(super) fn next_alarm(&self) -> Option<Instant> {
        let counts = self.is_configured && !self.is_disabled() && !self.opening.is_closed();
        self.queues.waiting_ends.next_alarm().filter(|_| counts)
    }

    /// Which delivery it is that is under way.
    pub(super) fn subject(&self, id: &DeliveryId) -> Option<DeliverySubject> {
        let ((project, job), pending) = self.queues.under_way(id.event)?;
        let (project, job) = (project.clone(), job.clone());
        Some(DeliverySubject { id: id.clone(), project, job, kind: pending.kind })
    }

    /// The end of a restore that waits longest: which one, how many attempts failed, and what went
    /// wrong at the last one.
    pub(super) fn oldest_end(&self) -> Option<(DeliverySubject, Attempts, Option<&str>)> {
        let ((project, job), pending) = self.queues.oldest_end()?;
        let (project, job, id) = (project.clone(), job.clone(), self.delivery_id(pending.event));
        let subject = DeliverySubject { id, project, job, kind: pending.kind };
        let under_way = u32::from(self.queues.attempt(pending.event).is_some());
        let failed = pending.attempts.saturating_sub(under_way);
        let attempts = self.attempts(failed, pending.rejections.is_some());
        Some((subject, attempts, pending.reason.as_deref()))
    }

    /// So many attempts at a delivery, which the receiver may reject as it is.
    pub(super) fn attempts(&self, made: u32, is_rejected: bool) -> Attempts {
        Attempts { made, of: (!is_rejected).then(|| self.plan.policy.schedule.attempts()) }
    }

    /// What went wrong at the attempt before the one under way.
    pub(super) fn reason_of(&self, id: &DeliveryId) -> Option<&str> {
        self.under_way(id)?.reason.as_deref()
    }

    /// The attempts at a delivery, if it is under way.
    pub(super) fn attempts_under_way(&self, id: &DeliveryId) -> Option<u32> {
        self.under_way(id).map(|pending| pending.attempts)
    }

    /// Whether a delivery under way began with other settings: its end says nothing about the
    /// present ones.
    pub(super) fn is_outdated(&self, id: &DeliveryId) -> bool {
        self.queues.attempt(id.event).is_some() && self.present_attempt(id).is_none()
    }

    fn under_way(&self, id: &DeliveryId) -> Option<&PendingDelivery> {
        self.queues.under_way(id.event).map(|(_, pending)| pending)
    }

    fn delivery_id(&self, event: EventId) -> DeliveryId {
        DeliveryId { event, sink: self.plan.name.clone() }
    }

    /// The receiver accepted a delivery under way: it may be able to take more at once.
    pub(super) fn on_accepted(&mut self, id: &DeliveryId, now: Instant) {
        let Some(attempt) = self.present_attempt(id) else { return };
        let (took, max) = (now.since(attempt.began), self.plan.policy.max_in_flight);
        self.concurrency.on_accepted(took, self.queues.in_flight(), max);
    }

    /// An attempt failed in a way that may pass: the receiver gets fewer at once.
    pub(super) fn on_overload(&mut self, id: &DeliveryId) {
        if let Some(number) = self.present_attempt(id).map(|attempt| attempt.number) {
            self.concurrency.on_overload(number);
        }
    }

    /// A delivery under way, if it began with the present settings.
    fn present_attempt(&self, id: &DeliveryId) -> Option<&Attempt> {
        self.queues.attempt(id.event).filter(|attempt| attempt.fingerprint == self.plan.fingerprint)
    }

    /// Begins no attempt before `until`. Returns whether that is later than before.
    pub(super) fn hold_until(&mut self, until: Instant) -> bool {
        let is_later = until > self.held_until;
        self.held_until = self.held_until.max(until);
        is_later
    }

    /// Disables the sink. Returns the deliveries that waited, with their attempts; those under way
    /// go on.
    pub(super) fn disable(&mut self, reason: &str, now: Instant) -> Vec<(DeliveryId, u32)> {
        self.disabled = Some(reason.to_owned());
        let waiting = self.queues.take_waiting(now);
        waiting.iter().map(|pending| (self.delivery_id(pending.event), pending.attempts)).collect()
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
