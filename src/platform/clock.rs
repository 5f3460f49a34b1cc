//! The clocks of this machine.
//!
//! Invariant: no other module reads clocks, so a test that pauses the runtime's time pauses all
//! time.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::time::{Instant, Now};

/// The runtime's timers stop while the machine is suspended, so a sleep checks the clock this
/// often.
const CHECK_INTERVAL: Duration = Duration::from_secs(10);

/// A source of readings; its monotonic time starts when it is made, and includes the time in which
/// the machine is suspended.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: tokio::time::Instant,
    wall: Wall,
    /// How long this machine was suspended, in total.
    suspended: fn() -> Duration,
    /// That total when this clock was made.
    before: Duration,
}

#[derive(Debug, Clone, Copy)]
enum Wall {
    System,
    /// A wall clock that was set at the start and follows the monotonic one.
    SetTo(Timestamp),
}

impl Clock {
    /// The clocks of the system.
    pub fn system() -> Self {
        Self { start: monotonic(), wall: Wall::System, suspended, before: suspended() }
    }

    /// A wall clock that shows `wall` now and follows the monotonic clock from then on, paused time
    /// included.
    pub fn set_to(wall: Timestamp) -> Self {
        Self {
            start: monotonic(),
            wall: Wall::SetTo(wall),
            suspended: || Duration::ZERO,
            before: Duration::ZERO,
        }
    }

    /// The same clock, for a machine with this total time of suspension.
    #[must_use]
    pub fn on_a_machine(self, suspended: fn() -> Duration) -> Self {
        Self { suspended, before: suspended(), ..self }
    }

    pub fn now(&self) -> Now {
        let elapsed = monotonic().duration_since(self.start) + self.slept();
        let wall = match self.wall {
            Wall::System => system_time(),
            Wall::SetTo(start) => start.saturating_add(elapsed).unwrap_or(Timestamp::MAX),
        };
        Now { instant: Instant::after_start(elapsed), wall }
    }

    /// How long the machine was suspended since this clock was made.
    pub fn slept(&self) -> Duration {
        (self.suspended)().saturating_sub(self.before)
    }

    /// Waits until this time; for ever if there is none. After a suspension, that is noticed within
    /// 10 s.
    pub async fn sleep_until(&self, at: Option<Instant>) {
        let Some(at) = at else { return std::future::pending().await };
        loop {
            let left = at.since(self.now().instant);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(CHECK_INTERVAL)).await;
        }
    }
}

/// How long this machine was suspended since it was started: `CLOCK_BOOTTIME` goes on meanwhile,
/// `CLOCK_MONOTONIC` does not (`clock_gettime(2)`). Zero on other systems.
fn suspended() -> Duration {
    #[cfg(target_os = "linux")]
    {
        use rustix::time::{ClockId, clock_gettime};

        let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
        // In this order, so that what passes between the two is no suspension.
        let awake_and_asleep = read(ClockId::Boottime);
        awake_and_asleep.saturating_sub(read(ClockId::Monotonic))
    }
    #[cfg(not(target_os = "linux"))]
    Duration::ZERO
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

    thread_local! {
        static SUSPENDED: std::cell::Cell<Duration> = const { std::cell::Cell::new(Duration::ZERO) };
    }

    #[tokio::test(start_paused = true)]
    async fn a_suspension_counts_and_wakes_a_sleep_soon_after() {
        let clock = Clock::set_to("2026-11-23T12:00:00Z".parse().unwrap()).on_a_machine(|| SUSPENDED.get());
        let wait = clock.sleep_until(Some(Instant::after_start(Duration::from_hours(5))));
        let awake = monotonic();
        let suspend = async {
            tokio::time::sleep(Duration::from_secs(4)).await;
            SUSPENDED.set(Duration::from_hours(6));
        };
        tokio::join!(wait, suspend);
        assert!(monotonic().duration_since(awake) <= CHECK_INTERVAL);
        assert_eq!(clock.slept(), Duration::from_hours(6));
        assert!(clock.now().instant >= Instant::after_start(Duration::from_hours(6)));
        assert_eq!(clock.now().wall.to_string(), "2026-11-23T18:00:10Z");
    }
}
