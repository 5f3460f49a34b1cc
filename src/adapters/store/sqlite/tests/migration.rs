//! A file of version 1, as the program before wrote it: four restores that ended (completed, failed,
//! cancelled, its index ready), one that runs, one whose index is awaited; deliveries that were
//! made, are pending and are dead letters.

use std::collections::BTreeSet;

use rusqlite::types::Value;

use super::file::with_ending;
use super::schema::SCHEMA_VERSION;
use super::*;
use crate::adapters::report::{HistoryFilter, HistoryRange};
use crate::adapters::store::{DeliveryAdmin as _, DeliveryFilter};
use crate::config::{JobSettings, ProjectSettings, StateSettings};
use crate::engine::{Action, Engine, Input, Plan};
use crate::model::time::{Instant, Now};
use crate::model::{
    DeliveryCounts, DeliveryState, EndTotal, EndTotals, EndedRestore, Event, EventId, JobId, Outcome, Until,
};

const VERSION_1: &[u8] = include_bytes!("version-1.db");

/// The tables of version 1.
const TABLES: [&str; 5] = ["projects", "jobs", "sinks", "transitions", "deliveries"];

fn written(file: &[u8]) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    std::fs::write(place.path(), file).unwrap();
    place
}

fn rows(path: &Path, table: &str) -> Vec<Vec<Value>> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
    statement.query_map([], row).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

fn version(path: &Path) -> u32 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn history(path: &Path) -> Vec<EndedRestore> {
    let range = HistoryRange { skip: 0, limit: usize::MAX };
    SqliteReader::open(path).unwrap().history(&HistoryFilter::default(), range).unwrap().restores
}

#[test]
fn all_rows_of_version_1_are_kept() {
    let (before, place) = (written(VERSION_1), written(VERSION_1));

    drop(open(&place.path()));

    assert_eq!((version(&before.path()), version(&place.path())), (1, SCHEMA_VERSION));
    for table in TABLES {
        let kept = rows(&before.path(), table);
        assert!(!kept.is_empty());
        assert_eq!(rows(&place.path(), table), kept, "{table}");
    }
}

#[test]
fn history_of_version_1_is_what_its_events_reported() {
    let place = written(VERSION_1);

    let opened = open(&place.path());

    let history = history(&place.path());
    let of_events: Vec<_> = history
        .iter()
        .map(|row| {
            (row.job.facts.target_index_name.as_deref().unwrap(), row.job.name.as_deref(), row.outcome)
        })
        .collect();
    assert_eq!(
        of_events,
        [
            ("orders-nightly", Some("nightly"), Outcome::Failed),
            ("catalogue", Some("catalogue"), Outcome::Ready),
            ("docs-search", None, Outcome::Completed),
            ("staging-copy", None, Outcome::Cancelled),
        ]
    );
    let counts: Vec<_> = history.iter().map(|row| row.deliveries).collect();
    let of = |pending, delivered, dead| DeliveryCounts { pending, delivered, dead, dropped: 0 };
    assert_eq!(counts, [of(1, 2, 1), of(0, 2, 1), of(1, 2, 0), of(0, 2, 0)]);

    let mut reader = opened.store.reader().unwrap();
    let first = EventId::from_parts(jiff::Timestamp::UNIX_EPOCH, [0; 10]);
    let events = reader.events_after(first, 1000).unwrap();
    for row in &history {
        let reporting = |outcome: Outcome| {
            let is_of_job = |event: &Event| event.job.as_ref().is_some_and(|job| job.id == row.job.id);
            events.iter().find(|event| Some(event.kind) == outcome.event() && is_of_job(event)).unwrap()
        };
        let event = reporting(row.outcome);
        let own = if row.outcome == Outcome::Ready { reporting(Outcome::Completed) } else { event };
        assert_eq!((row.end_observed_at, row.elapsed), (event.timestamp, own.elapsed));
        assert_eq!(row.detection_delay_seconds, event.detection_delay_seconds);
        assert_eq!(Some(&row.job), event.job.as_ref());
    }
}

#[test]
fn totals_of_version_1_begin_with_its_rows() {
    let place = written(VERSION_1);

    drop(open(&place.path()));

    let totals = SqliteReader::open(&place.path()).unwrap().totals().unwrap();
    let mut expected = EndTotals::new();
    for row in &history(&place.path()) {
        EndTotal::count(&mut expected, row);
    }
    assert_eq!(totals, expected);
    assert_eq!(totals.values().map(|total| total.ended).sum::<u64>(), 4);
}

#[test]
fn an_index_of_version_1_that_is_awaited_no_longer_ends() {
    let place = written(VERSION_1);
    let snapshot = open(&place.path()).snapshot;
    let now = Now { instant: Instant::default(), wall: snapshot.jobs[0].written_at };
    let plan = Plan { projects: Vec::new(), sinks: Vec::new(), keep: StateSettings::KEEP };

    let mut engine = Engine::from_snapshot(plan, snapshot, 7, now);
    engine.handle(Input::Timeout, now);

    let mut ends = Vec::new();
    while let Some(action) = engine.poll_action() {
        if let Action::Commit(batch) = action {
            ends.extend(batch.ends.into_iter().map(|end| (end.restore.outcome, end.event)));
        }
    }
    assert_eq!(ends, [(Outcome::Completed, None)]);
}

#[test]
fn ended_jobs_of_all_earlier_versions_are_in_the_history() {
    for dump in [releases::RELEASE, releases::COMPLETE] {
        let place = releases::restored(dump);

        let snapshot = open(&place.path()).snapshot;

        let ended: BTreeSet<_> = snapshot.jobs.iter().filter_map(|job| Some(job.ended()?.job.id)).collect();
        let rows: BTreeSet<_> = history(&place.path()).into_iter().map(|row| row.job.id).collect();
        assert!(rows.len() >= 3);
        assert_eq!(rows, ended);
    }
}

#[test]
fn an_engine_on_a_migrated_file_emits_no_event_again() {
    let place = written(VERSION_1);
    let Snapshot { jobs, .. } = open(&place.path()).snapshot;
    let until_ready = |id: &JobId| {
        let snapshot = &jobs.iter().find(|job| job.id == *id).unwrap().snapshot;
        snapshot.index.is_wanted.then_some(Until::Ready)
    };
    let settings = |id: &JobId| JobSettings { until: until_ready(id), ..JobSettings::new(id.clone()) };
    let settings = jobs.iter().map(|job| settings(&job.id)).collect();
    let project = ProjectSettings { jobs: settings, ..ProjectSettings::default() };
    let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: StateSettings::KEEP };
    let now =
        Now { instant: Instant::default(), wall: jobs[0].written_at + std::time::Duration::from_secs(3600) };

    let mut engine = Engine::from_snapshot(plan, open(&place.path()).snapshot, 7, now);
    engine.handle(Input::Timeout, now);

    let mut polls = 0;
    while let Some(action) = engine.poll_action() {
        match action {
            Action::Commit(batch) => assert_eq!((batch.entries, batch.ends), (Vec::new(), Vec::new())),
            Action::Poll(_) | Action::PollIndex(..) => polls += 1,
            _ => {}
        }
    }
    assert_eq!(polls, 2, "those that are open");
}

#[test]
fn a_damaged_file_of_version_1_is_left_as_it_is() {
    let expected = open(&written(VERSION_1).path()).snapshot;
    let mut rng = fastrand::Rng::with_seed(20_261_126);
    let mut noticed = 0;
    for _ in 0..150 {
        let mut bad = VERSION_1.to_vec();
        let at = rng.usize(..bad.len());
        bad[at] ^= 1 << rng.u8(..8);
        let place = written(&bad);

        match OpenFile::open(&place.path(), None) {
            Ok(opened) => assert_eq!(opened.snapshot, expected, "byte {at}"),
            Err(error) => {
                noticed += 1;
                assert!(!error.help().is_empty(), "{error}");
                assert_eq!(std::fs::read(place.path()).unwrap(), bad, "byte {at}");
                assert!(!with_ending(&place.path(), "-wal").metadata().is_ok_and(|log| log.len() > 0));
            }
        }
    }
    assert!(noticed > 10, "{noticed}");
}

#[test]
fn a_file_of_version_1_that_is_not_understood_is_left_as_it_is() {
    for change in [
        "UPDATE jobs SET memory = replace(memory, '\"failed\"', '\"exploded\"')",
        "UPDATE projects SET memory = '7'",
        "UPDATE transitions SET kind = 'restore_job.exploded'",
    ] {
        let place = written(VERSION_1);
        let connection = Connection::open(place.path()).unwrap();
        row_sum::register(&connection).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let before = std::fs::read(place.path()).unwrap();

        let error = OpenFile::open(&place.path(), None).unwrap_err();

        assert!(matches!(error, FileError::Damaged { .. }), "{change}: {error}");
        assert_eq!(std::fs::read(place.path()).unwrap(), before, "{change}");
        assert_eq!(version(&place.path()), 1, "{change}");
    }
}

#[test]
fn a_file_of_version_1_is_read_once_it_was_migrated() {
    let place = written(VERSION_1);

    let error = SqliteReader::open(&place.path()).unwrap_err();

    assert_eq!(
        error.to_string(),
        format!("the state {} was written by an older restore-watch", place.path().display())
    );
    assert!(error.help().contains("restore-watch run"));
    drop(open(&place.path()));
    assert_eq!(history(&place.path()).len(), 4);
}

#[test]
fn deliveries_of_version_1_are_administered() {
    let place = written(VERSION_1);
    let dead = DeliveryFilter { states: vec![DeliveryState::Dead], ..DeliveryFilter::default() };

    let mut admin = SqliteAdmin::open(&place.path()).unwrap();
    assert_eq!(admin.list(&dead, 10).unwrap().len(), 2);
    assert_eq!(admin.discard(&dead, noon()), Ok(2));
    drop(admin);

    assert_eq!(version(&place.path()), 1);
    drop(open(&place.path()));
    let dropped: Vec<_> = history(&place.path()).iter().map(|row| row.deliveries.dropped).collect();
    assert_eq!(dropped, [1, 1, 0, 0]);
}

#[test]
fn a_backup_of_version_1_is_a_state_of_version_1() {
    let (place, target) = (written(VERSION_1), tempfile::tempdir().unwrap());
    let copy = target.path().join("copy.db");

    backup::back_up(&place.path(), &copy).unwrap();

    assert_eq!((version(&place.path()), version(&copy)), (1, 1));
    drop(open(&copy));
    assert_eq!(history(&copy).len(), 4);
}

#[test]
fn a_file_of_version_1_is_set_aside_as_it_is() {
    let place = written(VERSION_1);

    let opened = OpenFile::open(&place.path(), Some(noon())).unwrap();

    assert_eq!(opened.snapshot, Snapshot::default());
    assert_eq!(std::fs::read(opened.set_aside.unwrap()).unwrap(), VERSION_1);
}

/// A file of version 2 is one of version 3 without the table of silences.
#[test]
fn a_file_of_version_2_is_migrated_with_all_rows() {
    let place = Place::new();
    let of_version_2 = Batch { silences: None, ..full() };
    commit(&open(&place.path()).store, &of_version_2, Vec::new()).unwrap();
    let connection = Connection::open(place.path()).unwrap();
    row_sum::register(&connection).unwrap();
    connection.execute_batch("DROP TABLE silences; PRAGMA user_version = 2").unwrap();
    drop(connection);
    let tables = [&TABLES[..], &["restores", "totals"]].concat();
    let before: Vec<_> = tables.iter().map(|table| rows(&place.path(), table)).collect();

    let opened = open(&place.path());
    commit(&opened.store, &Batch { silences: full().silences, ..Batch::default() }, Vec::new()).unwrap();
    drop(opened);

    assert_eq!(version(&place.path()), SCHEMA_VERSION);
    let after: Vec<_> = tables.iter().map(|table| rows(&place.path(), table)).collect();
    assert_eq!(after, before);
    assert_eq!(Some(open(&place.path()).snapshot.silences), full().silences);
}

#[test]
fn deliveries_of_version_2_are_administered() {
    let place = Place::filled();
    let connection = Connection::open(place.path()).unwrap();
    connection.execute_batch("DROP TABLE silences; PRAGMA user_version = 2").unwrap();
    drop(connection);

    let admin = SqliteAdmin::open(&place.path()).unwrap();

    assert_eq!(admin.list(&DeliveryFilter::default(), 10).unwrap().len(), 3);
    assert_eq!(admin.disabled_sinks().unwrap().len(), 1);
}
