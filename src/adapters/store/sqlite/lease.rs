//! The lease of a file: one process at a time.
//!
//! Invariant: the process that has a [`Lease`] is the only daemon on a state; the system takes it
//! back when the process ends, however it ends. It is two locks: one of a file beside the state,
//! which every version of this program takes, and one of the database itself, so that a daemon
//! keeps its state although the file beside it is deleted.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, fcntl_lock};

use super::file::with_ending;
use crate::adapters::store::Holder;

/// How often a lock is tried, and how long apart: another process may hold it for a moment, to see
/// who has the lease.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);

/// The right to commit to a state.
#[derive(Debug)]
pub(super) struct Lease {
    #[expect(dead_code, reason = "held for its end")]
    beside: File,
    /// Open from before `SQLite` opens the database until after `SQLite` has closed it: to close
    /// any descriptor of a file takes `SQLite`'s own locks from it (fcntl(2)).
    database: Option<File>,
}

impl Lease {
    /// Takes the lease of the state at `path`, which must be its one name.
    pub(super) fn take(path: &Path) -> std::io::Result<Result<Self, Holder>> {
        let mut beside = open(path)?;
        if !try_lock(&beside)? {
            return Ok(Err(holder_named_in(&mut beside)));
        }
        let database = match lock_database(path)? {
            Ok(database) => database,
            // The file beside it was deleted under its holder, so nothing says which process that
            // is.
            Err(holder) => return Ok(Err(holder)),
        };
        beside.set_len(0)?;
        beside.rewind()?;
        write!(beside, "{}", std::process::id())?;
        Ok(Ok(Self { beside, database }))
    }

    /// Takes the lock of the database that is at `path` now, in place of the one before.
    pub(super) fn take_again(&mut self, path: &Path) -> std::io::Result<Result<(), Holder>> {
        self.database = None;
        let database = lock_database(path)?;
        Ok(database.map(|database| self.database = database))
    }
}

/// Locks the database. None if that cannot be done, so that only the file beside it is locked: NFS
/// and SMB make this lock (flock(2)) of the kind that `SQLite` uses, and `SQLite` would wait for it
/// for ever.
fn lock_database(path: &Path) -> std::io::Result<Result<Option<File>, Holder>> {
    let open = || OpenOptions::new().read(true).write(true).open(path);
    let database = open()?;
    if !try_lock(&database)? {
        return Ok(Err(Holder { name: None }));
    }
    let is_apart = fcntl_lock(open()?, FlockOperation::NonBlockingLockShared).is_ok();
    Ok(Ok(is_apart.then_some(database)))
}

/// Whether the lock of a file could be had, after some tries.
fn try_lock(file: &File) -> std::io::Result<bool> {
    for attempt in 1.. {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if attempt < TRIES => std::thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(true)
}

/// The process that has the lease of the state at `path`. To be called before `SQLite` opens the
/// database in this process.
pub(super) fn holder(path: &Path) -> std::io::Result<Option<Holder>> {
    if let Some(mut file) = held(&beside(path))? {
        return Ok(Some(holder_named_in(&mut file)));
    }
    // The file beside it may have been deleted under its holder.
    Ok(held(path)?.map(|_| Holder { name: None }))
}

/// The file at `path`, if its lock is held.
fn held(path: &Path) -> std::io::Result<Option<File>> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(file)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(beside(path))
}

fn beside(path: &Path) -> PathBuf {
    with_ending(path, ".lock")
}

fn holder_named_in(file: &mut File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(20).read_to_string(&mut text));
    let process = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    Holder { name: process.map(|id| format!("process {id}")) }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Place, noon, open as opened};
    use super::super::{FileError, OpenFile, SqliteAdmin};
    use super::*;
    use crate::adapters::store::DeliveryAdmin as _;

    #[test]
    fn a_deleted_lock_file_lets_no_second_daemon_in() {
        let place = Place::filled();
        let first = opened(&place.path());
        for set_aside in [None, Some(noon())] {
            std::fs::remove_file(beside(&place.path())).unwrap();
            let second = OpenFile::open(&place.path(), set_aside).unwrap_err();
            assert!(matches!(second, FileError::Leased { holder: Holder { name: None }, .. }), "{second}");
            std::fs::remove_file(beside(&place.path())).unwrap();
            assert_eq!(holder(&place.path()).unwrap(), Some(Holder { name: None }));
            // `OpenFile::open` made the one that the next round removes.
            File::create(beside(&place.path())).unwrap();
        }
        drop(first);
        opened(&place.path());
    }

    #[test]
    fn a_lock_of_the_file_beside_it_alone_is_respected() {
        let place = Place::filled();
        // As every version of this program takes it.
        let older = File::create(beside(&place.path())).unwrap();
        older.try_lock().unwrap();

        let error = OpenFile::open(&place.path(), None).unwrap_err();

        assert!(matches!(error, FileError::Leased { .. }), "{error}");
        assert!(SqliteAdmin::open(&place.path()).unwrap().daemon().is_some());
    }

    #[test]
    fn a_new_state_is_leased_like_the_one_that_was_set_aside() {
        let place = Place::filled();
        let first = OpenFile::open(&place.path(), Some(noon())).unwrap();
        assert!(first.set_aside.is_some());
        std::fs::remove_file(beside(&place.path())).unwrap();

        let second = OpenFile::open(&place.path(), None).unwrap_err();

        assert!(matches!(second, FileError::Leased { .. }), "{second}");
    }
}
