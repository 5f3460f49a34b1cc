//! How long to wait before the next attempt.
//!
//! Invariant: this is the only module that names the `backoff` crate, which is used as a calculator
//! of ceilings: its jitter is switched off, its clock is not asked, and jitter comes from the
//! engine's generator.

use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use jiff::Timestamp;

use super::cadence::jittered;
use crate::model::time::{Now, wall_between};

/// How long a server asks to be left alone (`Retry-After`: RFC 9110, section 10.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// For this long.
    For(Duration),
    /// Until this time.
    Until(Timestamp),
}

impl RetryAfter {
    /// The longest time that is honored: a longer one is a mistake of the server.
    pub const MAX: Duration = Duration::from_hours(24);

    /// The time from `now`, at most [`RetryAfter::MAX`]; zero for a date in the past.
    pub fn from(self, now: Now) -> Duration {
        let asked = match self {
            Self::For(duration) => duration,
            Self::Until(date) => wall_between(now.wall, date),
        };
        asked.min(Self::MAX)
    }
}

/// Exponential backoff with full jitter: a time between 0 and `min(initial × 2^n, max)` before
/// attempt `n + 1`.
///
/// Full jitter spreads the clients of a service best (M. Brooker, "Exponential Backoff and Jitter",
/// AWS Architecture Blog, 2015). A server's `Retry-After` is a floor to it, see [`Backoff::delay`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The ceiling before the first retry.
    pub initial: Duration,
    /// The highest ceiling.
    pub max: Duration,
}

impl Backoff {
    /// For polls: 0.5 s, doubling, at most 60 s; less if the cadence is faster.
    pub const POLL: Self = Self { initial: Duration::from_millis(500), max: Duration::from_mins(1) };

    /// The same with no ceiling above `max`.
    pub(super) fn up_to(self, max: Duration) -> Self {
        Self { max: self.max.min(max), ..self }
    }

    /// The highest delay after `failures` failures in a row; the first is number 1.
    ///
    /// ```
    /// use std::time::Duration;
    /// use restore_watch::engine::retry::Backoff;
    ///
    /// assert_eq!(Backoff::POLL.ceiling(1), Duration::from_millis(500));
    /// assert_eq!(Backoff::POLL.ceiling(4), Duration::from_secs(4));
    /// assert_eq!(Backoff::POLL.ceiling(1000), Duration::from_secs(60));
    /// ```
    pub fn ceiling(self, failures: u32) -> Duration {
        let mut steps = ExponentialBackoff {
            initial_interval: self.initial,
            current_interval: self.initial,
            multiplier: 2.0,
            max_interval: self.max,
            max_elapsed_time: None,
            randomization_factor: 0.0,
            ..ExponentialBackoff::default()
        };

        let mut delay = self.initial;
        for _ in 0..failures.max(1) {
            delay = steps.next_backoff().unwrap_or(self.max);
            if delay >= self.max {
                break;
            }
        }

        delay.min(self.max)
    }

    /// The delay after `failures` failures in a row: full jitter, but not less than `floor`, the
    /// server's `Retry-After`.
    pub fn delay(self, failures: u32, floor: Duration, rng: &mut fastrand::Rng) -> Duration {
        self.ceiling(failures).mul_f64(rng.f64()).max(floor)
    }
}

/// Fixed delays between attempts, each by a random factor of 0.9 to 1.1, so that deliveries that
/// failed together are not retried together. A server's `Retry-After` is a floor to them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RetrySchedule(Vec<Duration>);

impl RetrySchedule {
    /// These delays, the first of them between the first attempt and the second.
    pub fn new(delays: Vec<Duration>) -> Self {
        Self(delays)
    }

    /// How many attempts there are.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The delay after this many failed attempts, at least 1; none if there is no further attempt.
    /// Not less than `floor`, the server's `Retry-After`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use restore_watch::engine::retry::RetrySchedule;
    ///
    /// let schedule = RetrySchedule::new(vec![Duration::from_secs(5)]);
    /// let mut rng = fastrand::Rng::with_seed(1);
    /// let delay = schedule.delay(1, Duration::ZERO, &mut rng).unwrap();
    /// assert!((4.5..5.5).contains(&delay.as_secs_f64()));
    /// assert_eq!(schedule.delay(2, Duration::ZERO, &mut rng), None);
    /// ```
    pub fn delay(&self, attempts: u32, floor: Duration, rng: &mut fastrand::Rng) -> Option<Duration> {
        let index = usize::try_from(attempts.max(1)).ok()? - 1;
        let delay = *self.0.get(index)?;
        Some(jittered(delay, rng).max(floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceiling_doubles_up_to_the_maximum() {
        let ceilings: Vec<_> = (1..=9).map(|n| Backoff::POLL.ceiling(n).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(Backoff::POLL.ceiling(0), Backoff::POLL.ceiling(1));
        assert_eq!(Backoff::POLL.ceiling(u32::MAX), Duration::from_secs(60));
        let bounded = Backoff::POLL.up_to(Duration::from_secs(3));
        assert_eq!([1, 2, 3, 4, 9].map(|n| bounded.ceiling(n).as_millis()), [500, 1000, 2000, 3000, 3000]);
        assert_eq!(Backoff::POLL.up_to(Duration::from_hours(1)), Backoff::POLL);
    }

    #[test]
    fn jitter_is_full_and_retry_after_is_a_floor() {
        let mut rng = fastrand::Rng::with_seed(1);
        let delays: Vec<_> = (0..1000).map(|_| Backoff::POLL.delay(8, Duration::ZERO, &mut rng)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_mins(1)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_secs(3)));
        assert!(delays.iter().any(|delay| *delay > Duration::from_secs(57)));
        let asked = Duration::from_secs(90);
        assert_eq!(Backoff::POLL.delay(1, asked, &mut rng), asked);
    }

    #[test]
    fn retry_after_is_at_most_a_day() {
        let wall: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let now = Now { instant: crate::model::time::Instant::default(), wall };
        let year = wall + Duration::from_hours(24 * 365);
        for (asked, granted) in [
            (RetryAfter::For(Duration::from_secs(7)), Duration::from_secs(7)),
            (RetryAfter::For(Duration::MAX), RetryAfter::MAX),
            (RetryAfter::Until(wall + Duration::from_secs(90)), Duration::from_secs(90)),
            (RetryAfter::Until(wall - Duration::from_secs(90)), Duration::ZERO),
            (RetryAfter::Until(year), RetryAfter::MAX),
        ] {
            assert_eq!(asked.from(now), granted);
        }
    }
}
