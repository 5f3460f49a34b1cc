//! What every store that has something to read gives to its readers. `fresh` makes a store to which
//! nothing was committed.

use std::time::Duration;

use super::*;
use crate::adapters::report::{History, HistoryFilter, HistoryRange};
use crate::config::IndexPattern;
use crate::engine::BatchEnd;
use crate::model::{
    DeliveryCounts, Elapsed, EndTotal, EndTotals, EndedRestore, EventKind, JobFacts, JobRef, Outcome,
};

const ALL: HistoryRange = HistoryRange { skip: 0, limit: usize::MAX };

/// Holds a store to its contract.
pub(in crate::adapters::store) fn of_reader(fresh: &mut dyn FnMut() -> Box<dyn Store>) {
    a_new_state_has_nothing_to_read(&*fresh());
    history_is_newest_first_and_in_parts(&*fresh());
    filters_select_restores(&*fresh());
    deliveries_of_the_end_are_counted(&*fresh());
    a_pruned_delivery_is_counted_once(&*fresh());
    a_restore_that_ends_again_has_one_row(&*fresh());
    an_end_without_an_event_finds_the_one_before(&*fresh());
    the_same_end_observed_again_is_kept(&*fresh());
    ends_of_one_moment_have_an_order(&*fresh());
    history_outlives_its_jobs_and_is_pruned(&*fresh());
    totals_outlive_the_history(&*fresh());
    events_follow_an_event_in_order(&*fresh());
    an_event_that_is_gone_stands_for_its_time(&*fresh());
    for seed in 0..24 {
        history_matches_the_model(&*fresh(), seed);
    }
}

fn later(seconds: u64) -> Timestamp {
    noon() + Duration::from_secs(seconds)
}

/// A restore whose end was observed this number of seconds after noon.
fn ended(project: &str, job: &str, outcome: Outcome, seconds: u64) -> EndedRestore {
    EndedRestore {
        project: ProjectName::new(project),
        job: JobRef {
            id: JobId::new(job).unwrap(),
            name: Some(format!("of {job}")),
            facts: JobFacts { target_index_name: Some(format!("index-{job}")), ..JobFacts::default() },
        },
        outcome,
        end_observed_at: later(seconds),
        elapsed: Elapsed::AtMost { bound: Duration::from_millis(2500), seen_running: None },
        detection_delay_seconds: Some(1.25),
        deliveries: DeliveryCounts::default(),
    }
}

/// The event of this number, which reports such an end.
fn reporting(number: u8, restore: &EndedRestore) -> Event {
    let at = restore.end_observed_at;
    Event {
        id: EventId::from_parts(at, [number; 10]),
        kind: restore.outcome.event().unwrap(),
        timestamp: at,
        project: restore.project.clone(),
        job: Some(restore.job.clone()),
        ..event(number)
    }
}

/// A batch in which a restore ends, with its event, which goes to these sinks.
fn end(number: u8, restore: &EndedRestore, sinks: &[&str]) -> Batch {
    let event = reporting(number, restore);
    let ends = vec![BatchEnd { restore: restore.clone(), event: Some(event.id) }];
    let recipients = sinks.iter().map(|name| SinkName::new(*name)).collect();
    Batch { entries: vec![BatchEntry { event: Arc::new(event), recipients }], ends, ..Batch::default() }
}

/// A change of a delivery of the event of [`reporting`].
fn change_of(number: u8, restore: &EndedRestore, sink: &str, change: DeliveryChange) -> Batch {
    let id = DeliveryId { event: reporting(number, restore).id, sink: SinkName::new(sink) };
    let update = DeliveryUpdate { id, at: restore.end_observed_at, attempts: 1, change, reason: None };
    Batch { deliveries: vec![update], ..Batch::default() }
}

fn prune(deliveries_before: Option<Timestamp>, history_before: Option<Timestamp>) -> Batch {
    Batch { prune: Prune { deliveries_before, history_before }, ..Batch::default() }
}

fn all(store: &dyn Store) -> Vec<EndedRestore> {
    let History { restores, total } =
        store.reader().unwrap().history(&HistoryFilter::default(), ALL).unwrap();
    assert_eq!(restores.len(), total);
    restores
}

/// The ids of these restores.
fn ids(restores: &[EndedRestore]) -> Vec<&str> {
    restores.iter().map(|restore| restore.job.id.as_str()).collect()
}

fn counts(pending: usize, delivered: usize, dead: usize, dropped: usize) -> DeliveryCounts {
    DeliveryCounts { pending, delivered, dead, dropped }
}

fn a_new_state_has_nothing_to_read(store: &dyn Store) {
    let mut reader = store.reader().unwrap();

    assert_eq!(reader.history(&HistoryFilter::default(), ALL), Ok(History::default()));
    assert_eq!(reader.last_event(), Ok(None));
    assert_eq!(reader.events_after(event(1).id, 10), Ok(Vec::new()));
}

fn history_is_newest_first_and_in_parts(store: &dyn Store) {
    let restores = [("b", "rj-2", 5), ("b", "rj-1", 5), ("a", "rj-9", 5), ("b", "rj-3", 9), ("a", "rj-1", 1)];
    let mut reader = store.reader().unwrap();
    for (number, (project, job, seconds)) in (1..).zip(restores) {
        let restore = ended(project, job, Outcome::Completed, seconds);
        commit(store, &end(number, &restore, &[]), Vec::new()).unwrap();
    }

    let history = all(store);
    assert_eq!(ids(&history), ["rj-3", "rj-9", "rj-1", "rj-2", "rj-1"]);
    assert_eq!(history[0], ended("b", "rj-3", Outcome::Completed, 9), "all of it");
    for (skip, limit) in [(0, 2), (1, 3), (3, 9), (5, 1), (9, 9), (2, 0)] {
        let part = reader.history(&HistoryFilter::default(), HistoryRange { skip, limit }).unwrap();
        assert_eq!(part.total, 5);
        let expected: Vec<_> = history.iter().skip(skip).take(limit).cloned().collect();
        assert_eq!(part.restores, expected, "{skip} {limit}");
    }
}

fn filters_select_restores(store: &dyn Store) {
    let restores = [
        ended("a", "rj-1", Outcome::Completed, 1),
        ended("a", "rj-2", Outcome::Failed, 2),
        ended("b", "rj-3", Outcome::NotReady, 3),
        EndedRestore {
            job: JobRef { facts: JobFacts::default(), ..ended("b", "rj-4", Outcome::Failed, 4).job },
            ..ended("b", "rj-4", Outcome::Failed, 4)
        },
    ];
    for (number, restore) in (1..).zip(&restores) {
        commit(store, &end(number, restore, &[]), Vec::new()).unwrap();
    }

    let found = |filter: HistoryFilter| {
        let page = HistoryRange { skip: 0, limit: 1 };
        let history = store.reader().unwrap().history(&filter, ALL).unwrap();
        assert_eq!(store.reader().unwrap().history(&filter, page).unwrap().total, history.total);
        assert_eq!(history.restores.len(), history.total);
        ids(&history.restores).join(" ")
    };
    let any = HistoryFilter::default;
    let projects = |names: &[&str]| Some(names.iter().map(|name| ProjectName::new(*name)).collect());
    let indexes =
        |texts: &[&str]| Some(texts.iter().map(|text| IndexPattern::parse(text).unwrap()).collect());
    assert_eq!(found(HistoryFilter { projects: projects(&["a"]), ..any() }), "rj-2 rj-1");
    assert_eq!(found(HistoryFilter { projects: projects(&["a", "b", "c"]), ..any() }), "rj-4 rj-3 rj-2 rj-1");
    assert_eq!(found(HistoryFilter { projects: projects(&[]), ..any() }), "");
    let outcomes = Some([Outcome::Failed, Outcome::NotReady].into());
    assert_eq!(found(HistoryFilter { outcomes: outcomes.clone(), ..any() }), "rj-4 rj-3 rj-2");
    assert_eq!(found(HistoryFilter { since: Some(later(3)), ..any() }), "rj-4 rj-3");
    assert_eq!(found(HistoryFilter { indexes: indexes(&["index-rj-?"]), ..any() }), "rj-3 rj-2 rj-1");
    assert_eq!(found(HistoryFilter { indexes: indexes(&["*-1", "index-rj-3"]), ..any() }), "rj-3 rj-1");
    assert_eq!(found(HistoryFilter { indexes: indexes(&["INDEX*", "rj-1"]), ..any() }), "");
    let every = HistoryFilter {
        projects: projects(&["a"]),
        outcomes,
        since: Some(later(1)),
        indexes: indexes(&["*"]),
    };
    assert_eq!(found(every), "rj-2");
}

fn deliveries_of_the_end_are_counted(store: &dyn Store) {
    let restore = ended("a", "rj-1", Outcome::Failed, 1);
    let other = ended("a", "rj-2", Outcome::Failed, 2);
    commit(store, &end(1, &restore, &["a", "b", "c", "d"]), Vec::new()).unwrap();
    commit(store, &end(2, &other, &["a"]), Vec::new()).unwrap();
    assert_eq!(all(store)[1].deliveries, counts(4, 0, 0, 0));

    for (sink, change) in
        [("a", DeliveryChange::Delivered), ("b", DeliveryChange::Dead), ("c", DeliveryChange::Dropped)]
    {
        commit(store, &change_of(1, &restore, sink, change), Vec::new()).unwrap();
    }

    let history = all(store);
    assert_eq!((history[1].deliveries, history[0].deliveries), (counts(1, 1, 1, 1), counts(1, 0, 0, 0)));
}

fn a_pruned_delivery_is_counted_once(store: &dyn Store) {
    let restore = ended("a", "rj-1", Outcome::Failed, 1);
    commit(store, &end(1, &restore, &["a", "b", "c", "d"]), Vec::new()).unwrap();
    for (sink, change) in
        [("a", DeliveryChange::Delivered), ("b", DeliveryChange::Dead), ("c", DeliveryChange::Dropped)]
    {
        commit(store, &change_of(1, &restore, sink, change), Vec::new()).unwrap();
    }

    for _ in 0..2 {
        commit(store, &prune(Some(later(60)), None), Vec::new()).unwrap();
        assert_eq!(all(store)[0].deliveries, counts(1, 1, 1, 1));
    }
    commit(store, &change_of(1, &restore, "d", DeliveryChange::Delivered), Vec::new()).unwrap();
    assert_eq!(all(store)[0].deliveries, counts(0, 2, 1, 1));

    // One that is written again as it is keeps what was counted.
    let again = BatchEnd { restore: restore.clone(), event: Some(reporting(1, &restore).id) };
    commit(store, &Batch { ends: vec![again], ..prune(Some(later(60)), None) }, Vec::new()).unwrap();
    assert_eq!(all(store)[0].deliveries, counts(0, 2, 1, 1));
}

fn a_restore_that_ends_again_has_one_row(store: &dyn Store) {
    let completed = ended("a", "rj-1", Outcome::Completed, 1);
    let ready = ended("a", "rj-1", Outcome::Ready, 9);
    commit(store, &end(1, &completed, &["a", "b"]), Vec::new()).unwrap();
    for sink in ["a", "b"] {
        commit(store, &change_of(1, &completed, sink, DeliveryChange::Delivered), Vec::new()).unwrap();
    }
    commit(store, &prune(Some(later(60)), None), Vec::new()).unwrap();

    commit(store, &end(2, &ready, &["a"]), Vec::new()).unwrap();

    assert_eq!(all(store), [EndedRestore { deliveries: counts(1, 0, 0, 0), ..ready }]);
}

fn an_end_without_an_event_finds_the_one_before(store: &dyn Store) {
    // Its index is awaited no longer.
    let restore = ended("a", "rj-1", Outcome::Completed, 1);
    let of_another = ended("b", "rj-1", Outcome::Completed, 1);
    let Batch { entries, .. } = end(1, &restore, &["a", "b"]);
    commit(store, &Batch { entries, ..Batch::default() }, Vec::new()).unwrap();
    let Batch { entries, .. } = end(2, &of_another, &["a"]);
    commit(store, &Batch { entries, ..Batch::default() }, Vec::new()).unwrap();
    assert_eq!(all(store), []);
    let silent = Batch { ends: vec![BatchEnd { restore, event: None }], ..Batch::default() };

    for _ in 0..2 {
        commit(store, &silent, Vec::new()).unwrap();
        assert_eq!(all(store).iter().map(|row| row.deliveries).collect::<Vec<_>>(), [counts(2, 0, 0, 0)]);
    }
}

fn the_same_end_observed_again_is_kept(store: &dyn Store) {
    let completed = |seconds| {
        let mut restore = ended("a", "rj-1", Outcome::Completed, seconds);
        restore.job.facts.completed_at = Some(later(1));
        restore
    };
    commit(store, &end(1, &completed(2), &["a"]), Vec::new()).unwrap();
    let kept = EndedRestore { deliveries: counts(1, 0, 0, 0), ..completed(2) };

    commit(store, &end(2, &completed(90), &["a", "b"]), Vec::new()).unwrap();
    assert_eq!(all(store), std::slice::from_ref(&kept));

    let mut another = completed(91);
    another.job.facts.completed_at = Some(later(80));
    commit(store, &end(3, &another, &["a", "b"]), Vec::new()).unwrap();
    assert_eq!(all(store), [EndedRestore { deliveries: counts(2, 0, 0, 0), ..another }]);

    // If the API does not date the end, the start decides.
    let failed = |created: u64, seconds| {
        let mut restore = ended("a", "rj-1", Outcome::Failed, seconds);
        restore.job.facts.created_at = Some(later(created));
        restore
    };
    commit(store, &end(4, &failed(1, 92), &[]), Vec::new()).unwrap();
    commit(store, &end(5, &failed(1, 93), &[]), Vec::new()).unwrap();
    assert_eq!(all(store), [failed(1, 92)]);
    commit(store, &end(6, &failed(2, 94), &[]), Vec::new()).unwrap();
    assert_eq!(all(store), [failed(2, 94)]);
}

fn ends_of_one_moment_have_an_order(store: &dyn Store) {
    for (number, (project, job, micros)) in
        (1..).zip([("b", "rj-1", 0), ("a", "rj-2", 0), ("a", "rj-1", 0), ("b", "rj-0", 300)])
    {
        let mut restore = ended(project, job, Outcome::Failed, 5);
        restore.end_observed_at = later(5) + Duration::from_micros(micros);
        commit(store, &end(number, &restore, &[]), Vec::new()).unwrap();
    }

    assert_eq!(ids(&all(store)), ["rj-1", "rj-2", "rj-0", "rj-1"], "as times are published");
}

fn totals_outlive_the_history(store: &dyn Store) {
    let totals = || store.reader().unwrap().totals().unwrap();
    assert_eq!(totals(), EndTotals::new());

    let last = ended("a", "rj-2", Outcome::Completed, 9);
    commit(store, &end(1, &last, &[]), Vec::new()).unwrap();
    commit(store, &end(2, &ended("a", "rj-1", Outcome::Completed, 5), &[]), Vec::new()).unwrap();
    commit(store, &end(3, &ended("b", "rj-3", Outcome::Failed, 1), &[]), Vec::new()).unwrap();
    let silent = BatchEnd { restore: ended("a", "rj-4", Outcome::Completed, 99), event: None };
    commit(store, &Batch { ends: vec![silent], ..Batch::default() }, Vec::new()).unwrap();
    let total = |ended, seconds| EndTotal { ended, last_ended_at: later(seconds) };
    let key = |project: &str, outcome| (ProjectName::new(project), outcome);
    let failed = (key("b", Outcome::Failed), total(1, 1));
    assert_eq!(totals(), [(key("a", Outcome::Completed), total(2, 9)), failed.clone()].into());

    commit(store, &prune(None, Some(later(1000))), Vec::new()).unwrap();
    commit(store, &end(4, &last, &[]), Vec::new()).unwrap();
    assert_eq!(totals(), [(key("a", Outcome::Completed), total(3, 9)), failed].into());
}

fn history_outlives_its_jobs_and_is_pruned(store: &dyn Store) {
    let dated = |seconds| {
        let mut restore = ended(&ProjectName::default().to_string(), "rj-2", Outcome::Completed, 2);
        restore.job.facts.completed_at = Some(later(seconds));
        restore
    };
    let restore = ended(&ProjectName::default().to_string(), "rj-1", Outcome::Failed, 1);
    commit(store, &Batch { jobs: vec![job("rj-1", 0)], ..end(1, &restore, &[]) }, Vec::new()).unwrap();
    commit(store, &end(2, &dated(30), &[]), Vec::new()).unwrap();
    let forgotten = [(ProjectName::default(), JobId::new("rj-1").unwrap())].into();
    commit(store, &Batch { forgotten, ..prune(Some(later(60)), None) }, Vec::new()).unwrap();
    assert_eq!(all(store), [dated(30), restore]);

    commit(store, &prune(None, Some(later(30))), Vec::new()).unwrap();
    assert_eq!(all(store), [dated(30)], "the API says that it ended later");
    commit(store, &prune(None, Some(later(31))), Vec::new()).unwrap();
    assert_eq!(all(store), []);
}

/// Emits events of these numbers at these times, in seconds after noon.
fn emit(store: &dyn Store, events: &[(u8, u64)], sinks: &[&str]) {
    let entries = events.iter().map(|(number, seconds)| {
        let event = reporting(*number, &ended("a", "rj-1", Outcome::Failed, *seconds));
        let recipients = sinks.iter().map(|name| SinkName::new(*name)).collect();
        BatchEntry { event: Arc::new(event), recipients }
    });
    commit(store, &Batch { entries: entries.collect(), ..Batch::default() }, Vec::new()).unwrap();
}

/// The id of an event of [`emit`].
fn id(number: u8, seconds: u64) -> EventId {
    EventId::from_parts(later(seconds), [number; 10])
}

fn after(store: &dyn Store, event: EventId, limit: usize) -> Vec<EventId> {
    let events = store.reader().unwrap().events_after(event, limit).unwrap();
    events.iter().map(|event| event.id).collect()
}

fn events_follow_an_event_in_order(store: &dyn Store) {
    // Three of one millisecond, and one of a clock that was set back.
    emit(store, &[(9, 5), (3, 5)], &[]);
    emit(store, &[(6, 5), (1, 2), (2, 8)], &[]);
    let order = [id(9, 5), id(3, 5), id(6, 5), id(1, 2), id(2, 8)];

    for (place, event) in order.iter().enumerate() {
        assert_eq!(after(store, *event, 10), order[place + 1..]);
    }
    assert_eq!(after(store, order[0], 2), order[1..3]);
    assert_eq!(after(store, order[0], 0), []);
    assert_eq!(store.reader().unwrap().last_event(), Ok(Some(order[4])));
    let event = store.reader().unwrap().events_after(order[3], 1).unwrap().remove(0);
    assert_eq!(*event, reporting(2, &ended("a", "rj-1", Outcome::Failed, 8)));
    assert_eq!(event.kind, EventKind::Failed);
}

fn an_event_that_is_gone_stands_for_its_time(store: &dyn Store) {
    emit(store, &[(1, 5), (2, 5)], &[]);
    emit(store, &[(3, 5)], &["log"]);
    emit(store, &[(4, 3), (5, 9)], &["log"]);
    commit(store, &prune(Some(later(60)), None), Vec::new()).unwrap();
    let kept = [id(3, 5), id(4, 3), id(5, 9)];

    assert_eq!(after(store, id(1, 5), 10), kept, "one of the same millisecond may have come after it");
    assert_eq!(after(store, id(7, 4), 10), kept, "whatever the clock showed later");
    assert_eq!(after(store, id(7, 6), 10), kept[2..]);
    assert_eq!(after(store, id(7, 10), 10), []);
}

/// Commits batches at random, and holds what is read after each against the model.
fn history_matches_the_model(store: &dyn Store, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut disk, mut emitted) = (Disk::default(), 0);
    let (mut reader, mut totals) = (store.reader().unwrap(), EndTotals::new());
    for _ in 0..12 {
        let batch = any_batch(&mut rng, &disk.load(), &mut emitted);
        commit(store, &batch, Vec::new()).unwrap();
        disk.apply(&batch);
        batch.reported_ends().for_each(|restore| EndTotal::count(&mut totals, restore));
        assert_eq!(reader.totals().as_ref(), Ok(&totals), "seed {seed}");

        let filter = HistoryFilter {
            projects: rng.bool().then(|| [ProjectName::default()].into()),
            indexes: rng.bool().then(|| vec![IndexPattern::parse("*-1").unwrap()]),
            outcomes: rng
                .bool()
                .then(|| some(&mut rng, vec![Outcome::Completed, Outcome::Failed]).into_iter().collect()),
            since: rng.bool().then(|| later(rng.u64(..1000))),
        };
        let range = HistoryRange { skip: rng.usize(..3), limit: rng.usize(..4) };

        let mut matching = disk.history();
        matching.retain(|restore| filter.matches(restore));
        let total = matching.len();
        let restores = matching.into_iter().skip(range.skip).take(range.limit).collect();
        assert_eq!(reader.history(&filter, range), Ok(History { restores, total }), "seed {seed}");
    }
}

/// The ends of some of these events, half of them without saying which event reports them.
pub(super) fn any_ends(rng: &mut fastrand::Rng, entries: &[BatchEntry]) -> Vec<BatchEnd> {
    let events = entries.iter().map(|entry| Arc::clone(&entry.event)).collect();
    let end = |event: Arc<Event>, rng: &mut fastrand::Rng| {
        let job = event.job.clone().unwrap();
        let outcome = Outcome::ALL.into_iter().find(|outcome| outcome.event() == Some(event.kind)).unwrap();
        let restore = ended(event.project.as_str(), job.id.as_str(), outcome, 0);
        let mut restore = EndedRestore { end_observed_at: event.timestamp, ..restore };
        restore.job.facts.completed_at = rng.bool().then(|| later(rng.u64(..2)));
        BatchEnd { restore, event: rng.bool().then_some(event.id) }
    };
    some(rng, events).into_iter().map(|event| end(event, rng)).collect()
}
