//! What is owed to whom.
//!
//! Invariant: a delivery is handed out only after its batch was committed; the deliveries of one job to one sink go out
//! one after the other, in order; each is handed out until it is delivered or given up. One sink never waits for
//! another. Only the end of a job overtakes: the news that everybody waits for does not stand behind earlier news that
//! a receiver refuses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::event::{Batch, BatchEntry, Delivery, DeliveryId, Failure, FailureClass, Note};
use super::retry::Backoff;
use super::time::{Instant, Now};
use crate::config::EventFilter;
use crate::model::{JobId, ProjectName, Transition, TransitionId};

/// How many deliveries to one sink may be under way at once.
const MAX_IN_FLIGHT: usize = 8;

/// A sink, as the outbox sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct SinkPlan {
    /// The transitions it wants.
    pub events: EventFilter,
    /// How it is tried again.
    pub policy: DeliveryPolicy,
}

/// How often a delivery is tried, and how long between the attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// The most attempts; at least 1.
    pub attempts: u32,
    /// The delays between them; a `Retry-After` is a floor.
    pub backoff: Backoff,
}

impl DeliveryPolicy {
    /// One attempt: for sinks on this machine, where trying again has no point.
    pub const ONCE: Self =
        Self { attempts: 1, backoff: Backoff { initial: Duration::ZERO, max: Duration::ZERO } };

    /// For webhooks: 16 attempts, at most 1 s to an hour apart; about two hours in all on average.
    pub const WEBHOOK: Self = Self {
        attempts: 16,
        backoff: Backoff { initial: Duration::from_secs(1), max: Duration::from_hours(1) },
    };
}

/// The deliveries of all sinks.
#[derive(Debug)]
pub(super) struct Outbox {
    sinks: Vec<Sink>,
    staged: Batch,
    committing: Option<Batch>,
}

/// What is owed to one sink.
#[derive(Debug)]
struct Sink {
    plan: SinkPlan,
    lanes: BTreeMap<Lane, Waiting>,
    /// The lanes whose head is not under way, by the time of its next attempt.
    due: BTreeSet<(Instant, Lane)>,
    /// The lanes whose head is under way.
    in_flight: BTreeMap<TransitionId, Lane>,
    /// The receiver asked to be left alone until then.
    held_until: Instant,
}

/// The deliveries of one lane, the next one first.
#[derive(Debug, Default)]
struct Waiting {
    owed: VecDeque<Owed>,
    /// When the head is tried; none while it is under way.
    due: Option<Instant>,
}

/// What must stay in order: the transitions of one job, or those of a project.
type Lane = (ProjectName, Option<JobId>);

#[derive(Debug)]
struct Owed {
    transition: Arc<Transition>,
    attempts: u32,
}

impl Outbox {
    pub(super) fn new(sinks: Vec<SinkPlan>) -> Self {
        let sinks = sinks.into_iter().map(Sink::new).collect();
        Self { sinks, staged: Batch::default(), committing: None }
    }

    /// Takes a transition into the batch to be committed, with what is owed for it.
    pub(super) fn stage(&mut self, transition: Transition) {
        let wanted = |(_, sink): &(usize, &Sink)| sink.plan.events.wants(transition.kind);
        let owed_to = self.sinks.iter().enumerate().filter(wanted).map(|(index, _)| index).collect();
        self.staged.entries.push(BatchEntry { transition: Arc::new(transition), owed_to });
    }

    /// The next batch to commit; none while one is under way.
    pub(super) fn take_batch(&mut self) -> Option<Batch> {
        if self.committing.is_some() || self.staged.entries.is_empty() {
            return None;
        }
        let batch = std::mem::take(&mut self.staged);
        self.committing = Some(batch.clone());
        Some(batch)
    }

    /// The batch under way is safe: its deliveries may go out.
    pub(super) fn committed(&mut self, now: Instant) {
        for BatchEntry { transition, owed_to } in self.committing.take().unwrap_or_default().entries {
            let lane = (transition.project.clone(), transition.job.as_ref().map(|job| job.id.clone()));
            for index in owed_to {
                if let Some(sink) = self.sinks.get_mut(index) {
                    sink.owe(lane.clone(), Arc::clone(&transition), now);
                }
            }
        }
    }

    /// The next delivery to hand out at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Delivery> {
        self.sinks.iter_mut().enumerate().find_map(|(index, sink)| sink.take_due(index, now))
    }

    /// The earliest time at which [`Outbox::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.sinks.iter().filter_map(Sink::next_deadline).min()
    }

    /// A delivery was made.
    pub(super) fn delivered(&mut self, id: DeliveryId, now: Instant) {
        if let Some(sink) = self.sinks.get_mut(id.sink) {
            sink.finish(id, now);
        }
    }

    /// A delivery failed. Returns what is worth a line in the log.
    pub(super) fn failed(
        &mut self,
        id: DeliveryId,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<Note> {
        let sink = self.sinks.get_mut(id.sink)?;
        let policy = sink.plan.policy;
        let lane = sink.in_flight.get(&id.transition)?.clone();
        let attempts = sink.lanes.get(&lane)?.owed.front()?.attempts;
        if failure.class == FailureClass::Permanent || attempts >= policy.attempts {
            sink.finish(id, now.instant);
            return Some(Note::DeliveryAbandoned { id, attempts, reason: failure.message.clone() });
        }
        let pause = failure.pause(now);
        sink.held_until = sink.held_until.max(now.instant + pause);
        let retry_in = policy.backoff.delay(attempts, pause, rng);
        sink.in_flight.remove(&id.transition);
        let overtaken = sink.let_the_end_overtake(&lane);
        sink.schedule(lane, now.instant + if overtaken { Duration::ZERO } else { retry_in });
        Some(Note::DeliveryDelayed { id, attempts, retry_in, reason: failure.message.clone() })
    }

    /// How many deliveries are owed, committed or not.
    pub(super) fn owed(&self) -> usize {
        let uncommitted = self.uncommitted().map(|entry| entry.owed_to.len());
        let committed =
            self.sinks.iter().flat_map(|sink| sink.lanes.values()).map(|waiting| waiting.owed.len());
        uncommitted.sum::<usize>() + committed.sum::<usize>()
    }

    /// Whether every transition is committed and nothing is owed.
    pub(super) fn is_settled(&self) -> bool {
        self.uncommitted().next().is_none() && self.sinks.iter().all(|sink| sink.lanes.is_empty())
    }

    /// Whether a commit or a delivery is under way, or one begins until `at`.
    pub(super) fn tells_until(&self, at: Instant) -> bool {
        let busy =
            |sink: &Sink| !sink.in_flight.is_empty() || sink.next_deadline().is_some_and(|next| next <= at);
        self.uncommitted().next().is_some() || self.sinks.iter().any(busy)
    }

    fn uncommitted(&self) -> impl Iterator<Item = &BatchEntry> {
        self.committing.iter().chain([&self.staged]).flat_map(|batch| &batch.entries)
    }
}

impl Sink {
    fn new(plan: SinkPlan) -> Self {
        Self {
            plan,
            lanes: BTreeMap::new(),
            due: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            held_until: Instant::default(),
        }
    }

    fn owe(&mut self, lane: Lane, transition: Arc<Transition>, now: Instant) {
        let waiting = self.lanes.entry(lane.clone()).or_default();
        waiting.owed.push_back(Owed { transition, attempts: 0 });
        let alone = waiting.owed.len() == 1;
        let head_waits_after_failing = waiting.due.is_some() && waiting.owed[0].attempts > 0;
        if alone || (head_waits_after_failing && self.let_the_end_overtake(&lane)) {
            self.schedule(lane, now);
        }
    }

    /// Moves the end of a job before earlier news. Returns whether it did.
    fn let_the_end_overtake(&mut self, lane: &Lane) -> bool {
        let Some(Waiting { owed, .. }) = self.lanes.get_mut(lane) else { return false };
        let end = owed.iter().position(|owed| owed.transition.kind.is_terminal()).filter(|at| *at > 0);
        let Some(end) = end.and_then(|at| owed.remove(at)) else { return false };
        owed.push_front(end);
        true
    }

    fn schedule(&mut self, lane: Lane, due: Instant) {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        if let Some(old) = waiting.due.replace(due) {
            self.due.remove(&(old, lane.clone()));
        }
        self.due.insert((due, lane));
    }

    fn next_deadline(&self) -> Option<Instant> {
        let (due, _) = self.due.first().filter(|_| self.in_flight.len() < MAX_IN_FLIGHT)?;
        Some((*due).max(self.held_until))
    }

    fn take_due(&mut self, index: usize, now: Instant) -> Option<Delivery> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, lane) = self.due.pop_first()?;
        let waiting = self.lanes.get_mut(&lane)?;
        waiting.due = None;
        let owed = waiting.owed.front_mut()?;
        owed.attempts += 1;
        self.in_flight.insert(owed.transition.id, lane);
        let id = DeliveryId { transition: owed.transition.id, sink: index };
        Some(Delivery { id, transition: Arc::clone(&owed.transition), attempt: owed.attempts })
    }

    fn finish(&mut self, id: DeliveryId, now: Instant) {
        let Some(lane) = self.in_flight.remove(&id.transition) else { return };
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        waiting.owed.pop_front();
        if waiting.owed.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.schedule(lane, now);
        }
    }
}
