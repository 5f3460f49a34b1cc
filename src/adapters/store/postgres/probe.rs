//! Asks a server about itself and about a state, for a check before a start.
//!
//! Invariant: nothing is changed, and whatever would end a start fails here with the same error.

use super::fault::Fault;
use super::lease::{self, LeaseRow};
use super::link::Link;
use super::place::{COMMAND_LIMIT, Place};
use super::row;
use super::schema::{self, FoundSchema};
use crate::adapters::store::{OpenError, Probe};
use crate::config::PostgresSettings;

/// The connections that a replica uses.
const CONNECTIONS: i64 = 3;

/// How many connections a role without privileges may still make. The limits of a role and of a
/// database are -1 if there are none.
const FREE: &str = "WITH used AS (
        SELECT count(*) AS all_roles, count(*) FILTER (WHERE usename = current_user) AS mine,
            count(*) FILTER (WHERE datname = current_database()) AS here
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())
    SELECT least(
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int - all_roles,
        (SELECT rolconnlimit - mine FROM pg_roles WHERE rolname = current_user AND rolconnlimit >= 0),
        (SELECT datconnlimit - here FROM pg_database WHERE datname = current_database() AND datconnlimit >= 0))
    FROM used";

/// Connects to the database of these settings, and looks.
pub(super) fn probe(settings: &PostgresSettings) -> Result<Probe, OpenError> {
    let Place { mut session, .. } = Place::of(settings)?;
    let cluster = settings.cluster.name.clone();
    let probed = session.wait(|link| async move { ask(&link, &cluster).await });
    probed.map_err(|fault| fault.while_opening(session.database()))
}

async fn ask(link: &Link, cluster: &str) -> Result<Probe, Fault> {
    let found = schema::look(link, COMMAND_LIMIT).await?;
    let has_tables = found.schema == FoundSchema::Ours;
    let active = if has_tables {
        schema::check(link, COMMAND_LIMIT).await?;
        let answer = link.ask(&lease::look(cluster), COMMAND_LIMIT).await?;
        let row = answer.first().and_then(|rows| rows.first()).map(LeaseRow::read).transpose()?;
        row.filter(|row| row.token.is_some()).and_then(|row| row.holder)
    } else {
        schema::may_make(link, COMMAND_LIMIT, found.schema).await?;
        None
    };

    let mut warnings = found.durability.warnings();
    warnings.extend(lack_of_connections(link).await?);
    Ok(Probe { server: format!("PostgreSQL {}", found.version), has_tables, active, warnings })
}

/// Says so if the connections that are free are too few for a replica.
async fn lack_of_connections(link: &Link) -> Result<Option<String>, Fault> {
    let answer = link.ask(FREE, COMMAND_LIMIT).await?;
    let [found] = schema::one_row(&answer)?;
    let free: i64 = row::parsed(found, 0)?;
    let lacks = free < CONNECTIONS;
    Ok(lacks.then(|| {
        let free = free.max(0);
        format!("connections that the server still accepts from this role: {free}; each replica uses {CONNECTIONS}")
    }))
}
