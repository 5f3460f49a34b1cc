//! What is owed to whom.
//!
//! Invariant: a delivery is handed out only after what it tells was made safe, until it is delivered or given up; the
//! deliveries of one job to one sink go out one after the other, in order, each only once what became of the one before
//! is safe. One sink never waits for another. Only the end of a job overtakes: the news that everybody waits for does not
//! stand behind earlier news that a receiver refuses.

mod sink;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use sink::Sink;

use super::commit_queue::{AfterCommit, CommitQueue, EventHeader};
use super::input::{
    Delivery, DeliveryId, DeliveryState, DeliveryUpdate, Diagnostic, Edit, Failure, FailureClass,
};
use super::retry::Schedule;
use super::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::config::EventFilter;
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{EventKind, JobId, ProjectName, SinkName};

/// A sink, as the outbox sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkPlan {
    /// Its name, under which what is owed to it is kept.
    pub name: SinkName,
    /// The transitions it wants.
    pub events: EventFilter,
    /// How it is tried again.
    pub policy: DeliveryPolicy,
    /// Stands for all of its settings: another number, other settings.
    pub fingerprint: u64,
}

/// How often a delivery is tried, and how long between the attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// The delays between the attempts; a `Retry-After` is a floor.
    pub schedule: Schedule,
    /// The least time between two attempts at any deliveries of the sink.
    pub spacing: Duration,
    /// What is older than this is not told any more.
    pub expires_after: Option<Duration>,
}

impl DeliveryPolicy {
    /// With these delays between the attempts, and no limit beside them.
    pub fn retry(schedule: Vec<Duration>) -> Self {
        Self { schedule: Schedule::new(schedule), spacing: Duration::ZERO, expires_after: None }
    }
}

/// How a sink is doing, for those who look.
#[derive(Debug, Clone, Copy)]
pub struct SinkView<'a> {
    /// Its name.
    pub name: &'a SinkName,
    /// Whether the configuration has it.
    pub is_configured: bool,
    /// Why nothing is sent to it any more, if so.
    pub disabled: Option<&'a str>,
    /// How many deliveries are under way or wait.
    pub pending: usize,
}

/// The deliveries of all sinks.
#[derive(Debug)]
pub(super) struct Outbox {
    sinks: BTreeMap<SinkName, Sink>,
    ahead: Ahead,
}

/// What was written by a clock that was ahead of the one of now, to be written again by this one: else what is left of a wait
/// would count from each start.
#[derive(Debug, Default)]
struct Ahead {
    deliveries: Vec<DeliveryUpdate>,
    sinks: Vec<SinkName>,
    /// The latest time at which some of it was written.
    newest: Option<Timestamp>,
}

impl Ahead {
    /// Whether this time is ahead of the clock of now.
    fn notices(&mut self, written_at: Timestamp, now: Now) -> bool {
        let is_ahead = written_at > now.wall;
        self.newest = self.newest.max(Some(written_at).filter(|_| is_ahead));
        is_ahead
    }
}

impl Outbox {
    /// An outbox with what was kept of its sinks and what is owed. [`Outbox::reconfigure`] says which sinks there are.
    pub(super) fn from_snapshot(records: Vec<SinkRecord>, pending: Vec<DeliveryRecord>, now: Now) -> Self {
        let mut sinks: BTreeMap<SinkName, Sink> = BTreeMap::new();
        let mut ahead = Ahead::default();
        for SinkRecord { name, snapshot } in records {
            let of_sink = pending.iter().filter(|record| record.id.sink == name);
            let written_at = of_sink.map(|record| record.written_at).max();
            if snapshot
                .held_until
                .and(snapshot.written_at.or(written_at))
                .is_some_and(|at| ahead.notices(at, now))
            {
                ahead.sinks.push(name.clone());
            }
            sinks.insert(name.clone(), Sink::from_snapshot(name, snapshot, written_at, now));
        }
        for record in pending {
            let name = record.id.sink.clone();
            if ahead.notices(record.written_at, now) {
                let due = Recorded::new(record.written_at, now).due(record.due);
                ahead.deliveries.push(DeliveryUpdate {
                    id: record.id.clone(),
                    at: now.wall,
                    attempts: record.attempts,
                    state: DeliveryState::Pending { due: now.wall_at(due) },
                    reason: None,
                });
            }
            let unknown = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, now);
            sinks.entry(name.clone()).or_insert_with(unknown).recall_owed(record, now);
        }
        Self { sinks, ahead }
    }

    /// When the latest record that it goes on from was written, if that is later than the clock of now.
    pub(super) fn written_ahead(&self) -> Option<Timestamp> {
        self.ahead.newest
    }

    /// From now on, there are these sinks. What is owed to one that is no more waits until it is there again.
    pub(super) fn reconfigure(
        &mut self,
        plans: Vec<SinkPlan>,
        now: Now,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for update in std::mem::take(&mut self.ahead.deliveries) {
            commit_queue.update(update);
        }
        for name in std::mem::take(&mut self.ahead.sinks) {
            self.sinks.get(&name).into_iter().for_each(|sink| commit_queue.sink(sink.record(now)));
        }
        self.sinks.values_mut().for_each(Sink::park);
        for plan in plans {
            self.configure(plan, now, commit_queue, diagnostics);
        }
        for sink in self.sinks.values().filter(|sink| !sink.is_configured() && sink.pending() > 0) {
            diagnostics
                .push(Diagnostic::SinkMissing { sink: sink.plan.name.clone(), pending: sink.pending() });
        }
    }

    fn configure(
        &mut self,
        plan: SinkPlan,
        now: Now,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let name = plan.name.clone();
        let new = || Sink::from_snapshot(name.clone(), SinkSnapshot::default(), None, now);
        let sink = self.sinks.entry(name.clone()).or_insert_with(new);
        let was_disabled = sink.is_disabled();
        if sink.configure(plan, now.instant) {
            commit_queue.sink(sink.record(now));
            if was_disabled {
                diagnostics.push(Diagnostic::SinkEnabled { sink: name });
            }
        } else if let Some(reason) = sink.disabled_for().map(str::to_owned) {
            for (id, attempts) in sink.disable(&reason) {
                commit_queue.update(dead_letter(id, attempts, &reason, now));
            }
            diagnostics.push(Diagnostic::SinkDisabled { sink: name, reason, buried: 0 });
        }
    }

    /// The sinks that want transitions of this kind.
    pub(super) fn wanted_by(&self, kind: EventKind) -> Vec<SinkName> {
        let wants = |sink: &&Sink| sink.is_configured() && sink.plan.events.wants(kind);
        self.sinks.values().filter(wants).map(|sink| sink.plan.name.clone()).collect()
    }

    /// A batch is safe: what was told in it may go out, and what comes after what ended in it.
    pub(super) fn committed(
        &mut self,
        after_commit: AfterCommit,
        now: Now,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        for id in &after_commit.finished {
            if let Some(sink) = self.sinks.get_mut(&id.sink) {
                sink.go_on_after(id.event, now.instant);
            }
        }
        for outgoing in after_commit.pending {
            for name in &outgoing.recipients {
                if let Some(sink) = self.sinks.get_mut(name) {
                    owe(sink, &outgoing.header, now, commit_queue, diagnostics);
                }
            }
        }
    }

    /// The next delivery to hand out at `now`. Those that are too old by then are dropped.
    pub(super) fn take_due(
        &mut self,
        now: Now,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<Delivery> {
        self.sinks.values_mut().find_map(|sink| {
            while let Some(delivery) = sink.take_due(now.instant) {
                if !sink.has_expired(&delivery, now.instant) {
                    return Some(delivery);
                }
                let reason = sink.reason_of(&delivery.id).map(str::to_owned);
                let attempts = delivery.attempt - 1;
                diagnostics
                    .push(Diagnostic::DeliveryExpired { id: delivery.id.clone(), reason: reason.clone() });
                let state = DeliveryState::Dropped;
                finish(
                    sink,
                    DeliveryUpdate { id: delivery.id, at: now.wall, attempts, state, reason },
                    commit_queue,
                );
            }
            None
        })
    }

    /// The earliest time at which [`Outbox::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sinks.values().filter_map(Sink::next_deadline).min()
    }

    /// A delivery was made.
    pub(super) fn delivered(&mut self, id: DeliveryId, now: Now, commit_queue: &mut CommitQueue) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };
        let state = DeliveryState::Delivered;
        finish(sink, DeliveryUpdate { id, at: now.wall, attempts, state, reason: None }, commit_queue);
    }

    /// A delivery failed.
    pub(super) fn failed(
        &mut self,
        id: DeliveryId,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };
        // A receiver that was replaced meanwhile has no say in how it goes on.
        let is_outdated = sink.is_outdated(&id);
        let pause = if is_outdated { Duration::ZERO } else { failure.pause(now) };
        let delay = match failure.class {
            _ if is_outdated => Some(Duration::ZERO),
            FailureClass::Permanent | FailureClass::Gone => None,
            _ => sink.plan.policy.schedule.delay(attempts, pause, rng),
        };
        if !pause.is_zero() && sink.hold_until(now.instant + pause) {
            commit_queue.sink(sink.record(now));
        }
        let update = |state| DeliveryUpdate {
            id: id.clone(),
            at: now.wall,
            attempts,
            state,
            reason: Some(failure.message.clone()),
        };
        if let Some(retry_in) = delay.filter(|_| !sink.is_disabled()) {
            let due = now.instant + retry_in;
            commit_queue.update(update(DeliveryState::Pending { due: now.wall_at(due) }));
            sink.try_again(&id, due, failure.message.clone(), now.instant);
            let reason = failure.message.clone();
            diagnostics.push(Diagnostic::DeliveryDelayed { id, attempts, retry_in, reason });
            return;
        }
        finish(sink, update(DeliveryState::Dead), commit_queue);
        if failure.class == FailureClass::Gone {
            disable(sink, &failure.message, now, commit_queue, diagnostics);
        }
        diagnostics.push(Diagnostic::DeliveryAbandoned { id, attempts, reason: failure.message.clone() });
    }

    /// Somebody changed what is owed in the state itself, where it is recorded already.
    pub(super) fn edited(
        &mut self,
        edit: Edit,
        now: Now,
        commit_queue: &mut CommitQueue,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        match edit {
            Edit::Drop(id) => {
                if let Some(sink) = self.sinks.get_mut(&id.sink) {
                    sink.forget(&id, now.instant);
                }
            }
            Edit::Retry(record) => {
                let Some(sink) = self.sinks.get_mut(&record.id.sink) else { return };
                if sink.is_disabled() {
                    let header = EventHeader::from(&record);
                    owe(sink, &header, now, commit_queue, diagnostics);
                } else if !sink.try_now(&record.id, now.instant) {
                    sink.recall_owed(record, now);
                }
            }
        }
    }

    /// How many deliveries are handed out or wait to be, to sinks that the configuration has.
    pub(super) fn pending(&self) -> usize {
        self.sinks.values().filter(|sink| sink.is_configured()).map(Sink::pending).sum()
    }

    /// How many deliveries are handed out or wait to be, whatever the configuration has, by job.
    pub(super) fn pending_by_job(&self) -> BTreeMap<(&ProjectName, &JobId), usize> {
        let mut pending = BTreeMap::new();
        for (project, job, count) in self.sinks.values().flat_map(Sink::pending_by_job) {
            if let Some(job) = job {
                *pending.entry((project, job)).or_default() += count;
            }
        }
        pending
    }

    /// The sinks that the configuration has, and others to which something is owed.
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
    pub(super) fn tells_until(&self, at: Instant) -> bool {
        let tells = |sink: &Sink| sink.is_telling() || sink.next_deadline().is_some_and(|next| next <= at);
        self.sinks.values().any(tells)
    }
}

/// Owes a transition to a sink, which makes it a dead letter at once where nothing is sent to the sink any more.
fn owe(
    sink: &mut Sink,
    header: &EventHeader,
    now: Now,
    commit_queue: &mut CommitQueue,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let Some(why) = sink.disabled_for() else { return sink.owe(header, now.instant) };
    let id = DeliveryId { event: header.event, sink: sink.plan.name.clone() };
    let update = dead_letter(id.clone(), 0, why, now);
    let reason = update.reason.clone().unwrap_or_default();
    diagnostics.push(Diagnostic::DeliveryAbandoned { id, attempts: 0, reason });
    commit_queue.update(update);
}

/// The end of a delivery to a sink to which nothing is sent any more.
fn dead_letter(id: DeliveryId, attempts: u32, why: &str, now: Now) -> DeliveryUpdate {
    let reason = Some(format!("the sink is disabled: {why}"));
    DeliveryUpdate { id, at: now.wall, attempts, state: DeliveryState::Dead, reason }
}

/// Ends a delivery. The next one of its lane goes out once that is safe.
fn finish(sink: &mut Sink, update: DeliveryUpdate, commit_queue: &mut CommitQueue) {
    sink.finish(&update.id, update.state == DeliveryState::Delivered);
    commit_queue.update(update);
}

/// Sends nothing more to a sink, until its settings change. What waits for it becomes dead letters.
fn disable(
    sink: &mut Sink,
    reason: &str,
    now: Now,
    commit_queue: &mut CommitQueue,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let waiting = sink.disable(reason);
    commit_queue.sink(sink.record(now));
    let buried = waiting.len();
    for (id, attempts) in waiting {
        commit_queue.update(dead_letter(id, attempts, reason, now));
    }
    diagnostics.push(Diagnostic::SinkDisabled {
        sink: sink.plan.name.clone(),
        reason: reason.to_owned(),
        buried,
    });
}
