//! The tables in the database, and how an older schema becomes a newer one.
//!
//! Invariant: a step that was released is never changed, and adds without changing what is there: a
//! program of the version before works on. Each step is one transaction, and is made once.

use std::time::Duration;

use tracing::warn;

use super::fault::{Fault, OLDEST_SERVER};
use super::link::Link;
use super::row;

/// What leads from each version to the next.
const STEPS: [&str; 1] = [include_str!("schema_1.sql")];

/// Needs more rights than the steps, so a schema that is there already is not made.
const SCHEMA: &str = "CREATE SCHEMA restore_watch;\n\n";

/// Locked by a process that makes a step: "rwst" in ASCII.
const LOCK: i64 = 0x7277_7374;

/// How long a step may take, and how long it waits for another process that makes one.
const STEP_TIMEOUT: Duration = Duration::from_secs(60);

/// What is asked first: the server's version, its durability, and what is there of the schema.
const LOOK: &str = "SELECT current_setting('server_version_num'), current_setting('server_version'),
    current_setting('synchronous_commit'), current_setting('fsync'),
    to_regclass('restore_watch.schema_version') IS NOT NULL AND to_regclass('restore_watch.clusters') IS NOT NULL,
    EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'restore_watch'),
    EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'restore_watch')";

/// The version of the schema, and the first table that this role may not use whole.
const RIGHTS: &str = "SELECT
    (SELECT max(version) FROM restore_watch.schema_version),
    (SELECT min(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'restore_watch' AND c.relkind = 'r' AND c.relname <> 'schema_version'
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')))";

/// What a server is asked for in the way of durability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Durability {
    synchronous_commit: String,
    fsync: String,
}

impl Durability {
    /// Logs what lets the server lose commits that it reported, if anything does.
    pub(super) fn warn(&self) {
        for (setting, value) in [("synchronous_commit", &self.synchronous_commit), ("fsync", &self.fsync)] {
            if value == "off" {
                warn!(
                    "{setting} is off at the PostgreSQL server: after a crash or a failover, events may be emitted again \
                     under new ids"
                );
            }
        }
    }
}

/// The SQL that makes the whole schema in a database that has none.
pub(super) fn sql() -> String {
    SCHEMA.to_owned() + &STEPS.concat()
}

/// Checks the server and the schema, and makes the schema if there is none.
pub(super) async fn prepare(link: &Link, limit: Duration) -> Result<Durability, Fault> {
    let found = link.ask(LOOK, limit).await?;
    let [found] = one_row(&found)?;
    let server: u32 = row::parsed(found, 0)?;
    if server / 10_000 < OLDEST_SERVER {
        return Err(Fault::OldServer(row::text(found, 1)?.to_owned()));
    }
    let durability = Durability {
        synchronous_commit: row::text(found, 2)?.to_owned(),
        fsync: row::text(found, 3)?.to_owned(),
    };

    let (is_ours, is_used) = (row::boolean(found, 4)?, row::boolean(found, 5)?);
    match (is_ours, is_used) {
        (true, _) => {}
        (false, true) => return Err(Fault::ForeignSchema),
        (false, false) => make(link, row::boolean(found, 6)?).await?,
    }
    check(link, limit).await?;
    Ok(durability)
}

/// Makes the tables, unless another process makes them meanwhile; `is_there` says whether the schema
/// is.
async fn make(link: &Link, is_there: bool) -> Result<(), Fault> {
    let sql = if is_there { STEPS.concat() } else { sql() };
    match link.ask(&format!("SELECT pg_advisory_xact_lock({LOCK}); {sql}"), STEP_TIMEOUT).await {
        // There is such a schema, table, function or name by now.
        Err(fault) if matches!(fault.code(), Some("42P06" | "42P07" | "42723" | "23505")) => Ok(()),
        Err(fault) if fault.code() == Some("42501") => Err(Fault::MayNotCreate(fault.to_string())),
        made => made.map(drop),
    }
}

async fn check(link: &Link, limit: Duration) -> Result<(), Fault> {
    let found = link.ask(RIGHTS, limit).await?;
    let [found] = one_row(&found)?;
    let version: i64 = row::parsed(found, 0)?;
    let known = STEPS.len();
    if usize::try_from(version).map_or(true, |version| version > known) {
        return Err(Fault::NewerSchema { found: version, known });
    }
    match row::nullable(found, 1)? {
        Some(table) => Err(Fault::MissingRights(table.to_owned())),
        None => Ok(()),
    }
}

/// The only row of an answer.
fn one_row(answer: &super::link::Answer) -> Result<&[tokio_postgres::SimpleQueryRow; 1], Fault> {
    let rows = answer.last().map(Vec::as_slice).unwrap_or_default();
    rows.try_into().map_err(|_| Fault::unreadable("an answer has no row"))
}
