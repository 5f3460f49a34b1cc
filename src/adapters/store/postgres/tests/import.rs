//! A state that is moved from a file.

use std::sync::Arc;

use super::*;
use crate::adapters::report::{HistoryFilter, HistoryRange};
use crate::adapters::store::samples::{change, delivery, entry, event, full, job, noon, update};
use crate::adapters::store::{Arrival, DeliveryFilter, Rows, Sqlite};
use crate::engine::snapshot::EndSnapshot;
use crate::engine::{Batch, BatchEnd, BatchEntry, DeliveryChange, DeliveryUpdate};
use crate::model::{DeliveryId, Event, EventId, Outcome, SinkName};

/// A file with something of each kind, also of what was changed by hand and is not yet known to a
/// daemon.
struct Filled {
    folder: tempfile::TempDir,
    file: Sqlite,
    path: std::path::PathBuf,
}

fn filled() -> Filled {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let file = Sqlite::at(&path);
    let mut ended = job("rj-1", 3);
    ended.snapshot.end = Some(EndSnapshot {
        outcome: Outcome::Completed,
        observed_at: noon(),
        age: None,
        seen_running: None,
        is_before_watch: false,
    });
    let end = BatchEnd { restore: ended.ended().unwrap(), event: Some(event(2).id) };
    let store = file.open(None).unwrap().store;
    let bodies = vec![(delivery(1, "ops"), b"\x00\xff it's \\ not text".to_vec())];
    contract::commit(&*store, &Batch { ends: vec![end], ..full() }, bodies).unwrap();
    contract::commit(&*store, &change(1, "ops", DeliveryChange::Dead), Vec::new()).unwrap();
    contract::commit(&*store, &change(2, "ops", DeliveryChange::Delivered), Vec::new()).unwrap();
    drop(store);
    let by_hand = DeliveryFilter { sink: Some("log".to_owned()), ..DeliveryFilter::default() };
    assert_eq!(file.administer().unwrap().discard(&by_hand, noon()), Ok(1));
    Filled { folder, file, path }
}

fn rows(file: &Sqlite) -> Rows {
    file.depart().unwrap().rows().clone()
}

fn is_empty(backend: &Postgres) -> bool {
    psql(backend, "SELECT count(*) FROM restore_watch.events, restore_watch.jobs") == "0"
}

#[test]
fn moved_state_is_the_same_in_every_part() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();

    assert_eq!(backend.arrive(&rows(file), false), Ok(Arrival::Committed));

    let range = HistoryRange { skip: 0, limit: usize::MAX };
    let mut readers: [Box<dyn Reader>; 2] = [file.read().unwrap(), backend.read().unwrap()];
    let [before, after] = readers.each_mut().map(|reader| {
        let history = reader.history(&HistoryFilter::default(), range).unwrap();
        let events = reader.events_after(event(2).id, 9).unwrap();
        (history, events, reader.totals().unwrap(), reader.last_event().unwrap())
    });
    assert_eq!(before, after);
    assert_eq!((after.0.total, after.2.len()), (1, 1));
    let list = |backend: &dyn Backend| {
        backend.administer().unwrap().list(&DeliveryFilter::default(), usize::MAX).unwrap()
    };
    assert_eq!(list(file), list(&backend));
    let (before, after) = (file.open(None).unwrap(), backend.open(None).unwrap());
    assert_eq!(before.snapshot, after.snapshot);
    let edits = [&before, &after].map(|opened| contract::edits(&*opened.store).unwrap());
    assert_eq!((edits[0].len(), &edits[0]), (1, &edits[1]));
    let by_hand = DeliveryFilter::default();
    let mut admins = [file.administer().unwrap(), backend.administer().unwrap()];
    assert_eq!(admins.each_mut().map(|admin| admin.retry(&by_hand, noon())), [Ok(2), Ok(2)]);
    let bodies =
        [&before, &after].map(|opened| contract::payload(&*opened.store, &delivery(1, "ops")).unwrap());
    assert_eq!((&bodies[0].body, &bodies[0].event), (&bodies[1].body, &bodies[1].event));
}

#[test]
fn state_that_was_moved_goes_on_in_the_database() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    backend.arrive(&rows(file), false).unwrap();

    let store = backend.open(None).unwrap().store;
    let again = Batch { entries: vec![entry(9, &["ops"])], ..Batch::default() };
    contract::commit(&*store, &again, Vec::new()).unwrap();

    let after = store.reader().unwrap().events_after(event(1).id, 9).unwrap();
    assert_eq!(after.iter().map(|event| event.id).collect::<Vec<_>>(), [event(9).id]);
}

#[test]
fn repeated_move_is_recognized_unless_the_file_changed() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    backend.arrive(&rows(file), false).unwrap();

    for is_trial in [true, false] {
        assert_eq!(backend.arrive(&rows(file), is_trial), Ok(Arrival::WasCommitted));
    }
    let store = backend.open(None).unwrap().store;
    contract::commit(&*store, &change(1, "ops", DeliveryChange::Delivered), Vec::new()).unwrap();
    assert_eq!(backend.arrive(&rows(file), false), Ok(Arrival::WasCommitted), "although it went on there");
    drop(store);

    contract::commit(&*file.open(None).unwrap().store, &reading::end("rj-7"), Vec::new()).unwrap();
    let error = backend.arrive(&rows(file), false).unwrap_err();
    assert!(error.message.ends_with("the cluster has a state already"), "{error}");
    assert!(error.help.contains("[cluster]"), "{}", error.help);
}

#[test]
fn two_moves_at_once_commit_once() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    let rows = rows(file);

    let mut arrivals: Vec<_> = std::thread::scope(|scope| {
        let moves: Vec<_> = (0..4).map(|_| scope.spawn(|| backend.arrive(&rows, false).unwrap())).collect();
        moves.into_iter().map(|thread| thread.join().unwrap()).collect()
    });

    arrivals.retain(|arrival| *arrival == Arrival::Committed);
    assert_eq!(arrivals.len(), 1);
    assert_eq!(psql(&backend, "SELECT count(*) FROM restore_watch.deliveries"), "3");
}

#[test]
fn cluster_that_is_used_is_refused_and_left_alone() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    let store = backend.open(None).unwrap().store;

    for is_trial in [true, false] {
        let error = backend.arrive(&rows(file), is_trial).unwrap_err();
        assert_eq!(error.class, OpenErrorClass::Unusable);
        assert!(error.message.contains(" is active there"), "{error}");
    }

    contract::commit(&*store, &change(1, "ops", DeliveryChange::Dead), Vec::new()).unwrap();
    drop(store);
    assert!(is_empty(&backend));
}

#[test]
fn replica_that_was_killed_does_not_stop_a_move() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    drop(backend.open(None).unwrap());
    psql(&backend, "UPDATE restore_watch.clusters SET epoch = 7, holder = 'a', token = 't', lease_ms = 10");

    assert_eq!(backend.arrive(&rows(file), true), Ok(Arrival::Possible));
    assert!(is_empty(&backend));
    assert_eq!(backend.arrive(&rows(file), false), Ok(Arrival::Committed));

    let lease = psql(&backend, "SELECT epoch, token IS NULL, holder IS NULL FROM restore_watch.clusters");
    assert_eq!(lease, "8|t|t");
}

#[test]
fn trial_makes_no_schema() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();

    assert_eq!(backend.arrive(&file.rows().unwrap(), true), Ok(Arrival::Possible));

    assert_eq!(psql(&backend, "SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_watch'"), "0");
}

#[test]
fn move_that_fails_leaves_nothing() {
    let Some(backend) = database() else { return };
    let Filled { file, .. } = &filled();
    let mut broken = rows(file);
    broken.totals.push(broken.totals[0].clone());

    backend.arrive(&broken, false).unwrap_err();

    assert!(is_empty(&backend));
    assert_eq!(backend.arrive(&rows(file), false), Ok(Arrival::Committed));
}

#[test]
fn file_that_departs_is_leased_and_then_set_aside() {
    let Filled { file, path, folder: _folder } = filled();

    let departure = file.depart().unwrap();
    let leased = file.open(None).err().unwrap();
    let aside = departure.set_aside(noon()).unwrap();

    assert!(leased.message.contains("is in use by "), "{leased}");
    assert!(!path.exists() && aside.ends_with("state.db.aside-20261123T120000Z"), "{aside}");
    assert_eq!(Sqlite::at(Path::new(&aside)).open(None).unwrap().snapshot.jobs.len(), 2);
    let missing = file.depart().err().unwrap();
    assert_eq!(missing.class, OpenErrorClass::Missing, "{missing}");
    assert!(!path.exists());
}

#[test]
fn thousands_of_dead_letters_are_moved_whole() {
    const JOBS: u16 = 2000;
    let Some(backend) = database() else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::at(&folder.path().join("state.db"));
    let mut batch = Batch::default();
    for number in 0..JOBS {
        let [high, low] = number.to_be_bytes();
        let id = EventId::from_parts(noon(), [high, low, 0, 0, 0, 0, 0, 0, 0, 0]);
        let emitted = entry(1, &["ops"]);
        let emitted = BatchEntry { event: Arc::new(Event { id, ..(*emitted.event).clone() }), ..emitted };
        let id = DeliveryId { event: id, sink: SinkName::new("ops") };
        batch.jobs.push(job(&format!("rj-{number}"), 0));
        batch.entries.push(emitted);
        batch.deliveries.push(DeliveryUpdate { id, ..update(1, "ops", DeliveryChange::Dead) });
    }
    contract::commit(&*file.open(None).unwrap().store, &batch, Vec::new()).unwrap();

    backend.arrive(&rows(&file), false).unwrap();

    let moved = backend.open(None).unwrap().snapshot;
    assert_eq!(moved, file.open(None).unwrap().snapshot);
    assert_eq!((moved.jobs.len(), moved.dead_letters.len()), (JOBS.into(), JOBS.into()));
}
