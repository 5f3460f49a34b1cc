//! Reads the history and the events in a file, over a connection of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::{Fault, FileError};
use super::{file, open, read};
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::model::{Event, EventId};

/// A file beside the daemon that may run on it.
#[derive(Debug)]
pub(super) struct SqliteReader {
    path: PathBuf,
    connection: Connection,
}

impl SqliteReader {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let path = file::resolve(path)?;
        Ok(Self { connection: open::beside(&path)?, path })
    }

    fn error(&self, error: &rusqlite::Error) -> ReadError {
        Fault::of(error).while_doing("read", &self.path).into()
    }
}

impl Reader for SqliteReader {
    fn history(&mut self, _: &HistoryFilter, _: HistoryRange) -> Result<History, ReadError> {
        Ok(History::default())
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        let last = self
            .connection
            .prepare_cached("SELECT id FROM transitions ORDER BY seq DESC LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| read::parsed(row, 0)).optional());
        last.map_err(|error| self.error(&error))
    }

    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        events_after(&self.connection, event, limit).map_err(|error| self.error(&error))
    }
}

fn events_after(connection: &Connection, event: EventId, limit: usize) -> rusqlite::Result<Vec<Arc<Event>>> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT seq FROM transitions WHERE id = ?1")?
        .query_row([event.to_string()], |row| row.get(0))
        .optional()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let event_of = |row: &rusqlite::Row<'_>| read::event(row, 0).map(Arc::new);

    let (condition, after) = match known {
        Some(place) => ("seq > ?1", place),
        None => ("told_at > ?1", event.time().as_millisecond()),
    };
    connection
        .prepare_cached(&format!("SELECT body FROM transitions WHERE {condition} ORDER BY seq LIMIT ?2"))?
        .query_map(params![after, limit], event_of)?
        .collect()
}
