//! Answers a scrape, in a time that does not grow with the number of jobs.

use super::reload::Reloads;
use super::status::Identity;
use crate::adapters::metrics::{DaemonReading, Reading};
use crate::adapters::telemetry;
use crate::app::driver::Driver;

/// The metrics as they are now.
pub(super) fn read(driver: &Driver, identity: &Identity, reloads: &Reloads) -> Reading {
    let (engine, now) = (driver.engine(), driver.now());
    let daemon = DaemonReading {
        started_at: identity.started_at,
        configured_at: reloads.loaded_at(),
        reload_failed: reloads.last().is_some_and(|reload| !reload.succeeded()),
        log_lines_lost: telemetry::lines_lost(),
    };
    driver.counters().read(daemon, engine.projects(), engine.sinks(), now)
}
