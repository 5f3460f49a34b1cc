//! Replicas on PostgreSQL: a real server, real processes, and faults of every kind.
//!
//! Invariant: nothing here trusts a replica's output. What must be delivered follows from the
//! scenario, what arrived from the receivers, and which replica polled from its
//! proxy.
//!
//! Each test has a short form. `RESTORE_WATCH_FAULTS`, `RESTORE_WATCH_TAKEOVERS`,
//! `RESTORE_WATCH_CUTS`, `RESTORE_WATCH_PAUSES`, `RESTORE_WATCH_MOVES` and `RESTORE_WATCH_AWAY` give
//! the long ones.

#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod away;
mod campaign;
mod clocks;
mod cluster;
mod commits;
mod differing;
mod equipment;
mod failover;
mod faults;
mod handed_over;
mod hosts;
mod moves;
mod pauses;
mod pooler;
mod proxy;
mod refused;
mod rights;
mod scene;
mod secrecy;
mod takeover;
mod tls;
mod versions;

#[path = "../crash/ledger/mod.rs"]
#[expect(dead_code, reason = "the crash tests use more of it")]
mod ledger;
#[path = "../crash/oracle.rs"]
mod oracle;
#[path = "../crash/secrets.rs"]
#[expect(dead_code, reason = "the crash tests use more of it")]
mod secrets;
#[path = "../crash/world.rs"]
#[expect(dead_code, reason = "the crash tests use more of it")]
mod world;

#[path = "../support/mod.rs"]
pub mod support;

/// A number in the environment of the tests.
fn number(name: &str) -> Option<usize> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Runs the parts of a test at once, because most of their time they wait.
fn at_once<const PARTS: usize>(parts: [&(dyn Fn() + Sync); PARTS]) {
    std::thread::scope(|scope| {
        for part in parts {
            scope.spawn(part);
        }
    });
}
