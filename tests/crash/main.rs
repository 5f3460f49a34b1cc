//! What a crash costs: the daemon is killed, its disk fails, its receivers misbehave, and an oracle
//! says what became of each delivery.
//!
//! Invariant: nothing here trusts what the daemon says. What has to be delivered follows from the
//! scenario, what arrived from the receivers, and what the daemon believes from its state, read
//! with another program's eyes.
//!
//! `RESTORE_WATCH_KILLS=1000` gives the long form, `RESTORE_WATCH_SEED` the run that a failure
//! printed; `RESTORE_WATCH_STEPS=1000` does the same for starts under stepping clocks, see
//! [`clocks`].

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod clocks;
mod damage;
mod full;
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
