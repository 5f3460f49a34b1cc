//! The page of a daemon in a real browser, a headless Chromium.
//!
//! Invariant: if there is no Chromium or no axe-core, the tests that need it print that and pass;
//! with `RESTORE_WATCH_REQUIRE_BROWSER=1` they fail.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails, wherever it is")]

mod accessibility;
mod appearance;
mod devtools;
mod harness;
mod hostile;
mod keyboard;
mod live;
mod loading;
mod page;
mod scriptless;
mod site;
mod skip;

#[path = "../support/mod.rs"]
pub mod support;
