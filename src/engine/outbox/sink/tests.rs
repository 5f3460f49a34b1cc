//! A sink beside a simple model, which looks through all deliveries at each step.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::engine::outbox::concurrency;
use crate::model::{EventKind, JobId, ProjectName};

/// What can happen to a sink. An index picks one of the deliveries to which it can happen.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An event of this job is committed, which may be its end.
    Enqueue(u8, bool),
    /// A dead letter of this job is retried.
    Restore(u8),
    Begin,
    Finish(Index, bool),
    /// It is delivered to a receiver that keeps the present state.
    Supersede(Index),
    /// It fails, and is to be retried after these seconds.
    Fail(Index, u64),
    Release(Index),
    RetryNow(Index),
    Forget(Index),
    Disable,
    /// The settings change, which enables the sink.
    Configure,
    /// These seconds pass.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let index = any::<Index>;
    let step = prop_oneof![
        6 => (0_u8..12, prop::bool::weighted(0.3)).prop_map(|(job, is_end)| Step::Enqueue(job, is_end)),
        1 => (0_u8..12).prop_map(Step::Restore),
        8 => Just(Step::Begin),
        3 => (index(), any::<bool>()).prop_map(|(which, is_good)| Step::Finish(which, is_good)),
        2 => index().prop_map(Step::Supersede),
        3 => (index(), 0_u64..20).prop_map(|(which, delay)| Step::Fail(which, delay)),
        4 => index().prop_map(Step::Release),
        1 => index().prop_map(Step::RetryNow),
        1 => index().prop_map(Step::Forget),
        1 => Just(Step::Disable),
        2 => Just(Step::Configure),
        3 => (0_u64..15).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..150)
}

/// A delivery of the model.
#[derive(Debug, Clone)]
struct Item {
    record: DeliveryRecord,
    /// When it is attempted, if it is the first of its job and waits for that.
    due: Option<Instant>,
    is_under_way: bool,
}

/// All deliveries, those of one job in their order, and those of which the end is not committed,
/// with whether they were delivered.
#[derive(Debug, Default)]
struct Model {
    items: Vec<Item>,
    awaiting_commit: Vec<(DeliveryRecord, bool)>,
}

impl Model {
    fn add(&mut self, record: DeliveryRecord, due: Instant) {
        let job = record.job.clone();
        let first = self.first(job.as_ref()).map(|first| &self.items[first]);
        let is_free = first.is_none() && !self.awaiting_commit.iter().any(|(of, _)| of.job == job);
        let waits_after_failure = first.is_some_and(|item| item.due.is_some() && item.record.attempts > 0);

        self.items.push(Item { record, due: Some(due).filter(|_| is_free), is_under_way: false });
        if waits_after_failure {
            self.let_the_end_overtake(job.as_ref(), due);
        }
    }

    fn begin(&mut self, now: Instant) -> Option<EventId> {
        let is_full = self.under_way().len() == concurrency::INITIAL;
        let due = self.items.iter_mut().filter(|item| !is_full && item.due.is_some_and(|due| due <= now));
        let next = due.min_by_key(|item| (item.due, item.record.job.clone()))?;
        (next.due, next.is_under_way) = (None, true);
        next.record.attempts += 1;
        Some(next.record.id.event)
    }

    /// Returns what an end overtook. Ids are in the order in which deliveries were added.
    fn supersede(&mut self, end: &DeliveryRecord) -> BTreeSet<EventId> {
        let is_superseded =
            |item: &mut Item| item.record.job == end.job && item.record.id.event < end.id.event;
        let superseded = self.items.extract_if(.., |item| end.kind.is_terminal() && is_superseded(item));
        superseded.map(|item| item.record.id.event).collect()
    }

    fn finish(&mut self, event: EventId, is_delivered: bool) {
        let record = self.items.remove(self.place(event)).record;
        self.awaiting_commit.push((record, is_delivered));
    }

    fn fail(&mut self, event: EventId, due: Instant, now: Instant) {
        let place = self.place(event);
        let item = &mut self.items[place];
        (item.due, item.is_under_way) = (Some(due), false);
        let job = item.record.job.clone();
        self.let_the_end_overtake(job.as_ref(), now);
    }

    fn release(&mut self, event: EventId, now: Instant) {
        let place = self.awaiting_commit.iter().position(|(record, _)| record.id.event == event).unwrap();
        let (finished, _) = self.awaiting_commit.remove(place);
        self.attempt_first(finished.job.as_ref(), now);
    }

    fn retry_now(&mut self, event: EventId, now: Instant) {
        let place = self.place(event);
        self.items[place].due = self.items[place].due.and(Some(now));
    }

    fn forget(&mut self, event: EventId, now: Instant) {
        let Item { record, due, is_under_way } = self.items.remove(self.place(event));
        if due.is_some() || is_under_way {
            self.attempt_first(record.job.as_ref(), now);
        }
    }

    /// Returns what waited.
    fn disable(&mut self) -> BTreeSet<EventId> {
        let waiting = self.items.extract_if(.., |item| !item.is_under_way);
        waiting.map(|item| item.record.id.event).collect()
    }

    fn configure(&mut self, now: Instant) {
        self.items.iter_mut().for_each(|item| item.due = item.due.and(Some(now)));
    }

    fn let_the_end_overtake(&mut self, job: Option<&JobId>, due: Instant) {
        let is_end = |item: &Item| item.record.job.as_ref() == job && item.record.kind.is_terminal();
        let Some((first, end)) = self.first(job).zip(self.items.iter().position(is_end)) else { return };
        if first < end {
            self.items[first].due = None;
            let end = self.items.remove(end);
            self.items.insert(first, Item { due: Some(due), ..end });
        }
    }

    fn attempt_first(&mut self, job: Option<&JobId>, due: Instant) {
        if let Some(first) = self.first(job) {
            self.items[first].due = Some(due);
        }
    }

    fn first(&self, job: Option<&JobId>) -> Option<usize> {
        self.items.iter().position(|item| item.record.job.as_ref() == job)
    }

    fn place(&self, event: EventId) -> usize {
        self.items.iter().position(|item| item.record.id.event == event).unwrap()
    }

    fn under_way(&self) -> Vec<DeliveryRecord> {
        self.items.iter().filter(|item| item.is_under_way).map(|item| item.record.clone()).collect()
    }
}

/// A sink and its model, to which the same happens.
struct Pair {
    sink: Sink,
    model: Model,
    now: Now,
    /// Numbers the events and the settings.
    count: u32,
}

impl Pair {
    fn new() -> Self {
        let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let sink = Sink::from_snapshot(SinkName::new("ops"), SinkSnapshot::default(), None, now);
        let mut pair = Self { sink, model: Model::default(), now, count: 0 };
        pair.configure();
        pair
    }

    fn step(&mut self, step: Step) {
        let now = self.now.instant;
        let under_way = self.model.under_way();
        let pending: Vec<_> = self.model.items.iter().map(|item| item.record.clone()).collect();
        let finished: Vec<_> = self.model.awaiting_commit.iter().map(|(record, _)| record.clone()).collect();
        match step {
            Step::Enqueue(job, is_end) => self.add(job, is_end, 0),
            Step::Restore(job) => self.add(job, false, 3),
            Step::Begin => {
                let begun = self.sink.take_due(now).map(|delivery| delivery.id.event);
                assert_eq!(begun, self.model.begin(now));
            }
            Step::Finish(which, is_delivered) => {
                if let Some(record) = pick(&under_way, which) {
                    self.sink.queues.finish(record.id.event, is_delivered, now);
                    self.model.finish(record.id.event, is_delivered);
                }
            }
            Step::Supersede(which) => {
                if let Some(record) = pick(&under_way, which) {
                    let superseded = self.sink.queues.take_superseded(record.id.event, now);
                    let superseded: BTreeSet<_> = superseded.iter().map(|pending| pending.event).collect();
                    assert_eq!(superseded, self.model.supersede(record));
                    self.sink.queues.finish(record.id.event, true, now);
                    self.model.finish(record.id.event, true);
                }
            }
            Step::Fail(which, seconds) => {
                if let Some(record) = pick(&under_way, which).filter(|_| !self.sink.is_disabled()) {
                    let due = now + Duration::from_secs(seconds);
                    self.sink.queues.retry_at(record.id.event, due, String::new(), now);
                    self.model.fail(record.id.event, due, now);
                }
            }
            Step::Release(which) => {
                if let Some(record) = pick(&finished, which) {
                    self.sink.queues.release_after(record.id.event, now);
                    self.model.release(record.id.event, now);
                }
            }
            Step::RetryNow(which) => {
                if let Some(record) = pick(&pending, which) {
                    assert!(self.sink.queues.retry_now(record, now));
                    self.model.retry_now(record.id.event, now);
                }
            }
            Step::Forget(which) => {
                if let Some(record) = pick(&pending, which) {
                    self.sink.queues.forget(record, now);
                    self.model.forget(record.id.event, now);
                }
            }
            Step::Disable => {
                let dead: BTreeSet<_> =
                    self.sink.disable("gone", now).iter().map(|(id, _)| id.event).collect();
                assert_eq!(dead, self.model.disable());
            }
            Step::Configure => self.configure(),
            Step::Pass(seconds) => self.now.instant = now + Duration::from_secs(seconds),
        }
    }

    fn add(&mut self, job: u8, is_end: bool, attempts: u32) {
        if self.sink.is_disabled() {
            return;
        }
        self.count += 1;
        let mut random = [0; 10];
        random[..4].copy_from_slice(&self.count.to_be_bytes());
        let record = DeliveryRecord {
            id: DeliveryId { event: EventId::from_parts(self.now.wall, random), sink: SinkName::new("ops") },
            project: ProjectName::default(),
            job: (job > 0).then(|| JobId::new(format!("job-{job}")).unwrap()),
            kind: if is_end && job > 0 { EventKind::Completed } else { EventKind::StatusChanged },
            emitted_at: self.now.wall,
            attempts,
            due: self.now.wall,
            written_at: self.now.wall,
        };
        if attempts == 0 {
            self.sink.enqueue(&EventHeader::from(&record), self.now.instant);
        } else {
            self.sink.restore_pending(record.clone(), self.now);
        }
        self.model.add(record, self.now.instant);
    }

    fn configure(&mut self) {
        self.count += 1;
        let plan = SinkPlan {
            name: SinkName::new("ops"),
            route: Route::new(EventFilter::all()),
            hours: None,
            is_log: false,
            policy: DeliveryPolicy::retry(Vec::new()),
            fingerprint: u64::from(self.count),
            former_fingerprint: None,
        };
        assert!(self.sink.configure(plan, self.now.instant));
        self.model.configure(self.now.instant);
    }

    /// What the sink keeps of its queues agrees with the queues, and these with the model.
    fn check(&self) {
        let Sink { queues, .. } = &self.sink;
        queues.assert_consistent();
        assert_eq!(queues.in_flight(), self.model.under_way().len());

        assert_eq!(queues.pending(), self.model.items.len());
        let is_end = |item: &&Item| item.record.kind.is_terminal();
        assert_eq!(queues.waiting_ends.len(), self.model.items.iter().filter(is_end).count());
        assert_eq!(self.sink.oldest_end().is_some(), queues.waiting_ends.len() > 0);
        for ((_, job), events) in queues.events() {
            let of_job = self.model.items.iter().filter(|item| item.record.job == *job);
            assert_eq!(events, of_job.map(|item| item.record.id.event).collect::<Vec<_>>());
        }
    }
}

fn pick(records: &[DeliveryRecord], which: Index) -> Option<&DeliveryRecord> {
    (!records.is_empty()).then(|| which.get(records))
}

proptest! {
    #[test]
    fn a_sink_does_what_its_model_does(steps in steps()) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
            pair.check();
        }
    }
}
