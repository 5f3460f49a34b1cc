//! States that earlier versions wrote. The files are dumps of real ones: watched jobs, found and
//! added ones, one that is not found, a paused project, a pause that the server asked for, a
//! disabled sink, pending deliveries and dead letters.

use super::*;
use crate::adapters::store::record::Record;
use crate::engine::snapshot::{JobSnapshot, ProjectSnapshot, SinkSnapshot};
use crate::model::EventKind;
use crate::model::Outcome;

/// By release 0.1.0.
pub(super) const RELEASE: &str = include_str!("release-0.1.0.sql");
/// By a later program that wrote version 1, with all fields of its records.
pub(super) const COMPLETE: &str = include_str!("schema-1.sql");

pub(super) fn restored(dump: &str) -> Place {
    let place = Place::new();
    std::fs::create_dir_all(place.path().parent().unwrap()).unwrap();
    let connection = Connection::open(place.path()).unwrap();
    row_sum::register(&connection).unwrap();
    connection.execute_batch(dump).unwrap();
    place
}

/// The texts of a table.
fn texts(place: &Place, table: &str) -> Vec<String> {
    let connection = Connection::open(place.path()).unwrap();
    let mut statement = connection.prepare(&format!("SELECT memory FROM {table}")).unwrap();
    let texts = statement.query_map([], |row| row.get(0)).unwrap();
    texts.collect::<rusqlite::Result<_>>().unwrap()
}

fn rewritten<T: Record>(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| T::from_json(text).unwrap().to_json().unwrap()).collect()
}

#[test]
fn a_state_of_release_0_1_0_is_read_whole() {
    let opened = open(&restored(RELEASE).path());

    let Snapshot { projects, jobs, sinks, deliveries, dead_letters, .. } = &opened.snapshot;
    let job = |id: &str| &jobs.iter().find(|job| job.id.as_str() == id).unwrap().snapshot;
    assert_eq!((projects.len(), jobs.len(), sinks.len()), (2, 8, 4));
    assert_eq!(job("fails").end.unwrap().outcome, Outcome::Failed);
    assert_eq!(job("cancelled").end.unwrap().outcome, Outcome::Cancelled);
    assert_eq!(job("9857add2-99d4-4399-870e-aa7f15d8d326").index.verdict.map(|(ready, _)| ready), Some(true));
    assert!(job("missing").not_found.emitted && job("missing").end.is_none());
    assert!(
        job("runs").overdue_emitted
            && job("runs").emitted_once == [EventKind::Slow].into()
            && job("runs").progress.is_some()
    );
    assert_eq!((job("runs").progress_emitted, job("runs").not_found_for), (30.0, std::time::Duration::ZERO));
    assert_eq!(job("added").added.as_ref().unwrap().name.as_deref(), Some("by hand"));
    assert!(job("found").added.as_ref().unwrap().discovered);
    let [default, quiet] = &projects[..] else { panic!("{projects:?}") };
    assert_eq!(default.snapshot.past.len(), 1);
    assert!(default.snapshot.throttled.is_some() && default.snapshot.learned.is_some());
    assert!(default.snapshot.discovery.as_ref().unwrap().has_baseline);
    assert!(quiet.snapshot.paused_since.is_some());
    let disabled = sinks.iter().filter(|sink| sink.snapshot.disabled.is_some());
    assert_eq!(disabled.map(|sink| sink.name.as_str()).collect::<Vec<_>>(), ["gone"]);
    let pending: Vec<_> = deliveries.iter().map(|pending| (pending.kind, pending.attempts)).collect();
    assert_eq!(pending, [(EventKind::Completed, 1), (EventKind::Failed, 0)]);
    assert_eq!(dead_letters.len(), 2);
}

#[test]
fn pending_payloads_of_release_0_1_0_are_unchanged() {
    let place = restored(RELEASE);
    let connection = Connection::open(place.path()).unwrap();
    let sql = "SELECT body FROM deliveries WHERE state = 'pending' ORDER BY transition";
    let mut statement = connection.prepare(sql).unwrap();
    let bodies: Vec<Vec<u8>> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap();

    let opened = open(&place.path());

    let ids: Vec<_> = opened.snapshot.deliveries.iter().map(|pending| &pending.id).collect();
    let payloads: Vec<_> = ids.iter().map(|id| payload(&opened.store, id).unwrap().body).collect();
    assert_eq!(payloads, bodies);
}

#[test]
fn records_are_written_as_they_were() {
    let place = restored(COMPLETE);

    for (table, count, rewrite) in [
        ("projects", 2, rewritten::<ProjectSnapshot> as fn(&[String]) -> Vec<String>),
        ("jobs", 8, rewritten::<JobSnapshot>),
        ("sinks", 4, rewritten::<SinkSnapshot>),
    ] {
        let texts = texts(&place, table);
        assert_eq!(texts.len(), count, "{table}");
        assert_eq!(rewrite(&texts), texts, "{table}");
    }
}
