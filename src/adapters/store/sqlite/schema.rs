//! The tables of the state, and how an older file becomes a newer one.
//!
//! Invariant: every row carries a sum of its values, made by triggers whenever it is written, so that a bit that fell over
//! on a disk is noticed and no owed delivery is taken for a made one. (Pages and rows have no checksums in `SQLite`
//! itself; frames of its write-ahead log have.)

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, TransactionBehavior};

/// The version of the schema that this program writes.
pub const SCHEMA_VERSION: i32 = 1;

/// Marks a file as a state of this program: "rwst" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x7277_7374;

/// What leads from each version to the next. A step that was released is never changed.
const STEPS: [fn(&Connection) -> rusqlite::Result<()>; SCHEMA_VERSION as usize] = [first];

const TABLES: &str = "
CREATE TABLE projects (
    name TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL,
    sum INTEGER
) WITHOUT ROWID;

-- `status` and `ended_at` are part of `memory`, too, and stand here for people.
CREATE TABLE jobs (
    project TEXT NOT NULL,
    id TEXT NOT NULL,
    status TEXT,
    ended_at INTEGER,
    saved_at INTEGER NOT NULL,
    memory TEXT NOT NULL,
    sum INTEGER,
    PRIMARY KEY (project, id)
) WITHOUT ROWID;

CREATE TABLE sinks (
    name TEXT NOT NULL PRIMARY KEY,
    memory TEXT NOT NULL,
    sum INTEGER
) WITHOUT ROWID;

-- In the order of `seq`. `body` is the transition as JSON.
CREATE TABLE transitions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    told_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    project TEXT NOT NULL,
    job TEXT,
    body TEXT NOT NULL,
    sum INTEGER
);

-- `body` is what is sent where that is not the transition itself; `edited` marks what others than the daemon changed.
CREATE TABLE deliveries (
    transition INTEGER NOT NULL REFERENCES transitions (seq),
    sink TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'dropped')),
    attempts INTEGER NOT NULL,
    due INTEGER,
    changed_at INTEGER NOT NULL,
    reason TEXT,
    body BLOB,
    edited INTEGER,
    sum INTEGER,
    PRIMARY KEY (transition, sink)
) WITHOUT ROWID;

CREATE INDEX deliveries_open ON deliveries (state, transition) WHERE state IN ('pending', 'dead');
CREATE INDEX deliveries_edited ON deliveries (edited) WHERE edited IS NOT NULL;
";

/// The tables, their keys, and the columns whose values are summed.
const SUMMED: [(&str, &[&str], &[&str]); 5] = [
    ("projects", &["name"], &["name", "memory"]),
    ("jobs", &["project", "id"], &["project", "id", "status", "ended_at", "saved_at", "memory"]),
    ("sinks", &["name"], &["name", "memory"]),
    ("transitions", &["seq"], &["seq", "id", "told_at", "kind", "project", "job", "body"]),
    (
        "deliveries",
        &["transition", "sink"],
        &["transition", "sink", "state", "attempts", "due", "changed_at", "reason", "body", "edited"],
    ),
];

fn first(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    for (table, keys, columns) in SUMMED {
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
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

/// Brings an open file from `version` to [`SCHEMA_VERSION`], all of the way or not at all.
pub(super) fn migrate(connection: &mut Connection, version: i32) -> rusqlite::Result<()> {
    let Some(steps) = usize::try_from(version).ok().and_then(|from| STEPS.get(from..)) else { return Ok(()) };
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in steps {
        step(&transaction)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

/// The first thing that is wrong with the content of an open file, if anything is.
pub(super) fn damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(found));
    }
    for (table, _, columns) in SUMMED {
        let wrong: i64 = connection.query_row(
            &format!("SELECT count(*) FROM {table} WHERE sum IS NOT row_sum({})", columns.join(", ")),
            [],
            |row| row.get(0),
        )?;
        if wrong > 0 {
            return Ok(Some(format!("{wrong} rows of the table {table} are not as they were written")));
        }
    }
    Ok(None)
}

/// Makes `row_sum` known to a connection.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function(c"row_sum", -1, flags, |context| Ok(row_sum(context)))
}

/// FNV-1a of 64 bits (Fowler, Noll and Vo; draft-eastlake-fnv) over the types, lengths and values of a row. Values that
/// differ in one byte never have the same sum, because each step is a bijection.
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
