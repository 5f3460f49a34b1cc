//! What was delivered and what is owed, for people: looked at and changed beside a daemon, or without one.
//!
//! Invariant: a change here is a row that says so; a daemon that runs finds it and acts on it, and one that starts later
//! reads the row like any other.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde::Serialize;

use super::lock::Locked;
use super::{begin, fault, file, open, read};
use crate::adapters::store::Error;
use crate::engine::snapshot::SinkSnapshot;
use crate::model::{EventId, EventKind, JobId, SinkName};

/// The deliveries of a state.
#[derive(Debug)]
pub struct Deliveries {
    file: PathBuf,
    connection: Connection,
    daemon: Option<Locked>,
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The id of the transition, which is the `webhook-id`.
    pub id: EventId,
    /// The sink.
    pub sink: String,
    /// How it stands.
    pub state: RowState,
    /// The project of the transition.
    pub project: String,
    /// The job of the transition, if it has one.
    pub job: Option<String>,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When that was observed.
    pub timestamp: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    pub next_attempt: Option<Timestamp>,
    /// When this last changed.
    pub changed_at: Timestamp,
    /// What went wrong at the last attempt, or why it is not tried any more.
    pub reason: Option<String>,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// Pending.
    Pending,
    /// Given up after its last attempt.
    Dead,
    /// Made.
    Delivered,
    /// Not worth telling any more, or dropped by hand.
    Dropped,
}

/// Which deliveries are meant: those that fit every part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states; any where there is none.
    pub states: Vec<RowState>,
    /// Of this transition.
    pub id: Option<EventId>,
    /// To this sink.
    pub sink: Option<String>,
    /// Of this project.
    pub project: Option<String>,
    /// Of this job.
    pub job: Option<String>,
}

impl RowState {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Dead => "dead",
            Self::Delivered => "delivered",
            Self::Dropped => "dropped",
        }
    }
}

impl Deliveries {
    /// Opens the state at `path`, which must be there. Waits for the disk, as everything here does.
    pub fn open(path: &Path) -> Result<Self, open::OpenError> {
        let path = file::resolve(path)?;
        let daemon = open::user(&path)?;
        Ok(Self { connection: open::beside(&path)?, file: path, daemon })
    }

    /// The daemon that runs on this state, if one did when it was opened.
    pub fn daemon(&self) -> Option<&Locked> {
        self.daemon.as_ref()
    }

    /// The deliveries that are meant, in the order in which they were told; the newest `limit` of them.
    pub fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<Row>, Error> {
        let (condition, values) = filter.condition();
        let values = [Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))].into_iter().chain(values);
        let sql = format!(
            "SELECT t.id, d.sink, d.state, t.project, t.job, t.kind, t.told_at, d.attempts, d.due, d.changed_at,
                    d.reason
             FROM deliveries d JOIN transitions t ON t.seq = d.transition
             WHERE {condition} ORDER BY t.seq DESC, d.sink DESC LIMIT ?1"
        );
        let rows = || {
            let mut rows = self
                .connection
                .prepare(&sql)?
                .query_map(params_from_iter(values), row)?
                .collect::<rusqlite::Result<Vec<_>>>()?;
            rows.reverse();
            Ok(rows)
        };
        rows().map_err(|error| self.error("read", &error))
    }

    /// Has the deliveries that are meant tried as soon as a daemon runs, those given up from their first attempt on.
    /// What was delivered stays so. Returns how many there were.
    pub fn retry(&mut self, filter: &Filter, now: Timestamp) -> Result<usize, Error> {
        self.change(
            "reason = CASE state WHEN 'dropped' THEN NULL ELSE reason END,
             attempts = CASE state WHEN 'pending' THEN attempts ELSE 0 END, state = 'pending', due = ?1",
            "d.state <> 'delivered'",
            filter,
            now,
        )
    }

    /// Drops the deliveries that are meant, as far as they are owed or given up. Returns how many there were.
    pub fn drop(&mut self, filter: &Filter, now: Timestamp) -> Result<usize, Error> {
        self.change(
            "state = 'dropped', due = NULL, reason = 'dropped by hand'",
            "d.state IN ('pending', 'dead')",
            filter,
            now,
        )
    }

    fn change(&mut self, what: &str, which: &str, filter: &Filter, now: Timestamp) -> Result<usize, Error> {
        let (condition, values) = filter.condition();
        let sql = format!(
            "UPDATE deliveries SET {what}, changed_at = ?1, edited = 1 WHERE (transition, sink) IN
             (SELECT d.transition, d.sink FROM deliveries d JOIN transitions t ON t.seq = d.transition
              WHERE {which} AND {condition})"
        );
        let values = [Value::Integer(now.as_millisecond())].into_iter().chain(values);
        let write = || {
            let transaction = begin(&mut self.connection)?;
            let count = transaction.execute(&sql, params_from_iter(values))?;
            transaction.commit()?;
            Ok(count)
        };
        write().map_err(|error| self.error("write", &error))
    }

    /// The sinks to which nothing is sent until their settings change, and why.
    pub fn disabled_sinks(&self) -> Result<Vec<(SinkName, String)>, Error> {
        let saved = read::saved(&self.connection).map_err(|error| self.error("read", &error))?;
        let disabled = saved.sinks.into_iter().filter_map(|sink| {
            let SinkSnapshot { disabled, .. } = sink.snapshot;
            Some((sink.name, disabled?))
        });
        Ok(disabled.collect())
    }

    fn error(&self, doing: &'static str, error: &rusqlite::Error) -> Error {
        Error { doing, file: self.file.display().to_string(), fault: fault(error) }
    }
}

impl Filter {
    /// The condition, and the values of its parameters from `?2` on.
    fn condition(&self) -> (String, Vec<Value>) {
        let mut parts = vec!["1".to_owned()];
        let mut values = Vec::new();
        if !self.states.is_empty() {
            let states: Vec<_> = self.states.iter().map(|state| format!("'{}'", state.as_str())).collect();
            parts.push(format!("d.state IN ({})", states.join(", ")));
        }
        let id = self.id.map(|id| id.to_string());
        for (column, value) in
            [("t.id", &id), ("d.sink", &self.sink), ("t.project", &self.project), ("t.job", &self.job)]
        {
            if let Some(value) = value {
                values.push(Value::Text(value.clone()));
                parts.push(format!("{column} = ?{}", values.len() + 1));
            }
        }
        (parts.join(" AND "), values)
    }
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let state = match row.get::<_, String>(2)?.as_str() {
        "pending" => RowState::Pending,
        "dead" => RowState::Dead,
        "delivered" => RowState::Delivered,
        _ => RowState::Dropped,
    };
    let due = row.get::<_, Option<i64>>(8)?.is_some();
    Ok(Row {
        id: read::parsed(row, 0)?,
        sink: row.get(1)?,
        state,
        project: row.get(3)?,
        job: row.get::<_, Option<String>>(4)?.map(shown),
        kind: read::kind(row, 5)?,
        timestamp: read::time(row, 6)?,
        attempts: row.get(7)?,
        next_attempt: if due { Some(read::time(row, 8)?) } else { None },
        changed_at: read::time(row, 9)?,
        reason: row.get(10)?,
    })
}

/// An id in the form in which all commands show it.
fn shown(job: String) -> String {
    JobId::committed(&job).map_or(job, |id| id.to_string())
}
