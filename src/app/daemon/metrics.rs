//! Answers a scrape, in a time that does not grow with the number of jobs.

use super::reload::Reloads;
use super::status::Identity;
use crate::adapters::metrics::{Counters, DaemonReading, Reading};
use crate::adapters::report::{HistoryFilter, HistoryRange, ReadError, Reader};
use crate::adapters::telemetry;
use crate::app::driver::Driver;

/// How many restores of the history are in memory at once.
const RESTORES_AT_ONCE: usize = 10_000;

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

/// Counts the restores whose end earlier processes committed. Waits for the disk.
pub fn count_history(reader: &mut dyn Reader) -> Result<Counters, ReadError> {
    let mut counters = Counters::default();
    let mut skip = 0;
    loop {
        let range = HistoryRange { skip, limit: RESTORES_AT_ONCE };
        let restores = reader.history(&HistoryFilter::default(), range)?.restores;
        for restore in &restores {
            counters.ended(restore);
        }
        skip += restores.len();
        if restores.len() < RESTORES_AT_ONCE {
            return Ok(counters);
        }
    }
}
