//! Collects what is committed next.
//!
//! Invariant: at most one batch is under way, and those after it hold everything that changed
//! meanwhile, in order. A batch holds the states as they are when its last event is emitted, so the
//! state of a job is committed together with the events that led to it, and an answer together with
//! all that its request changed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::action::{Batch, BatchEnd, BatchEntry, DeliveryUpdate, Prune, RequestAnswer};
use super::snapshot::{SilencesSnapshot, SinkRecord};
use crate::model::time::{Instant, Now};
use crate::model::{DeliveryId, EndedRestore, Event, EventId, EventKind, JobId, ProjectName, SinkName};

/// Maximum delay before a change that emitted no event is committed. A crash in between costs a few
/// repeated polls.
const QUIET_COMMIT_DELAY: Duration = Duration::from_secs(5);

/// The number of events and changed deliveries with which a batch is full: what comes later goes
/// into another one. A batch is made in one step, and so is what follows its commit; nothing else
/// is done meanwhile. Fewer in tests, so that there are full batches in their small worlds, too.
const FULL: usize = if cfg!(test) { 4 } else { 500 };

/// The number of changed jobs that are committed at once, not after a while; a batch takes no more
/// of them, beside the jobs of its events. To gather one takes about two microseconds. Fewer in
/// tests, too.
pub(super) const MANY_DIRTY_JOBS: usize = if cfg!(test) { 4 } else { 5000 };

/// Time for a server to confirm what time it is, before records are pruned by the clock of this
/// machine. By then, a time service has set that right.
const TIME_CONFIRMATION_TIMEOUT: Duration = Duration::from_hours(1);

/// Time between two searches for old records.
const PRUNE_INTERVAL: Duration = Duration::from_hours(24);

/// The batch under way and those after it.
#[derive(Debug)]
pub(super) struct CommitQueue {
    committing: Option<AfterCommit>,
    /// The full batches that wait for the one under way.
    full: VecDeque<Batch>,
    /// The batch after those, without the states that changed.
    next: Batch,
    /// When the next batch is due, if something changed without an event.
    quiet_until: Option<Instant>,
    /// Whether the next batch is to hold all changes, however many there are.
    is_whole: bool,
    /// Whether no batch is taken, until the answers are there that belong to it.
    is_held: bool,
    prune_at: Instant,
    /// From when on the clock of this machine alone decides what is old.
    unconfirmed_from: Instant,
    last_taken: CommitTicket,
    last_committed: CommitTicket,
}

/// A place in the sequence of commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitTicket(u64);

/// What follows once a batch is committed.
#[derive(Debug, Default)]
pub(super) struct AfterCommit {
    /// Events whose deliveries begin.
    pub(super) outgoing: Vec<OutgoingEvent>,
    /// Deliveries that are finished.
    pub(super) finished: Vec<DeliveryId>,
}

/// An event to be delivered to these sinks.
#[derive(Debug)]
pub(super) struct OutgoingEvent {
    pub(super) header: EventHeader,
    pub(super) recipients: Vec<SinkName>,
}

/// What is needed of an event to deliver it.
#[derive(Debug, Clone)]
pub(super) struct EventHeader {
    pub(super) event: EventId,
    pub(super) project: ProjectName,
    pub(super) job: Option<JobId>,
    pub(super) kind: EventKind,
}

impl CommitQueue {
    /// An empty queue whose first batch is due at `now`.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            committing: None,
            full: VecDeque::new(),
            next: Batch::default(),
            quiet_until: Some(now),
            is_whole: false,
            is_held: false,
            prune_at: now,
            unconfirmed_from: now + TIME_CONFIRMATION_TIMEOUT,
            last_taken: CommitTicket::default(),
            last_committed: CommitTicket::default(),
        }
    }

    /// Adds an event and its recipients.
    pub(super) fn emit(&mut self, event: Arc<Event>, recipients: Vec<SinkName>) {
        self.next.entries.push(BatchEntry { event, recipients });
    }

    /// Adds the end of a restore, beside the event that reports it.
    pub(super) fn end(&mut self, restore: EndedRestore, event: EventId) {
        self.next.ends.push(BatchEnd { restore, event: Some(event) });
    }

    /// Adds a changed delivery.
    pub(super) fn update(&mut self, update: DeliveryUpdate) {
        self.next.deliveries.push(update);
    }

    /// Adds a changed sink.
    pub(super) fn sink(&mut self, record: SinkRecord) {
        self.next.sinks.retain(|known| known.name != record.name);
        self.next.sinks.push(record);
    }

    /// Adds the silences, if they changed.
    pub(super) fn silences(&mut self, changed: Option<SilencesSnapshot>) {
        self.next.silences = changed.or(self.next.silences.take());
    }

    /// Adds states before the batch is taken.
    pub(super) fn add(&mut self, gather: impl FnOnce(&mut Batch)) {
        gather(&mut self.next);
    }

    /// Something changed without an event: a commit is due soon.
    pub(super) fn touch(&mut self, now: Instant) {
        self.quiet_until.get_or_insert(now + QUIET_COMMIT_DELAY);
    }

    /// Something changed, and a commit is due at once.
    pub(super) fn touch_now(&mut self, now: Instant) {
        self.quiet_until = Some(self.quiet_until.map_or(now, |until| until.min(now)));
    }

    /// Everything that changed so far is to be committed at once.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.is_whole = true;
        if self.quiet_until.is_some() || !self.next.is_empty() {
            self.touch_now(now);
        }
    }

    /// From now on no batch is taken, so that the next one holds everything that changes until
    /// [`CommitQueue::answer`], however much that is.
    pub(super) fn hold(&mut self) {
        self.is_held = true;
    }

    /// Everything that changed so far is to be committed at once, with these answers.
    pub(super) fn answer(&mut self, answers: Vec<RequestAnswer>, now: Instant) {
        self.is_held = false;
        self.next.answers.extend(answers);
        self.hurry(now);
    }

    /// Whether the next batch may delete old records.
    pub(super) fn may_prune(&self, now: Now) -> bool {
        self.committing.is_none() && self.prune_at <= now.instant
    }

    /// The time by the clock of this machine, if no server has confirmed it for long.
    pub(super) fn unconfirmed_time(&self, now: Now) -> Option<Timestamp> {
        (self.unconfirmed_from <= now.instant).then_some(now.wall)
    }

    /// Has the next batch delete what is old.
    pub(super) fn prune(&mut self, prune: Prune, now: Now) {
        self.next.prune = prune;
        self.touch(now.instant);
        self.prune_at = now.instant + PRUNE_INTERVAL;
    }

    /// Has the next batch delete the record of a job.
    pub(super) fn forget(&mut self, project: ProjectName, job: JobId) {
        self.next.forgotten.insert((project, job));
    }

    /// Takes back [`CommitQueue::forget`].
    pub(super) fn cancel_forget(&mut self, project: &ProjectName, job: &JobId) {
        if !self.next.forgotten.is_empty() {
            self.next.forgotten.remove(&(project.clone(), job.clone()));
        }
    }

    /// The next batch, if it is due and none is under way. `gather` adds the states that belong to
    /// it, and others that changed until there are enough; it returns whether that is all.
    pub(super) fn take(&mut self, now: Now, gather: impl FnOnce(usize, &mut Batch) -> bool) -> Option<Batch> {
        if self.is_held {
            return None;
        }
        if self.is_full() || self.is_due(now) {
            let enough = if self.is_whole { usize::MAX } else { MANY_DIRTY_JOBS };
            let is_all = gather(enough, &mut self.next);
            self.is_whole = false;
            self.quiet_until = (!is_all).then_some(now.instant);
            self.full.push_back(std::mem::take(&mut self.next));
        }

        let batch = if self.committing.is_none() { self.full.pop_front()? } else { return None };
        self.last_taken.0 += 1;
        if batch.is_empty() {
            self.last_committed = self.last_taken;
            return None;
        }
        self.committing = Some(AfterCommit::of(&batch));
        Some(batch)
    }

    fn is_full(&self) -> bool {
        self.next.entries.len() + self.next.deliveries.len() >= FULL
    }

    fn is_due(&self, now: Now) -> bool {
        let is_quiet = self.quiet_until.is_none_or(|until| until > now.instant);
        let is_free = self.committing.is_none() && self.full.is_empty();
        is_free && (self.next_is_urgent() || !is_quiet)
    }

    /// The batch under way is committed.
    pub(super) fn committed(&mut self) -> AfterCommit {
        self.last_committed = self.last_taken;
        self.committing.take().unwrap_or_default()
    }

    /// The commit with which everything is committed that changed before [`CommitQueue::hurry`].
    pub(super) fn ticket(&self) -> CommitTicket {
        let is_clean = self.quiet_until.is_none() && self.next.is_empty();
        let waiting = self.full.len() + usize::from(!is_clean);
        CommitTicket(self.last_taken.0 + waiting as u64)
    }

    /// Whether this commit is durable.
    pub(super) fn is_committed(&self, ticket: CommitTicket) -> bool {
        ticket <= self.last_committed
    }

    /// When [`CommitQueue::take`] has something; none if only inputs can bring that about.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.quiet_until.filter(|_| self.committing.is_none() && !self.is_held)
    }

    /// How many deliveries have not begun because their event is not committed.
    pub(super) fn pending(&self) -> usize {
        let outgoing = self.full.iter().chain([&self.next]).flat_map(Batch::outgoing);
        let waiting = outgoing.map(|(_, sinks)| sinks.len());
        let committing = self.committing.iter().flat_map(|after_commit| &after_commit.outgoing);
        waiting.chain(committing.map(|outgoing| outgoing.recipients.len())).sum()
    }

    /// Whether a batch is under way, or an event, a delivery, a sink, a silence or an answer waits for
    /// the next one.
    pub(super) fn has_urgent_changes(&self) -> bool {
        self.committing.is_some() || self.next_is_urgent()
    }

    /// Whether a batch is under way, or one begins until `at`.
    pub(super) fn busy_until(&self, at: Instant) -> bool {
        self.has_urgent_changes() || self.quiet_until.is_some_and(|until| until <= at)
    }

    fn next_is_urgent(&self) -> bool {
        let Batch { entries, deliveries, sinks, silences, answers, .. } = &self.next;
        let is_empty = entries.is_empty() && deliveries.is_empty() && sinks.is_empty() && answers.is_empty();
        !(is_empty && silences.is_none())
    }
}

impl AfterCommit {
    fn of(batch: &Batch) -> Self {
        let outgoing = batch.outgoing().map(|(event, recipients)| OutgoingEvent {
            header: EventHeader {
                event: event.id,
                project: event.project.clone(),
                job: event.job.as_ref().map(|job| job.id.clone()),
                kind: event.kind,
            },
            recipients: recipients.into_iter().cloned().collect(),
        });
        let finished = batch.deliveries.iter().filter(|update| update.change.is_final());
        Self { outgoing: outgoing.collect(), finished: finished.map(|update| update.id.clone()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::SinkSnapshot;
    use crate::model::RequestId;

    fn at(seconds: u64) -> Now {
        let instant = Instant::after_start(Duration::from_secs(seconds));
        Now { instant, wall: "2026-11-23T12:00:00Z".parse().unwrap() }
    }

    /// Takes the batch of a start, which is empty.
    fn started() -> CommitQueue {
        let mut queue = CommitQueue::new(at(0).instant);
        assert_eq!(queue.take(at(0), |_, _| true), None);
        queue
    }

    /// Emits an event of this kind of number.
    fn emit(queue: &mut CommitQueue, number: usize) {
        let id = EventId::from_parts(at(0).wall, [u8::try_from(number).unwrap(); 10]);
        let event = Event::of_project(id, EventKind::ProjectUnauthorized, at(0).wall, ProjectName::default());
        queue.emit(Arc::new(event), vec![SinkName::new("ops")]);
    }

    /// Gathers all of these states.
    fn all(dirty: &mut Vec<SinkRecord>) -> impl FnOnce(usize, &mut Batch) -> bool {
        |_, batch| {
            batch.sinks.append(dirty);
            true
        }
    }

    /// What a batch holds: the last bytes of its events, and the states, by their number.
    fn contents(batch: Option<Batch>) -> Option<(Vec<u8>, usize)> {
        let batch = batch?;
        let number = |entry: &BatchEntry| entry.event.id.to_string().bytes().next_back().unwrap() - b'0';
        Some((batch.entries.iter().map(number).collect(), batch.sinks.len()))
    }

    fn state(number: usize) -> SinkRecord {
        SinkRecord { name: SinkName::new(format!("sink-{number}")), snapshot: SinkSnapshot::default() }
    }

    #[test]
    fn a_full_batch_waits_with_the_states_of_its_time() {
        let mut queue = started();
        emit(&mut queue, 0);
        assert_eq!(contents(queue.take(at(1), |_, _| true)), Some((vec![0], 0)));

        // A state changes with each event, and is dirty until it is gathered.
        let mut dirty = Vec::new();
        for number in 1..=6 {
            emit(&mut queue, number);
            dirty.push(state(number));
            let taken = queue.take(at(2), all(&mut dirty));
            assert_eq!(taken, None, "one is under way");
        }
        assert_eq!((dirty.len(), queue.pending()), (2, 7));

        queue.committed();
        let batch = queue.take(at(3), all(&mut dirty));
        assert_eq!(contents(batch), Some((vec![1, 2, 3, 4], 4)));
        queue.committed();
        let batch = queue.take(at(3), all(&mut dirty));
        assert_eq!(contents(batch), Some((vec![5, 6], 2)));
    }

    #[test]
    fn a_ticket_is_of_the_last_batch_that_waits() {
        let mut queue = started();
        emit(&mut queue, 0);
        queue.take(at(1), |_, _| true);
        for number in 0..=FULL {
            emit(&mut queue, number);
            queue.take(at(1), |_, _| true);
        }

        let ticket = queue.ticket();

        for _ in 0..2 {
            queue.committed();
            assert!(!queue.is_committed(ticket));
            assert!(queue.take(at(1), |_, _| true).is_some());
        }
        queue.committed();
        assert!(queue.is_committed(ticket));
        assert_eq!(queue.ticket(), ticket, "nothing changed since");
    }

    #[test]
    fn what_was_left_is_committed_next() {
        let mut queue = started();
        queue.touch(at(1).instant);
        queue.touch_now(at(2).instant);

        let batch = queue.take(at(2), |enough, batch| {
            batch.sinks.push(state(1));
            enough > MANY_DIRTY_JOBS
        });
        assert!(batch.is_some());
        assert_eq!(queue.next_deadline(), None, "one is under way");
        queue.committed();

        assert_eq!(queue.next_deadline(), Some(at(2).instant));
    }

    /// An answer to the request of this name.
    fn answer(request: &str) -> RequestAnswer {
        RequestAnswer { request: RequestId::new(request), text: "done".to_owned() }
    }

    #[test]
    fn answers_are_in_the_batch_of_all_that_was_held() {
        for is_under_way in [false, true] {
            let mut queue = started();
            if is_under_way {
                emit(&mut queue, 0);
                queue.take(at(1), |_, _| true);
            }
            queue.hold();
            // More than a full batch.
            for number in 1..=FULL + 2 {
                emit(&mut queue, number);
                assert_eq!(queue.take(at(1), |_, _| true), None, "it is held");
            }

            queue.answer(vec![answer("a")], at(1).instant);

            if is_under_way {
                assert_eq!(queue.take(at(1), |_, _| true), None, "one is under way");
                queue.committed();
            }
            let batch = queue.take(at(1), |_, _| true).unwrap();
            assert_eq!(batch.answers, [answer("a")]);
            assert_eq!(batch.entries.len(), FULL + 2);
        }
    }

    #[test]
    fn answers_wait_behind_full_batches() {
        let mut queue = started();
        emit(&mut queue, 0);
        queue.take(at(1), |_, _| true);
        for number in 1..=FULL {
            emit(&mut queue, number);
            queue.take(at(1), |_, _| true);
        }
        queue.hold();
        queue.answer(vec![answer("a")], at(1).instant);
        queue.take(at(1), |_, _| true);

        queue.committed();
        assert_eq!(queue.take(at(1), |_, _| true).unwrap().answers, []);
        queue.committed();
        assert_eq!(queue.take(at(1), |_, _| true).unwrap().answers, [answer("a")]);
    }

    #[test]
    fn answer_to_what_changed_nothing_is_committed() {
        let mut queue = started();
        queue.hold();

        queue.answer(vec![answer("a")], at(1).instant);

        assert!(queue.has_urgent_changes());
        assert_eq!(queue.take(at(1), |_, _| true).unwrap().answers, [answer("a")]);
    }

    #[test]
    fn after_a_request_a_batch_holds_all() {
        let mut queue = started();
        queue.touch(at(1).instant);
        queue.hurry(at(2).instant);
        let ticket = queue.ticket();

        queue.take(at(2), |enough, batch| {
            batch.sinks.push(state(1));
            assert_eq!(enough, usize::MAX);
            true
        });
        queue.committed();

        assert!(queue.is_committed(ticket));
    }
}
