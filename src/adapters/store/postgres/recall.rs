//! Reads what is committed of a state.

use tokio_postgres::SimpleQueryRow;

use super::fault::Fault;
use super::link::Answer;
use super::literal::Literal;
use super::row;
use crate::adapters::store::record::Record;
use crate::engine::snapshot::{DeliveryRecord, JobRecord, ProjectRecord, SinkRecord, Snapshot};
use crate::model::{DeliveryId, ProjectName, SinkName};

/// The columns of [`delivery`], of the tables `deliveries d` and `events e`.
pub(super) const DELIVERY: &str =
    "e.id, d.sink, e.project, e.job, e.kind, e.emitted_at, d.attempts, d.due, d.changed_at";

/// The statements that read a state, as it is at one moment.
pub(super) fn sql(cluster: &str) -> String {
    let cluster = Literal(cluster);
    let open = format!(
        "FROM restore_watch.deliveries d JOIN restore_watch.events e ON e.seq = d.event WHERE d.cluster = {cluster}"
    );
    format!(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
         SELECT name, record FROM restore_watch.projects WHERE cluster = {cluster} ORDER BY name COLLATE \"C\";
         SELECT project, id, written_at, record FROM restore_watch.jobs WHERE cluster = {cluster}
             ORDER BY project COLLATE \"C\", id COLLATE \"C\";
         SELECT name, record FROM restore_watch.sinks WHERE cluster = {cluster} ORDER BY name COLLATE \"C\";
         SELECT record FROM restore_watch.silences WHERE cluster = {cluster};
         SELECT {DELIVERY} {open} AND d.state = 'pending' ORDER BY e.seq, d.sink COLLATE \"C\";
         SELECT e.id, d.sink {open} AND d.state = 'dead' ORDER BY e.seq, d.sink COLLATE \"C\""
    )
}

/// Reads their answer.
pub(super) fn snapshot(answer: &Answer) -> Result<Snapshot, Fault> {
    let [_, projects, jobs, sinks, silences, deliveries, dead_letters] = answer.as_slice() else {
        return Err(Fault::unreadable("an answer has too few parts"));
    };
    Ok(Snapshot {
        projects: all(projects, |row| {
            let (name, snapshot) = named(row)?;
            Ok(ProjectRecord { name: ProjectName::new(name), snapshot })
        })?,
        jobs: all(jobs, job)?,
        sinks: all(sinks, |row| {
            let (name, snapshot) = named(row)?;
            Ok(SinkRecord { name: SinkName::new(name), snapshot })
        })?,
        deliveries: all(deliveries, delivery)?,
        dead_letters: all(dead_letters, delivery_id)?,
        silences: all(silences, |row| row::record(row, 0))?.pop().unwrap_or_default(),
    })
}

/// A row that begins with [`DELIVERY`].
pub(super) fn delivery(row: &SimpleQueryRow) -> Result<DeliveryRecord, Fault> {
    let emitted_at = row::time(row, 5)?;
    Ok(DeliveryRecord {
        id: delivery_id(row)?,
        project: ProjectName::new(row::text(row, 2)?),
        job: if row::nullable(row, 3)?.is_some() { Some(row::job_id(row, 3)?) } else { None },
        kind: row::kind(row, 4)?,
        emitted_at,
        attempts: row::parsed(row, 6)?,
        due: if row::nullable(row, 7)?.is_some() { row::time(row, 7)? } else { emitted_at },
        written_at: row::time(row, 8)?,
    })
}

/// The first two columns of a delivery.
fn delivery_id(row: &SimpleQueryRow) -> Result<DeliveryId, Fault> {
    Ok(DeliveryId { event: row::parsed(row, 0)?, sink: SinkName::new(row::text(row, 1)?) })
}

fn job(row: &SimpleQueryRow) -> Result<JobRecord, Fault> {
    Ok(JobRecord {
        project: ProjectName::new(row::text(row, 0)?),
        id: row::job_id(row, 1)?,
        written_at: row::time(row, 2)?,
        snapshot: row::record(row, 3)?,
    })
}

fn named<T: Record>(row: &SimpleQueryRow) -> Result<(&str, T), Fault> {
    Ok((row::text(row, 0)?, row::record(row, 1)?))
}

fn all<T>(
    rows: &[SimpleQueryRow],
    read: impl Fn(&SimpleQueryRow) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    rows.iter().map(read).collect()
}
