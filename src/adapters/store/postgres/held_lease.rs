//! The time in which this process has the lease.
//!
//! Invariant: it ends once, for whatever reason comes first. Past its deadline nothing begins, and a
//! deadline counts from before the renewal was sent, on a clock that counts suspension.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::debug;

use super::cluster::Sightings;
use super::connection::Database;
use super::lease::{self, Fence, LeaseRow};
use super::link::Link;
use super::times::Times;
use crate::adapters::store::{Lease, StoreError, StoreErrorClass};
use crate::model::time::{Instant, earliest};
use crate::platform::clock::Clock;
use crate::platform::failpoint;

/// A lease that was taken.
#[derive(Debug)]
pub(super) struct HeldLease {
    pub(super) fence: Fence,
    pub(super) times: Times,
    pub(super) clock: Clock,
    /// The state, for people.
    database: Arc<Database>,
    standing: watch::Sender<Standing>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    /// The lease is held, and may be relied on until then.
    Until(Instant),
    /// It ended, for this reason.
    Ended(String),
}

impl HeldLease {
    /// A lease whose take was sent after `begun`.
    pub(super) fn begin(
        fence: Fence,
        times: Times,
        clock: Clock,
        database: Arc<Database>,
        begun: Instant,
    ) -> Self {
        let standing = watch::Sender::new(Standing::Until(begun + times.holding()));
        Self { fence, times, clock, database, standing }
    }

    /// Waits until something may begin. Fails once the lease ends.
    pub(super) async fn held(&self) -> Result<(), StoreError> {
        let mut standing = self.standing.subscribe();
        let found = standing.wait_for(|standing| match standing {
            Standing::Until(deadline) => self.clock.now().instant < *deadline,
            Standing::Ended(_) => true,
        });
        let found = found.await.map(|found| found.clone());
        match found {
            Ok(Standing::Until(_)) => Ok(()),
            Ok(Standing::Ended(reason)) => Err(self.deposed(reason)),
            // The sender is part of this.
            Err(_) => Err(self.deposed("the lease is lost".to_owned())),
        }
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) -> StoreError {
        let mut standing = self.standing.subscribe();
        let found = standing.wait_for(|standing| matches!(standing, Standing::Ended(_))).await;
        let reason = match found.map(|found| found.clone()) {
            Ok(Standing::Ended(reason)) => reason,
            _ => "the lease is lost".to_owned(),
        };
        self.deposed(reason)
    }

    /// Ends it. Returns the error that says so.
    pub(super) fn end(&self, reason: &str) -> StoreError {
        self.standing.send_if_modified(|standing| {
            let ends = matches!(standing, Standing::Until(_));
            if ends {
                *standing = Standing::Ended(reason.to_owned());
            }
            ends
        });
        self.deposed(reason.to_owned())
    }

    /// Moves the deadline on after a renewal that was sent after `begun`.
    fn renewed(&self, begun: Instant) {
        let next = begun + self.times.holding();
        self.standing.send_if_modified(|standing| match standing {
            Standing::Until(deadline) if *deadline < next => {
                *deadline = next;
                true
            }
            _ => false,
        });
    }

    fn deadline(&self) -> Option<Instant> {
        match *self.standing.borrow() {
            Standing::Until(deadline) => Some(deadline),
            Standing::Ended(_) => None,
        }
    }

    fn deposed(&self, fault: String) -> StoreError {
        StoreError {
            class: StoreErrorClass::Deposed,
            doing: "write",
            state: self.database.to_string(),
            fault,
            help: "this replica stands by, and takes over when the lease is free",
        }
    }
}

impl Lease for HeldLease {
    fn holds(&self, now: Instant) -> bool {
        matches!(*self.standing.borrow(), Standing::Until(deadline) if now < deadline)
    }
}

/// Renews the lease until it ends.
pub(super) async fn keep(held_lease: Arc<HeldLease>, link: Link, sightings: Arc<Sightings>) {
    while let Some(deadline) = held_lease.deadline() {
        let next = tokio::select! {
            next = renew(&held_lease, &link, &sightings) => next,
            () = held_lease.clock.sleep_until(Some(deadline)) => {
                held_lease.end(NOT_RENEWED);
                return;
            }
        };
        tokio::select! {
            () = held_lease.clock.sleep_until(earliest([Some(next), held_lease.deadline()])) => {}
            _ = held_lease.ended() => return,
        }
    }
}

const NOT_RENEWED: &str = "it was not renewed in time";

/// Shows a sign of life, and sees those of the others. Returns when the next one is due.
async fn renew(held_lease: &HeldLease, link: &Link, sightings: &Sightings) -> Instant {
    let begun = held_lease.clock.now().instant;
    let sql =
        format!("{}; {}", lease::renew(&held_lease.fence, &sightings.configuration()), sightings.sql(begun));
    failpoint::reached("before_renewal");
    let renewed = link.ask(&sql, held_lease.times.message()).await;
    let now = held_lease.clock.now().instant;

    let renewed = renewed.and_then(|answer| {
        let row = answer.first().and_then(|rows| rows.first()).map(LeaseRow::read).transpose()?;
        sightings.see(answer.last().map(Vec::as_slice).unwrap_or_default(), now)?;
        Ok(row)
    });
    match renewed {
        Ok(Some(row)) => {
            sightings.see_lease(row, now);
            held_lease.renewed(begun);
            begun + held_lease.times.renewal()
        }
        Ok(None) => {
            held_lease.end(TAKEN);
            now
        }
        Err(fault) => {
            debug!("the lease was not renewed: {fault}");
            now + held_lease.times.pause()
        }
    }
}

/// What ends a lease once another process took it.
pub(super) const TAKEN: &str = "another replica has the lease";
