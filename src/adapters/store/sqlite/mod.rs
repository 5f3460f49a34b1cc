//! The state in one `SQLite` file.
//!
//! Invariant: a commit is on the disk when it is reported (write-ahead log, `synchronous = FULL`). Whatever waits for the
//! disk runs on two threads that do nothing else; reading a pending delivery does not wait for a commit. That the file is still
//! the one that was opened is looked at with every look for edits.

mod aside;
mod deliveries;
mod file;
mod ids;
mod lock;
mod open;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod thread;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, ffi};

pub use deliveries::{Deliveries, Filter, Row, RowState};
pub use lock::Locked;
pub use open::OpenError;
pub use schema::SCHEMA_VERSION;

use file::Files;
use thread::Thread;

use super::{Body, Error, Fault, Pending, Store};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};
use crate::platform::failpoint;
use crate::platform::process;

/// A state in use by this process, the only one that uses it.
#[derive(Debug)]
pub struct Sqlite {
    file: PathBuf,
    files: Files,
    /// The version of the data at the last look for changes of others.
    seen: Arc<Mutex<i64>>,
    writer: Thread,
    reader: Thread,
}

/// A state that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub store: Sqlite,
    /// What is kept in it.
    pub saved: Snapshot,
    /// How many deliveries were given up and wait for somebody to deal with them.
    pub dead_letters: u32,
    /// Where the one that was there before is now, if it was set aside.
    pub set_aside: Option<PathBuf>,
}

impl Sqlite {
    /// Opens the state at `path` and reads all of it; makes it where there is none. With `set_aside`, one that is there
    /// is renamed first, with that time in its name. Waits for the disk.
    pub fn open(path: &Path, set_aside: Option<Timestamp>) -> Result<Opened, OpenError> {
        let (path, mut lock) = open::prepare(path)?;
        let path = &path;
        let reunited = aside::reunite(path)?;
        let set_aside = match set_aside {
            Some(now) => aside::set_aside(path, now)?,
            None => None,
        };
        if set_aside.is_some() {
            open::make(path)?;
            let locked = lock.take_again(path).map_err(|error| open::unusable(path, error.to_string()))?;
            locked.map_err(|Locked { process }| OpenError::Locked { file: path.clone(), process })?;
        }
        let writer = open::write(path)?;
        let reader = open::beside(path)?;
        let unreadable = |error| open::unreadable(path, &error);
        let saved = read::saved(&reader).map_err(unreadable)?;
        let dead_letters = read::dead_letters(&reader).map_err(unreadable)?;
        for connection in [&writer, &reader] {
            open::understood(path, connection)?;
        }
        let lock = Arc::new(lock);
        let start = |name, connection| {
            Thread::start(name, connection, Arc::clone(&lock)).map_err(OpenError::NoThread)
        };
        let store = Self {
            file: path.clone(),
            files: Files::of(path),
            seen: Arc::default(),
            writer: start("state-write", writer)?,
            reader: start("state-read", reader)?,
        };
        Ok(Opened { store, saved, dead_letters, set_aside: set_aside.or(reunited) })
    }

    /// Does `work` with the connection of a thread.
    fn work<T: Send + 'static>(
        &self,
        thread: &Thread,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let file = self.file.display().to_string();
        let done = thread.run(work);
        Box::pin(async move {
            let ended = || Fault::Other("its thread ended by a panic, which is a bug".to_owned());
            done.await.unwrap_or_else(|_| Err(ended())).map_err(|fault| Error { doing, file, fault })
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        // `SQLite` leaves the log of a database that was moved, and would read it into the one that has its name now.
        if self.files.has_left_its_log() {
            // Nothing is left to report it to.
            drop(aside::set_log_aside(&self.file));
        }
        thread::end([&mut self.writer, &mut self.reader]);
    }
}

impl Store for Sqlite {
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()> {
        self.work(&self.writer, "write", move |connection| {
            commit(connection, &batch, bodies).map_err(|error| fault(&error))
        })
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let id = id.clone();
        self.work(&self.reader, "read", move |connection| {
            read::payload(connection, &id).map_err(|error| fault(&error))
        })
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        let seen = Arc::clone(&self.seen);
        let files = self.files.clone();
        self.work(&self.writer, "read", move |connection| {
            if let Some(fault) = files.fault() {
                return Err(Fault::Gone(fault));
            }
            edits(connection, &seen).map_err(|error| fault(&error))
        })
    }
}

fn commit(connection: &mut Connection, batch: &Batch, bodies: Vec<Body>) -> rusqlite::Result<()> {
    let marks = batch.deliveries.iter().any(|update| update.state.is_final());
    let transaction = begin(connection)?;
    write::batch(&transaction, batch, bodies)?;
    failpoint::reached(if marks { "before_mark" } else { "before_commit" });
    transaction.commit()?;
    failpoint::reached(if marks { "after_mark" } else { "after_commit" });
    Ok(())
}

fn edits(connection: &mut Connection, seen: &Mutex<i64>) -> rusqlite::Result<Vec<Edit>> {
    let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    if std::mem::replace(&mut *seen, version) == version {
        return Ok(Vec::new());
    }
    let transaction = begin(connection)?;
    let edits = write::take_edits(&transaction)?;
    transaction.commit()?;
    Ok(edits)
}

/// Begins to write. Readers go on meanwhile; other writers wait.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// What a failure to use an open state means.
fn fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Fault::Busy,
        _ => Fault::Other(describe(error)),
    }
}

/// Says what went wrong. `SQLite` calls it an input/output error where there is no room for the index of the log, and
/// whoever starts a daemon on a full disk meets that first.
fn describe(error: &rusqlite::Error) -> String {
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE) => "the disk is full".to_owned(),
        Some(ffi::SQLITE_IOERR_WRITE | ffi::SQLITE_IOERR_TRUNCATE) => {
            // The system says EFBIG, which `SQLite` keeps to itself.
            let limit = process::file_size_limit().map(|limit| {
                format!("; the limit of {limit} bytes for a file (ulimit -f, LimitFSIZE=) may be reached")
            });
            format!("{error}{}", limit.unwrap_or_default())
        }
        _ => error.to_string(),
    }
}
