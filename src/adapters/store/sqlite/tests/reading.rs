//! Readers of a file: beside its daemon, without one, and where there is nothing to read.

use super::file::with_ending;
use super::*;
use crate::adapters::report::{HistoryFilter, HistoryRange};
use crate::engine::BatchEnd;
use crate::engine::snapshot::EndSnapshot;
use crate::model::Outcome;

const ALL: HistoryRange = HistoryRange { skip: 0, limit: usize::MAX };

/// A batch in which a job ends.
fn end(name: &str) -> Batch {
    let mut record = job(name, 0);
    record.snapshot.end =
        Some(EndSnapshot { outcome: Outcome::Failed, observed_at: noon(), age: None, seen_running: None });
    let restore = record.ended().unwrap();
    Batch { jobs: vec![record], ends: vec![BatchEnd { restore, event: None }], ..Batch::default() }
}

fn log(place: &Place) -> PathBuf {
    with_ending(&place.path(), "-wal")
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn total(reader: &mut dyn Reader) -> usize {
    reader.history(&HistoryFilter::default(), ALL).unwrap().total
}

#[test]
fn reader_sees_each_commit_and_outlives_the_daemon() {
    let place = Place::new();
    let opened = open(&place.path());
    let mut of_daemon = opened.store.reader().unwrap();
    let mut of_command = Sqlite::at(&place.path()).read().unwrap();
    assert_eq!((total(&mut *of_daemon), total(&mut *of_command)), (0, 0));

    for (number, name) in (1..).zip(["rj-1", "rj-2", "rj-3"]) {
        commit(&opened.store, &end(name), Vec::new()).unwrap();
        assert_eq!((total(&mut *of_daemon), total(&mut *of_command)), (number, number));
    }

    drop(opened);
    assert_eq!((total(&mut *of_daemon), total(&mut *of_command)), (3, 3));
    assert_eq!(total(&mut *Sqlite::at(&place.path()).read().unwrap()), 3);
    drop(of_command);
    assert!(log(&place).exists());
    drop(of_daemon);
    assert!(!log(&place).exists(), "closed last, it tidies up for the daemon");
}

#[test]
fn a_read_under_way_at_the_end_leaves_no_log() {
    for _ in 0..20 {
        let place = Place::new();
        let opened = open(&place.path());
        commit(&opened.store, &end("rj-1"), Vec::new()).unwrap();
        let mut reader = opened.store.reader().unwrap();
        let (begins, begun) = std::sync::mpsc::channel();
        let reading = std::thread::spawn(move || {
            begins.send(()).unwrap();
            (0..20).map(|_| total(&mut *reader)).max()
        });
        begun.recv().unwrap();

        drop(opened);

        assert!(!log(&place).exists());
        assert_eq!(reading.join().unwrap(), Some(1));
    }
}

#[test]
fn reading_leaves_no_file_behind() {
    let (place, target) = (Place::filled(), tempfile::tempdir().unwrap());
    let before = names(place.path().parent().unwrap());

    total(&mut *Sqlite::at(&place.path()).read().unwrap());
    backup::back_up(&place.path(), &target.path().join("copy.db")).unwrap();

    assert_eq!(names(place.path().parent().unwrap()), before);
    assert_eq!(names(target.path()), ["copy.db"]);
}

#[test]
fn a_log_that_was_left_is_read_and_stays() {
    let (live, place) = (Place::new(), Place::filled());
    let opened = open(&live.path());
    commit(&opened.store, &end("rj-1"), Vec::new()).unwrap();
    std::fs::copy(live.path(), place.path()).unwrap();
    std::fs::copy(log(&live), log(&place)).unwrap();
    let both = || [place.path(), log(&place)].map(|path| std::fs::read(path).unwrap());
    let before = both();

    let read = total(&mut *Sqlite::at(&place.path()).read().unwrap());

    assert_eq!(read, 1);
    assert!(both() == before);
}

#[test]
fn a_damaged_row_is_named_and_needs_a_backup() {
    for (change, fault) in [
        ("DROP TRIGGER restores_changed; UPDATE restores SET delivered = 7", "it is not as it was written"),
        ("UPDATE restores SET body = '7'", "invalid type"),
    ] {
        let place = Place::new();
        commit(&open(&place.path()).store, &end("rj-1"), Vec::new()).unwrap();
        let connection = Connection::open(place.path()).unwrap();
        row_sum::register(&connection).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);

        let mut reader = Sqlite::at(&place.path()).read().unwrap();
        let error = reader.history(&HistoryFilter::default(), ALL).unwrap_err();

        let start = format!("cannot read the state {}: the row of restore rj-1 of ", place.path().display());
        assert!(error.message.starts_with(&start), "{error}");
        assert!(error.message.contains(" is damaged: ") && error.message.contains(fault), "{error}");
        assert!(error.help.starts_with("restore it from a backup"), "{}", error.help);
    }
}

#[test]
fn readers_and_commits_do_not_wait_for_each_other() {
    let place = Place::new();
    let opened = open(&place.path());
    commit(&opened.store, &end("rj-1"), Vec::new()).unwrap();
    let mut reader = SqliteReader::open(&place.path()).unwrap();

    // A commit that does not end, then a reader that does not.
    let mut writer = open::connect(&place.path()).unwrap();
    let writing = write::begin(&mut writer).unwrap();
    write::batch(&writing, &end("rj-2"), Vec::new()).unwrap();
    assert_eq!(total(&mut reader), 1);
    drop(writing);
    let slow = open::connect(&place.path()).unwrap();
    slow.execute_batch("BEGIN; SELECT count(*) FROM restores;").unwrap();
    commit(&opened.store, &end("rj-3"), Vec::new()).unwrap();

    assert_eq!(total(&mut reader), 2);
}

#[test]
fn reader_changes_nothing() {
    let place = Place::filled();
    let reader = SqliteReader::open(&place.path()).unwrap();

    let error = reader.connection.execute("DELETE FROM restores", []).unwrap_err();

    assert!(error.to_string().contains("readonly"), "{error}");
}

#[test]
fn where_no_state_is_reading_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    let (missing, empty) = (directory.path().join("a/missing.db"), directory.path().join("empty.db"));
    std::fs::write(&empty, "").unwrap();

    for path in [&missing, &empty] {
        let error = Sqlite::at(path).read().err().unwrap();
        assert_eq!(error.to_string(), format!("there is no state at {}", path.display()));
    }

    assert_eq!(names(directory.path()), ["empty.db"]);
}
