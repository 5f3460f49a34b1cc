//! Reads the history and the events in a file, over a connection of its own.
//!
//! Invariant: nothing is changed, and neither a commit nor a reader waits for the other (write-ahead
//! log). A user that may only read the file can do so beside a daemon, and without one if it left no
//! log (<https://sqlite.org/wal.html#read_only_databases>).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::error::{Fault, FileError};
use super::{file, history, open, read, row_sum};
use crate::adapters::report::{History, HistoryFilter, HistoryRange, ReadError, Reader};
use crate::config::IndexPattern;
use crate::model::{EndedRestore, Event, EventId};

/// The rows by their index: without that, `SQLite` reads all bodies of a project and sorts them.
const RESTORES: &str = "restores INDEXED BY restores_by_end";

/// How long the end of a store waits for its readers: a read that is under way takes milliseconds.
const LAST_READ: Duration = Duration::from_secs(2);

/// A file beside the daemon that may run on it.
#[derive(Debug)]
pub(super) struct SqliteReader {
    path: PathBuf,
    pub(super) connection: Connection,
    /// Dropped after the connection.
    _of_store: Option<Sender<()>>,
}

impl SqliteReader {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let path = file::resolve(path)?;
        let connection = open::read(&path)?;
        Self::of(path, connection, None)
    }

    fn of(path: PathBuf, connection: Connection, of_store: Option<Sender<()>>) -> Result<Self, FileError> {
        connection.pragma_update(None, "query_only", true).map_err(|error| FileError::of(&path, &error))?;
        Ok(Self { path, connection, _of_store: of_store })
    }

    fn error(&self, fault: impl Into<Fault>) -> ReadError {
        fault.into().while_doing("read", &self.path).into()
    }
}

/// The readers that a store opened itself.
#[derive(Debug)]
pub(super) struct StoreReaders {
    /// One for each reader, and one to make more.
    open: Option<Sender<()>>,
    closed: Receiver<()>,
}

impl StoreReaders {
    pub(super) fn none() -> Self {
        let (open, closed) = channel();
        Self { open: Some(open), closed }
    }

    /// Another one, of the file of the store, which looked it through: if it is closed last, it
    /// tidies up.
    pub(super) fn open(&self, path: &Path) -> Result<SqliteReader, FileError> {
        let connection = open::up_to_date(path)?;
        open::understood(path, &connection)?;
        SqliteReader::of(path.to_owned(), connection, self.open.clone())
    }

    /// Waits until all are closed, but not for long: a process that ends during a read would leave
    /// the log behind.
    pub(super) fn wait(&mut self) {
        self.open = None;
        // Fails at once if none is open.
        _ = self.closed.recv_timeout(LAST_READ);
    }
}

impl Reader for SqliteReader {
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError> {
        history_of(&mut self.connection, filter, range).map_err(|fault| self.error(fault))
    }

    fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
        let last = self
            .connection
            .prepare_cached("SELECT id FROM transitions ORDER BY seq DESC LIMIT 1")
            .and_then(|mut statement| statement.query_row([], |row| read::parsed(row, 0)).optional());
        last.map_err(|error| self.error(error))
    }

    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        events_after(&self.connection, event, limit).map_err(|error| self.error(error))
    }
}

fn history_of(
    connection: &mut Connection,
    filter: &HistoryFilter,
    range: HistoryRange,
) -> Result<History, Fault> {
    if let Some(patterns) = &filter.indexes {
        register_index_filter(connection, patterns.clone())?;
    }
    // One moment for the rows, their number and their deliveries.
    let transaction = connection.transaction()?;
    let (condition, values) = condition(filter);

    let total = transaction
        .prepare_cached(&format!("SELECT count(*) FROM {RESTORES} WHERE {condition}"))?
        .query_row(params_from_iter(&values), |row| read::number(row, 0))?;

    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {}, {}, job, project FROM {RESTORES} WHERE {condition} ORDER BY end_observed_at DESC, project, job LIMIT ? OFFSET ?",
        history::COLUMNS,
        row_sum::is_right("restores")
    ))?;
    let beside = statement.column_count() - 3;
    let bounds =
        [range.limit, range.skip].map(|number| Value::Integer(number.try_into().unwrap_or(i64::MAX)));
    let mut rows = statement.query(params_from_iter(values.into_iter().chain(bounds)))?;
    let mut restores = Vec::new();
    while let Some(row) = rows.next()? {
        restores.push(restore(&transaction, row, beside)?);
    }
    Ok(History { restores, total })
}

/// One row of [`history::COLUMNS`]. Whether it is as it was written, its job and its project are in
/// the columns from `beside` on.
fn restore(connection: &Connection, row: &Row<'_>, beside: usize) -> Result<EndedRestore, Fault> {
    let read = if row.get(beside)? {
        history::restore(connection, row).map_err(Fault::from)
    } else {
        Err(Fault::Damaged("it is not as it was written".to_owned()))
    };
    read.map_err(|fault| match fault {
        Fault::Damaged(fault) => {
            let name = |column| row.get::<_, String>(column).unwrap_or_default();
            let (job, project) = (name(beside + 1), name(beside + 2));
            Fault::Damaged(format!("the row of restore {job} of project {project} is damaged: {fault}"))
        }
        fault => fault,
    })
}

/// Makes `is_wanted_index` known to the connection: whether a name matches one of these patterns.
fn register_index_filter(connection: &Connection, patterns: Vec<IndexPattern>) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(c"is_wanted_index", 1, flags, move |context| {
        let name: Option<String> = context.get(0)?;
        Ok(name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(&name))))
    })
}

/// The condition that a filter stands for, and the values of its parameters.
fn condition(filter: &HistoryFilter) -> (String, Vec<Value>) {
    let HistoryFilter { projects, indexes, outcomes, since } = filter;
    let mut parts = vec!["1".to_owned()];
    let mut values = Vec::new();

    let mut one_of = |column: &str, words: Vec<String>| {
        parts.push(format!("{column} IN ({})", vec!["?"; words.len()].join(", ")));
        values.extend(words.into_iter().map(Value::Text));
    };
    if let Some(projects) = projects {
        one_of("project", projects.iter().map(ToString::to_string).collect());
    }
    if let Some(outcomes) = outcomes {
        one_of("outcome", outcomes.iter().map(ToString::to_string).collect());
    }
    if let Some(since) = since {
        parts.push("end_observed_at >= ?".to_owned());
        values.push(Value::Integer(since.as_millisecond()));
    }
    if indexes.is_some() {
        parts.push("is_wanted_index(target_index_name)".to_owned());
    }

    (parts.join(" AND "), values)
}

/// If the event is no longer kept, those from the first one on that is not older: better one of the
/// same millisecond twice than one of them never.
fn events_after(connection: &Connection, event: EventId, limit: usize) -> rusqlite::Result<Vec<Arc<Event>>> {
    let place = |sql: &str, values: &dyn rusqlite::ToSql| -> rusqlite::Result<Option<i64>> {
        connection.prepare_cached(sql)?.query_row([values], |row| row.get(0)).optional()
    };
    let known = place("SELECT seq FROM transitions WHERE id = ?1", &event.to_string())?;
    let since = event.time().as_millisecond();
    let before_first =
        || place("SELECT seq - 1 FROM transitions WHERE told_at >= ?1 ORDER BY seq LIMIT 1", &since);
    let Some(after) = known.map_or_else(before_first, |place| Ok(Some(place)))? else {
        return Ok(Vec::new());
    };

    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    connection
        .prepare_cached("SELECT body FROM transitions WHERE seq > ?1 ORDER BY seq LIMIT ?2")?
        .query_map(params![after, limit], |row| read::event(row, 0).map(Arc::new))?
        .collect()
}
