//! Ids of jobs as earlier versions of this program wrote them.
//!
//! Invariant: from here on, a row of a job is found under the text of its [`JobId`], and each job
//! has one row.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::write;
use crate::model::JobId;

/// A row of a job, as far as it decides which of several is kept.
struct Row {
    project: String,
    written: String,
    is_ended: bool,
    saved_at: i64,
}

/// Brings the ids of jobs that an earlier version wrote otherwise into the form that this version
/// writes. Bodies of events stay as they were committed.
///
/// This is no step of the schema: an earlier version reads what this leaves, and may write its own
/// form again.
pub(super) fn unify(connection: &mut Connection) -> rusqlite::Result<()> {
    let renamed = Renamed::find(connection)?;
    if renamed.is_empty() {
        return Ok(());
    }
    let transaction = write::begin(connection)?;
    renamed.write(&transaction)?;
    transaction.commit()
}

/// What [`unify`] changes.
pub(super) struct Renamed {
    /// The rows of each job of which one has another text than its id, by project and id.
    jobs: BTreeMap<(String, String), Vec<Row>>,
    /// The ids of jobs in events that are written otherwise, each with the form of this version.
    events: Vec<(String, String)>,
}

impl Renamed {
    pub(super) fn find(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { jobs: jobs_with_old_ids(connection)?, events: renamed_in_events(connection)? })
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.events.is_empty()
    }

    /// Writes it, within a transaction of the caller.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        for ((project, id), rows) in self.jobs {
            // One that ended had its end emitted. Else the one that this version would have
            // written, then the newest.
            let Some(kept) = rows.iter().max_by_key(|row| (row.is_ended, row.written == id, row.saved_at))
            else {
                continue;
            };
            for row in rows.iter().filter(|row| row.written != kept.written) {
                connection.execute(
                    "DELETE FROM jobs WHERE project = ?1 AND id = ?2",
                    params![project, row.written],
                )?;
            }
            connection.execute(
                "UPDATE jobs SET id = ?3 WHERE project = ?1 AND id = ?2",
                params![project, kept.written, id],
            )?;
        }
        for (written, id) in self.events {
            connection.execute("UPDATE transitions SET job = ?2 WHERE job = ?1", params![written, id])?;
        }
        Ok(())
    }
}

fn jobs_with_old_ids(connection: &Connection) -> rusqlite::Result<BTreeMap<(String, String), Vec<Row>>> {
    let mut jobs = BTreeMap::<_, Vec<_>>::new();
    let mut statement = connection.prepare("SELECT project, id, ended_at IS NOT NULL, saved_at FROM jobs")?;
    let rows = statement.query_map([], |row| {
        Ok(Row { project: row.get(0)?, written: row.get(1)?, is_ended: row.get(2)?, saved_at: row.get(3)? })
    })?;
    for row in rows {
        let row = row?;
        // What is no id at all is an error when it is read.
        if let Ok(id) = JobId::committed(&row.written) {
            jobs.entry((row.project.clone(), id.to_string())).or_default().push(row);
        }
    }
    jobs.retain(|(_, id), rows| rows.iter().any(|row| row.written != *id));
    Ok(jobs)
}

fn renamed_in_events(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut statement = connection.prepare("SELECT DISTINCT job FROM transitions WHERE job IS NOT NULL")?;
    let mut renamed = Vec::new();
    for written in statement.query_map([], |row| row.get::<_, String>(0))? {
        let written = written?;
        match JobId::committed(&written) {
            Ok(id) if id.as_str() != written => renamed.push((written, id.to_string())),
            _ => {}
        }
    }
    Ok(renamed)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Place, commit, delivery, full, job, open, payload};
    use super::super::{SqliteAdmin, row_sum};
    use super::*;
    use crate::adapters::store::{DeliveryAdmin as _, DeliveryFilter};
    use crate::engine::Batch;
    use crate::engine::snapshot::{EndSnapshot, JobRecord};
    use crate::model::{Outcome, ProjectName};

    const LOWER: &str = "670e8400-e29b-41d4-a716-446655440001";
    const UPPER: &str = "670E8400-E29B-41D4-A716-446655440001";

    /// A state with a job and its pending event, as an earlier version left them: `rewrite` is SQL.
    fn written_before(jobs: Vec<JobRecord>, rewrite: &str) -> Place {
        let place = Place::new();
        commit(&open(&place.path()).store, &Batch { jobs, ..full() }, Vec::new()).unwrap();
        let connection = Connection::open(place.path()).unwrap();
        row_sum::register(&connection).unwrap();
        connection.execute_batch(rewrite).unwrap();
        place
    }

    fn ids(place: &Place) -> Vec<(String, u32)> {
        let snapshot = open(&place.path()).snapshot;
        snapshot.jobs.iter().map(|job| (job.id.to_string(), job.snapshot.failures)).collect()
    }

    fn ended(record: JobRecord) -> JobRecord {
        let end = EndSnapshot {
            outcome: Outcome::Completed,
            observed_at: record.written_at,
            age: None,
            seen_running: None,
            is_before_watch: false,
        };
        let mut record = record;
        record.snapshot.end = Some(end);
        record
    }

    #[test]
    fn an_upper_case_uuid_of_an_earlier_version_is_found_again() {
        let rewrite = format!(
            "UPDATE jobs SET id = '{UPPER}' WHERE id = 'rj-1';
             UPDATE transitions SET job = '{UPPER}', body = replace(body, '\"rj-1\"', '\"{UPPER}\"')"
        );
        let place = written_before(vec![job("rj-1", 3), job("RJ-2", 1)], &rewrite);
        let opened = open(&place.path());
        assert_eq!(opened.snapshot.deliveries[0].job, Some(JobId::new(LOWER).unwrap()));
        let payload = payload(&opened.store, &delivery(2, "ops")).unwrap();
        assert!(String::from_utf8(payload.body).unwrap().contains(UPPER), "a body stays as it was committed");
        assert_eq!(payload.event.job.unwrap().id.as_str(), LOWER);

        // What is known of it is written to the same row, and deleted there.
        let later = Batch { jobs: vec![job(LOWER, 4)], ..Batch::default() };
        commit(&opened.store, &later, Vec::new()).unwrap();
        drop(opened);
        assert_eq!(ids(&place), [(LOWER.to_owned(), 4), ("RJ-2".to_owned(), 1)]);
        let of_job = DeliveryFilter { job: Some(LOWER.to_owned()), ..DeliveryFilter::default() };
        assert_eq!(SqliteAdmin::open(&place.path()).unwrap().list(&of_job, 9).unwrap().len(), 3);
        let opened = open(&place.path());
        let forgotten = [(ProjectName::default(), JobId::new(UPPER).unwrap())].into();
        commit(&opened.store, &Batch { forgotten, ..Batch::default() }, Vec::new()).unwrap();
        drop(opened);
        assert_eq!(ids(&place), [("RJ-2".to_owned(), 1)]);
    }

    #[test]
    fn of_two_rows_of_one_job_the_one_that_ended_is_kept() {
        for (upper, lower, kept) in [
            (job("rj-1", 1), job(LOWER, 2), 2),
            (ended(job("rj-1", 1)), job(LOWER, 2), 1),
            (job("rj-1", 1), ended(job(LOWER, 2)), 2),
            (ended(job("rj-1", 1)), ended(job(LOWER, 2)), 2),
        ] {
            let rewrite = format!("UPDATE jobs SET id = '{UPPER}' WHERE id = 'rj-1'");
            let place = written_before(vec![upper, lower], &rewrite);
            assert_eq!(ids(&place), [(LOWER.to_owned(), kept)]);
        }
    }

    #[test]
    fn ids_that_are_refused_today_are_read_and_shown_inert() {
        let rewrite = "UPDATE jobs SET id = char(8238) || 'a\"' WHERE id = 'rj-1';
                       UPDATE transitions SET job = char(8238) || 'a\"'";
        let place = written_before(vec![job("rj-1", 1)], rewrite);
        assert_eq!(ids(&place), [("\u{fffd}a\"".to_owned(), 1)]);
        assert_eq!(ids(&place), [("\u{fffd}a\"".to_owned(), 1)], "again");
    }

    #[test]
    fn a_state_of_this_version_is_not_written_to() {
        let place = written_before(vec![job(LOWER, 1), job("RJ-1", 1)], "");
        let mut connection = Connection::open(place.path()).unwrap();
        row_sum::register(&connection).unwrap();
        unify(&mut connection).unwrap();
        assert_eq!(connection.total_changes(), 0);
    }
}
