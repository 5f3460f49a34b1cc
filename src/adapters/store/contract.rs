//! What every store does. A durable store calls [`of_backend`], one in memory calls [`of_store`], and
//! [`of_reader`] if it keeps something to read.

mod reading;

use std::sync::Arc;
use std::time::Duration;

use super::samples::{change, delivery, entry, event, full, job, noon, silences, update};
use super::*;
pub(super) use reading::of_reader;

use crate::engine::tests::Disk;
use crate::engine::{BatchEntry, DeliveryChange, DeliveryUpdate, Prune};
use crate::model::{DeliveryState, Event, EventId, EventKind, JobId, JobRef, ProjectName, SinkName};

#[tokio::main(flavor = "current_thread")]
pub(super) async fn commit(store: &dyn Store, batch: &Batch, bodies: Vec<Body>) -> Result<(), StoreError> {
    store.commit(Arc::new(batch.clone()), bodies).await
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn payload(store: &dyn Store, id: &DeliveryId) -> Result<Payload, StoreError> {
    store.payload(id).await
}

#[tokio::main(flavor = "current_thread")]
pub(super) async fn edits(store: &dyn Store) -> Result<Vec<Edit>, StoreError> {
    store.edits().await
}

/// Holds a durable store to its contract. `fresh` makes a place that nothing was committed to.
pub(super) fn of_backend(fresh: &mut dyn FnMut() -> Box<dyn Backend>) {
    of_store(&*fresh().open(None).unwrap().store);
    of_reader(&mut || fresh().open(None).unwrap().store);
    of_restarts(fresh);
    a_new_state_is_empty(&*fresh());
    one_process_has_the_lease(&*fresh());
    edits_reach_the_daemon_once(&*fresh());
    without_a_daemon_a_change_is_in_the_next_snapshot(&*fresh());
    old_deliveries_are_pruned_and_dead_letters_stay(&*fresh());
}

/// Holds a durable store to what a restart finds.
pub(super) fn of_restarts(fresh: &mut dyn FnMut() -> Box<dyn Backend>) {
    commits_survive_a_restart(&*fresh());
    a_batch_is_committed_whole_or_not_at_all(&*fresh());
    for seed in 0..24 {
        snapshots_match_the_model(&*fresh(), seed);
    }
}

/// Holds any store to its contract.
pub(super) fn of_store(store: &dyn Store) {
    let body = b"\x00\xff not text".to_vec();
    commit(store, &full(), vec![(delivery(1, "ops"), body.clone())]).unwrap();

    let own = payload(store, &delivery(2, "ops")).unwrap();
    assert_eq!(own.body, serde_json::to_vec(&event(2)).unwrap());
    assert_eq!(own.event, event(2), "to the last bit of each number");
    assert_eq!(payload(store, &delivery(1, "ops")).unwrap().body, body);

    let missing = payload(store, &delivery(9, "ops")).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read the state "), "{missing}");
    assert_eq!((missing.class, missing.help.is_empty()), (StoreErrorClass::Failed, false));
    assert_eq!(edits(store), Ok(Vec::new()));
}

fn a_new_state_is_empty(backend: &dyn Backend) {
    let missing = backend.administer().err().expect("no state");
    assert_eq!(missing.class, OpenErrorClass::Missing, "{missing}");
    assert!(missing.to_string().contains(&backend.location()), "{missing}");

    let opened = backend.open(None).unwrap();

    assert_eq!((opened.snapshot, opened.set_aside), (Snapshot::default(), None));
    assert!(opened.store.is_durable());
}

fn commits_survive_a_restart(backend: &dyn Backend) {
    let store = backend.open(None).unwrap().store;
    commit(&*store, &full(), Vec::new()).unwrap();
    let due = noon() + Duration::from_secs(5);
    let changes = Batch {
        jobs: vec![job("rj-1", 4)],
        deliveries: vec![
            update(2, "log", DeliveryChange::Delivered),
            update(2, "ops", DeliveryChange::Pending { due }),
        ],
        ..Batch::default()
    };
    commit(&*store, &changes, Vec::new()).unwrap();
    drop(store);

    let snapshot = backend.open(None).unwrap().snapshot;

    assert_eq!(snapshot.jobs, [job("rj-1", 4), job("rj-2", 0)]);
    assert_eq!((snapshot.projects, snapshot.sinks), (full().projects, full().sinks));
    assert_eq!(Some(snapshot.silences), full().silences);
    let pending: Vec<_> = snapshot.deliveries.iter().map(|pending| (&pending.id, pending.attempts)).collect();
    assert_eq!(pending, [(&delivery(2, "ops"), 1), (&delivery(1, "ops"), 0)]);
    assert_eq!((snapshot.deliveries[0].due, snapshot.deliveries[0].written_at), (due, noon()));
}

fn a_batch_is_committed_whole_or_not_at_all(backend: &dyn Backend) {
    let store = backend.open(None).unwrap().store;
    commit(&*store, &full(), Vec::new()).unwrap();
    // The second entry has an id that is taken.
    let broken = Batch {
        jobs: vec![job("rj-3", 0)],
        entries: vec![entry(7, &["ops"]), entry(2, &[])],
        ..Batch::default()
    };

    let error = commit(&*store, &broken, Vec::new()).unwrap_err();

    assert!(error.to_string().starts_with("cannot write the state "), "{error}");
    drop(store);
    let snapshot = backend.open(None).unwrap().snapshot;
    assert_eq!((snapshot.jobs.len(), snapshot.deliveries.len()), (2, 3));
}

fn one_process_has_the_lease(backend: &dyn Backend) {
    let first = backend.open(None).unwrap();

    for set_aside in [None, Some(noon())] {
        let second = backend.open(set_aside).err().expect("it is leased");
        assert_eq!(second.class, OpenErrorClass::Unusable, "{second}");
        assert!(second.to_string().contains("is in use by "), "{second}");
    }

    assert!(backend.administer().unwrap().daemon().is_some());
    drop(first);
    assert_eq!(backend.administer().unwrap().daemon(), None);
    backend.open(None).unwrap();
}

fn of(number: u8, sink: &str) -> DeliveryFilter {
    DeliveryFilter {
        id: Some(event(number).id.into()),
        sink: Some(sink.to_owned()),
        ..DeliveryFilter::default()
    }
}

fn edits_reach_the_daemon_once(backend: &dyn Backend) {
    let store = backend.open(None).unwrap().store;
    commit(&*store, &full(), Vec::new()).unwrap();
    assert_eq!(edits(&*store), Ok(Vec::new()));
    commit(&*store, &change(1, "ops", DeliveryChange::Dead), Vec::new()).unwrap();

    let mut admin = backend.administer().unwrap();
    let later = noon() + Duration::from_secs(60);
    assert_eq!(admin.retry(&of(1, "ops"), later), Ok(1));
    assert_eq!(admin.discard(&of(2, "log"), later), Ok(1));
    assert_eq!(admin.discard(&of(2, "log"), later), Ok(0), "it is dropped already");

    let edited = edits(&*store).unwrap();
    let [Edit::Retry(record), Edit::Drop(dropped)] = &edited[..] else { panic!("two edits: {edited:?}") };
    assert_eq!((&record.id, record.attempts, record.due), (&delivery(1, "ops"), 0, later));
    assert_eq!(dropped.id, delivery(2, "log"));
    assert_eq!(edits(&*store), Ok(Vec::new()));

    // What was delivered meanwhile was delivered, whatever was decided.
    let state = || admin.list(&of(2, "log"), 1).unwrap().remove(0).state;
    for update in [DeliveryChange::Delivered, DeliveryChange::Dead] {
        commit(&*store, &change(2, "log", update), Vec::new()).unwrap();
        assert_eq!(state(), DeliveryState::Delivered);
    }
}

fn without_a_daemon_a_change_is_in_the_next_snapshot(backend: &dyn Backend) {
    commit(&*backend.open(None).unwrap().store, &full(), Vec::new()).unwrap();

    let mut admin = backend.administer().unwrap();
    assert_eq!(admin.daemon(), None);
    let pending = DeliveryFilter { states: vec![DeliveryState::Pending], ..DeliveryFilter::default() };
    let to_log = DeliveryFilter { sink: Some("log".to_owned()), ..pending.clone() };
    assert_eq!(admin.discard(&to_log, noon()), Ok(1));
    assert_eq!(admin.list(&pending, 100).unwrap().len(), 2);
    assert_eq!(admin.list(&pending, 1).unwrap()[0].id, event(1).id, "the newest");
    assert_eq!(admin.disabled_sinks().unwrap(), [(SinkName::new("ops"), "gone".to_owned())]);

    drop(admin);
    assert_eq!(backend.open(None).unwrap().snapshot.deliveries.len(), 2);
}

fn old_deliveries_are_pruned_and_dead_letters_stay(backend: &dyn Backend) {
    let store = backend.open(None).unwrap().store;
    commit(&*store, &full(), Vec::new()).unwrap();
    let prune = |before| {
        let prune = Prune { deliveries_before: Some(before), ..Prune::default() };
        Batch { prune, ..Batch::default() }
    };
    let ended = Batch {
        deliveries: vec![
            update(2, "log", DeliveryChange::Delivered),
            update(2, "ops", DeliveryChange::Dropped),
            update(1, "ops", DeliveryChange::Dead),
        ],
        forgotten: [(ProjectName::default(), JobId::new("rj-2").unwrap())].into(),
        ..prune(noon())
    };
    commit(&*store, &ended, Vec::new()).unwrap();
    let admin = backend.administer().unwrap();
    assert_eq!(admin.list(&DeliveryFilter::default(), 100).unwrap().len(), 3, "not yet old");

    commit(&*store, &prune(noon() + Duration::from_secs(3600)), Vec::new()).unwrap();

    let left = admin.list(&DeliveryFilter::default(), 100).unwrap();
    let left: Vec<_> = left.iter().map(|row| (row.id, row.state)).collect();
    assert_eq!(left, [(event(1).id, DeliveryState::Dead)]);
    drop((store, admin));
    let opened = backend.open(None).unwrap();
    assert_eq!(opened.snapshot.dead_letters, [delivery(1, "ops")]);
    assert_eq!(opened.snapshot.jobs.iter().map(|job| job.id.as_str()).collect::<Vec<_>>(), ["rj-1"]);
}

/// Commits batches at random, and holds what is there after each restart against the model.
fn snapshots_match_the_model(backend: &dyn Backend, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut disk = Disk::default();
    let mut emitted = 0;
    for _ in 0..3 {
        let store = backend.open(None).unwrap().store;
        for _ in 0..4 {
            let batch = any_batch(&mut rng, &disk.load(), &mut emitted);
            commit(&*store, &batch, Vec::new()).unwrap();
            disk.apply(&batch);
        }
        drop(store);

        let opened = backend.open(None).unwrap();

        assert_eq!(opened.snapshot, disk.load(), "seed {seed}");
        for pending in &opened.snapshot.deliveries {
            let payload = payload(&*opened.store, &pending.id).unwrap();
            assert_eq!(payload.event, *disk.event(pending.id.event), "seed {seed}");
        }
    }
}

/// A batch that fits to what is there `now`: it deletes and delivers only that.
pub(super) fn any_batch(rng: &mut fastrand::Rng, now: &Snapshot, emitted: &mut u8) -> Batch {
    let at = noon() + Duration::from_secs(rng.u64(..1000));
    let jobs = some(rng, vec!["rj-1", "rj-2", "rj-3"]);
    let mut forgotten = some(rng, now.jobs.clone());
    forgotten.retain(|known| !jobs.contains(&known.id.as_str()));
    let mut entries = Vec::new();
    for _ in 0..rng.usize(..3) {
        *emitted += 1;
        let id = JobId::new(["rj-1", "rj-2"][rng.usize(..2)]).unwrap();
        let event = Event {
            id: EventId::from_parts(at, [*emitted; 10]),
            kind: [EventKind::Completed, EventKind::Failed][rng.usize(..2)],
            timestamp: at,
            job: event(*emitted).job.map(|job| JobRef { id, ..job }),
            ..event(*emitted)
        };
        let recipients = some(rng, vec![SinkName::new("log"), SinkName::new("ops")]);
        entries.push(BatchEntry { event: Arc::new(event), recipients });
    }
    let mut deliveries = Vec::new();
    for pending in some(rng, now.deliveries.clone()) {
        let change = match rng.u8(..4) {
            0 => DeliveryChange::Delivered,
            1 => DeliveryChange::Dead,
            2 => DeliveryChange::Dropped,
            _ => DeliveryChange::Pending { due: at + Duration::from_secs(5) },
        };
        deliveries.push(DeliveryUpdate { id: pending.id, at, attempts: 2, change, reason: None });
    }

    let history_before = (rng.u8(..4) == 0).then_some(at);
    Batch {
        ends: reading::any_ends(rng, &entries),
        projects: some(rng, full().projects),
        jobs: jobs.into_iter().map(|id| job(id, rng.u32(..))).collect(),
        sinks: some(rng, full().sinks),
        entries,
        deliveries,
        forgotten: forgotten.into_iter().map(|job| (job.project, job.id)).collect(),
        silences: rng.bool().then(|| silences(&some(rng, vec![1, 2, 3]))),
        prune: Prune { deliveries_before: rng.bool().then_some(at), history_before },
        ..Batch::default()
    }
}

/// Some of these, at random.
fn some<T>(rng: &mut fastrand::Rng, mut all: Vec<T>) -> Vec<T> {
    all.retain(|_| rng.bool());
    all
}

#[test]
fn the_volatile_store_keeps_its_contract() {
    of_store(&Volatile::default());
    of_store(&Volatile::with_history());
    of_reader(&mut || Box::new(Volatile::with_history()));
}
