//! Answers a scrape, in a time that does not grow with the number of jobs.

use jiff::Timestamp;

use super::status::Identity;
use crate::adapters::metrics::{Counters, DaemonReading, Reading};
use crate::adapters::report::{HistoryFilter, HistoryRange, ReadError, Reader};
use crate::adapters::telemetry;
use crate::app::driver::Driver;

/// How many restores of the history are in memory at once.
const RESTORES_AT_ONCE: usize = 10_000;

/// How the last reload ended, and when the configuration in force was loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastReload {
    loaded_at: Timestamp,
    failed: bool,
}

impl LastReload {
    /// A start loads the configuration, too.
    pub(super) fn start(now: Timestamp) -> Self {
        Self { loaded_at: now, failed: false }
    }

    pub(super) fn end(&mut self, succeeded: bool, now: Timestamp) {
        self.failed = !succeeded;
        if succeeded {
            self.loaded_at = now;
        }
    }
}

/// The metrics as they are now.
pub(super) fn read(driver: &Driver, identity: &Identity, last_reload: LastReload) -> Reading {
    let (engine, now) = (driver.engine(), driver.now());
    let daemon = DaemonReading {
        started_at: identity.started_at,
        configured_at: last_reload.loaded_at,
        reload_failed: last_reload.failed,
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
