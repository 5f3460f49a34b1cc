//! Reads all rows of a file, to move them to another store.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::error::FileError;
use super::lease::Lease;
use super::read::all;
use super::{aside, file, open, read};
use crate::adapters::store::OpenError;
use crate::adapters::store::moving::{
    DeliveryRow, Departure, EventRow, JobRow, NamedRow, RestoreRow, Rows, TotalRow,
};

/// A file that is closed, while this process has its lease.
pub(super) struct SqliteDeparture {
    path: PathBuf,
    rows: Rows,
    #[expect(dead_code, reason = "held for its end")]
    lease: Lease,
}

impl SqliteDeparture {
    /// Takes the lease of a file that is there, brings it up to date as a daemon would, and reads it.
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        must_be_there(path)?;
        let (path, lease) = open::prepare(path)?;
        aside::reunite(&path)?;
        must_be_there(&path)?;

        let connection = open::write(&path)?;
        let rows = understood(&path, &connection)?;
        open::understood(&path, &connection)?;
        Ok(Self { path, rows, lease })
    }
}

impl Departure for SqliteDeparture {
    fn rows(&self) -> &Rows {
        &self.rows
    }

    fn set_aside(self: Box<Self>, now: Timestamp) -> Result<String, OpenError> {
        let aside = aside::set_aside(&self.path, now)?;
        Ok(aside.unwrap_or(self.path).display().to_string())
    }
}

/// The rows of a file that is up to date, beside a daemon that may run on it. Nothing is changed.
pub(super) fn beside(path: &Path) -> Result<Rows, FileError> {
    let path = file::resolve(path)?;
    let connection = open::read(&path)?;
    connection.execute_batch("BEGIN").map_err(|error| FileError::of(&path, &error))?;
    understood(&path, &connection)
}

/// The rows, if all of them can be read as a daemon reads them.
fn understood(path: &Path, connection: &Connection) -> Result<Rows, FileError> {
    let rows = read::snapshot(connection).and_then(|_| rows(connection));
    rows.map_err(|error| FileError::of(path, &error))
}

fn must_be_there(path: &Path) -> Result<(), FileError> {
    let path = file::resolve(path)?;
    let length =
        std::fs::metadata(&path).map_err(|error| FileError::unusable(&path, error.to_string()))?.len();
    if length > 0 { Ok(()) } else { Err(FileError::Missing(path)) }
}

fn rows(connection: &Connection) -> rusqlite::Result<Rows> {
    let named = |row: &rusqlite::Row<'_>| Ok(NamedRow { name: row.get(0)?, record: row.get(1)? });
    Ok(Rows {
        projects: all(connection, "SELECT name, memory FROM projects ORDER BY name", named)?,
        jobs: all(
            connection,
            "SELECT project, id, status, ended_at, saved_at, memory FROM jobs ORDER BY project, id",
            |row| {
                Ok(JobRow {
                    project: row.get(0)?,
                    id: row.get(1)?,
                    status: row.get(2)?,
                    ended_at: row.get(3)?,
                    written_at: row.get(4)?,
                    record: row.get(5)?,
                })
            },
        )?,
        sinks: all(connection, "SELECT name, memory FROM sinks ORDER BY name", named)?,
        silences: all(connection, "SELECT memory FROM silences", |row| row.get(0))?.pop(),
        events: all(
            connection,
            "SELECT id, told_at, kind, project, job, body FROM transitions ORDER BY seq",
            |row| {
                Ok(EventRow {
                    id: row.get(0)?,
                    emitted_at: row.get(1)?,
                    kind: row.get(2)?,
                    project: row.get(3)?,
                    job: row.get(4)?,
                    body: row.get(5)?,
                })
            },
        )?,
        deliveries: deliveries(connection)?,
        restores: restores(connection)?,
        totals: all(
            connection,
            "SELECT project, outcome, ended, last_ended_at FROM totals ORDER BY project, outcome",
            |row| {
                Ok(TotalRow {
                    project: row.get(0)?,
                    outcome: row.get(1)?,
                    ended: row.get(2)?,
                    last_ended_at: row.get(3)?,
                })
            },
        )?,
    })
}

fn deliveries(connection: &Connection) -> rusqlite::Result<Vec<DeliveryRow>> {
    let sql = "SELECT t.id, d.sink, d.state, d.attempts, d.due, d.changed_at, d.reason, d.body, d.edited IS NOT NULL
               FROM deliveries d JOIN transitions t ON t.seq = d.transition ORDER BY t.seq, d.sink";
    all(connection, sql, |row| {
        Ok(DeliveryRow {
            event: row.get(0)?,
            sink: row.get(1)?,
            state: row.get(2)?,
            attempts: row.get(3)?,
            due: row.get(4)?,
            changed_at: row.get(5)?,
            reason: row.get(6)?,
            body: row.get(7)?,
            is_edited: row.get(8)?,
        })
    })
}

fn restores(connection: &Connection) -> rusqlite::Result<Vec<RestoreRow>> {
    let sql = "SELECT r.project, r.job, r.outcome, r.end_observed_at, r.aged_from, r.target_index_name, t.id,
                   r.delivered, r.dropped, r.body
               FROM restores r LEFT JOIN transitions t ON t.seq = r.event ORDER BY r.project, r.job";
    all(connection, sql, |row| {
        Ok(RestoreRow {
            project: row.get(0)?,
            job: row.get(1)?,
            outcome: row.get(2)?,
            end_observed_at: row.get(3)?,
            aged_from: row.get(4)?,
            target_index_name: row.get(5)?,
            event: row.get(6)?,
            delivered: row.get(7)?,
            dropped: row.get(8)?,
            body: row.get(9)?,
        })
    })
}
