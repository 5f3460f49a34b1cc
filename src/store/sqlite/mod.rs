//! The state in one `SQLite` file.
//!
//! Invariant: a commit is on the disk when it is reported (write-ahead log, `synchronous = FULL`). Whatever waits for the
//! disk runs on threads of its own; reading what is owed does not wait for a commit.

mod deliveries;
mod ids;
mod lock;
mod open;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};

pub use deliveries::{Deliveries, Filter, Row, RowState};
pub use lock::Locked;
pub use open::OpenError;
pub use schema::SCHEMA_VERSION;

use super::{Body, Error, Pending, Store};
use crate::engine::memory::Saved;
use crate::engine::{Batch, DeliveryId, Edit};
use crate::failpoint;
use crate::model::Letter;

/// A state in use by this process, the only one that uses it.
#[derive(Debug)]
pub struct Sqlite {
    file: PathBuf,
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    /// The version of the data at the last look for changes of others.
    seen: Arc<Mutex<i64>>,
    /// Given back last.
    _lock: lock::Lock,
}

/// A state that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub store: Sqlite,
    /// What is kept in it.
    pub saved: Saved,
    /// How many deliveries were given up and wait for somebody to deal with them.
    pub dead_letters: u32,
    /// Where the one that was there before is now, if it was set aside.
    pub set_aside: Option<PathBuf>,
}

impl Sqlite {
    /// Opens the state at `path` and reads all of it; makes it where there is none. With `set_aside`, one that is there
    /// is renamed first, with that time in its name. Waits for the disk.
    pub fn open(path: &Path, set_aside: Option<Timestamp>) -> Result<Opened, OpenError> {
        let lock = open::prepare(path)?;
        let set_aside = match set_aside {
            Some(now) => open::set_aside(path, now)?,
            None => None,
        };
        let writer = open::write(path)?;
        let reader = open::beside(path)?;
        let unreadable = |error| open::unreadable(path, &error);
        let saved = read::saved(&reader).map_err(unreadable)?;
        let dead_letters = read::dead_letters(&reader).map_err(unreadable)?;
        for connection in [&writer, &reader] {
            open::understood(path, connection)?;
        }
        let store = Self {
            file: path.to_owned(),
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            seen: Arc::default(),
            _lock: lock,
        };
        Ok(Opened { store, saved, dead_letters, set_aside })
    }

    /// Does `work` with a connection, on a thread that may wait.
    fn work<T: Send + 'static>(
        &self,
        connection: &Arc<Mutex<Connection>>,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<T> {
        let connection = Arc::clone(connection);
        let file = self.file.display().to_string();
        Box::pin(async move {
            let done = tokio::task::spawn_blocking(move || {
                work(&mut connection.lock().unwrap_or_else(PoisonError::into_inner))
            });
            let failed = |fault| Error { doing, file, fault };
            match done.await {
                Ok(Ok(result)) => Ok(result),
                Ok(Err(error)) => Err(failed(describe(&error))),
                Err(error) => Err(failed(error.to_string())),
            }
        })
    }
}

impl Store for Sqlite {
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()> {
        self.work(&self.writer, "write", move |connection| {
            let marks = batch.deliveries.iter().any(|update| update.fate.is_final());
            let transaction = begin(connection)?;
            write::batch(&transaction, &batch, bodies)?;
            failpoint::reached(if marks { "before_mark" } else { "before_commit" });
            transaction.commit()?;
            failpoint::reached(if marks { "after_mark" } else { "after_commit" });
            Ok(())
        })
    }

    fn letter(&self, id: &DeliveryId) -> Pending<Letter> {
        let id = id.clone();
        self.work(&self.reader, "read", move |connection| read::letter(connection, &id))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        let seen = Arc::clone(&self.seen);
        self.work(&self.writer, "read", move |connection| {
            let version = connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if std::mem::replace(&mut *seen, version) == version {
                return Ok(Vec::new());
            }
            let transaction = begin(connection)?;
            let edits = write::take_edits(&transaction)?;
            transaction.commit()?;
            Ok(edits)
        })
    }
}

/// Begins to write. Readers go on meanwhile; other writers wait.
fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Says what went wrong. `SQLite` calls it an input/output error where there is no room for the index of the log, and
/// whoever starts a daemon on a full disk meets that first.
fn describe(error: &rusqlite::Error) -> String {
    match error.sqlite_error().map(|error| error.extended_code) {
        Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR_SHMSIZE) => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}
