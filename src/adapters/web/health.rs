//! Whether the daemon lives, and whether it is ready.
//!
//! Invariant: the loop itself says that it lives; what it does not say, nobody assumes.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use crate::model::time::Instant;

/// A loop that has not run for this long is stuck: `WatchdogSec=` of the unit.
const LONGEST_TURN: Duration = Duration::from_secs(30);

/// What the loop of the daemon says of itself, for probes.
#[derive(Debug, Default)]
pub struct Health(Mutex<Signs>);

#[derive(Debug, Default)]
struct Signs {
    is_ready: bool,
    /// When the loop last ran.
    ran_at: Option<Instant>,
    /// What does not end, if so.
    stuck: Option<&'static str>,
}

impl Health {
    /// The loop runs, and this does not end, if anything.
    pub fn report(&self, now: Instant, stuck: Option<&'static str>) {
        let mut signs = self.signs();
        signs.ran_at = Some(now);
        signs.stuck = stuck;
    }

    /// The state is open and the first polls are scheduled, or a stop begins.
    pub fn set_ready(&self, is_ready: bool) {
        self.signs().is_ready = is_ready;
    }

    pub(super) fn is_ready(&self) -> bool {
        self.signs().is_ready
    }

    /// Why the daemon should be restarted, if so.
    pub(super) fn fault(&self, now: Instant) -> Option<String> {
        let signs = self.signs();
        if let Some(stuck) = signs.stuck {
            return Some(format!("{stuck} does not end"));
        }
        let is_stuck = signs.ran_at.is_some_and(|at| now.since(at) > LONGEST_TURN);
        is_stuck.then(|| "the loop of the daemon does not run".to_owned())
    }

    fn signs(&self) -> std::sync::MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
