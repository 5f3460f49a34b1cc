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

use super::event::{Delivery, DeliveryId, DeliveryUpdate, Edit, Failure, FailureClass, Fate, Note};
use super::journal::{Journal, Notice, Pledges};
use super::memory::{DeliveryRecord, SinkMemory, SinkRecord};
use super::retry::Schedule;
use super::time::{Instant, Now, Recorded};
use crate::config::EventFilter;
use crate::model::{JobId, ProjectName, SinkName, TransitionKind};

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
    pub owed: usize,
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
    pub(super) fn recall(records: Vec<SinkRecord>, owed: Vec<DeliveryRecord>, now: Now) -> Self {
        let mut sinks: BTreeMap<SinkName, Sink> = BTreeMap::new();
        let mut ahead = Ahead::default();
        for SinkRecord { name, memory } in records {
            let of_sink = owed.iter().filter(|record| record.id.sink == name);
            let written_at = of_sink.map(|record| record.written_at).max();
            if memory
                .held_until
                .and(memory.written_at.or(written_at))
                .is_some_and(|at| ahead.notices(at, now))
            {
                ahead.sinks.push(name.clone());
            }
            sinks.insert(name.clone(), Sink::recall(name, memory, written_at, now));
        }
        for record in owed {
            let name = record.id.sink.clone();
            if ahead.notices(record.written_at, now) {
                let due = Recorded::new(record.written_at, now).due(record.due);
                ahead.deliveries.push(DeliveryUpdate {
                    id: record.id.clone(),
                    at: now.wall,
                    attempts: record.attempts,
                    fate: Fate::Pending { due: now.wall_at(due) },
                    reason: None,
                });
            }
            let unknown = || Sink::recall(name.clone(), SinkMemory::default(), None, now);
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
        journal: &mut Journal,
        notes: &mut Vec<Note>,
    ) {
        for update in std::mem::take(&mut self.ahead.deliveries) {
            journal.update(update);
        }
        for name in std::mem::take(&mut self.ahead.sinks) {
            self.sinks.get(&name).into_iter().for_each(|sink| journal.sink(sink.record(now)));
        }
        self.sinks.values_mut().for_each(Sink::park);
        for plan in plans {
            self.configure(plan, now, journal, notes);
        }
        for sink in self.sinks.values().filter(|sink| !sink.is_configured() && sink.owed() > 0) {
            notes.push(Note::SinkMissing { sink: sink.plan.name.clone(), owed: sink.owed() });
        }
    }

    fn configure(&mut self, plan: SinkPlan, now: Now, journal: &mut Journal, notes: &mut Vec<Note>) {
        let name = plan.name.clone();
        let new = || Sink::recall(name.clone(), SinkMemory::default(), None, now);
        let sink = self.sinks.entry(name.clone()).or_insert_with(new);
        let was_disabled = sink.is_disabled();
        if sink.configure(plan, now.instant) {
            journal.sink(sink.record(now));
            if was_disabled {
                notes.push(Note::SinkEnabled { sink: name });
            }
        } else if let Some(reason) = sink.disabled_for().map(str::to_owned) {
            for (id, attempts) in sink.disable(&reason) {
                journal.update(dead_letter(id, attempts, &reason, now));
            }
            notes.push(Note::SinkDisabled { sink: name, reason, buried: 0 });
        }
    }

    /// The sinks that want transitions of this kind.
    pub(super) fn wanted_by(&self, kind: TransitionKind) -> Vec<SinkName> {
        let wants = |sink: &&Sink| sink.is_configured() && sink.plan.events.wants(kind);
        self.sinks.values().filter(wants).map(|sink| sink.plan.name.clone()).collect()
    }

    /// A batch is safe: what was told in it may go out, and what comes after what ended in it.
    pub(super) fn committed(
        &mut self,
        pledges: Pledges,
        now: Now,
        journal: &mut Journal,
        notes: &mut Vec<Note>,
    ) {
        for id in &pledges.finished {
            if let Some(sink) = self.sinks.get_mut(&id.sink) {
                sink.go_on_after(id.transition, now.instant);
            }
        }
        for pledge in pledges.owed {
            for name in &pledge.owed_to {
                if let Some(sink) = self.sinks.get_mut(name) {
                    owe(sink, &pledge.notice, now, journal, notes);
                }
            }
        }
    }

    /// The next delivery to hand out at `now`. Those that are too old by then are dropped.
    pub(super) fn take_due(
        &mut self,
        now: Now,
        journal: &mut Journal,
        notes: &mut Vec<Note>,
    ) -> Option<Delivery> {
        self.sinks.values_mut().find_map(|sink| {
            while let Some(delivery) = sink.take_due(now.instant) {
                if !sink.has_expired(&delivery, now.instant) {
                    return Some(delivery);
                }
                let reason = sink.reason_of(&delivery.id).map(str::to_owned);
                let attempts = delivery.attempt - 1;
                notes.push(Note::DeliveryExpired { id: delivery.id.clone(), reason: reason.clone() });
                let fate = Fate::Dropped;
                finish(
                    sink,
                    DeliveryUpdate { id: delivery.id, at: now.wall, attempts, fate, reason },
                    journal,
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
    pub(super) fn delivered(&mut self, id: DeliveryId, now: Now, journal: &mut Journal) {
        let Some(sink) = self.sinks.get_mut(&id.sink) else { return };
        let Some(attempts) = sink.attempts_under_way(&id) else { return };
        let fate = Fate::Delivered;
        finish(sink, DeliveryUpdate { id, at: now.wall, attempts, fate, reason: None }, journal);
    }

    /// A delivery failed.
    pub(super) fn failed(
        &mut self,
        id: DeliveryId,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
        journal: &mut Journal,
        notes: &mut Vec<Note>,
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
            journal.sink(sink.record(now));
        }
        let update = |fate| DeliveryUpdate {
            id: id.clone(),
            at: now.wall,
            attempts,
            fate,
            reason: Some(failure.message.clone()),
        };
        if let Some(retry_in) = delay.filter(|_| !sink.is_disabled()) {
            let due = now.instant + retry_in;
            journal.update(update(Fate::Pending { due: now.wall_at(due) }));
            sink.try_again(&id, due, failure.message.clone(), now.instant);
            let reason = failure.message.clone();
            notes.push(Note::DeliveryDelayed { id, attempts, retry_in, reason });
            return;
        }
        finish(sink, update(Fate::Dead), journal);
        if failure.class == FailureClass::Gone {
            disable(sink, &failure.message, now, journal, notes);
        }
        notes.push(Note::DeliveryAbandoned { id, attempts, reason: failure.message.clone() });
    }

    /// Somebody changed what is owed in the state itself, where it is recorded already.
    pub(super) fn edited(&mut self, edit: Edit, now: Now, journal: &mut Journal, notes: &mut Vec<Note>) {
        match edit {
            Edit::Drop(id) => {
                if let Some(sink) = self.sinks.get_mut(&id.sink) {
                    sink.forget(&id, now.instant);
                }
            }
            Edit::Retry(record) => {
                let Some(sink) = self.sinks.get_mut(&record.id.sink) else { return };
                if sink.is_disabled() {
                    let notice = Notice::from(&record);
                    owe(sink, &notice, now, journal, notes);
                } else if !sink.try_now(&record.id, now.instant) {
                    sink.recall_owed(record, now);
                }
            }
        }
    }

    /// How many deliveries are handed out or wait to be, to sinks that the configuration has.
    pub(super) fn owed(&self) -> usize {
        self.sinks.values().filter(|sink| sink.is_configured()).map(Sink::owed).sum()
    }

    /// How many deliveries are handed out or wait to be, whatever the configuration has, by job.
    pub(super) fn owed_by_job(&self) -> BTreeMap<(&ProjectName, &JobId), usize> {
        let mut owed = BTreeMap::new();
        for (project, job, count) in self.sinks.values().flat_map(Sink::owed_by_job) {
            if let Some(job) = job {
                *owed.entry((project, job)).or_default() += count;
            }
        }
        owed
    }

    /// The sinks that the configuration has, and others to which something is owed.
    pub(super) fn views(&self) -> impl Iterator<Item = SinkView<'_>> {
        fn view(sink: &Sink) -> SinkView<'_> {
            SinkView {
                name: &sink.plan.name,
                is_configured: sink.is_configured(),
                disabled: sink.disabled_for(),
                owed: sink.owed(),
            }
        }
        self.sinks.values().filter(|sink| sink.is_configured() || sink.owed() > 0).map(view)
    }

    /// Whether a delivery is under way, or one begins until `at`.
    pub(super) fn tells_until(&self, at: Instant) -> bool {
        let tells = |sink: &Sink| sink.is_telling() || sink.next_deadline().is_some_and(|next| next <= at);
        self.sinks.values().any(tells)
    }
}

/// Owes a transition to a sink, which makes it a dead letter at once where nothing is sent to the sink any more.
fn owe(sink: &mut Sink, notice: &Notice, now: Now, journal: &mut Journal, notes: &mut Vec<Note>) {
    let Some(why) = sink.disabled_for() else { return sink.owe(notice, now.instant) };
    let id = DeliveryId { transition: notice.transition, sink: sink.plan.name.clone() };
    let update = dead_letter(id.clone(), 0, why, now);
    let reason = update.reason.clone().unwrap_or_default();
    notes.push(Note::DeliveryAbandoned { id, attempts: 0, reason });
    journal.update(update);
}

/// The end of a delivery to a sink to which nothing is sent any more.
fn dead_letter(id: DeliveryId, attempts: u32, why: &str, now: Now) -> DeliveryUpdate {
    let reason = Some(format!("the sink is disabled: {why}"));
    DeliveryUpdate { id, at: now.wall, attempts, fate: Fate::Dead, reason }
}

/// Ends a delivery. The next one of its lane goes out once that is safe.
fn finish(sink: &mut Sink, update: DeliveryUpdate, journal: &mut Journal) {
    sink.finish(&update.id, update.fate == Fate::Delivered);
    journal.update(update);
}

/// Sends nothing more to a sink, until its settings change. What waits for it becomes dead letters.
fn disable(sink: &mut Sink, reason: &str, now: Now, journal: &mut Journal, notes: &mut Vec<Note>) {
    let waiting = sink.disable(reason);
    journal.sink(sink.record(now));
    let buried = waiting.len();
    for (id, attempts) in waiting {
        journal.update(dead_letter(id, attempts, reason, now));
    }
    notes.push(Note::SinkDisabled { sink: sink.plan.name.clone(), reason: reason.to_owned(), buried });
}
