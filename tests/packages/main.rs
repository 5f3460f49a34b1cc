//! What `packaging/build` makes, as people install it.
//!
//! Invariant: the tests read the folder that `RESTORE_WATCH_DIST` names; without it they print that
//! they are skipped, because a build of the packages takes minutes.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod archive;
mod contents;
mod dist;
mod engine;
mod image;
mod names;

#[path = "../support/mod.rs"]
pub mod support;
