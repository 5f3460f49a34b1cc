//! The lease of a state: the row that says who has it, and how that changes.
//!
//! Invariant: a lease is taken from a holder only if `epoch` and `beat` are still those that did not
//! change for a whole lease on the clock of this process. Epoch and token together name one term: a
//! failover that loses commits can give one epoch twice.

use std::time::Duration;

use jiff::Timestamp;
use tokio_postgres::SimpleQueryRow;
use uuid::Uuid;

use super::fault::Fault;
use super::literal::Literal;
use super::row;
use super::schema::VERSION;

/// The row of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeaseRow {
    pub(super) epoch: i64,
    /// Changes with each sign of life of the holder.
    pub(super) beat: i64,
    /// The number of the last batch.
    pub(super) batch: i64,
    /// None if no replica has the lease.
    pub(super) token: Option<String>,
    /// The name of the replica that has it.
    pub(super) holder: Option<String>,
    /// Since when, by the clock of that replica.
    pub(super) since: Option<Timestamp>,
    /// The setting of that replica.
    pub(super) lease: Option<Duration>,
    /// Identifies the configuration of that replica.
    pub(super) configuration: Option<String>,
}

impl LeaseRow {
    pub(super) fn read(row: &SimpleQueryRow) -> Result<Self, Fault> {
        let lease: Option<u64> =
            row::nullable(row, 6)?.map(str::parse).transpose().map_err(Fault::unreadable)?;
        Ok(Self {
            epoch: row::parsed(row, 0)?,
            beat: row::parsed(row, 1)?,
            batch: row::parsed(row, 2)?,
            token: row::nullable(row, 3)?.map(str::to_owned),
            holder: row::nullable(row, 4)?.map(str::to_owned),
            since: if row::nullable(row, 5)?.is_some() { Some(row::time(row, 5)?) } else { None },
            lease: lease.map(Duration::from_millis),
            configuration: row::nullable(row, 7)?.map(str::to_owned),
        })
    }
}

/// What names a term. Only a commit that has those of the row is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence {
    pub(super) cluster: String,
    pub(super) epoch: i64,
    pub(super) token: String,
}

impl Fence {
    /// The condition that the lease is still the same, for the table `clusters c`.
    pub(super) fn condition(&self) -> String {
        let Self { cluster, epoch, token } = self;
        format!("c.name = {} AND c.epoch = {epoch} AND c.token = {}", Literal(cluster), Literal(token))
    }
}

/// A token that no other process has.
pub(super) fn token() -> String {
    Uuid::new_v4().to_string()
}

const COLUMNS: &str =
    "c.epoch, c.beat, c.batch, c.token, c.holder, c.held_since, c.lease_ms, c.configuration";

/// Reads the row, and the version of the schema after it; no row if the state is new.
pub(super) fn look(cluster: &str) -> String {
    format!("SELECT {COLUMNS}, ({VERSION}) FROM restore_watch.clusters c WHERE c.name = {}", Literal(cluster))
}

/// The version of the schema in a row of [`look`].
pub(super) fn version(row: &SimpleQueryRow) -> Result<i64, Fault> {
    row::parsed(row, 8)
}

/// Makes the row of a new state.
pub(super) fn make(cluster: &str) -> String {
    format!("INSERT INTO restore_watch.clusters (name) VALUES ({}) ON CONFLICT DO NOTHING", Literal(cluster))
}

/// Takes the lease, if its row is still this one. The token comes first: a session that waits is
/// found by it.
pub(super) fn take(cluster: &str, seen: &LeaseRow, token: &str, holder: &Holder<'_>) -> String {
    format!(
        "UPDATE restore_watch.clusters c SET token = {}, epoch = c.epoch + 1, beat = c.beat + 1, holder = {},
             held_since = {}, lease_ms = {}, configuration = {}
         WHERE c.name = {} AND c.epoch = {} AND c.beat = {} RETURNING {COLUMNS}",
        Literal(token),
        Literal(holder.name),
        holder.since.as_millisecond(),
        holder.lease.as_millis(),
        Literal(holder.configuration),
        Literal(cluster),
        seen.epoch,
        seen.beat,
    )
}

/// A replica that takes a lease.
pub(super) struct Holder<'a> {
    pub(super) name: &'a str,
    pub(super) since: Timestamp,
    pub(super) lease: Duration,
    pub(super) configuration: &'a str,
}

/// Shows a sign of life; no row if the lease is lost.
pub(super) fn renew(fence: &Fence, configuration: &str) -> String {
    format!(
        "UPDATE restore_watch.clusters c SET beat = c.beat + 1, configuration = {} WHERE {} RETURNING {COLUMNS}",
        Literal(configuration),
        fence.condition()
    )
}

/// Gives back what a process took by this token, or may have taken.
pub(super) fn leave(cluster: &str, token: &str) -> String {
    format!(
        "UPDATE restore_watch.clusters SET holder = NULL, token = NULL, beat = beat + 1 WHERE name = {} AND token = {}",
        Literal(cluster),
        Literal(token)
    )
}

pub(super) fn give_back(fence: &Fence) -> String {
    format!(
        "UPDATE restore_watch.clusters c SET holder = NULL, token = NULL, beat = c.beat + 1 WHERE {}",
        fence.condition()
    )
}
