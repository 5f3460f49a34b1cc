//! Reads rows.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::de::DeserializeOwned;

use crate::adapters::store::record::Record;
use crate::engine::snapshot::{DeliveryRecord, JobRecord, ProjectRecord, SinkRecord, Snapshot};
use crate::model::DeliveryState::{Dead, Pending};
use crate::model::{DeliveryId, Event, EventKind, JobId, Payload, ProjectName, SinkName};

/// The columns of [`delivery`].
pub(super) const DELIVERY: &str =
    "SELECT t.id, d.sink, t.project, t.job, t.kind, t.told_at, d.attempts, d.due, d.changed_at
     FROM deliveries d JOIN transitions t ON t.seq = d.transition";

/// All that is committed, of deliveries those that are pending, and the ids of dead letters.
pub(super) fn snapshot(connection: &Connection) -> rusqlite::Result<Snapshot> {
    Ok(Snapshot {
        projects: all(connection, "SELECT name, memory FROM projects", |row| {
            Ok(ProjectRecord { name: ProjectName::new(row.get::<_, String>(0)?), snapshot: record(row, 1)? })
        })?,
        jobs: all(connection, "SELECT project, id, saved_at, memory FROM jobs", |row| {
            Ok(JobRecord {
                project: ProjectName::new(row.get::<_, String>(0)?),
                id: job_id(row, 1)?,
                written_at: time(row, 2)?,
                snapshot: record(row, 3)?,
            })
        })?,
        sinks: sinks(connection)?,
        deliveries: all(
            connection,
            &format!("{DELIVERY} WHERE d.state = '{Pending}' ORDER BY t.seq"),
            delivery,
        )?,
        dead_letters: all(
            connection,
            &format!(
                "SELECT t.id, d.sink FROM deliveries d JOIN transitions t ON t.seq = d.transition
                 WHERE d.state = '{Dead}' ORDER BY t.seq, d.sink"
            ),
            delivery_id,
        )?,
        silences: all(connection, "SELECT memory FROM silences", |row| record(row, 0))?
            .pop()
            .unwrap_or_default(),
    })
}

/// The sinks that are recorded, in a file of any version.
pub(super) fn sinks(connection: &Connection) -> rusqlite::Result<Vec<SinkRecord>> {
    all(connection, "SELECT name, memory FROM sinks", |row| {
        Ok(SinkRecord { name: SinkName::new(row.get::<_, String>(0)?), snapshot: record(row, 1)? })
    })
}

/// The payload of a delivery.
pub(super) fn payload(connection: &Connection, id: &DeliveryId) -> rusqlite::Result<Payload> {
    let mut statement = connection.prepare_cached(
        "SELECT t.body, d.body FROM transitions t JOIN deliveries d ON d.transition = t.seq AND d.sink = ?2
         WHERE t.id = ?1",
    )?;
    statement.query_row(params![id.event.to_string(), id.sink.as_str()], |row| {
        let event = event(row, 0)?;
        let body = match row.get::<_, Option<Vec<u8>>>(1)? {
            Some(body) => body,
            None => row.get::<_, String>(0)?.into_bytes(),
        };
        Ok(Payload { event, body })
    })
}

/// One row of [`DELIVERY`].
pub(super) fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let job = row.get::<_, Option<String>>(3)?.is_some();
    let emitted_at = time(row, 5)?;
    Ok(DeliveryRecord {
        id: delivery_id(row)?,
        project: ProjectName::new(row.get::<_, String>(2)?),
        job: if job { Some(job_id(row, 3)?) } else { None },
        kind: kind(row, 4)?,
        emitted_at,
        attempts: row.get(6)?,
        due: if row.get::<_, Option<i64>>(7)?.is_some() { time(row, 7)? } else { emitted_at },
        written_at: time(row, 8)?,
    })
}

/// The first two columns of a delivery.
fn delivery_id(row: &Row<'_>) -> rusqlite::Result<DeliveryId> {
    Ok(DeliveryId { event: parsed(row, 0)?, sink: SinkName::new(row.get::<_, String>(1)?) })
}

pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

/// A column that is a time, in milliseconds.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?).map_err(|error| wrong(column, Type::Integer, error))
}

/// A column that says how many there are.
pub(super) fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<usize> {
    usize::try_from(row.get::<_, i64>(column)?).map_err(|error| wrong(column, Type::Integer, error))
}

/// A column that is the type of an event.
pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<EventKind> {
    let text: String = row.get(column)?;
    EventKind::parse(&text)
        .ok_or_else(|| wrong(column, Type::Text, format!("unknown kind of transition `{text}`")))
}

/// A column that is a text with a form of its own.
pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get::<_, String>(column)?.parse().map_err(|error: T::Err| wrong(column, Type::Text, error))
}

/// A column that is the id of a job, whatever version wrote it.
pub(super) fn job_id(row: &Row<'_>, column: usize) -> rusqlite::Result<JobId> {
    JobId::committed(&row.get::<_, String>(column)?).map_err(|error| wrong(column, Type::Text, error))
}

fn record<T: Record>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    T::from_json(&text).map_err(|error| wrong(column, Type::Text, error))
}

/// A column that is an event.
pub(super) fn event(row: &Row<'_>, column: usize) -> rusqlite::Result<Event> {
    published(row, column)
}

/// A column that is JSON in its published form.
pub(super) fn published<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| wrong(column, Type::Text, error))
}

fn wrong(
    column: usize,
    kind: Type,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, kind, error.into())
}
