//! Lists and changes the deliveries in a file.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::error::{Fault, FileError};
use super::{file, lease, open, read, write};
use crate::adapters::store::{
    DeliveryAdmin, DeliveryFilter, DeliveryJob, DeliveryRow, Holder, StoreError, admin,
};
use crate::engine::snapshot::SinkRecord;
use crate::model::DeliveryState::{Dead, Delivered, Dropped, Pending};
use crate::model::{JobId, Reason, SinkName};

/// A file beside the daemon that may run on it. A changed row is marked as edited until that daemon
/// takes the edit.
#[derive(Debug)]
pub(super) struct SqliteAdmin {
    path: PathBuf,
    connection: Connection,
    daemon: Option<Holder>,
}

impl SqliteAdmin {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let path = file::resolve(path)?;
        let daemon = lease::holder(&path).map_err(|error| FileError::unusable(&path, error.to_string()))?;
        Ok(Self { connection: open::beside(&path)?.0, path, daemon })
    }

    fn change(
        &mut self,
        what: &str,
        which: &str,
        filter: &DeliveryFilter,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let (condition, values) = condition(filter);
        let sql = format!(
            "UPDATE deliveries SET {what}, changed_at = ?1, edited = 1 WHERE (transition, sink) IN
             (SELECT d.transition, d.sink FROM deliveries d JOIN transitions t ON t.seq = d.transition
              WHERE {which} AND {condition})"
        );
        let values = [Value::Integer(now.as_millisecond())].into_iter().chain(values);
        let write = || {
            let transaction = write::begin(&mut self.connection)?;
            let count = transaction.execute(&sql, params_from_iter(values))?;
            transaction.commit()?;
            Ok(count)
        };
        write().map_err(|error| self.error("write", &error))
    }

    fn sinks(&self) -> Result<Vec<SinkRecord>, StoreError> {
        read::sinks(&self.connection).map_err(|error| self.error("read", &error))
    }

    fn error(&self, doing: &'static str, error: &rusqlite::Error) -> StoreError {
        Fault::of(error).while_doing(doing, &self.path)
    }
}

impl DeliveryAdmin for SqliteAdmin {
    fn daemon(&self) -> Option<&Holder> {
        self.daemon.as_ref()
    }

    fn list(&self, filter: &DeliveryFilter, limit: usize) -> Result<Vec<DeliveryRow>, StoreError> {
        let (condition, values) = condition(filter);
        let values = [Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))].into_iter().chain(values);
        let sql = format!(
            "SELECT t.id, d.sink, d.state, t.project, t.job, t.kind, t.told_at, d.attempts, d.due, d.changed_at,
                    d.reason, json_extract(t.body, '$.job.name'),
                    json_extract(t.body, '$.job.target_index_name')
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
        let mut rows = rows().map_err(|error| self.error("read", &error))?;

        admin::hold(&mut rows, self.closed_sinks()?);
        Ok(rows)
    }

    fn retry(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError> {
        self.change(
            &format!(
                "reason = CASE state WHEN '{Dropped}' THEN NULL ELSE reason END,
                 attempts = CASE state WHEN '{Pending}' THEN attempts ELSE 0 END,
                 state = '{Pending}', due = ?1"
            ),
            &format!("d.state <> '{Delivered}'"),
            filter,
            now,
        )
    }

    fn discard(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError> {
        self.change(
            &format!("state = '{Dropped}', due = NULL, reason = '{}'", Reason::DroppedByHand),
            &format!("d.state IN ('{Pending}', '{Dead}')"),
            filter,
            now,
        )
    }

    fn jobs(&self) -> Result<Vec<DeliveryJob>, StoreError> {
        let jobs = || {
            let sql = "SELECT DISTINCT job, json_extract(body, '$.job.name') FROM transitions WHERE job IS NOT NULL";
            let job = |row: &rusqlite::Row<'_>| Ok(DeliveryJob { id: shown(row.get(0)?), name: row.get(1)? });
            self.connection.prepare(sql)?.query_map([], job)?.collect::<rusqlite::Result<_>>()
        };
        jobs().map_err(|error| self.error("read", &error))
    }

    fn disabled_sinks(&self) -> Result<Vec<(SinkName, String)>, StoreError> {
        let disabled =
            self.sinks()?.into_iter().filter_map(|sink| Some((sink.name, sink.snapshot.disabled?)));
        Ok(disabled.collect())
    }

    fn closed_sinks(&self) -> Result<Vec<(SinkName, Timestamp)>, StoreError> {
        let closed =
            self.sinks()?.into_iter().filter_map(|sink| Some((sink.name, sink.snapshot.closed_until?)));
        Ok(closed.collect())
    }
}

/// The condition that a filter stands for, and the values of its parameters from `?2` on.
fn condition(filter: &DeliveryFilter) -> (String, Vec<Value>) {
    let DeliveryFilter { states, id, sink, project, job } = filter;
    let mut parts = vec!["1".to_owned()];
    let mut values = Vec::new();

    if !states.is_empty() {
        let states: Vec<_> = states.iter().map(|state| format!("'{state}'")).collect();
        parts.push(format!("d.state IN ({})", states.join(", ")));
    }
    let mut add = |value: &str, part: &dyn Fn(usize) -> String| {
        values.push(Value::Text(value.to_owned()));
        parts.push(part(values.len() + 1));
    };
    if let Some(prefix) = id {
        // All that follows in an id sorts below `g`.
        add(prefix.as_str(), &|n| format!("t.id >= ?{n} AND t.id < ?{n} || 'g'"));
    }
    for (column, value) in [("d.sink", sink), ("t.project", project), ("t.job", job)] {
        if let Some(value) = value {
            add(value, &|n| format!("{column} = ?{n}"));
        }
    }

    (parts.join(" AND "), values)
}

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<DeliveryRow> {
    let due = row.get::<_, Option<i64>>(8)?.is_some();
    Ok(DeliveryRow {
        id: read::parsed(row, 0)?,
        sink: row.get(1)?,
        state: read::parsed(row, 2)?,
        project: row.get(3)?,
        job: row.get::<_, Option<String>>(4)?.map(shown),
        name: row.get(11)?,
        target_index_name: row.get(12)?,
        kind: read::kind(row, 5)?,
        timestamp: read::time(row, 6)?,
        attempts: row.get(7)?,
        next_attempt_at: if due { Some(read::time(row, 8)?) } else { None },
        held_until: None,
        changed_at: read::time(row, 9)?,
        last_error: row.get(10)?,
    })
}

/// An id in the form in which all commands show it.
fn shown(job: String) -> String {
    JobId::committed(&job).map_or(job, |id| id.to_string())
}
