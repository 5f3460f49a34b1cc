//! The HTTP listener: what a daemon shows to browsers, probes and scrapers.
//!
//! Invariant: read-only: nothing that changes anything can be reached here. It runs on a thread of
//! its own, so whatever its clients do costs the daemon's loop no more than the questions that it
//! answers.

mod context;
mod events;
mod health;
mod history;
mod page;
mod router;
mod server;
mod status;

pub use context::Sources;
pub use health::Health;
pub use server::{BindError, Server};
