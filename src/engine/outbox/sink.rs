//! What is owed to one sink.
//!
//! Invariant: the head of each lane is in one of three states: it waits for its next attempt, it is under way, or what
//! became of the one before it is being made safe.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;

use super::{DeliveryPolicy, SinkPlan};
use crate::config::EventFilter;
use crate::engine::commit_queue::EventHeader;
use crate::engine::input::{Delivery, DeliveryId};
use crate::engine::snapshot::{DeliveryRecord, SinkRecord, SinkSnapshot};
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{EventId, JobId, ProjectName, SinkName};

/// How many deliveries to one sink may be under way at once.
const MAX_IN_FLIGHT: usize = 8;

/// One sink.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) plan: SinkPlan,
    /// Whether the configuration has it. What is owed to one that it does not have waits until it does.
    is_configured: bool,
    lanes: BTreeMap<Lane, Waiting>,
    /// The lanes whose head waits, by the time of its next attempt.
    due: BTreeSet<(Instant, Lane)>,
    /// The lanes whose head is under way.
    in_flight: BTreeMap<EventId, Flight>,
    /// The lanes whose last delivery is over, which is being made safe.
    settling: BTreeMap<EventId, Settling>,
    /// Nothing is sent before then: the receiver asked to be left alone, or takes so many in a time.
    held_until: Instant,
    disabled: Option<String>,
}

/// The deliveries of one lane, the next one first.
#[derive(Debug)]
struct Waiting {
    pending: VecDeque<PendingDelivery>,
    /// When the head is tried, while it waits for that.
    due: Option<Instant>,
}

/// A delivery under way.
#[derive(Debug)]
struct Flight {
    lane: Lane,
    /// Stands for the settings that it began with.
    fingerprint: u64,
}

/// What became of a delivery, while that is being made safe.
#[derive(Debug)]
struct Settling {
    lane: Lane,
    made: bool,
}

/// What must stay in order: the transitions of one job, or those of a project.
type Lane = (ProjectName, Option<JobId>);

#[derive(Debug)]
struct PendingDelivery {
    event: EventId,
    is_end: bool,
    told_at: Instant,
    attempts: u32,
    reason: Option<String>,
}

impl Sink {
    /// A sink of which this was kept; [`Sink::configure`] says that the configuration has it. `written_at` is when that
    /// was at the latest, where the record itself does not say it.
    pub(super) fn from_snapshot(
        name: SinkName,
        snapshot: SinkSnapshot,
        written_at: Option<Timestamp>,
        now: Now,
    ) -> Self {
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
            lanes: BTreeMap::new(),
            due: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            settling: BTreeMap::new(),
            held_until: held_until.unwrap_or(now.instant),
            disabled: snapshot.disabled,
        }
    }

    /// The configuration has it, with this plan. Where its settings are others than they were, it is used again if it
    /// was disabled, and what waits for another attempt is tried at once: perhaps they were mended for that. Returns
    /// whether they are.
    pub(super) fn configure(&mut self, plan: SinkPlan, now: Instant) -> bool {
        let is_changed = plan.fingerprint != self.plan.fingerprint;
        self.is_configured = true;
        self.plan = plan;
        if is_changed {
            self.held_until = now;
            self.disabled = None;
            let waiting: Vec<_> = self.due.iter().map(|(_, lane)| lane.clone()).collect();
            for lane in waiting {
                self.schedule(lane, now);
            }
        }
        is_changed
    }

    /// The configuration has it no more. What is under way may still be made.
    pub(super) fn park(&mut self) {
        self.is_configured = false;
    }

    /// Whether the configuration has it.
    pub(super) fn is_configured(&self) -> bool {
        self.is_configured
    }

    /// How much is owed, by job.
    pub(super) fn pending_by_job(&self) -> impl Iterator<Item = (&ProjectName, Option<&JobId>, usize)> {
        self.lanes.iter().map(|((project, job), waiting)| (project, job.as_ref(), waiting.pending.len()))
    }

    /// What is to be kept of it.
    pub(super) fn record(&self, now: Now) -> SinkRecord {
        let snapshot = SinkSnapshot {
            written_at: Some(now.wall),
            fingerprint: self.plan.fingerprint,
            disabled: self.disabled.clone(),
            held_until: (self.held_until > now.instant).then(|| now.wall_at(self.held_until)),
        };
        SinkRecord { name: self.plan.name.clone(), snapshot }
    }

    /// Owes it a transition.
    pub(super) fn owe(&mut self, header: &EventHeader, now: Instant) {
        let lane = (header.project.clone(), header.job.clone());
        self.add(lane, PendingDelivery::new(header, now), now);
    }

    /// Owes it what was owed to it before.
    pub(super) fn recall_owed(&mut self, record: DeliveryRecord, now: Now) {
        let recorded = Recorded::new(record.written_at, now);
        let header = EventHeader::from(&record);
        let pending = PendingDelivery {
            attempts: record.attempts,
            ..PendingDelivery::new(&header, recorded.instant(record.emitted_at))
        };
        self.add((record.project, record.job), pending, recorded.due(record.due));
    }

    fn add(&mut self, lane: Lane, pending: PendingDelivery, due: Instant) {
        let settling = self.settling.values().any(|settling| settling.lane == lane);
        let waiting = self.lanes.entry(lane.clone()).or_insert_with(Waiting::for_one);
        waiting.pending.push_back(pending);
        let alone = waiting.pending.len() == 1;
        let head_waits_after_failing = waiting.due.is_some() && waiting.pending[0].attempts > 0;
        if (alone && !settling) || (head_waits_after_failing && self.let_the_end_overtake(&lane)) {
            self.schedule(lane, due);
        }
    }

    /// Moves the end of a job before earlier news. Returns whether it did.
    fn let_the_end_overtake(&mut self, lane: &Lane) -> bool {
        let Some(Waiting { pending, .. }) = self.lanes.get_mut(lane) else { return false };
        let end = pending.iter().position(|pending| pending.is_end).filter(|at| *at > 0);
        let Some(end) = end.and_then(|at| pending.remove(at)) else { return false };
        pending.push_front(end);
        true
    }

    fn schedule(&mut self, lane: Lane, due: Instant) {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        if let Some(old) = waiting.due.replace(due) {
            self.due.remove(&(old, lane.clone()));
        }
        self.due.insert((due, lane));
    }

    /// The earliest time at which [`Sink::take_due`] has something.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let may_send = self.is_configured && self.in_flight.len() < MAX_IN_FLIGHT;
        let (due, _) = self.due.first().filter(|_| may_send)?;
        Some((*due).max(self.held_until))
    }

    /// The next delivery to hand out at `now`.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Delivery> {
        if self.next_deadline()? > now {
            return None;
        }
        let (_, lane) = self.due.pop_first()?;
        let waiting = self.lanes.get_mut(&lane)?;
        waiting.due = None;
        let pending = waiting.pending.front_mut()?;
        pending.attempts = pending.attempts.saturating_add(1);
        self.in_flight.insert(pending.event, Flight { lane, fingerprint: self.plan.fingerprint });
        self.held_until = self.held_until.max(now + self.plan.policy.spacing);
        let id = DeliveryId { event: pending.event, sink: self.plan.name.clone() };
        Some(Delivery { id, attempt: pending.attempts })
    }

    /// Whether a delivery that was just handed out is too old to be worth telling.
    pub(super) fn has_expired(&self, delivery: &Delivery, now: Instant) -> bool {
        let Some(limit) = self.plan.policy.expires_after else { return false };
        self.head(&delivery.id).is_some_and(|pending| now.since(pending.told_at) > limit)
    }

    /// What went wrong with a delivery under way when it was last tried.
    pub(super) fn reason_of(&self, id: &DeliveryId) -> Option<&str> {
        self.head(id)?.reason.as_deref()
    }

    /// The attempts at a delivery, if it is under way.
    pub(super) fn attempts_under_way(&self, id: &DeliveryId) -> Option<u32> {
        self.head(id).map(|pending| pending.attempts)
    }

    /// Whether a delivery under way began with other settings than there are now: what became of it says nothing about
    /// these.
    pub(super) fn is_outdated(&self, id: &DeliveryId) -> bool {
        let flight = self.in_flight.get(&id.event);
        flight.is_some_and(|flight| flight.fingerprint != self.plan.fingerprint)
    }

    fn head(&self, id: &DeliveryId) -> Option<&PendingDelivery> {
        self.lanes.get(&self.in_flight.get(&id.event)?.lane)?.pending.front()
    }

    /// A delivery under way failed, for this reason, and is tried again at `due`; or later, where the end of its job
    /// goes first.
    pub(super) fn try_again(&mut self, id: &DeliveryId, due: Instant, reason: String, now: Instant) {
        let Some(Flight { lane, .. }) = self.in_flight.remove(&id.event) else { return };
        if let Some(pending) = self.lanes.get_mut(&lane).and_then(|waiting| waiting.pending.front_mut()) {
            pending.reason = Some(reason);
        }
        let overtaken = self.let_the_end_overtake(&lane);
        self.schedule(lane, if overtaken { now } else { due });
    }

    /// Sends nothing before `until`. Returns whether that is news.
    pub(super) fn hold_until(&mut self, until: Instant) -> bool {
        let later = until > self.held_until;
        self.held_until = self.held_until.max(until);
        later
    }

    /// A delivery under way is over: made or given up. What comes after it waits for [`Sink::go_on_after`].
    pub(super) fn finish(&mut self, id: &DeliveryId, made: bool) {
        let Some(Flight { lane, .. }) = self.in_flight.remove(&id.event) else { return };
        if let Some(waiting) = self.lanes.get_mut(&lane) {
            waiting.pending.pop_front();
            if waiting.pending.is_empty() {
                self.lanes.remove(&lane);
            }
        }
        self.settling.insert(id.event, Settling { lane, made });
    }

    /// That a delivery is over is safe: the next one of its lane may go out.
    pub(super) fn go_on_after(&mut self, event: EventId, now: Instant) {
        let Some(Settling { lane, .. }) = self.settling.remove(&event) else { return };
        if self.lanes.get(&lane).is_some_and(|waiting| waiting.due.is_none()) {
            self.schedule(lane, now);
        }
    }

    /// Has a delivery that waits tried at once. Returns whether it is known: one that was just made is, too.
    pub(super) fn try_now(&mut self, id: &DeliveryId, now: Instant) -> bool {
        if self.settling.get(&id.event).is_some_and(|settling| settling.made) {
            return true;
        }
        let found = self.lanes.iter().find_map(|(lane, waiting)| {
            let place = waiting.pending.iter().position(|pending| pending.event == id.event)?;
            Some((lane.clone(), place == 0 && waiting.due.is_some()))
        });
        let Some((lane, waits_as_head)) = found else { return false };
        if waits_as_head {
            self.schedule(lane, now);
        }
        true
    }

    /// Takes a delivery back, whether it is under way or not.
    pub(super) fn forget(&mut self, id: &DeliveryId, now: Instant) {
        let was_in_flight = self.in_flight.remove(&id.event).is_some();
        let place = self.lanes.iter().find_map(|(lane, waiting)| {
            let place = waiting.pending.iter().position(|pending| pending.event == id.event)?;
            Some((lane.clone(), place))
        });
        let Some((lane, place)) = place else { return };
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        waiting.pending.remove(place);
        let due = waiting.due.take_if(|_| waiting.pending.is_empty() || place == 0);
        if let Some(due) = due {
            self.due.remove(&(due, lane.clone()));
        }
        if waiting.pending.is_empty() {
            self.lanes.remove(&lane);
        } else if was_in_flight || due.is_some() {
            self.schedule(lane, now);
        }
    }

    /// Sends nothing more. Returns what waited, with the attempts so far; what is under way is not part of it.
    pub(super) fn disable(&mut self, reason: &str) -> Vec<(DeliveryId, u32)> {
        self.disabled = Some(reason.to_owned());
        self.due.clear();
        let mut waiting = Vec::new();
        let sink = &self.plan.name;
        for (lane, queue) in &mut self.lanes {
            queue.due = None;
            let busy = usize::from(self.in_flight.values().any(|flight| flight.lane == *lane));
            let dead = queue.pending.drain(busy..);
            let id = |event| DeliveryId { event, sink: sink.clone() };
            waiting.extend(dead.map(|pending| (id(pending.event), pending.attempts)));
        }
        self.lanes.retain(|_, queue| !queue.pending.is_empty());
        waiting
    }

    /// Whether nothing is sent any more.
    pub(super) fn is_disabled(&self) -> bool {
        self.disabled.is_some()
    }

    /// Why nothing is sent any more, if so.
    pub(super) fn disabled_for(&self) -> Option<&str> {
        self.disabled.as_deref()
    }

    /// How many deliveries are under way or wait.
    pub(super) fn pending(&self) -> usize {
        self.lanes.values().map(|waiting| waiting.pending.len()).sum()
    }

    /// Whether a delivery is under way.
    pub(super) fn is_telling(&self) -> bool {
        !self.in_flight.is_empty()
    }
}

impl Waiting {
    /// Room for one, because most lanes never have more.
    fn for_one() -> Self {
        Self { pending: VecDeque::with_capacity(1), due: None }
    }
}

impl PendingDelivery {
    fn new(header: &EventHeader, told_at: Instant) -> Self {
        Self { event: header.event, is_end: header.kind.is_terminal(), told_at, attempts: 0, reason: None }
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
