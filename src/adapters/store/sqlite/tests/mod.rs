//! The file: what it keeps, which process may use it, and what happens to one that is damaged.

mod content;
mod damage;
mod migration;
mod reading;
mod releases;

use super::*;
use crate::adapters::store::contract;
use crate::adapters::store::{Holder, StoreError};

pub(super) use crate::adapters::store::samples::{delivery, event, full, job, noon};

pub(super) fn commit(store: &OpenFile, batch: &Batch, bodies: Vec<Body>) -> Result<(), StoreError> {
    contract::commit(store, batch, bodies)
}

pub(super) fn payload(store: &OpenFile, id: &DeliveryId) -> Result<Payload, StoreError> {
    contract::payload(store, id)
}

pub(super) fn edits(store: &OpenFile) -> Result<Vec<Edit>, StoreError> {
    contract::edits(store)
}

pub(super) fn open(path: &Path) -> OpenedFile {
    OpenFile::open(path, None).unwrap()
}

/// A directory for a state.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("deep/state.db")
    }

    /// A state with a full batch in it, closed.
    pub(super) fn filled() -> Self {
        let place = Self::new();
        commit(&open(&place.path()).store, &full(), Vec::new()).unwrap();
        place
    }
}

#[test]
fn the_file_keeps_the_contract_of_a_store() {
    let mut places = Vec::new();
    contract::of_backend(&mut || {
        let place = Place::new();
        let backend = Sqlite::at(&place.path());
        places.push(place);
        Box::new(backend)
    });
}

#[test]
fn a_second_process_learns_which_one_has_the_lease() {
    let place = Place::filled();
    let opened = open(&place.path());
    let name = format!("process {}", std::process::id());

    let error = OpenFile::open(&place.path(), None).unwrap_err();

    assert_eq!(error.to_string(), format!("the state {} is in use by {name}", place.path().display()));
    let aside = OpenFile::open(&place.path(), Some(noon())).unwrap_err();
    assert!(matches!(aside, FileError::Leased { .. }), "nor is it set aside under its user: {aside}");
    let admin = SqliteAdmin::open(&place.path()).unwrap();
    assert_eq!(admin.daemon(), Some(&Holder { name: Some(name) }));
    drop(opened);
    open(&place.path());
}

#[test]
fn a_missing_state_is_no_state_to_administer() {
    let missing = SqliteAdmin::open(Path::new("/nonexistent/state.db")).unwrap_err();
    assert_eq!(missing.to_string(), "there is no state at /nonexistent/state.db");
}

#[test]
fn only_its_user_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let opened = open(&place.path());
    commit(&opened.store, &full(), Vec::new()).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;

    assert_eq!(mode(place.path().parent().unwrap()), 0o700);
    let mut files: Vec<_> = std::fs::read_dir(place.path().parent().unwrap()).unwrap().flatten().collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let names: Vec<_> = files.iter().map(|file| file.file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["state.db", "state.db-shm", "state.db-wal", "state.db.lock"]);
    for file in files {
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
    }
}

#[test]
fn no_connection_needs_a_directory_for_temporary_files() {
    let place = Place::filled();
    for connection in [open::write(&place.path()).unwrap(), open::up_to_date(&place.path()).unwrap()] {
        let temporary: i32 = connection.query_row("PRAGMA temp_store", [], |row| row.get(0)).unwrap();
        assert_eq!(temporary, 2, "in memory (https://sqlite.org/pragma.html#pragma_temp_store)");
    }
}
