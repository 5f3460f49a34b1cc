//! The clock of a scenario: elapsed time, and wall time.
//!
//! Invariant: this is the one place of the simulator that reads a clock, and it is tokio's, so a
//! test that pauses time pauses the scenario with it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A running scenario clock. Copies show the same time.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    start: Instant,
    wall: Timestamp,
}

impl Timeline {
    /// Starts a clock that shows zero now. Wall timestamps (`created_at`, HTTP dates) count from
    /// `wall`.
    #[expect(clippy::disallowed_methods, reason = "the simulator is an adapter with a clock of its own")]
    pub fn start(wall: Timestamp) -> Self {
        Self { start: Instant::now(), wall }
    }

    /// How long the scenario has been running.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The wall time: the anchor of [`Timeline::start`] plus the elapsed time.
    pub fn wall(&self) -> Timestamp {
        self.wall_at(jiff::SignedDuration::try_from(self.elapsed()).unwrap_or(jiff::SignedDuration::MAX))
    }

    /// The wall time at a scenario time, which may lie before the start.
    pub(super) fn wall_at(&self, at: jiff::SignedDuration) -> Timestamp {
        let fallback = if at.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        self.wall.checked_add(at).unwrap_or(fallback)
    }
}
