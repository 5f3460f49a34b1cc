//! What `packaging/build` makes, as people install it.
//!
//! Invariant: the tests read the folder that `RESTORE_WATCH_DIST` names; without it they print that
//! they are skipped, because a build of the packages takes minutes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod archive;
mod contents;
mod debian;
mod dist;
mod engine;
mod image;
mod lifecycle;
mod names;
mod programs;
mod root;
mod rpm;
mod shells;
#[path = "../systemd/skip.rs"]
mod skip;
mod users;

#[path = "../support/mod.rs"]
pub mod support;
#[path = "../systemd/world.rs"]
pub mod world;
