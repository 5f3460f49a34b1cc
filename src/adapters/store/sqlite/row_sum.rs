//! A checksum for each row.
//!
//! Invariant: every row carries a sum of its values, made by triggers whenever it is written, so
//! that a flipped bit on a disk is noticed and no pending delivery is taken for a delivered one.
//! (Pages and rows have no checksums in `SQLite` itself; frames of its write-ahead log have.)

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;

use super::schema::SCHEMA_VERSION;

/// A table, its keys, and the columns whose values are summed.
type Summed = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The tables that each version of the schema added, from version 1 on. What a released version
/// added is never changed.
const SUMMED: [&[Summed]; SCHEMA_VERSION as usize] = [
    &[
        ("projects", &["name"], &["name", "memory"]),
        ("jobs", &["project", "id"], &["project", "id", "status", "ended_at", "saved_at", "memory"]),
        ("sinks", &["name"], &["name", "memory"]),
        ("transitions", &["seq"], &["seq", "id", "told_at", "kind", "project", "job", "body"]),
        (
            "deliveries",
            &["transition", "sink"],
            &["transition", "sink", "state", "attempts", "due", "changed_at", "reason", "body", "edited"],
        ),
    ],
    &[
        (
            "restores",
            &["project", "job"],
            &[
                "project",
                "job",
                "outcome",
                "end_observed_at",
                "aged_from",
                "target_index_name",
                "event",
                "delivered",
                "dropped",
                "body",
            ],
        ),
        ("totals", &["project", "outcome"], &["project", "outcome", "ended", "last_ended_at"]),
    ],
    &[("silences", &["id"], &["id", "memory"])],
];

/// Makes `row_sum` known to a connection.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"row_sum", -1, flags, |context| Ok(row_sum(context)))
}

/// Adds the triggers that keep the sums up to date, to the tables that this version of the schema
/// added. Part of a released step of the schema: never changed.
pub(super) fn add_triggers(connection: &Connection, version: u32) -> rusqlite::Result<()> {
    for (table, keys, columns) in SUMMED[version as usize - 1] {
        let sum = columns.iter().map(|column| format!("NEW.{column}")).collect::<Vec<_>>().join(", ");
        let row = keys.iter().map(|key| format!("{key} = NEW.{key}")).collect::<Vec<_>>().join(" AND ");
        let columns = columns.join(", ");
        for (name, event) in [("new", "INSERT".to_owned()), ("changed", format!("UPDATE OF {columns}"))] {
            connection.execute_batch(&format!(
                "CREATE TRIGGER {table}_{name} AFTER {event} ON {table}
                 BEGIN UPDATE {table} SET sum = row_sum({sum}) WHERE {row}; END;"
            ))?;
        }
    }
    Ok(())
}

/// The condition that a row of this table is as it was written.
pub(super) fn is_right(table: &str) -> String {
    let tables = SUMMED.iter().copied().flatten();
    let columns =
        tables.filter(|(name, ..)| *name == table).flat_map(|(.., columns)| columns.iter().copied());
    format!("sum IS row_sum({})", columns.collect::<Vec<_>>().join(", "))
}

/// The first table with rows that are not as they were written, if there is one. The file has this
/// version.
pub(super) fn damage(connection: &Connection, version: u32) -> rusqlite::Result<Option<String>> {
    for (table, ..) in SUMMED.iter().take(version as usize).copied().flatten() {
        let wrong: i64 = connection.query_row(
            &format!("SELECT count(*) FROM {table} WHERE NOT ({})", is_right(table)),
            [],
            |row| row.get(0),
        )?;
        if wrong > 0 {
            return Ok(Some(format!("{wrong} rows of the table {table} are not as they were written")));
        }
    }
    Ok(None)
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo; draft-eastlake-fnv) over the types, lengths and values
/// of a row. Values that differ in one byte never have the same sum, because each step is a
/// bijection.
fn row_sum(context: &Context<'_>) -> i64 {
    let mut sum: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for index in 0..context.len() {
        let value = context.get_raw(index);
        let whole;
        let (kind, bytes): (u8, &[u8]) = match value {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => {
                whole = number.to_le_bytes();
                (1, &whole)
            }
            ValueRef::Real(number) => {
                whole = number.to_bits().to_le_bytes();
                (2, &whole)
            }
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        take(&[kind]);
        take(&bytes.len().to_le_bytes());
        take(bytes);
    }
    sum.cast_signed()
}
