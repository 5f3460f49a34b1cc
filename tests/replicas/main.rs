//! Replicas on PostgreSQL: a real server, real processes, and faults of every kind.
//!
//! Invariant: nothing here trusts a replica's output. What must be delivered follows from the
//! scenario, what arrived from the receivers, who polled from the source of each request.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod equipment;

#[path = "../support/mod.rs"]
pub mod support;
