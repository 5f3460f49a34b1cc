//! Writes rows.
//!
//! Invariant: the state of a delivery changes only while it is pending; that it was delivered is
//! written in any case, because that is true whatever a
//! [`DeliveryAdmin`](crate::adapters::store::DeliveryAdmin) decided meanwhile.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{history, read};
use crate::adapters::store::Body;
use crate::adapters::store::record::Record as _;
use crate::engine::{Batch, BatchEntry, DeliveryUpdate, Edit};
use crate::model::DeliveryState::{Delivered, Dropped, Pending};
use crate::model::{DeliveryId, DeliveryState, Keyword as _, Status};

/// Begins to write. Readers go on meanwhile; other writers wait.
pub(super) fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Writes a batch, within a transaction of the caller.
pub(super) fn batch(connection: &Connection, batch: &Batch, bodies: Vec<Body>) -> rusqlite::Result<()> {
    for project in &batch.projects {
        connection
            .prepare_cached(
                "INSERT INTO projects (name, memory) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET memory = ?2",
            )?
            .execute(params![project.name.as_str(), json(project.snapshot.to_json())?])?;
    }
    for job in &batch.jobs {
        let snapshot = &job.snapshot;
        connection
            .prepare_cached(
                "INSERT INTO jobs (project, id, status, ended_at, saved_at, memory) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET status = ?3, ended_at = ?4, saved_at = ?5, memory = ?6",
            )?
            .execute(params![
                job.project.as_str(),
                job.id.as_str(),
                snapshot.status.as_ref().map(Status::as_str),
                snapshot.end.map(|end| end.observed_at.as_millisecond()),
                job.written_at.as_millisecond(),
                json(snapshot.to_json())?,
            ])?;
    }
    for sink in &batch.sinks {
        connection
            .prepare_cached(
                "INSERT INTO sinks (name, memory) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET memory = ?2",
            )?
            .execute(params![sink.name.as_str(), json(sink.snapshot.to_json())?])?;
    }
    let mut bodies: BTreeMap<_, _> = bodies.into_iter().collect();
    for emitted in &batch.entries {
        entry(connection, emitted, &mut bodies)?;
    }
    history::insert(connection, &batch.ends)?;
    history::count_ends(connection, batch.reported_ends())?;
    for change in &batch.deliveries {
        update(connection, change)?;
    }
    if let Some(silences) = &batch.silences {
        connection
            .prepare_cached(
                "INSERT INTO silences (id, memory) VALUES (1, ?1) ON CONFLICT DO UPDATE SET memory = ?1",
            )?
            .execute([json(silences.to_json())?])?;
    }
    for (project, job) in &batch.forgotten {
        connection
            .prepare_cached("DELETE FROM jobs WHERE project = ?1 AND id = ?2")?
            .execute(params![project.as_str(), job.as_str()])?;
    }
    if let Some(before) = batch.prune.deliveries_before {
        prune(connection, before.as_millisecond())?;
    }
    if let Some(before) = batch.prune.history_before {
        history::prune(connection, before.as_millisecond())?;
    }
    Ok(())
}

fn entry(
    connection: &Connection,
    BatchEntry { event, recipients }: &BatchEntry,
    bodies: &mut BTreeMap<DeliveryId, Vec<u8>>,
) -> rusqlite::Result<()> {
    let emitted_at = event.timestamp.as_millisecond();
    connection
        .prepare_cached(
            "INSERT INTO transitions (id, told_at, kind, project, job, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            event.id.to_string(),
            emitted_at,
            event.kind.as_str(),
            event.project.as_str(),
            event.job.as_ref().map(|job| job.id.as_str()),
            json(serde_json::to_string(&**event))?,
        ])?;
    let place = connection.last_insert_rowid();
    for sink in recipients {
        let body = bodies.remove(&DeliveryId { event: event.id, sink: sink.clone() });
        connection
            .prepare_cached(
                "INSERT INTO deliveries (transition, sink, state, attempts, due, changed_at, body)
                 VALUES (?1, ?2, ?5, 0, ?3, ?3, ?4)",
            )?
            .execute(params![place, sink.as_str(), emitted_at, body, Pending.as_str()])?;
    }
    Ok(())
}

fn update(connection: &Connection, update: &DeliveryUpdate) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "UPDATE deliveries SET state = ?3, attempts = ?4, due = ?5, changed_at = ?6,
                 reason = CASE ?3 WHEN '{Pending}' THEN coalesce(?7, reason) ELSE ?7 END
             WHERE transition = (SELECT seq FROM transitions WHERE id = ?1) AND sink = ?2
               AND (state = '{Pending}' OR ?3 = '{Delivered}')"
        ))?
        .execute(params![
            update.id.event.to_string(),
            update.id.sink.as_str(),
            update.change.state().as_str(),
            update.attempts,
            update.change.due().map(Timestamp::as_millisecond),
            update.at.as_millisecond(),
            update.reason,
        ])?;
    Ok(())
}

/// Deletes what was delivered or dropped before this time, which the history counts from then on,
/// and the events of which no delivery is left. Dead letters stay until they are retried or dropped
/// by hand.
fn prune(connection: &Connection, before: i64) -> rusqlite::Result<()> {
    let old = format!("state IN ('{Delivered}', '{Dropped}') AND changed_at < ?1");
    history::count(connection, &old, before)?;
    connection.execute(&format!("DELETE FROM deliveries WHERE {old}"), [before])?;
    connection.execute(
        "DELETE FROM transitions WHERE told_at < ?1
         AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.transition = transitions.seq)",
        [before],
    )?;
    Ok(())
}

/// The deliveries that were changed by hand, each once.
pub(super) fn take_edits(connection: &Connection) -> rusqlite::Result<Vec<Edit>> {
    let edited = |state: DeliveryState| {
        format!("{} WHERE d.edited IS NOT NULL AND d.state = '{state}' ORDER BY t.seq", read::DELIVERY)
    };
    let mut edits = Vec::new();
    for record in connection.prepare_cached(&edited(Pending))?.query_map([], read::delivery)? {
        edits.push(Edit::Retry(record?));
    }
    for record in connection.prepare_cached(&edited(Dropped))?.query_map([], read::delivery)? {
        edits.push(Edit::Drop(record?));
    }
    connection.execute("UPDATE deliveries SET edited = NULL WHERE edited IS NOT NULL", [])?;
    Ok(edits)
}

/// The JSON of a row.
pub(super) fn json(text: serde_json::Result<String>) -> rusqlite::Result<String> {
    text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
