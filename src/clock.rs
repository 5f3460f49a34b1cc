//! The clocks of this machine.
//!
//! Invariant: this is the only module that reads them, so a test that pauses the runtime's time pauses all time.

use std::time::Duration;

use jiff::Timestamp;

use crate::engine::time::{Instant, Now};

/// A source of readings; its monotonic time starts when it is made.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: tokio::time::Instant,
    wall: Wall,
}

#[derive(Debug, Clone, Copy)]
enum Wall {
    /// The system's wall clock.
    System,
    /// A wall clock that was set at the start and follows the monotonic one.
    SetTo(Timestamp),
}

impl Clock {
    /// The clocks of the system.
    pub fn system() -> Self {
        Self { start: monotonic(), wall: Wall::System }
    }

    /// A wall clock that shows `wall` now and follows the monotonic clock from then on, paused time included.
    pub fn set_to(wall: Timestamp) -> Self {
        Self { start: monotonic(), wall: Wall::SetTo(wall) }
    }

    /// One reading.
    pub fn now(&self) -> Now {
        let elapsed = monotonic().duration_since(self.start);
        let wall = match self.wall {
            Wall::System => system_time(),
            Wall::SetTo(start) => start.saturating_add(elapsed).unwrap_or(Timestamp::MAX),
        };
        Now { instant: Instant::after_start(elapsed), wall }
    }

    /// Waits until this reading; for ever where there is none.
    pub async fn sleep_until(&self, at: Option<Instant>) {
        match at {
            Some(at) => {
                // A later reading is looked at again by then; the runtime's timers end somewhere.
                let soon = at.since(self.now().instant).min(Duration::from_hours(24 * 365));
                tokio::time::sleep(soon).await;
            }
            None => std::future::pending().await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this module is where clocks are read")]
fn monotonic() -> tokio::time::Instant {
    tokio::time::Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this module is where clocks are read")]
fn system_time() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn both_clocks_follow_paused_time() {
        let clock = Clock::set_to("2026-11-23T12:00:00Z".parse().unwrap());
        clock.sleep_until(Some(Instant::after_start(Duration::from_hours(2)))).await;
        let now = clock.now();
        assert_eq!(now.instant, Instant::after_start(Duration::from_hours(2)));
        assert_eq!(now.wall.to_string(), "2026-11-23T14:00:00Z");
    }
}
