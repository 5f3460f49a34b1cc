//! The rows of the history, one for each restore that ended, and how many these were.
//!
//! Invariant: a row outlives its job and its deliveries, and counts each delivery of its event once:
//! by the row of the delivery as long as that is there, and from the transaction that deletes it in
//! a column.

use std::collections::HashMap;

use rusqlite::{Connection, Row, params};

use super::{read, write};
use crate::engine::BatchEnd;
use crate::engine::snapshot::JobRecord;
use crate::model::DeliveryState::{Delivered, Dropped};
use crate::model::{DeliveryCounts, EndTotal, EndTotals, EndedRestore, EventId, JobId, Outcome, ProjectName};

/// The columns of [`restore`].
pub(super) const COLUMNS: &str = "body, delivered, dropped, event";

/// Writes the restores that ended, after the events of the same batch. One that ended before is
/// replaced, unless it is the same end (see [`EndedRestore::is_same_end`]).
pub(super) fn insert(connection: &Connection, ends: &[BatchEnd]) -> rusqlite::Result<()> {
    for BatchEnd { restore, event } in ends {
        connection
            .prepare_cached(
                "INSERT INTO restores (project, job, outcome, end_observed_at, aged_from, target_index_name, body, event)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, (SELECT seq FROM transitions WHERE id = ?8))
                 ON CONFLICT DO UPDATE SET outcome = ?3, end_observed_at = ?4, aged_from = ?5,
                     target_index_name = ?6, body = ?7, event = coalesce(excluded.event, event),
                     delivered = iif(event IS coalesce(excluded.event, event), delivered, 0),
                     dropped = iif(event IS coalesce(excluded.event, event), dropped, 0)
                 WHERE outcome IS NOT ?3
                     OR body ->> '$.job.completed_at' IS NOT ?7 ->> '$.job.completed_at'
                     OR (body ->> '$.job.completed_at' IS NULL
                         AND body ->> '$.job.created_at' IS NOT ?7 ->> '$.job.created_at')",
            )?
            .execute(params![
                restore.project.as_str(),
                restore.job.id.as_str(),
                restore.outcome.to_string(),
                restore.end_observed_at.as_millisecond(),
                restore.aged_from().as_millisecond(),
                restore.job.facts.target_index_name,
                write::json(serde_json::to_string(restore))?,
                event.as_ref().map(EventId::to_string),
            ])?;
    }
    if ends.iter().any(|end| end.event.is_none()) {
        find_events(connection)?;
    }
    Ok(())
}

/// Counts the restores that ended.
pub(super) fn count_ends<'a>(
    connection: &Connection,
    restores: impl IntoIterator<Item = &'a EndedRestore>,
) -> rusqlite::Result<()> {
    for restore in restores {
        connection
            .prepare_cached(
                "INSERT INTO totals (project, outcome, ended, last_ended_at) VALUES (?1, ?2, 1, ?3)
                 ON CONFLICT DO UPDATE SET ended = ended + 1, last_ended_at = max(last_ended_at, ?3)",
            )?
            .execute(params![
                restore.project.as_str(),
                restore.outcome.to_string(),
                restore.ended_at().as_millisecond(),
            ])?;
    }
    Ok(())
}

/// How many restores ended.
pub(super) fn totals(connection: &Connection) -> rusqlite::Result<EndTotals> {
    let mut statement =
        connection.prepare_cached("SELECT project, outcome, ended, last_ended_at FROM totals")?;
    let total = |row: &Row<'_>| {
        let key = (ProjectName::new(row.get::<_, String>(0)?), read::parsed(row, 1)?);
        Ok((key, EndTotal { ended: read::number(row, 2)? as u64, last_ended_at: read::time(row, 3)? }))
    };
    statement.query_map([], total)?.collect()
}

/// Adds the jobs that ended before there was a history.
pub(super) fn fill(connection: &Connection, jobs: &[JobRecord]) -> rusqlite::Result<()> {
    let mut names = names(connection)?;
    let mut ends = Vec::new();
    for mut restore in jobs.iter().filter_map(JobRecord::ended) {
        let name = names.remove(&(restore.project.clone(), restore.job.id.clone()));
        restore.job.name = restore.job.name.or(name);
        ends.push(BatchEnd { restore, event: None });
    }
    insert(connection, &ends)?;
    count_ends(connection, ends.iter().map(|end| &end.restore))
}

/// The names of jobs that the last of their events has.
fn names(connection: &Connection) -> rusqlite::Result<HashMap<(ProjectName, JobId), String>> {
    let mut names = HashMap::new();
    let mut statement = connection.prepare(
        "SELECT project, job, json_extract(body, '$.job.name') AS name FROM transitions
         WHERE job IS NOT NULL AND name IS NOT NULL ORDER BY seq",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        names.insert((ProjectName::new(row.get::<_, String>(0)?), read::job_id(row, 1)?), row.get(2)?);
    }
    Ok(names)
}

/// Finds the events of rows that have none: the last ones that report such an end.
fn find_events(connection: &Connection) -> rusqlite::Result<()> {
    let kind =
        |outcome: Outcome| outcome.event().map(|kind| format!("WHEN '{outcome}' THEN '{}'", kind.as_str()));
    let kinds: Vec<_> =
        Outcome::ALL.into_iter().filter(|outcome| outcome.is_final()).filter_map(kind).collect();
    connection.execute(
        &format!(
            "UPDATE restores SET event = reported.seq
             FROM (SELECT project, job, kind, max(seq) AS seq FROM transitions WHERE job IS NOT NULL
                   GROUP BY project, job, kind) AS reported
             WHERE restores.event IS NULL AND reported.project = restores.project
                 AND reported.job = restores.job AND reported.kind = CASE restores.outcome {} END",
            kinds.join(" ")
        ),
        [],
    )?;
    Ok(())
}

/// Counts the deliveries that are about to be deleted: those that meet this condition, whose
/// parameter is `before`.
pub(super) fn count(connection: &Connection, deleted: &str, before: i64) -> rusqlite::Result<()> {
    connection.execute(
        &format!(
            "UPDATE restores SET delivered = restores.delivered + deleted.delivered,
                 dropped = restores.dropped + deleted.dropped
             FROM (SELECT transition, sum(state = '{Delivered}') AS delivered, sum(state = '{Dropped}') AS dropped
                   FROM deliveries WHERE {deleted} GROUP BY transition) AS deleted
             WHERE restores.event = deleted.transition"
        ),
        [before],
    )?;
    Ok(())
}

/// Deletes the restores that are older.
pub(super) fn prune(connection: &Connection, before: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM restores WHERE aged_from < ?1", [before])?;
    Ok(())
}

/// One row of [`COLUMNS`], with the deliveries of its event.
pub(super) fn restore(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<EndedRestore> {
    let mut restore: EndedRestore = read::published(row, 0)?;
    restore.deliveries = DeliveryCounts {
        delivered: read::number(row, 1)?,
        dropped: read::number(row, 2)?,
        ..DeliveryCounts::default()
    };

    let event: Option<i64> = row.get(3)?;
    let mut statement = connection.prepare_cached("SELECT state FROM deliveries WHERE transition = ?1")?;
    let mut states = statement.query([event])?;
    while let Some(row) = states.next()? {
        restore.deliveries.count(read::parsed(row, 0)?);
    }
    Ok(restore)
}
