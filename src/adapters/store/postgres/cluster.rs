//! What this process sees of the replicas that share a state, and what it shows of itself.
//!
//! Invariant: a process is there only if its `beat` changed while this one watched: how long ago a
//! row was written is a matter of clocks. Ages are those of the clock of this process.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::SimpleQueryRow;
use uuid::Uuid;

use super::fault::Fault;
use super::lease::LeaseRow;
use super::literal::Literal;
use super::row;
use super::times::Times;
use crate::adapters::store::{ActiveReplica, ClusterView, OtherReplica};
use crate::model::time::Instant;

/// The replicas as they were last seen.
#[derive(Debug)]
pub(super) struct Sightings {
    pub(super) cluster: String,
    /// What this process is called.
    pub(super) name: String,
    times: Times,
    /// Names this process, as long as it runs.
    process: String,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Identifies the configuration of this process.
    configuration: String,
    /// The row of the lease, and when its epoch or beat was first seen as it is.
    lease: Option<(LeaseRow, Instant)>,
    others: BTreeMap<String, Other>,
    /// When the row of this process was last written.
    written: Option<Instant>,
}

#[derive(Debug)]
struct Other {
    name: String,
    version: String,
    configuration: String,
    beat: i64,
    /// When the beat was first seen as it is.
    at: Instant,
    /// Whether the beat ever changed.
    is_alive: bool,
}

impl Sightings {
    pub(super) fn new(cluster: &str, name: &str, times: Times) -> Self {
        Self {
            cluster: cluster.to_owned(),
            name: name.to_owned(),
            times,
            process: Uuid::new_v4().to_string(),
            seen: Mutex::default(),
        }
    }

    /// Identifies the configuration of this process, for the other replicas.
    pub(super) fn configure(&self, configuration: &str) {
        configuration.clone_into(&mut self.seen().configuration);
    }

    /// What identifies the configuration of this process.
    pub(super) fn configuration(&self) -> String {
        self.seen().configuration.clone()
    }

    /// The statements that write the row of this process, if that is due, delete those of processes
    /// that are gone, and read all, in this order. The rows are the last of their answer, for
    /// [`Sightings::see`].
    pub(super) fn sql(&self, now: Instant) -> String {
        let cluster = Literal(&self.cluster);
        let mut seen = self.seen();
        let mut sql = String::new();
        let is_due = seen.written.is_none_or(|written| now.since(written) >= self.times.renewal() * 9 / 10);
        if is_due {
            seen.written = Some(now);
            // Writing into a text does not fail.
            _ = write!(
                sql,
                "INSERT INTO restore_watch.replicas AS r (cluster, process, name, version, configuration, beat)
                 VALUES ({cluster}, {}, {}, {}, {}, 0)
                 ON CONFLICT (cluster, process) DO UPDATE SET configuration = excluded.configuration, beat = r.beat + 1; ",
                Literal(&self.process),
                Literal(&self.name),
                Literal(env!("CARGO_PKG_VERSION")),
                Literal(&seen.configuration),
            );
        }
        for process in seen.gone(now, self.times.listed()) {
            _ = write!(
                sql,
                "DELETE FROM restore_watch.replicas WHERE cluster = {cluster} AND process = {}; ",
                Literal(&process)
            );
        }
        _ = write!(
            sql,
            "SELECT process, name, version, configuration, beat FROM restore_watch.replicas WHERE cluster = {cluster}"
        );
        sql
    }

    /// Deletes the row of this process.
    pub(super) fn leave(&self) -> String {
        self.seen().written = None;
        let (cluster, process) = (Literal(&self.cluster), Literal(&self.process));
        format!("DELETE FROM restore_watch.replicas WHERE cluster = {cluster} AND process = {process}")
    }

    /// Notes the rows of all processes.
    pub(super) fn see(&self, rows: &[SimpleQueryRow], now: Instant) -> Result<(), Fault> {
        let mut seen = self.seen();
        let mut others = BTreeMap::new();
        for row in rows {
            let process = row::text(row, 0)?;
            if process == self.process {
                continue;
            }
            let mut other = Other {
                name: row::text(row, 1)?.to_owned(),
                version: row::text(row, 2)?.to_owned(),
                configuration: row::text(row, 3)?.to_owned(),
                beat: row::parsed(row, 4)?,
                at: now,
                is_alive: false,
            };
            if let Some(before) = seen.others.get(process) {
                let is_new = before.beat != other.beat;
                other.is_alive = before.is_alive || is_new;
                other.at = if is_new { now } else { before.at };
            }
            others.insert(process.to_owned(), other);
        }
        seen.others = others;
        Ok(())
    }

    /// Notes the row of the lease.
    pub(super) fn see_lease(&self, row: LeaseRow, now: Instant) {
        let mut seen = self.seen();
        let since = match &seen.lease {
            Some((before, since)) if (before.epoch, before.beat) == (row.epoch, row.beat) => *since,
            _ => now,
        };
        seen.lease = Some((row, since));
    }

    /// Epoch and beat of the lease, as they were last seen.
    pub(super) fn sign_of_life(&self) -> Option<(i64, i64)> {
        self.seen().lease.as_ref().map(|(row, _)| (row.epoch, row.beat))
    }

    /// When the lease may be taken, if nothing changes until then; none if it was not seen yet, or
    /// was given back.
    pub(super) fn free_at(&self) -> Option<Instant> {
        let seen = self.seen();
        let (row, since) = seen.lease.as_ref()?;
        row.token.as_ref()?;
        let theirs = row.lease.unwrap_or(self.times.lease);
        let is_like_mine = row.configuration.as_ref().is_none_or(|theirs| *theirs == seen.configuration);
        Some(*since + self.times.silence(theirs, is_like_mine))
    }

    /// Whether another process showed a sign of life within a lease.
    pub(super) fn has_others(&self, now: Instant) -> bool {
        let is_there = |other: &Other| other.is_alive && now.since(other.at) < self.times.lease;
        self.seen().others.values().any(is_there)
    }

    pub(super) fn view(&self, now: Instant) -> ClusterView {
        let seen = self.seen();
        let listed = |other: &&Other| other.is_alive && now.since(other.at) < self.times.listed();
        let other = |other: &Other| OtherReplica {
            name: other.name.clone(),
            version: other.version.clone(),
            differs: other.configuration != seen.configuration,
            heard: now.since(other.at),
        };
        let active = seen.lease.as_ref().and_then(|(row, since)| {
            Some(ActiveReplica { name: row.holder.clone()?, since: row.since?, heard: now.since(*since) })
        });
        ClusterView {
            cluster: self.cluster.clone(),
            replica: self.name.clone(),
            lease: self.times.lease,
            epoch: seen.lease.as_ref().map_or(0, |(row, _)| u64::try_from(row.epoch).unwrap_or_default()),
            active,
            others: seen.others.values().filter(listed).map(other).collect(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The processes that showed no sign of life for this time.
    fn gone(&self, now: Instant, time: Duration) -> Vec<String> {
        let gone = self.others.iter().filter(|(_, other)| now.since(other.at) >= time);
        gone.map(|(process, _)| process.clone()).collect()
    }
}
