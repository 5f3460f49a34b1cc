//! The statements that write all rows of a state.

use std::fmt::{Display, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::literal::Literal;
use crate::adapters::store::Rows;
use crate::adapters::store::moving::{DeliveryRow, EventRow, JobRow, NamedRow, RestoreRow, TotalRow};
use crate::model::EndedRestore;

/// How many rows one statement writes: it is parsed whole.
const ROWS: usize = 500;

/// Writes all rows into a cluster, which is a literal. It depends on nothing else.
pub(super) fn inserts(cluster: &str, rows: &Rows) -> String {
    let mut sql = Inserts { cluster, sql: String::new() };
    sql.add("projects (cluster, name, record)", &rows.projects, named);
    sql.add("jobs (cluster, project, id, status, ended_at, written_at, record)", &rows.jobs, job);
    sql.add("sinks (cluster, name, record)", &rows.sinks, named);
    sql.add("silences (cluster, record)", rows.silences.as_slice(), |_, record| vec![text(record)]);
    sql.add(
        "events (cluster, id, emitted_at, kind, project, job, name, target_index_name, body)",
        &rows.events,
        event,
    );
    sql.add(
        "deliveries (cluster, event, sink, state, attempts, due, changed_at, reason, body, edited)",
        &rows.deliveries,
        delivery,
    );
    sql.add(
        "restores (cluster, project, job, outcome, end_observed_at, aged_from, target_index_name, created_at, \
         completed_at, event, delivered, dropped, body)",
        &rows.restores,
        restore,
    );
    sql.add("totals (cluster, project, outcome, ended, last_ended_at)", &rows.totals, total);
    sql.sql
}

struct Inserts<'a> {
    /// As a literal.
    cluster: &'a str,
    sql: String,
}

impl Inserts<'_> {
    /// Rows of a table, in their order; `values` makes all columns of one but the first.
    fn add<T>(&mut self, table: &str, rows: &[T], values: impl Fn(&str, &T) -> Vec<String>) {
        let Self { cluster, sql } = self;
        for rows in rows.chunks(ROWS) {
            // Writing into a text does not fail.
            _ = write!(sql, "INSERT INTO restore_watch.{table} VALUES ");
            for (place, row) in rows.iter().enumerate() {
                let separator = if place == 0 { "" } else { ",\n" };
                _ = write!(sql, "{separator}({cluster}, {})", values(cluster, row).join(", "));
            }
            sql.push_str(";\n");
        }
    }
}

fn named(_: &str, NamedRow { name, record }: &NamedRow) -> Vec<String> {
    vec![text(name), text(record)]
}

fn job(_: &str, row: &JobRow) -> Vec<String> {
    let JobRow { project, id, status, ended_at, written_at, record } = row;
    vec![
        text(project),
        text(id),
        known(status.as_deref().map(text)),
        known(*ended_at),
        written_at.to_string(),
        text(record),
    ]
}

fn event(_: &str, row: &EventRow) -> Vec<String> {
    let EventRow { id, emitted_at, kind, project, job, body } = row;
    // One that is no JSON cannot be read where it is, either, and is not moved.
    let parsed: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let of_job = |key: &str| known(parsed["job"][key].as_str().map(text));
    vec![
        text(id),
        emitted_at.to_string(),
        text(kind),
        text(project),
        known(job.as_deref().map(text)),
        of_job("name"),
        of_job("target_index_name"),
        text(body),
    ]
}

fn delivery(cluster: &str, row: &DeliveryRow) -> Vec<String> {
    let DeliveryRow { event, sink, state, attempts, due, changed_at, reason, body, is_edited } = row;
    let body = body.as_ref().map(|body| format!("decode('{}', 'base64')", BASE64_STANDARD.encode(body)));
    vec![
        place(cluster, event),
        text(sink),
        text(state),
        attempts.to_string(),
        known(*due),
        changed_at.to_string(),
        known(reason.as_deref().map(text)),
        known(body),
        is_edited.to_string(),
    ]
}

fn restore(cluster: &str, row: &RestoreRow) -> Vec<String> {
    let RestoreRow {
        project,
        job,
        outcome,
        end_observed_at,
        aged_from,
        target_index_name,
        event,
        delivered,
        dropped,
        body,
    } = row;
    let facts =
        serde_json::from_str::<EndedRestore>(body).map(|restore| restore.job.facts).unwrap_or_default();
    let time = |at: Option<jiff::Timestamp>| known(at.map(|at| text(&at.to_string())));
    vec![
        text(project),
        text(job),
        text(outcome),
        end_observed_at.to_string(),
        aged_from.to_string(),
        known(target_index_name.as_deref().map(text)),
        time(facts.created_at),
        time(facts.completed_at),
        known(event.as_ref().map(|event| place(cluster, event))),
        delivered.to_string(),
        dropped.to_string(),
        text(body),
    ]
}

fn total(_: &str, row: &TotalRow) -> Vec<String> {
    let TotalRow { project, outcome, ended, last_ended_at } = row;
    vec![text(project), text(outcome), ended.to_string(), last_ended_at.to_string()]
}

/// The place of an event in the order of all.
fn place(cluster: &str, event: &str) -> String {
    format!("(SELECT seq FROM restore_watch.events WHERE cluster = {cluster} AND id = {})", text(event))
}

fn text(value: &str) -> String {
    Literal(value).to_string()
}

fn known(value: Option<impl Display>) -> String {
    value.map_or_else(|| "NULL".to_owned(), |value| value.to_string())
}
