//! Readers of a database: beside its replica, without one, and if there is nothing to read.

use std::sync::Arc;

use super::postgres_server::{Options, PostgresServer};
use super::*;
use crate::adapters::report::{HistoryFilter, HistoryRange};
use crate::adapters::store::Store;
use crate::adapters::store::samples::{full, job, noon};
use crate::engine::snapshot::EndSnapshot;
use crate::engine::{Batch, BatchEnd};
use crate::model::Outcome;

const ALL: HistoryRange = HistoryRange { skip: 0, limit: usize::MAX };

/// A batch in which a job ends.
pub(super) fn end(name: &str) -> Batch {
    let mut record = job(name, 0);
    record.snapshot.end = Some(EndSnapshot {
        outcome: Outcome::Failed,
        observed_at: noon(),
        age: None,
        seen_running: None,
        is_before_watch: false,
    });
    let restore = record.ended().unwrap();
    Batch { jobs: vec![record], ends: vec![BatchEnd { restore, event: None }], ..Batch::default() }
}

fn commit(store: &dyn Store, batch: &Batch) {
    contract::commit(store, batch, Vec::new()).unwrap();
}

fn total(reader: &mut dyn Reader) -> usize {
    reader.history(&HistoryFilter::default(), ALL).unwrap().total
}

#[test]
fn reader_sees_each_commit_and_outlives_the_replica() {
    let Some(backend) = database() else { return };
    let store = backend.open(None).unwrap().store;
    let mut of_replica = store.reader().unwrap();
    let mut of_command = backend.read().unwrap();
    assert_eq!((total(&mut *of_replica), total(&mut *of_command)), (0, 0));

    for (number, name) in (1..).zip(["rj-1", "rj-2"]) {
        commit(&*store, &end(name));
        assert_eq!((total(&mut *of_replica), total(&mut *of_command)), (number, number));
    }

    drop(store);
    assert_eq!((total(&mut *of_replica), total(&mut *of_command)), (2, 2));
}

#[test]
fn clusters_of_one_database_are_apart() {
    let Some(backend) = database() else { return };
    let mut other = backend.settings.clone();
    other.cluster.name = "it's \\ another".to_owned();
    let other = Postgres::at(&other);
    commit(&*backend.open(None).unwrap().store, &end("rj-1"));

    let missing = other.read().err().unwrap();
    assert_eq!(missing.class, OpenErrorClass::Missing, "{missing}");
    let store = other.open(None).unwrap().store;

    assert_eq!((total(&mut *other.read().unwrap()), total(&mut *backend.read().unwrap())), (0, 1));
    assert_eq!(store.reader().unwrap().last_event(), Ok(None));
    commit(&*store, &full());
    assert_eq!(backend.read().unwrap().last_event(), Ok(None));
    assert_eq!(backend.administer().unwrap().jobs(), Ok(Vec::new()));
}

#[test]
fn reading_makes_no_schema() {
    let Some(backend) = database() else { return };

    for _ in 0..2 {
        let missing = [backend.read().err().unwrap(), backend.administer().err().unwrap()];
        for error in missing {
            assert_eq!(error.class, OpenErrorClass::Missing);
            assert!(error.message.starts_with("there is no state in PostgreSQL database "), "{error}");
        }
    }
}

#[test]
fn reader_connects_again_after_a_restart_of_the_server() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let backend = Postgres::at(&settings(&server.create_database("restarted")));
    commit(&*backend.open(None).unwrap().store, &end("rj-1"));
    let mut reader = backend.read().unwrap();

    for stop in [PostgresServer::stop_fast, PostgresServer::stop_immediate] {
        stop(&server);
        let error = reader.totals().unwrap_err();
        assert!(error.message.starts_with("cannot read the state PostgreSQL database "), "{error}");
        server.start();
        assert_eq!(total(&mut *reader), 1);
        stop(&server);
        server.start();
        assert_eq!(total(&mut *reader), 1, "without a read in between");
    }
}

#[test]
fn read_ends_once_its_requester_is_gone() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let backend = Postgres::at(&settings(&server.create_database("paused")));
    commit(&*backend.open(None).unwrap().store, &end("rj-1"));
    let mut reader = backend.read().unwrap();
    let requester = Arc::new(());
    reader.give_up_without(Arc::downgrade(&requester));
    assert_eq!(total(&mut *reader), 1);

    server.pause();
    drop(requester);
    let error = reader.totals().unwrap_err();
    server.resume();

    assert!(error.message.ends_with("its requester is gone"), "{error}");
    let next = Arc::new(());
    reader.give_up_without(Arc::downgrade(&next));
    assert_eq!(total(&mut *reader), 1);
}

#[tokio::test]
async fn reader_works_on_the_thread_of_a_runtime() {
    let Some(backend) = database() else { return };
    let store = backend.open(None).unwrap().store;

    let mut readers = [store.reader().unwrap(), backend.read().unwrap()];

    for reader in &mut readers {
        assert_eq!(total(&mut **reader), 0);
    }
}

#[test]
fn damaged_row_is_named() {
    let Some(backend) = database() else { return };
    commit(&*backend.open(None).unwrap().store, &end("rj-1"));
    psql(&backend, "UPDATE restore_watch.restores SET body = '7'");

    let error = backend.read().unwrap().history(&HistoryFilter::default(), ALL).unwrap_err();

    assert!(error.message.contains(": the row of restore rj-1 of project "), "{error}");
    assert!(error.message.contains(" is damaged: invalid type"), "{error}");
}

#[test]
fn reader_changes_nothing() {
    let Some(backend) = database() else { return };
    drop(backend.open(None).unwrap());
    let mut place = place::Place::existing(&backend.settings).unwrap();

    let fault = place.session.read(&["DELETE FROM restore_watch.restores".to_owned()]).unwrap_err();

    assert_eq!(fault.code(), Some("25006"), "{fault}");
}

#[test]
fn backup_names_the_tool_of_the_database() {
    let Some(backend) = database() else { return };

    let BackupError::State(error) = backend.back_up(Path::new("/nonexistent")).unwrap_err() else {
        panic!("it is about the state")
    };

    assert!(error.help.contains("pg_dump --schema=restore_watch"), "{}", error.help);
}
