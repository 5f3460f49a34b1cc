//! Decides which delivery goes to which sink, and when.
//!
//! Invariants: a delivery begins only after its event is committed, and is attempted until it is
//! delivered, dropped or a dead letter. The deliveries of one job to one sink go out in order, each
//! after the end of the one before is committed; only the end of a job overtakes, so that it does
//! not wait behind an event that the receiver refuses; to a receiver that keeps the present state,
//! what it overtook is dropped with it. No sink waits for another. What is logged of
//! a sink that takes nothing is bounded, however many deliveries are pending.

mod concurrency;
mod endings;
mod line_limit;
mod opening;
mod queue;
mod queues;
mod reception;
mod recorded;
mod rejected;
mod reports;
mod sink;
mod waiting_ends;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use concurrency::INITIAL as INITIAL_IN_FLIGHT;

pub use reports::SinkTrouble;

use endings::{dead_letter, disable, drop_superseded, expire, finish, record_dead_letter};
use recorded::RecordsAhead;
use reports::{note_failure, note_success, undelivered_end};
use sink::Sink;

use super::action::{Delivery, DeliveryChange, DeliveryUpdate};
use super::commit_queue::{AfterCommit, CommitQueue, EventHeader};
use super::diagnostic::Diagnostic;
use super::failure::{Failure, FailureClass};
use super::input::Edit;
use super::sink_plan::SinkPlan;
use super::snapshot::SinkSnapshot;
use crate::model::time::{Instant, Now};
use crate::model::{DeliveryId, Event, JobId, ProjectName, SinkName};

/// The state of a sink.
#[derive(Debug, Clone, Copy)]
pub struct SinkView<'a> {
    pub name: &'a SinkName,
    pub is_configured: bool,
    /// Why it gets no deliveries, if it is disabled.
    pub disabled: Option<&'a str>,
    pub pending: usize,
    pub dead_letters: usize,
    /// Until when it is outside its hours, if it is, and how many of the pending deliveries wait for
    /// that.
    pub closed_until: Option<Timestamp>,
    pub held: usize,
    /// Why it is of no use at present, if it is configured and not disabled.
    pub trouble: Option<SinkTrouble<'a>>,
}

/// The deliveries of all sinks.
#[derive(Debug)]
pub(super) struct Outbox {
    sinks: BTreeMap<SinkName, Sink>,
    ahead: RecordsAhead,
}

/// The context of one input to the outbox.
#[derive(Debug)]
pub(super) struct OutboxCx<'a> {
    pub(super) now: Now,
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) commit_queue: &'a mut CommitQueue,
    pub(super) diagnostics: &'a mut Vec<Diagnostic>,
}

impl Outbox {
    /// Has these sinks from now on. Deliveries to another one wait until it is configured again.
    pub(super) fn reconfigure(&mut self, plans: Vec<SinkPlan>, cx: &mut OutboxCx<'_>) {
        self.write_ahead_again(cx);

        self.sinks.values_mut().for_each(Sink::unconfigure);
        for plan in plans {
            self.configure(plan, cx);
        }
        self.follow_hours(cx);

        let missing = self.sinks.values().filter(|sink| !sink.is_configured() && sink.queues.pending() > 0);
        cx.diagnostics.extend(missing.map(|sink| Diagnostic::SinkMissing {
            sink: sink.plan.name.clone(),
            pending: sink.queues.pending(),
        }));
    }

    fn configure(&mut self, plan: SinkPlan, cx: &mut OutboxCx<'_>) {
        let name = plan.name.clone();
        let new = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, cx.now);
        let sink = self.sinks.entry(name.clone()).or_insert_with(new);
        let (was_disabled, recorded) = (sink.is_disabled(), sink.plan.fingerprint);

        if sink.configure(plan, cx.now.instant) {
            if was_disabled {
                cx.diagnostics.push(Diagnostic::SinkEnabled { sink: name });
            }
        } else if let Some(reason) = sink.disabled_for().map(str::to_owned) {
            for (id, attempts) in sink.disable(&reason, cx.now.instant) {
                record_dead_letter(sink, dead_letter(id, attempts, &reason, cx.now), cx.commit_queue);
            }
            cx.diagnostics.push(Diagnostic::SinkDisabled { sink: name, reason, dead_letters: 0 });
        }
        // Without a change, too: a former one is compared once.
        if sink.plan.fingerprint != recorded {
            cx.commit_queue.sink(sink.record(cx.now));
        }
    }

    /// Has each sink be open or closed as its hours say of now.
    pub(super) fn follow_hours(&mut self, cx: &mut OutboxCx<'_>) {
        for sink in self.sinks.values_mut() {
            if sink.follow_hours(cx.now) {
                cx.commit_queue.sink(sink.record(cx.now));
            }
        }
    }

    /// Whether a sink drops what is emitted now, because it is outside its hours.
    pub(super) fn drops_now(&self, name: &SinkName) -> bool {
        self.sinks.get(name).is_some_and(Sink::drops_now)
    }

    /// Whether a sink is the log.
    pub(super) fn is_log(&self, name: &SinkName) -> bool {
        self.sinks.get(name).is_some_and(|sink| sink.plan.is_log)
    }

    /// The sinks that get this event.
    pub(super) fn recipients(&self, event: &Event) -> Vec<SinkName> {
        let takes = |sink: &&Sink| sink.is_configured() && sink.plan.route.takes(event);
        self.sinks.values().filter(takes).map(|sink| sink.plan.name.clone()).collect()
    }

    /// A batch is committed: its events may go out, and what waited for its finished deliveries.
    pub(super) fn committed(&mut self, after_commit: AfterCommit, cx: &mut OutboxCx<'_>) {
        for id in &after_commit.finished {
            if let Some(sink) = self.sinks.get_mut(&id.sink) {
                sink.queues.release_after(id.event, cx.now.instant);
            }
        }

        for outgoing in after_commit.outgoing {
            for name in &outgoing.recipients {
                if let Some(sink) = self.sinks.get_mut(name) {
                    enqueue(sink, &outgoing.header, cx);
                }
            }
        }
    }

    /// The next delivery to begin at `now`. Expired ones are dropped.
    pub(super) fn take_due(&mut self, cx: &mut OutboxCx<'_>) -> Option<Delivery> {
        self.sinks.values_mut().find_map(|sink| {
            while let Some(delivery) = sink.take_due(cx.now.instant) {
                if !sink.has_expired(&delivery, cx.now.instant) {
                    return Some(delivery);
                }

                expire(sink, delivery, cx);
            }
            None
        })
    }

    /// The earliest time at which [`Outbox::take_due`] or [`Outbox::raise_alarms`] has something, and at which the wall
    /// clock is to be looked at.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let of_sink = |sink: &Sink| [sink.next_deadline(), sink.next_hours_check(), sink.next_alarm()];
        self.sinks.values().flat_map(of_sink).flatten().min()
    }

    /// Reports the sinks for which the end of a restore waits for too long by now.
    pub(super) fn raise_alarms(&mut self, cx: &mut OutboxCx<'_>) {
        for sink in self.sinks.values_mut() {
            let is_due = sink.next_alarm().is_some_and(|at| at <= cx.now.instant);
            if is_due && sink.queues.waiting_ends.take_alarm(cx.now.instant) {
                cx.diagnostics.extend(undelivered_end(sink, cx.now.instant));
                sink.reception.mark_logged();
            }
        }
    }

    /// Nothing was done for a while, which proves nothing about the receivers.
    pub(super) fn wake(&mut self, now: Instant) {
        for sink in self.sinks.values_mut() {
            sink.queues.waiting_ends.start_over(now);
            sink.queues.forget_rejections();
        }
    }

    /// A sink accepted a delivery.
    pub(super) fn delivered(&mut self, id: DeliveryId, cx: &mut OutboxCx<'_>) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };
        let is_outdated = sink.is_outdated(&id);
        sink.on_accepted(&id, cx.now.instant);
        drop_superseded(sink, &id, cx);
        let change = DeliveryChange::Delivered;
        finish(sink, DeliveryUpdate { id, at: cx.now.wall, attempts, change, reason: None }, cx);
        if !is_outdated {
            note_success(sink, cx);
        }
    }

    /// A delivery failed.
    pub(super) fn failed(&mut self, id: &DeliveryId, failure: &Failure, cx: &mut OutboxCx<'_>) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some((attempts, subject)) = sink.attempts_under_way(id).zip(sink.subject(id)) else { return };

        // The answer of a receiver that was replaced meanwhile says nothing about the present one.
        let is_outdated = sink.is_outdated(id);
        let pause = if is_outdated { Duration::ZERO } else { failure.pause(cx.now) };
        let delay = match failure.class {
            _ if is_outdated => Some(Duration::ZERO),
            FailureClass::Permanent | FailureClass::Gone => None,
            FailureClass::Rejected(rejection) if sink.plan.policy.final_rejection == Some(rejection) => None,
            FailureClass::Rejected(_) => {
                let rejections = sink.queues.on_rejected(id.event, cx.now.instant);
                let schedule = &sink.plan.policy.schedule;
                rejected::delay(schedule, attempts, rejections, pause, cx.now.instant, cx.rng)
            }
            _ => {
                sink.queues.on_no_rejection(id.event);
                sink.plan.policy.schedule.delay(attempts, pause, cx.rng)
            }
        };
        let retry_in = delay.filter(|_| !sink.is_disabled());

        let is_overload = matches!(
            failure.class,
            FailureClass::Throttled | FailureClass::Transient | FailureClass::Rejected(_)
        );
        if is_overload {
            sink.on_overload(id);
        }
        // What the receiver rejects as it is says nothing about other deliveries.
        let holds_sink = !pause.is_zero() && !matches!(failure.class, FailureClass::Rejected(_));
        if holds_sink && sink.hold_until(cx.now.instant + pause) {
            cx.commit_queue.sink(sink.record(cx.now));
        }
        if !is_outdated {
            note_failure(sink, subject, attempts, failure, retry_in, cx);
        }

        let reason = Some(failure.message.clone());
        let update = |change| DeliveryUpdate { id: id.clone(), at: cx.now.wall, attempts, change, reason };
        if let Some(retry_in) = retry_in {
            let due = cx.now.instant + retry_in;
            cx.commit_queue.update(update(DeliveryChange::Pending { due: cx.now.wall_at(due) }));
            sink.queues.retry_at(id.event, due, failure.message.clone(), cx.now.instant);
            return;
        }

        let update = update(DeliveryChange::Dead);
        finish(sink, update, cx);
        if failure.class == FailureClass::Gone && !sink.is_disabled() {
            disable(sink, &failure.message, cx);
        }
    }

    /// Another process changed a delivery in the state, where the change is recorded already.
    pub(super) fn edited(&mut self, edit: Edit, cx: &mut OutboxCx<'_>) {
        match edit {
            Edit::Drop(record) => {
                let Some(sink) = self.sinks.get_mut(&record.id.sink) else { return };
                sink.queues.forget(&record, cx.now.instant);
                sink.remove_dead_letter(record.id.event);
                let is_settled = sink.queues.pending() == 0 && sink.dead_letters() == 0;
                if is_settled && sink.reception.settle() {
                    cx.commit_queue.sink(sink.record(cx.now));
                }
            }
            Edit::Retry(record) => {
                let Some(sink) = self.sinks.get_mut(&record.id.sink) else { return };
                sink.remove_dead_letter(record.id.event);
                if sink.is_disabled() {
                    let header = EventHeader::from(&record);
                    enqueue(sink, &header, cx);
                } else if !sink.queues.retry_now(&record, cx.now.instant) {
                    sink.restore_pending(record, cx.now);
                }
            }
        }
    }

    /// How many deliveries to configured sinks are pending.
    pub(super) fn pending(&self) -> usize {
        self.sinks.values().filter(|sink| sink.is_configured()).map(|sink| sink.queues.pending()).sum()
    }

    /// How many deliveries to configured sinks wait for the hours of their sink.
    pub(super) fn held(&self) -> usize {
        self.sinks.values().filter(|sink| sink.is_configured()).map(Sink::held).sum()
    }

    /// How many deliveries are dead letters, whether their sink is configured or not.
    pub(super) fn dead_letters(&self) -> usize {
        self.sinks.values().map(Sink::dead_letters).sum()
    }

    /// Why the last attempt at a pending delivery failed, of any that failed.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.sinks.values().find_map(|sink| sink.queues.last_error())
    }

    /// How many deliveries are pending for a job, whether their sink is configured or not.
    pub(super) fn pending_of(&self, project: &ProjectName, job: &JobId) -> usize {
        let key = (project.clone(), Some(job.clone()));
        self.sinks.values().map(|sink| sink.queues.pending_of(&key)).sum()
    }

    /// The configured sinks, and others that have pending deliveries or dead letters.
    pub(super) fn views(&self) -> impl Iterator<Item = SinkView<'_>> {
        fn view(sink: &Sink) -> SinkView<'_> {
            SinkView {
                name: &sink.plan.name,
                is_configured: sink.is_configured(),
                disabled: sink.disabled_for(),
                pending: sink.queues.pending(),
                dead_letters: sink.dead_letters(),
                closed_until: sink.closed_until(),
                held: sink.held(),
                trouble: reports::trouble(sink),
            }
        }
        let is_shown = |sink: &&Sink| sink.is_configured() || sink.queues.pending() + sink.dead_letters() > 0;
        self.sinks.values().filter(is_shown).map(view)
    }

    /// Whether a delivery is under way, or one begins until `at`.
    pub(super) fn busy_until(&self, at: Instant) -> bool {
        let is_busy =
            |sink: &Sink| sink.queues.in_flight() > 0 || sink.next_deadline().is_some_and(|next| next <= at);
        self.sinks.values().any(is_busy)
    }
}

/// Adds an event to the deliveries of a sink. If the sink is disabled, that is a dead letter at
/// once, without a line in the log: there is one that says that it is disabled.
fn enqueue(sink: &mut Sink, header: &EventHeader, cx: &mut OutboxCx<'_>) {
    let Some(why) = sink.disabled_for() else { return sink.enqueue(header, cx.now.instant) };
    let id = DeliveryId { event: header.event, sink: sink.plan.name.clone() };
    let update = dead_letter(id, 0, why, cx.now);
    record_dead_letter(sink, update, cx.commit_queue);
}
