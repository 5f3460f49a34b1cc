//! Takes over a state that was kept elsewhere.
//!
//! Invariant: it is taken over whole or not at all, by one message, and only into a cluster that has
//! nothing and that no replica is active in. A digest of the rows is committed with them: a call that
//! is repeated, because the one before was killed, recognizes what it finds there, and only if the
//! rows are still the same.

use std::fmt::Display;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::fault::Fault;
use super::insert::inserts;
use super::link::Link;
use super::literal::Literal;
use super::place::Place;
use super::{row, schema};
use crate::adapters::store::{Arrival, OpenError, OpenErrorClass, Rows};
use crate::config::PostgresSettings;
use crate::platform::failpoint;

/// How long the server may take for all rows: it takes seconds for 10,000 jobs.
const IMPORT_LIMIT: Duration = Duration::from_mins(10);

/// How long the server may take for anything else.
const LIMIT: Duration = Duration::from_secs(10);

/// How often it is checked whether a replica that has the lease is alive.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The longest lease that a replica takes.
const LONGEST_LEASE: Duration = Duration::from_secs(45);

/// The tables with what a cluster keeps.
const TABLES: [&str; 7] = ["projects", "jobs", "sinks", "silences", "events", "restores", "totals"];

/// What a message fails with if a replica took the lease meanwhile, or if the cluster is not empty.
const TAKEN: &str = "RW001";
const NOT_EMPTY: &str = "RW004";

/// What is found at the destination.
struct Found {
    epoch: i64,
    beat: i64,
    holder: Option<String>,
    lease: Duration,
    /// The digest of what was moved there, if that is how the state began.
    moved: Option<String>,
}

/// Commits all rows of a state to the cluster of these settings; with `is_trial`, says only whether
/// it would.
pub(super) fn import(settings: &PostgresSettings, rows: &Rows, is_trial: bool) -> Result<Arrival, OpenError> {
    let Place { cluster, mut session } = Place::of(settings)?;
    let inserts = inserts(&cluster, rows);
    let digest: Vec<_> = Sha256::digest(&inserts).iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = digest.concat();
    let moving = Moving { cluster, digest, inserts, is_trial };

    let moved = session.wait(|link| async move { moving.run(&link).await });
    let database = session.database();
    let cannot = |reason: &dyn Display| format!("cannot move a state into the {database}: {reason}");
    match moved {
        Ok(Ok(arrival)) => Ok(arrival),
        Ok(Err(refusal)) => Err(OpenError {
            class: OpenErrorClass::Unusable,
            message: cannot(&refusal.reason()),
            help: refusal.help().into(),
        }),
        Err(fault) => {
            let OpenError { class, help, .. } = fault.while_opening(database);
            let again =
                "run the command again: it finishes a move that was committed, and repeats one that was not";
            let help = if fault.is_passing() { format!("{help}; then {again}").into() } else { help };
            Err(OpenError { class, message: cannot(&fault), help })
        }
    }
}

/// Why a state is not moved, although the database works.
enum Refusal {
    NotEmpty,
    /// The replica that has the lease.
    Active(String),
    /// Another one took it meanwhile.
    Taken,
}

impl Refusal {
    fn reason(&self) -> String {
        match self {
            Self::NotEmpty => "the cluster has a state already".to_owned(),
            Self::Active(holder) => format!("the replica {holder} is active there"),
            Self::Taken => "a replica took the lease meanwhile".to_owned(),
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::NotEmpty => "move it into another cluster: give a new `name` under [cluster]",
            Self::Active(_) | Self::Taken => {
                "stop all replicas of the cluster first, or give another `name` under [cluster]"
            }
        }
    }
}

/// One move.
struct Moving {
    /// As a literal.
    cluster: String,
    digest: String,
    /// The statements that write all rows.
    inserts: String,
    is_trial: bool,
}

impl Moving {
    async fn run(&self, link: &Link) -> Result<Result<Arrival, Refusal>, Fault> {
        if self.is_trial {
            if !schema::is_there(link, LIMIT).await? {
                return Ok(Ok(Arrival::Possible));
            }
        } else {
            schema::prepare(link, LIMIT, true).await?;
        }

        let found = self.look(link).await?;
        if self.is_moved(&found) {
            return Ok(Ok(Arrival::WasCommitted));
        }
        if self.is_used(link).await? {
            return self.unless_moved(link, Refusal::NotEmpty).await;
        }
        if let Some(holder) = &found.holder
            && self.is_alive(link, &found).await?
        {
            return Ok(Err(Refusal::Active(holder.clone())));
        }
        if self.is_trial {
            return Ok(Ok(Arrival::Possible));
        }

        self.commit(link, &found).await
    }

    async fn commit(&self, link: &Link, found: &Found) -> Result<Result<Arrival, Refusal>, Fault> {
        failpoint::reached("before_arrival");
        let refusal = match link.ask(&self.message(found), IMPORT_LIMIT).await {
            Ok(_) => return Ok(Ok(Arrival::Committed)),
            Err(fault) if fault.code() == Some(NOT_EMPTY) => Refusal::NotEmpty,
            Err(fault) if fault.code() == Some(TAKEN) => Refusal::Taken,
            Err(fault) => return Err(fault),
        };

        self.unless_moved(link, refusal).await
    }

    /// The refusal, unless the same rows were committed meanwhile: by another call, or by the server,
    /// which goes on with a message whose sender was killed.
    async fn unless_moved(&self, link: &Link, refusal: Refusal) -> Result<Result<Arrival, Refusal>, Fault> {
        let is_there = self.is_moved(&self.look(link).await?);
        Ok(if is_there { Ok(Arrival::WasCommitted) } else { Err(refusal) })
    }

    /// Whether an earlier call committed the same rows.
    fn is_moved(&self, found: &Found) -> bool {
        found.moved.as_ref() == Some(&self.digest)
    }

    async fn look(&self, link: &Link) -> Result<Found, Fault> {
        let sql = format!(
            "SELECT epoch, beat, holder, lease_ms, moved FROM restore_watch.clusters WHERE name = {}",
            self.cluster
        );
        let answer = link.ask(&sql, LIMIT).await?;
        let Some(found) = answer.iter().flatten().next() else {
            return Ok(Found { epoch: 0, beat: 0, holder: None, lease: LONGEST_LEASE, moved: None });
        };
        let known = |column| Ok::<_, Fault>(row::nullable(found, column)?.map(str::to_owned));
        let lease = row::nullable(found, 3)?.and_then(|text| text.parse().ok());
        Ok(Found {
            epoch: row::parsed(found, 0)?,
            beat: row::parsed(found, 1)?,
            holder: known(2)?,
            lease: lease.map_or(LONGEST_LEASE, Duration::from_millis).min(LONGEST_LEASE),
            moved: known(4)?,
        })
    }

    async fn is_used(&self, link: &Link) -> Result<bool, Fault> {
        let answer = link.ask(&format!("SELECT 1 WHERE {}", has_rows(&self.cluster)), LIMIT).await?;
        Ok(answer.iter().flatten().next().is_some())
    }

    /// Whether the replica that has the lease shows a sign of life within one lease, on the clock of
    /// this process: one that was killed stays in its row.
    async fn is_alive(&self, link: &Link, found: &Found) -> Result<bool, Fault> {
        let watched = async {
            loop {
                tokio::time::sleep(LOOK_INTERVAL).await;
                let now = self.look(link).await?;
                if (now.epoch, now.beat) != (found.epoch, found.beat) {
                    return Ok(now.holder.is_some());
                }
            }
        };
        tokio::time::timeout(found.lease, watched).await.unwrap_or(Ok(false))
    }

    /// All that is committed. It takes the lease, so that nothing else commits meanwhile, and gives
    /// it back.
    fn message(&self, found: &Found) -> String {
        let Self { cluster, digest, inserts, .. } = self;
        let Found { epoch, beat, .. } = found;
        let claim = format!(
            "BEGIN
                UPDATE restore_watch.clusters SET epoch = epoch + 1, token = NULL, holder = NULL, beat = beat + 1,
                    moved = '{digest}'
                WHERE name = {cluster} AND epoch = {epoch} AND beat = {beat};
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'a replica took the lease' USING ERRCODE = '{TAKEN}';
                ELSIF {} THEN
                    RAISE EXCEPTION 'the cluster is not empty' USING ERRCODE = '{NOT_EMPTY}';
                END IF;
            END",
            has_rows(cluster)
        );
        format!(
            "INSERT INTO restore_watch.clusters (name) VALUES ({cluster}) ON CONFLICT DO NOTHING; DO {}; {inserts}",
            Literal(&claim)
        )
    }
}

/// The condition that a cluster has something.
fn has_rows(cluster: &str) -> String {
    let has =
        TABLES.map(|table| format!("EXISTS (SELECT 1 FROM restore_watch.{table} WHERE cluster = {cluster})"));
    format!("({})", has.join(" OR "))
}
