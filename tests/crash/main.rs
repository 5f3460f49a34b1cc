//! Crash tests: the daemon is killed, its disk fails, its receivers misbehave, and an oracle checks
//! each delivery.
//!
//! Invariant: nothing here trusts the daemon's output. What must be delivered follows from the
//! scenario, what arrived from the receivers, and what the daemon believes from its state, read
//! with plain SQL.
//!
//! `RESTORE_WATCH_STATE=postgres` keeps the state in PostgreSQL instead of a file.
//! `RESTORE_WATCH_KILLS=1000` gives the long form, `RESTORE_WATCH_SEED` the run that a failure
//! printed; `RESTORE_WATCH_STEPS=1000` does the same for starts under stepping clocks, see
//! [`clocks`].

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod clocks;
mod damage;
mod full_disk;
mod hostile;
mod kills;
mod ledger;
mod oracle;
mod oracle_selftest;
mod restarts;
mod secrets;
mod stage;
mod syscalls;
mod world;

#[path = "../support/mod.rs"]
pub mod support;
