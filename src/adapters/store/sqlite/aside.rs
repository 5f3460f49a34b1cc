//! Setting a state aside.
//!
//! Invariant: a database and its log stay together, wherever the process is killed, and nothing
//! that was set aside before is overwritten. Only a state of this program is set aside.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::error::FileError;
use super::file::with_ending;
use super::open::{connect, version};
use super::schema::APPLICATION_ID;
use crate::platform::failpoint;

/// What each `SQLite` database begins with, and where its application id is
/// (<https://sqlite.org/fileformat2.html#the_database_header>).
const MAGIC: &[u8] = b"SQLite format 3\0";
const APPLICATION_ID_AT: usize = 68;

/// Renames the state at `path`, if there is one, and what belongs to it. Returns its new name,
/// which has `now` in it.
pub(super) fn set_aside(path: &Path, now: Timestamp) -> Result<Option<PathBuf>, FileError> {
    if length(path)? == 0 {
        return Ok(None);
    }
    must_be_ours(path)?;
    let aside = unused(path, &format!(".aside-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    // The database first: a log that is left alone is found by the next start (`reunite`), while a
    // database without its log would be taken for an older state.
    rename(path, path, &aside)?;
    sync_directory(path)?;
    failpoint::reached("set_aside");
    move_log(path, &aside)?;
    Ok(Some(aside))
}

/// Gives a log without a database back to the database that it belongs to, if the process that set
/// both aside was killed in between; sets it aside alone if the database was deleted. `SQLite`
/// would delete the log. Returns the name it has now.
pub(super) fn reunite(path: &Path) -> Result<Option<PathBuf>, FileError> {
    if length(path)? > 0 || length(&with_ending(path, "-wal"))? == 0 {
        return Ok(None);
    }
    match set_aside_without_log(path)? {
        Some(home) => move_log(path, &home).map(|()| Some(home)),
        None => set_log_aside(path).map(Some),
    }
}

/// Renames the log of a state that is gone. Returns its new name.
pub(super) fn set_log_aside(path: &Path) -> Result<PathBuf, FileError> {
    let aside = unused(path, ".aside");
    move_log(path, &aside)?;
    Ok(with_ending(&aside, "-wal"))
}

/// Moves the log of `path` beside `aside`, with the index of the log.
fn move_log(path: &Path, aside: &Path) -> Result<(), FileError> {
    for ending in ["-wal", "-shm"] {
        rename(path, &with_ending(path, ending), &with_ending(aside, ending))?;
    }
    sync_directory(path)
}

/// The newest database that was set aside at `path` after its log was last written, and has no log.
/// One that was renamed before that belongs to an older state, and a log of another state would
/// damage it.
fn set_aside_without_log(path: &Path) -> Result<Option<PathBuf>, FileError> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let prefix = [name.as_encoded_bytes(), b".aside-"].concat();
    let unreadable = |error: std::io::Error| FileError::unusable(path, error.to_string());
    let log = std::fs::metadata(with_ending(path, "-wal")).map_err(unreadable)?;
    let written = (log.mtime(), log.mtime_nsec());
    // A rename changes the time of the last change of what is known of a file (`ctime`, stat(2)).
    let is_later = |entry: &std::fs::DirEntry| {
        entry.metadata().is_ok_and(|found| (found.ctime(), found.ctime_nsec()) >= written)
    };
    let entries = std::fs::read_dir(directory).map_err(unreadable)?;
    let is_database = |entry: &std::fs::DirEntry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        name.starts_with(&prefix) && !name.ends_with(b"-wal") && !name.ends_with(b"-shm")
    };
    let found = entries.flatten().filter(is_database).filter(is_later).map(|entry| entry.path());
    Ok(found.filter(|found| !exists(&with_ending(found, "-wal"))).max())
}

/// A name for what is set aside that nothing has yet: another process may have set a state aside in
/// the same second.
fn unused(path: &Path, suffix: &str) -> PathBuf {
    let name = with_ending(path, suffix);
    let is_free = |name: &PathBuf| ["", "-wal"].iter().all(|ending| !exists(&with_ending(name, ending)));
    let further = (2..).map(|number: u32| with_ending(&name, &format!("-{number}")));
    let mut names = std::iter::once(name.clone()).chain(further);
    names.find(is_free).unwrap_or(name)
}

/// Refuses the file of another program. A damaged state counts as ours if the beginning of the file
/// still says so.
fn must_be_ours(path: &Path) -> Result<(), FileError> {
    let mut header = Vec::new();
    let read = File::open(path).and_then(|file| file.take(100).read_to_end(&mut header));
    read.map_err(|error| FileError::unusable(path, error.to_string()))?;
    let id = header.get(APPLICATION_ID_AT..APPLICATION_ID_AT + 4);
    if id.is_some_and(|id| id == APPLICATION_ID.to_be_bytes()) {
        return Ok(());
    }
    // A young state has its id in the log only.
    match connect(path).and_then(|connection| version(&connection, path)) {
        Err(error @ FileError::Foreign(_)) => Err(error),
        Err(FileError::Damaged { .. }) if !header.starts_with(MAGIC) => {
            Err(FileError::NotOurs(path.to_owned()))
        }
        _ => Ok(()),
    }
}

/// Renames a file that belongs to the state at `path`, if there is one.
fn rename(path: &Path, from: &Path, to: &Path) -> Result<(), FileError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(FileError::unusable(path, format!("cannot rename {}: {error}", from.display())))
        }
        _ => Ok(()),
    }
}

/// Makes what was renamed durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), FileError> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|error| FileError::unusable(path, format!("cannot sync {}: {error}", directory.display())))
}

/// In bytes; 0 where there is no file.
fn length(path: &Path) -> Result<u64, FileError> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(FileError::unusable(path, error.to_string())),
    }
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::tests::{Place, commit, full, noon, open};
    use super::super::{OpenFile, SqliteAdmin};
    use super::*;

    /// A state with all of its content in the log, as a kill leaves it.
    fn killed() -> Place {
        let (place, source) = (Place::new(), Place::new());
        let opened = open(&source.path());
        commit(&opened.store, &full(), Vec::new()).unwrap();
        std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
        for ending in ["", "-wal"] {
            std::fs::copy(with_ending(&source.path(), ending), with_ending(&place.path(), ending)).unwrap();
        }
        place
    }

    fn jobs(path: &Path) -> usize {
        open(path).snapshot.jobs.len()
    }

    #[test]
    fn a_kill_does_not_part_a_database_and_its_log() {
        let place = killed();
        let aside = with_ending(&place.path(), ".aside-20261123T120000Z");
        // Killed after the first of the two.
        std::fs::rename(place.path(), &aside).unwrap();
        let opened = open(&place.path());
        assert_eq!((opened.snapshot.jobs.len(), opened.set_aside.as_ref()), (0, Some(&aside)));
        drop(opened);
        assert_eq!(jobs(&aside), 2, "all that was in it");
    }

    #[test]
    fn a_log_that_was_written_later_is_not_given_to_an_older_state() {
        let (older, place) = (Place::filled(), killed());
        let aside = with_ending(&place.path(), ".aside-20261101T120000Z");
        std::fs::copy(older.path(), &aside).unwrap();
        let before = std::fs::read(&aside).unwrap();
        let log = File::options().write(true).open(with_ending(&place.path(), "-wal")).unwrap();
        let renamed = std::fs::metadata(&aside).unwrap().modified().unwrap();
        log.set_modified(renamed + std::time::Duration::from_hours(1)).unwrap();
        std::fs::remove_file(place.path()).unwrap();
        let opened = open(&place.path());
        assert_eq!(opened.set_aside, Some(with_ending(&place.path(), ".aside-wal")));
        drop(opened);
        assert!(!with_ending(&aside, "-wal").exists());
        assert_eq!(std::fs::read(&aside).unwrap(), before);
    }

    #[test]
    fn two_in_one_second_are_both_kept() {
        let place = Place::new();
        let names: Vec<_> = (0..3)
            .map(|_| {
                commit(&open(&place.path()).store, &full(), Vec::new()).unwrap();
                OpenFile::open(&place.path(), Some(noon())).unwrap().set_aside.unwrap()
            })
            .collect();
        let endings = names.iter().map(|name| name.to_string_lossy().rsplit_once('Z').unwrap().1.to_owned());
        assert_eq!(endings.collect::<Vec<_>>(), ["", "-2", "-3"]);
        assert!(names.iter().all(|name| jobs(name) == 2));
    }

    #[test]
    fn a_log_without_a_database_is_kept() {
        let place = killed();
        std::fs::remove_file(place.path()).unwrap();
        let log = std::fs::read(with_ending(&place.path(), "-wal")).unwrap();
        std::fs::write(place.path(), "").unwrap();
        let looked_into = SqliteAdmin::open(&place.path()).unwrap_err();
        assert!(matches!(looked_into, FileError::Missing(_)), "{looked_into}");
        let aside = open(&place.path()).set_aside.unwrap();
        assert_eq!(aside, with_ending(&place.path(), ".aside-wal"));
        assert_eq!(std::fs::read(aside).unwrap(), log);
    }

    #[test]
    fn the_file_of_another_program_is_refused() {
        let place = Place::filled();
        let foreign = |change: &str| {
            let connection = Connection::open(place.path()).unwrap();
            connection.execute_batch(change).unwrap();
        };
        let refused = || {
            let before = std::fs::read(place.path()).unwrap();
            let error = OpenFile::open(&place.path(), Some(noon())).unwrap_err();
            assert_eq!(std::fs::read(place.path()).unwrap(), before);
            assert!(!error.help().is_empty());
            error
        };
        foreign("PRAGMA application_id = 7");
        assert!(matches!(refused(), FileError::Foreign(_)));
        std::fs::write(place.path(), "The only copy of a novel.").unwrap();
        assert!(matches!(refused(), FileError::NotOurs(_)));
    }

    #[test]
    fn a_state_with_a_damaged_beginning_is_still_ours() {
        let place = Place::filled();
        let mut damaged = std::fs::read(place.path()).unwrap();
        damaged[3] ^= 0x20;
        std::fs::write(place.path(), &damaged).unwrap();
        let error = OpenFile::open(&place.path(), None).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. }), "{error}");
        let aside = OpenFile::open(&place.path(), Some(noon())).unwrap().set_aside.unwrap();
        assert_eq!(std::fs::read(aside).unwrap(), damaged);
    }
}
