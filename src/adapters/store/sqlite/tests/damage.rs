//! Files that are refused, and what happens to them.

use super::schema::SCHEMA_VERSION;
use super::*;
use crate::adapters::store::samples::change;
use crate::engine::DeliveryChange;

#[test]
fn a_file_not_understood_is_refused_and_left_alone() {
    let place = Place::filled();
    let text = |change: &str| {
        let connection = Connection::open(place.path()).unwrap();
        row_sum::register(&connection).unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        let before = std::fs::read(place.path()).unwrap();
        let error = OpenFile::open(&place.path(), None).unwrap_err();
        assert_eq!(std::fs::read(place.path()).unwrap(), before);
        assert!(!error.help().is_empty());
        error.to_string().replace(&place.path().display().to_string(), "FILE")
    };
    let newer = format!("PRAGMA user_version = {}", SCHEMA_VERSION + 1);
    assert_eq!(
        text(&newer),
        format!(
            "the state FILE was written by a newer restore-watch: it has version {}, this program knows {SCHEMA_VERSION}",
            SCHEMA_VERSION + 1
        )
    );
    let foreign = format!("PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = 7");
    assert_eq!(text(&foreign), "FILE is a database, but not a state of restore-watch");
    let changed = format!(
        "PRAGMA application_id = {}; DROP TRIGGER deliveries_changed; UPDATE deliveries SET state = 'delivered'",
        schema::APPLICATION_ID
    );
    assert_eq!(
        text(&changed),
        "the state FILE is damaged: 3 rows of the table deliveries are not as they were written"
    );
    let place = Place::filled();
    let changed = |change: &str| {
        let connection = Connection::open(place.path()).unwrap();
        connection.execute_batch("PRAGMA writable_schema = ON").unwrap();
        connection.execute_batch(change).unwrap();
        drop(connection);
        OpenFile::open(&place.path(), None).unwrap_err().to_string()
    };
    let flipped =
        "UPDATE sqlite_schema SET sql = replace(sql, 'NEW.', 'NEV.') WHERE name = 'deliveries_changed'";
    let error = changed(flipped);
    assert!(error.ends_with("is damaged: the trigger deliveries_changed is not as it was made"), "{error}");
    std::fs::write(place.path(), "This is no database, but a text of some length.".repeat(40)).unwrap();
    let error = OpenFile::open(&place.path(), None).unwrap_err().to_string();
    assert!(error.ends_with("is damaged: file is not a database"), "{error}");
}

#[test]
fn a_refused_file_does_not_take_in_its_log() {
    let place = Place::filled();
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", place.path().display()));
    let opened = open(&place.path());
    commit(&opened.store, &change(1, "ops", DeliveryChange::Delivered), Vec::new()).unwrap();
    let log = std::fs::read(beside("-wal")).unwrap();
    drop(opened);
    assert!(!beside("-wal").exists(), "one that is well does");

    let mut damaged = std::fs::read(place.path()).unwrap();
    let middle = damaged.len() / 2;
    damaged.truncate(middle);
    std::fs::write(place.path(), &damaged).unwrap();
    std::fs::write(beside("-wal"), &log).unwrap();
    let error = OpenFile::open(&place.path(), None).unwrap_err();
    assert!(matches!(error, FileError::Damaged { .. }), "{error}");
    assert_eq!(std::fs::read(place.path()).unwrap(), damaged);
    assert_eq!(std::fs::read(beside("-wal")).unwrap(), log);
}

#[test]
fn a_damaged_one_is_set_aside_and_not_deleted() {
    let place = Place::filled();
    let mut damaged = std::fs::read(place.path()).unwrap();
    damaged.truncate(damaged.len() / 2);
    std::fs::write(place.path(), &damaged).unwrap();
    let error = OpenFile::open(&place.path(), None).unwrap_err();
    assert!(matches!(error, FileError::Damaged { .. }), "{error}");
    assert!(error.help().contains("--set-state-aside"));
    let opened = OpenFile::open(&place.path(), Some(noon())).unwrap();
    assert_eq!(opened.snapshot, Snapshot::default());
    let aside = opened.set_aside.unwrap();
    assert_eq!(aside.file_name().unwrap(), "state.db.aside-20261123T120000Z");
    assert_eq!(std::fs::read(aside).unwrap(), damaged);
    drop(opened.store);
    let nothing = Place::new();
    assert_eq!(OpenFile::open(&nothing.path(), Some(noon())).unwrap().set_aside, None);
}

#[test]
fn every_flipped_bit_is_noticed_or_does_not_matter() {
    let place = Place::filled();
    let good = std::fs::read(place.path()).unwrap();
    let expected = open(&place.path()).snapshot;
    let mut rng = fastrand::Rng::with_seed(20_261_124);
    let mut noticed = 0;
    for _ in 0..300 {
        let mut bad = good.clone();
        let at = rng.usize(..bad.len());
        bad[at] ^= 1 << rng.u8(..8);
        std::fs::write(place.path(), &bad).unwrap();
        match OpenFile::open(&place.path(), None) {
            Ok(opened) => {
                assert_eq!(opened.snapshot, expected, "byte {at}");
                drop(opened);
            }
            Err(error) => {
                noticed += 1;
                assert!(error.to_string().contains(&place.path().display().to_string()), "{error}");
                assert_eq!(std::fs::read(place.path()).unwrap(), bad, "byte {at}");
            }
        }
    }
    assert!(noticed > 10, "{noticed}");
}
