//! The history as CSV, by RFC 4180.
//!
//! Invariant: a cell is what the API or this program said, to the letter. No cell is changed for
//! spreadsheets that take one that begins with `=` for a formula: a program that reads the file
//! must find the names as they are.

use serde_json::Value;

use crate::model::EndedRestore;

/// The columns, each by where its value is in the JSON form.
const FIELDS: [&str; 19] = [
    "project",
    "job/id",
    "job/name",
    "job/backup_id",
    "job/target_index_name",
    "job/target_index_id",
    "job/created_at",
    "job/completed_at",
    "job/percent_complete",
    "outcome",
    "end_observed_at",
    "elapsed_seconds",
    "elapsed_lower_bound_seconds",
    "elapsed_upper_bound_seconds",
    "detection_delay_seconds",
    "deliveries/pending",
    "deliveries/delivered",
    "deliveries/dead",
    "deliveries/dropped",
];

/// A heading and a line for each restore. The name of a column is its key in JSON, after the key of
/// the object that it is in: `job_id`.
pub(super) fn csv(restores: &[EndedRestore]) -> serde_json::Result<String> {
    let mut text = line(FIELDS.map(|field| field.replace('/', "_")));
    for restore in restores {
        let json = serde_json::to_value(restore)?;
        let value = |field: &str| json.pointer(&format!("/{field}")).map(plain).unwrap_or_default();
        text += &line(FIELDS.map(value));
    }
    Ok(text)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn line<const N: usize>(cells: [String; N]) -> String {
    cells.map(|cell| quoted(&cell)).join(",") + "\r\n"
}

/// In quotes if it has a character with a meaning in CSV.
fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_field_is_a_column() {
        fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    fields.iter().for_each(|(key, field)| leaves(field, &format!("{path}/{key}"), found));
                }
                _ => found.push(path.trim_start_matches('/').to_owned()),
            }
        }
        let mut found = Vec::new();
        leaves(&serde_json::to_value(samples::completed()).unwrap(), "", &mut found);

        assert_eq!(found, FIELDS);
    }

    #[test]
    fn what_is_not_known_is_an_empty_cell() {
        insta::assert_snapshot!(csv(&[samples::completed(), samples::failed()]).unwrap().replace('\r', ""), @"
        project,job_id,job_name,job_backup_id,job_target_index_name,job_target_index_id,job_created_at,job_completed_at,job_percent_complete,outcome,end_observed_at,elapsed_seconds,elapsed_lower_bound_seconds,elapsed_upper_bound_seconds,detection_delay_seconds,deliveries_pending,deliveries_delivered,deliveries_dead,deliveries_dropped
        production,670e8400-e29b-41d4-a716-446655440001,,7f3a1c52-0b7e-4c2f-9d7e-3f1d2c5b8a90,orders-2026-11-25,,2026-11-25T03:00:10Z,2026-11-25T03:12:15Z,100.0,completed,2026-11-25T03:12:17.100Z,725.0,,,2.1,0,3,0,0
        production,94a63aeb-efae-4f7a-b059-75d32c27ca57,nightly,7f3a1c52-0b7e-4c2f-9d7e-3f1d2c5b8a90,users,,2026-11-25T23:58:00Z,,,failed,2026-11-26T00:10:05Z,,710.0,725.0,,0,2,1,0
        ");
    }

    #[test]
    fn cells_with_separators_are_quoted_and_formulas_stay() {
        for (cell, text) in [
            ("orders", "orders"),
            ("a,b", "\"a,b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("a\nb", "\"a\nb\""),
            ("=1+1", "=1+1"),
            ("@x", "@x"),
            ("", ""),
        ] {
            assert_eq!(quoted(cell), text);
        }
    }
}
