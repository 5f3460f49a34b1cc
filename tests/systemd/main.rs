//! The units that come with the program, under a real systemd.
//!
//! Invariant: if no systemd can be booted, the tests that need one print that and pass; with
//! `RESTORE_WATCH_REQUIRE_SYSTEMD=1` they fail.

#![cfg_attr(
    target_os = "linux",
    expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")
)]

#[cfg(target_os = "linux")]
mod chain;
#[cfg(target_os = "linux")]
mod daemon;
#[cfg(target_os = "linux")]
mod exec;
#[cfg(target_os = "linux")]
mod offline;
#[cfg(target_os = "linux")]
mod operations;
#[cfg(target_os = "linux")]
mod readme;
#[cfg(target_os = "linux")]
mod replicas;
#[cfg(target_os = "linux")]
mod session;
mod skip;
#[cfg(target_os = "linux")]
mod waiting;
#[cfg(target_os = "linux")]
pub mod world;

#[cfg(target_os = "linux")]
#[path = "../support/mod.rs"]
pub mod support;

#[cfg(not(target_os = "linux"))]
#[test]
fn missing_systemd_skips_or_fails() {
    skip::skipped("the units", "systemd is a thing of Linux");
}
