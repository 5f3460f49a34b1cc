//! The state in one `SQLite` file.
//!
//! Invariant: a commit is on the disk when it is reported (write-ahead log, `synchronous = FULL`).
//! Whatever waits for the disk runs on two threads that do nothing else; reading a payload does not
//! wait for a commit, nor does a reader of the history and the events. Each check for edits also
//! checks that the file is still the one that was opened.

mod aside;
mod backup;
mod deliveries;
mod error;
mod export;
mod file;
mod history;
mod ids;
mod lease;
mod open;
mod read;
mod reader;
mod row_sum;
mod schema;
#[cfg(test)]
mod tests;
mod thread;
mod write;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;

use deliveries::SqliteAdmin;
use error::{Fault, FileError};
use export::SqliteDeparture;
use file::Files;
use reader::{SqliteReader, StoreReaders};
use thread::Thread;

use super::{Backend, BackupError, Body, DeliveryAdmin, Departure, OpenError, Opened, Pending, Rows, Store};
use crate::adapters::report::Reader;
use crate::config::ShownPath;
use crate::engine::snapshot::Snapshot;
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};
use crate::platform::failpoint;

/// A file for a state.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
}

impl Sqlite {
    /// The file at this path, which need not be there yet.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }
}

impl Backend for Sqlite {
    fn location(&self) -> String {
        ShownPath(&self.path).to_string()
    }

    fn open(&self, set_aside: Option<Timestamp>) -> Result<Opened, OpenError> {
        let OpenedFile { store, snapshot, set_aside } = OpenFile::open(&self.path, set_aside)?;
        let set_aside = set_aside.map(|path| path.display().to_string());
        Ok(Opened { store: Box::new(store), snapshot, set_aside })
    }

    fn administer(&self) -> Result<Box<dyn DeliveryAdmin>, OpenError> {
        Ok(Box::new(SqliteAdmin::open(&self.path)?))
    }

    fn read(&self) -> Result<Box<dyn Reader>, OpenError> {
        Ok(Box::new(SqliteReader::open(&self.path)?))
    }

    fn back_up(&self, to: &Path) -> Result<(), BackupError> {
        backup::back_up(&self.path, to)
    }

    fn depart(&self) -> Result<Box<dyn Departure>, OpenError> {
        Ok(Box::new(SqliteDeparture::open(&self.path)?))
    }

    fn rows(&self) -> Result<Rows, OpenError> {
        Ok(export::beside(&self.path)?)
    }
}

/// The file while this process has its lease.
#[derive(Debug)]
struct OpenFile {
    path: PathBuf,
    files: Files,
    /// The version of the data at the last check for edits.
    seen: Arc<Mutex<i64>>,
    writer: Thread,
    reader: Thread,
    readers: StoreReaders,
}

/// [`Opened`], of a file.
#[derive(Debug)]
struct OpenedFile {
    store: OpenFile,
    snapshot: Snapshot,
    set_aside: Option<PathBuf>,
}

impl OpenFile {
    fn open(path: &Path, set_aside: Option<Timestamp>) -> Result<OpenedFile, FileError> {
        let (path, mut lease) = open::prepare(path)?;
        let path = &path;

        let reunited = aside::reunite(path)?;
        let set_aside = match set_aside {
            Some(now) => aside::set_aside(path, now)?,
            None => None,
        };
        if set_aside.is_some() {
            open::make(path)?;
            let taken =
                lease.take_again(path).map_err(|error| FileError::unusable(path, error.to_string()))?;
            taken.map_err(|holder| FileError::Leased { file: path.clone(), holder })?;
        }

        let writer = open::write(path)?;
        let reader = open::up_to_date(path)?;
        let unreadable = |error| FileError::of(path, &error);
        let snapshot = read::snapshot(&reader).map_err(unreadable)?;
        for connection in [&writer, &reader] {
            open::understood(path, connection)?;
        }

        let lease = Arc::new(lease);
        let start = |name, connection| {
            Thread::start(name, connection, Arc::clone(&lease)).map_err(FileError::NoThread)
        };
        let store = Self {
            path: path.clone(),
            files: Files::of(path),
            seen: Arc::default(),
            writer: start("state-write", writer)?,
            reader: start("state-read", reader)?,
            readers: StoreReaders::none(),
        };
        Ok(OpenedFile { store, snapshot, set_aside: set_aside.or(reunited) })
    }

    /// Does `work` with the connection of a thread.
    fn work<T: Send + 'static>(
        &self,
        thread: &Thread,
        doing: &'static str,
        work: impl FnOnce(&mut Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Pending<T> {
        let path = self.path.clone();
        let done = thread.run(work);
        Box::pin(async move {
            let ended = || Fault::Other("its thread ended by a panic, which is a bug".to_owned());
            done.await.unwrap_or_else(|_| Err(ended())).map_err(|fault| fault.while_doing(doing, &path))
        })
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        // `SQLite` leaves the log of a database that was moved, and would read it into the one that
        // has its name now.
        if self.files.has_left_its_log() {
            // Nothing is left to report it to.
            drop(aside::set_log_aside(&self.path));
        }
        self.readers.wait();
        thread::end([&mut self.writer, &mut self.reader]);
    }
}

impl Store for OpenFile {
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()> {
        self.work(&self.writer, "write", move |connection| {
            commit(connection, &batch, bodies).map_err(|error| Fault::of(&error))
        })
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let id = id.clone();
        self.work(&self.reader, "read", move |connection| {
            read::payload(connection, &id).map_err(|error| Fault::of(&error))
        })
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        Ok(Box::new(self.readers.open(&self.path)?))
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        let seen = Arc::clone(&self.seen);
        let files = self.files.clone();
        self.work(&self.writer, "read", move |connection| {
            if let Some(fault) = files.fault() {
                return Err(Fault::Gone(fault));
            }
            edits(connection, &seen).map_err(|error| Fault::of(&error))
        })
    }
}

fn commit(connection: &mut Connection, batch: &Batch, bodies: Vec<Body>) -> rusqlite::Result<()> {
    let marks = batch.deliveries.iter().any(|update| update.change.is_final());
    let transaction = write::begin(connection)?;
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

    let transaction = write::begin(connection)?;
    let edits = write::take_edits(&transaction)?;
    transaction.commit()?;
    Ok(edits)
}
