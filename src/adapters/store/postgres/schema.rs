//! The tables in the database, and how an older schema becomes a newer one.
//!
//! Invariant: a step that was released is never changed, and adds without changing what is there: a
//! program of the version before works on. Each step is one transaction, and is made once.

use std::time::Duration;

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

/// What is asked first: the server's version, its durability, and what is there of the schema, which
/// every role may know.
const LOOK: &str = "SELECT current_setting('server_version_num'), current_setting('server_version'),
    current_setting('synchronous_commit'), current_setting('fsync'),
    (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'restore_watch' AND c.relname IN ('schema_version', 'clusters')) = 2,
    EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'restore_watch'),
    EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'restore_watch')";

/// The version of a schema that is there.
pub(super) const VERSION: &str = "SELECT max(version) FROM restore_watch.schema_version";

/// The first table or function that this role may not use whole.
const RIGHTS: &str = "SELECT
    (SELECT min(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'restore_watch' AND c.relkind = 'r' AND c.relname <> 'schema_version'
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
           AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))),
    (SELECT min(p.proname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
     WHERE n.nspname = 'restore_watch' AND NOT has_function_privilege(p.oid, 'EXECUTE'))";

/// Whether this role may make the tables, in the schema if that is there.
const MAY_MAKE: &str = "SELECT CASE WHEN to_regnamespace('restore_watch') IS NULL
    THEN has_database_privilege(current_database(), 'CREATE')
    ELSE has_schema_privilege('restore_watch', 'CREATE, USAGE') END";

/// What a server says of itself and of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Its version, for people.
    pub(super) version: String,
    pub(super) durability: Durability,
    pub(super) schema: FoundSchema,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundSchema {
    /// The tables are there.
    Ours,
    Empty,
    Missing,
}

/// What a server is asked for in the way of durability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Durability {
    synchronous_commit: String,
    fsync: String,
}

impl Durability {
    /// What lets the server lose commits that it reported.
    pub(super) fn warnings(&self) -> Vec<String> {
        [("synchronous_commit", &self.synchronous_commit), ("fsync", &self.fsync)]
            .into_iter()
            .filter(|(_, value)| *value == "off")
            .map(|(setting, _)| {
                format!(
                    "{setting} is off at the PostgreSQL server: after a crash or a failover, events may be emitted again \
                     under new ids"
                )
            })
            .collect()
    }
}

/// The SQL that makes the whole schema in a database that has none.
pub(super) fn sql() -> String {
    SCHEMA.to_owned() + &STEPS.concat()
}

/// Whether the schema is there, in a version that this program reads.
pub(super) async fn is_there(link: &Link, limit: Duration) -> Result<bool, Fault> {
    if look(link, limit).await?.schema != FoundSchema::Ours {
        return Ok(false);
    }
    let version = link.ask(VERSION, limit).await?;
    let [version] = one_row(&version)?;
    known(row::parsed(version, 0)?).map(|_| true)
}

/// Checks the server and the schema, and makes the schema if there is none and `may_make` is set.
pub(super) async fn prepare(link: &Link, limit: Duration, may_make: bool) -> Result<Durability, Fault> {
    let found = look(link, limit).await?;
    match found.schema {
        FoundSchema::Ours => {}
        _ if !may_make => return Err(Fault::Gone),
        schema => make(link, schema == FoundSchema::Empty).await?,
    }
    check(link, limit).await?;
    Ok(found.durability)
}

/// Looks at the server and the schema. Fails if this program cannot use them, whatever its role is.
pub(super) async fn look(link: &Link, limit: Duration) -> Result<Found, Fault> {
    let found = link.ask(LOOK, limit).await?;
    let [found] = one_row(&found)?;
    let version = row::text(found, 1)?.to_owned();
    supported(row::parsed(found, 0)?, &version)?;

    let schema = match (row::boolean(found, 4)?, row::boolean(found, 5)?, row::boolean(found, 6)?) {
        (true, _, _) => FoundSchema::Ours,
        (false, true, _) => return Err(Fault::ForeignSchema),
        (false, false, true) => FoundSchema::Empty,
        (false, false, false) => FoundSchema::Missing,
    };
    let durability = Durability {
        synchronous_commit: row::text(found, 2)?.to_owned(),
        fsync: row::text(found, 3)?.to_owned(),
    };
    Ok(Found { version, durability, schema })
}

/// Fails if the version of a server, such as 150006, is too old.
fn supported(number: u32, version: &str) -> Result<(), Fault> {
    if number / 10_000 < OLDEST_SERVER { Err(Fault::OldServer(version.to_owned())) } else { Ok(()) }
}

/// Fails if this role may not make the tables that are missing.
pub(super) async fn may_make(link: &Link, limit: Duration, found: FoundSchema) -> Result<(), Fault> {
    let answer = link.ask(MAY_MAKE, limit).await?;
    let [may] = one_row(&answer)?;
    if row::boolean(may, 0)? {
        return Ok(());
    }
    let has_schema = found == FoundSchema::Empty;
    let what = if has_schema { "schema restore_watch" } else { "database" };
    Err(Fault::MayNotCreate { has_schema, message: format!("permission denied for {what}") })
}

/// Makes the tables, unless another process makes them meanwhile.
async fn make(link: &Link, has_schema: bool) -> Result<(), Fault> {
    let sql = if has_schema { STEPS.concat() } else { sql() };
    match link.ask(&format!("SELECT pg_advisory_xact_lock({LOCK}); {sql}"), STEP_TIMEOUT).await {
        // There is such a schema, table, function or name by now.
        Err(fault) if matches!(fault.code(), Some("42P06" | "42P07" | "42723" | "23505")) => Ok(()),
        Err(fault) if fault.code() == Some("42501") => {
            Err(Fault::MayNotCreate { has_schema, message: fault.to_string() })
        }
        made => made.map(drop),
    }
}

/// Makes the steps that are missing in a schema of this version. To be called by a process that has
/// just taken a lease.
pub(super) async fn bring_up_to_date(link: &Link, version: usize) -> Result<(), Fault> {
    for (before, step) in STEPS.iter().enumerate().skip(version) {
        link.ask(&step_from(before, step), STEP_TIMEOUT).await?;
    }
    Ok(())
}

/// The message that makes a step, unless another process made it meanwhile.
fn step_from(version: usize, step: &str) -> String {
    format!(
        "SELECT pg_advisory_xact_lock({LOCK});
         DO $guard$ BEGIN IF ({VERSION}) <> {version} THEN
             RAISE EXCEPTION 'the schema is being changed by another process' USING ERRCODE = '55006';
         END IF; END $guard$;
         {step};
         UPDATE restore_watch.schema_version SET version = {version} + 1"
    )
}

/// A version that this program knows.
pub(super) fn known(version: i64) -> Result<usize, Fault> {
    let known = STEPS.len();
    usize::try_from(version)
        .ok()
        .filter(|version| *version <= known)
        .ok_or(Fault::NewerSchema { found: version, known })
}

/// Checks the version of the schema, and what this role may do with it.
pub(super) async fn check(link: &Link, limit: Duration) -> Result<(), Fault> {
    let found = link.ask(&format!("{VERSION}; {RIGHTS}"), limit).await?;
    let version = found.first().and_then(|rows| rows.first()).map(|row| row::parsed(row, 0));
    known(version.unwrap_or(Ok(0))?)?;
    let [found] = one_row(&found)?;
    match (row::nullable(found, 0)?, row::nullable(found, 1)?) {
        (Some(table), _) => Err(Fault::MissingRights(format!("table {table}"))),
        (None, Some(function)) => Err(Fault::MissingRights(format!("function {function}"))),
        (None, None) => Ok(()),
    }
}

/// The only row of an answer.
pub(super) fn one_row(answer: &super::link::Answer) -> Result<&[tokio_postgres::SimpleQueryRow; 1], Fault> {
    let rows = answer.last().map(Vec::as_slice).unwrap_or_default();
    rows.try_into().map_err(|_| Fault::unreadable("an answer has no row"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_old_server_is_refused_with_the_version_it_needs() {
        assert_eq!(supported(130_000, "13.0"), Ok(()));
        assert_eq!(
            supported(120_022, "12.22").unwrap_err().to_string(),
            "the server has version 12.22, and this program needs PostgreSQL 13 or later"
        );
    }
}
