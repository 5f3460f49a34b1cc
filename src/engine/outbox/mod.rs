//! Decides which delivery goes to which sink, and when.
//!
//! Invariants: a delivery begins only after its event is committed, and is attempted until it is
//! delivered, dropped or given up. The deliveries of one job to one sink go out in order, each
//! after the end of the one before is committed; only the end of a job overtakes, so that it does
//! not wait behind an event that the receiver refuses. No sink waits for another.

mod concurrency;
mod sink;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub(super) use concurrency::INITIAL as INITIAL_IN_FLIGHT;

use sink::Sink;

use super::action::{Delivery, DeliveryChange, DeliveryUpdate};
use super::commit_queue::{AfterCommit, CommitQueue, EventHeader};
use super::diagnostic::Diagnostic;
use super::failure::{Failure, FailureClass};
use super::input::Edit;
use super::sink_plan::SinkPlan;
use super::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{DeliveryId, EventKind, JobId, ProjectName, Reason, SinkName};

/// The state of a sink.
#[derive(Debug, Clone, Copy)]
pub struct SinkView<'a> {
    pub name: &'a SinkName,
    pub is_configured: bool,
    /// Why it gets no deliveries, if it is disabled.
    pub disabled: Option<&'a str>,
    pub pending: usize,
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

/// Records that were written by a clock that was ahead of the present one. They are written again
/// by this one, because else the rest of a wait would count from each start.
#[derive(Debug, Default)]
struct RecordsAhead {
    deliveries: Vec<DeliveryUpdate>,
    sinks: Vec<SinkName>,
    /// The latest time at which one of them was written.
    newest: Option<Timestamp>,
}

impl RecordsAhead {
    /// Whether this time is ahead of the present clock; remembers the latest one.
    fn note(&mut self, written_at: Timestamp, now: Now) -> bool {
        let is_ahead = written_at > now.wall;
        self.newest = self.newest.max(Some(written_at).filter(|_| is_ahead));
        is_ahead
    }
}

impl Outbox {
    /// An outbox with recorded sinks and pending deliveries. [`Outbox::reconfigure`] says which of
    /// the sinks are configured.
    pub(super) fn from_snapshot(records: Vec<SinkRecord>, pending: Vec<DeliveryRecord>, now: Now) -> Self {
        let mut sinks: BTreeMap<SinkName, Sink> = BTreeMap::new();
        let mut ahead = RecordsAhead::default();

        for SinkRecord { name, snapshot } in records {
            let of_sink = pending.iter().filter(|record| record.id.sink == name);
            let written_at = of_sink.map(|record| record.written_at).max();
            let held_since = snapshot.held_until.and(snapshot.written_at.or(written_at));
            if held_since.is_some_and(|at| ahead.note(at, now)) {
                ahead.sinks.push(name.clone());
            }
            sinks.insert(name.clone(), Sink::from_snapshot(name, snapshot, written_at, now));
        }

        for record in pending {
            let name = record.id.sink.clone();
            if ahead.note(record.written_at, now) {
                let due = Recorded::new(record.written_at, now).due(record.due);
                ahead.deliveries.push(DeliveryUpdate {
                    id: record.id.clone(),
                    at: now.wall,
                    attempts: record.attempts,
                    change: DeliveryChange::Pending { due: now.wall_at(due) },
                    reason: None,
                });
            }
            let unknown = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, now);
            sinks.entry(name.clone()).or_insert_with(unknown).restore_pending(record, now);
        }

        Self { sinks, ahead }
    }

    /// When the latest record was written, if that is ahead of the present clock.
    pub(super) fn written_ahead(&self) -> Option<Timestamp> {
        self.ahead.newest
    }

    /// Has these sinks from now on. Deliveries to another one wait until it is configured again.
    pub(super) fn reconfigure(&mut self, plans: Vec<SinkPlan>, cx: &mut OutboxCx<'_>) {
        for update in std::mem::take(&mut self.ahead.deliveries) {
            cx.commit_queue.update(update);
        }
        for name in std::mem::take(&mut self.ahead.sinks) {
            self.sinks.get(&name).into_iter().for_each(|sink| cx.commit_queue.sink(sink.record(cx.now)));
        }

        self.sinks.values_mut().for_each(Sink::unconfigure);
        for plan in plans {
            self.configure(plan, cx);
        }

        let missing = self.sinks.values().filter(|sink| !sink.is_configured() && sink.pending() > 0);
        cx.diagnostics.extend(
            missing.map(|sink| Diagnostic::SinkMissing {
                sink: sink.plan.name.clone(),
                pending: sink.pending(),
            }),
        );
    }

    fn configure(&mut self, plan: SinkPlan, cx: &mut OutboxCx<'_>) {
        let name = plan.name.clone();
        let new = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, cx.now);
        let sink = self.sinks.entry(name.clone()).or_insert_with(new);
        let was_disabled = sink.is_disabled();

        if sink.configure(plan, cx.now.instant) {
            cx.commit_queue.sink(sink.record(cx.now));
            if was_disabled {
                cx.diagnostics.push(Diagnostic::SinkEnabled { sink: name });
            }
        } else if let Some(reason) = sink.disabled_for().map(str::to_owned) {
            for (id, attempts) in sink.disable(&reason) {
                cx.commit_queue.update(dead_letter(id, attempts, &reason, cx.now));
            }
            cx.diagnostics.push(Diagnostic::SinkDisabled { sink: name, reason, dead_letters: 0 });
        }
    }

    /// The sinks that get events of this kind.
    pub(super) fn wanted_by(&self, kind: EventKind) -> Vec<SinkName> {
        let wants = |sink: &&Sink| sink.is_configured() && sink.plan.events.wants(kind);
        self.sinks.values().filter(wants).map(|sink| sink.plan.name.clone()).collect()
    }

    /// A batch is committed: its events may go out, and what waited for its finished deliveries.
    pub(super) fn committed(&mut self, after_commit: AfterCommit, cx: &mut OutboxCx<'_>) {
        for id in &after_commit.finished {
            if let Some(sink) = self.sinks.get_mut(&id.sink) {
                sink.release_after(id.event, cx.now.instant);
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

                let reason = sink.reason_of(&delivery.id).map(str::to_owned);
                let attempts = delivery.attempt - 1;
                cx.diagnostics
                    .push(Diagnostic::DeliveryExpired { id: delivery.id.clone(), reason: reason.clone() });
                let change = DeliveryChange::Dropped;
                finish(
                    sink,
                    DeliveryUpdate { id: delivery.id, at: cx.now.wall, attempts, change, reason },
                    cx.commit_queue,
                );
            }
            None
        })
    }

    /// The earliest time at which [`Outbox::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sinks.values().filter_map(Sink::next_deadline).min()
    }

    /// A sink accepted a delivery.
    pub(super) fn delivered(&mut self, id: DeliveryId, cx: &mut OutboxCx<'_>) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };
        sink.on_accepted(&id, cx.now.instant);
        let change = DeliveryChange::Delivered;
        finish(sink, DeliveryUpdate { id, at: cx.now.wall, attempts, change, reason: None }, cx.commit_queue);
    }

    /// A delivery failed.
    pub(super) fn failed(&mut self, id: DeliveryId, failure: &Failure, cx: &mut OutboxCx<'_>) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };

        // The answer of a receiver that was replaced meanwhile says nothing about the present one.
        let is_outdated = sink.is_outdated(&id);
        let pause = if is_outdated { Duration::ZERO } else { failure.pause(cx.now) };
        let delay = match failure.class {
            _ if is_outdated => Some(Duration::ZERO),
            FailureClass::Permanent | FailureClass::Gone => None,
            _ => sink.plan.policy.schedule.delay(attempts, pause, cx.rng),
        };

        if matches!(failure.class, FailureClass::Throttled | FailureClass::Transient) {
            sink.on_overload(&id);
        }
        if !pause.is_zero() && sink.hold_until(cx.now.instant + pause) {
            cx.commit_queue.sink(sink.record(cx.now));
        }

        let update = |change| DeliveryUpdate {
            id: id.clone(),
            at: cx.now.wall,
            attempts,
            change,
            reason: Some(failure.message.clone()),
        };
        if let Some(retry_in) = delay.filter(|_| !sink.is_disabled()) {
            let due = cx.now.instant + retry_in;
            cx.commit_queue.update(update(DeliveryChange::Pending { due: cx.now.wall_at(due) }));
            sink.retry_at(&id, due, failure.message.clone(), cx.now.instant);
            let reason = failure.message.clone();
            cx.diagnostics.push(Diagnostic::DeliveryDelayed { id, attempts, retry_in, reason });
            return;
        }

        finish(sink, update(DeliveryChange::Dead), cx.commit_queue);
        if failure.class == FailureClass::Gone {
            disable(sink, &failure.message, cx);
        }
        cx.diagnostics.push(Diagnostic::DeliveryAbandoned { id, attempts, reason: failure.message.clone() });
    }

    /// Another process changed a delivery in the state, where the change is recorded already.
    pub(super) fn edited(&mut self, edit: Edit, cx: &mut OutboxCx<'_>) {
        match edit {
            Edit::Drop(record) => {
                if let Some(sink) = self.sinks.get_mut(&record.id.sink) {
                    sink.forget(&record, cx.now.instant);
                }
            }
            Edit::Retry(record) => {
                let Some(sink) = self.sinks.get_mut(&record.id.sink) else { return };
                if sink.is_disabled() {
                    let header = EventHeader::from(&record);
                    enqueue(sink, &header, cx);
                } else if !sink.retry_now(&record, cx.now.instant) {
                    sink.restore_pending(record, cx.now);
                }
            }
        }
    }

    /// How many deliveries to configured sinks are pending.
    pub(super) fn pending(&self) -> usize {
        self.sinks.values().filter(|sink| sink.is_configured()).map(Sink::pending).sum()
    }

    /// Why the last attempt at a pending delivery failed, of any that failed.
    pub(super) fn last_error(&self) -> Option<&str> {
        self.sinks.values().find_map(Sink::last_error)
    }

    /// How many deliveries are pending for a job, whether their sink is configured or not.
    pub(super) fn pending_of(&self, project: &ProjectName, job: &JobId) -> usize {
        let key = (project.clone(), Some(job.clone()));
        self.sinks.values().map(|sink| sink.pending_of(&key)).sum()
    }

    /// The configured sinks, and others that have pending deliveries.
    pub(super) fn views(&self) -> impl Iterator<Item = SinkView<'_>> {
        fn view(sink: &Sink) -> SinkView<'_> {
            SinkView {
                name: &sink.plan.name,
                is_configured: sink.is_configured(),
                disabled: sink.disabled_for(),
                pending: sink.pending(),
            }
        }
        self.sinks.values().filter(|sink| sink.is_configured() || sink.pending() > 0).map(view)
    }

    /// Whether a delivery is under way, or one begins until `at`.
    pub(super) fn busy_until(&self, at: Instant) -> bool {
        let is_busy =
            |sink: &Sink| sink.is_delivering() || sink.next_deadline().is_some_and(|next| next <= at);
        self.sinks.values().any(is_busy)
    }
}

/// Adds an event to the deliveries of a sink. If the sink is disabled, that is a dead letter at
/// once.
fn enqueue(sink: &mut Sink, header: &EventHeader, cx: &mut OutboxCx<'_>) {
    let Some(why) = sink.disabled_for() else { return sink.enqueue(header, cx.now.instant) };
    let id = DeliveryId { event: header.event, sink: sink.plan.name.clone() };
    let update = dead_letter(id.clone(), 0, why, cx.now);
    let reason = update.reason.clone().unwrap_or_default();
    cx.diagnostics.push(Diagnostic::DeliveryAbandoned { id, attempts: 0, reason });
    cx.commit_queue.update(update);
}

/// The end of a delivery to a disabled sink.
fn dead_letter(id: DeliveryId, attempts: u32, why: &str, now: Now) -> DeliveryUpdate {
    let reason = Some(Reason::SinkDisabled(why.to_owned()).to_string());
    DeliveryUpdate { id, at: now.wall, attempts, change: DeliveryChange::Dead, reason }
}

/// Ends a delivery. The next one with its ordering key goes out once that is committed.
fn finish(sink: &mut Sink, update: DeliveryUpdate, commit_queue: &mut CommitQueue) {
    sink.finish(&update.id, update.change == DeliveryChange::Delivered);
    commit_queue.update(update);
}

/// Disables a sink until its settings change. Its waiting deliveries become dead letters.
fn disable(sink: &mut Sink, reason: &str, cx: &mut OutboxCx<'_>) {
    let waiting = sink.disable(reason);
    cx.commit_queue.sink(sink.record(cx.now));
    let dead_letters = waiting.len();
    for (id, attempts) in waiting {
        cx.commit_queue.update(dead_letter(id, attempts, reason, cx.now));
    }
    cx.diagnostics.push(Diagnostic::SinkDisabled {
        sink: sink.plan.name.clone(),
        reason: reason.to_owned(),
        dead_letters,
    });
}
