//! The metrics of a running daemon, and what is shipped for them: alerts and a dashboard.
//!
//! Invariant: a test that needs a program that is not installed says so, and fails if
//! `RESTORE_WATCH_REQUIRE_PROMETHEUS` is 1.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod counting;
mod dashboard;
mod exposition;
mod formats;
mod programs;
mod prometheus;
mod restarts;
mod rules;
mod scraped;

#[path = "../examples/yaml.rs"]
#[expect(dead_code, reason = "the examples need more of it")]
mod yaml;

#[path = "../support/mod.rs"]
pub mod support;

use std::path::{Path, PathBuf};

/// A file of the repository.
fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
