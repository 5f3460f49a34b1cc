//! The tables of the state, and how an older file becomes a newer one.
//!
//! Invariant: a step that was released is never changed, nor is what it calls.

use rusqlite::{Connection, TransactionBehavior};

use super::row_sum;

/// The version of the schema that this program writes.
pub(super) const SCHEMA_VERSION: i32 = 1;

/// Marks a file as a state of this program: "rwst" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x7277_7374;

/// What leads from each version to the next.
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

fn first(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(TABLES)?;
    row_sum::add_triggers(connection)?;
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
    row_sum::damage(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{DeliveryState, Keyword as _};

    #[test]
    fn the_tables_take_every_state_of_a_delivery() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(TABLES).unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();

        for state in DeliveryState::ALL {
            connection
                .execute(
                    "INSERT INTO deliveries (transition, sink, state, attempts, changed_at) VALUES (1, ?1, ?1, 0, 0)",
                    [state.as_str()],
                )
                .unwrap();
        }
    }
}
