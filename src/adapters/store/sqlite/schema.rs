//! The tables of the state, and how an older file becomes a newer one.
//!
//! Invariant: a step that was released is never changed, nor is what it calls.

use std::collections::HashSet;

use rusqlite::Connection;

use super::{history, ids, read, row_sum, write};
use crate::platform::failpoint;

/// The version of the schema that this program writes.
pub(super) const SCHEMA_VERSION: u32 = 3;

/// Marks a file as a state of this program: "rwst" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x7277_7374;

/// The first version that has a history.
const HISTORY_SINCE: u32 = 2;

/// What leads from each version to the next.
const STEPS: [fn(&Connection) -> rusqlite::Result<()>; SCHEMA_VERSION as usize] = [first, second, third];

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
    row_sum::add_triggers(connection, 1)?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)
}

const HISTORY: &str = "
-- The restores that ended. `event` is the `seq` of the transition that reported the end. `delivered` and `dropped` count
-- those of its deliveries that are no longer in `deliveries`. `body` is the restore as JSON, without its deliveries.
CREATE TABLE restores (
    project TEXT NOT NULL,
    job TEXT NOT NULL,
    outcome TEXT NOT NULL,
    end_observed_at INTEGER NOT NULL,
    aged_from INTEGER NOT NULL,
    target_index_name TEXT,
    event INTEGER,
    delivered INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL,
    sum INTEGER,
    PRIMARY KEY (project, job)
) WITHOUT ROWID;

-- All that a filter looks at, so that rows are counted without their bodies.
CREATE INDEX restores_by_end ON restores (end_observed_at DESC, project, job, outcome, target_index_name);

-- How many restores ended, whether or not they are still in `restores`, and when the last one did.
CREATE TABLE totals (
    project TEXT NOT NULL,
    outcome TEXT NOT NULL,
    ended INTEGER NOT NULL,
    last_ended_at INTEGER NOT NULL,
    sum INTEGER,
    PRIMARY KEY (project, outcome)
) WITHOUT ROWID;
";

fn second(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(HISTORY)?;
    row_sum::add_triggers(connection, 2)
}

const SILENCES: &str = "
-- One row, once there was a silence: all that are in force, and the last number that was given to one.
CREATE TABLE silences (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    memory TEXT NOT NULL,
    sum INTEGER
);
";

fn third(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(SILENCES)?;
    row_sum::add_triggers(connection, 3)
}

/// Brings an open file from `version` to [`SCHEMA_VERSION`], all of the way or not at all: it is
/// left as it is if what is in it cannot be read. What is taken over from an older file is no part
/// of a step: it reads records as all versions wrote them, and writes rows as this one does.
pub(super) fn migrate(connection: &mut Connection, version: u32) -> rusqlite::Result<()> {
    let steps = STEPS.get(version as usize..).unwrap_or_default();
    if steps.is_empty() {
        return Ok(());
    }

    let transaction = write::begin(connection)?;
    if version > 0 {
        ids::Renamed::find(&transaction)?.write(&transaction)?;
    }
    for step in steps {
        step(&transaction)?;
    }
    let snapshot = read::snapshot(&transaction)?;
    if version < HISTORY_SINCE {
        history::fill(&transaction, &snapshot.jobs)?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    failpoint::reached("before_migration");
    transaction.commit()?;
    failpoint::reached("after_migration");
    Ok(())
}

/// The first thing that is wrong with the content of an open file of this version, if anything is.
pub(super) fn damage(connection: &Connection, version: u32) -> rusqlite::Result<Option<String>> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found != "ok" {
        return Ok(Some(found));
    }
    if let Some(fault) = row_sum::damage(connection, version)? {
        return Ok(Some(fault));
    }
    changed_object(connection, version)
}

/// The first table, index or trigger of this version that is not there as its steps made it. Each
/// stands in the file as text, which `integrity_check` does not compare with anything.
fn changed_object(connection: &Connection, version: u32) -> rusqlite::Result<Option<String>> {
    let usual = Connection::open_in_memory()?;
    for step in STEPS.iter().take(version as usize) {
        step(&usual)?;
    }

    let found = objects(connection)?;
    let changed = objects(&usual)?.into_iter().find(|object| !found.contains(object));
    Ok(changed.map(|(kind, name, _)| format!("the {kind} {name} is not as it was made")))
}

/// The objects of a schema: the type, the name and the text of each.
fn objects(connection: &Connection) -> rusqlite::Result<HashSet<(String, String, String)>> {
    let sql = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL";
    let object = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    connection.prepare(sql)?.query_map([], object)?.collect()
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
