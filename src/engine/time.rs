//! Readings of clocks, handed to the engine with each event.
//!
//! Invariant: deadlines are kept in [`Instant`], what people read in [`Timestamp`]; a jump of the wall clock moves no
//! deadline.

use std::ops::Add;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A monotonic reading: the time since an arbitrary start, the same for all readings of a process. What an earlier
/// process saw lies before the start.
///
/// The standard library's type cannot be made from a number, so tables of test cases could not be written with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(SignedDuration);

impl Instant {
    /// The reading `elapsed` after the start.
    pub fn after_start(elapsed: Duration) -> Self {
        Self(signed(elapsed))
    }

    /// The time from `earlier` to this reading; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(Duration::ZERO)
    }

    /// The reading `duration` before this one.
    #[must_use]
    pub fn back(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(signed(duration)))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(signed(duration)))
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for deadlines.
    pub instant: Instant,
    /// The wall clock, for timestamps.
    pub wall: Timestamp,
}

impl Now {
    /// What the wall clock shows at `instant`, if it goes on as it goes now.
    pub fn wall_at(self, instant: Instant) -> Timestamp {
        let ahead = instant.0.saturating_sub(self.instant.0);
        let end = if ahead.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
        self.wall.checked_add(ahead).unwrap_or(end)
    }

    /// The reading at which the wall clock showed `wall`, if it went as it goes now.
    pub fn instant_at(self, wall: Timestamp) -> Instant {
        Instant(self.instant.0.saturating_add(wall.duration_since(self.wall)))
    }
}

/// The wall clock of a server, as its answers show it. The times that it gives are compared with this clock, and with no
/// clock of this machine, which may be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ServerClock {
    /// What it showed in its last answer that said so, and when that answer came.
    read: Option<(Timestamp, Instant)>,
}

impl ServerClock {
    /// An answer that came at `now` says that it is `time` at the server.
    pub(super) fn set(&mut self, time: Timestamp, now: Instant) {
        self.read = Some((time, now));
    }

    /// The time at the server at `now`, as the monotonic clock has gone on since its last answer; none where no answer of
    /// this process said the time.
    pub(super) fn time(&self, now: Instant) -> Option<Timestamp> {
        let (time, read) = self.read?;
        Some(Now { instant: read, wall: time }.wall_at(now))
    }

    /// The same; by the wall clock of this machine where the server does not say the time.
    pub(super) fn time_or_ours(&self, now: Now) -> Timestamp {
        self.time(now.instant).unwrap_or(now.wall)
    }
}

/// The earliest of these readings, if there is any.
pub(super) fn earliest<const N: usize>(readings: [Option<Instant>; N]) -> Option<Instant> {
    readings.into_iter().flatten().min()
}

/// The time from `from` to `to`; 0 where `from` is later.
pub fn wall_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_server_goes_on_with_the_monotonic_one() {
        let at = |seconds| Instant::after_start(Duration::from_secs(seconds));
        let mut clock = ServerClock::default();
        assert_eq!(clock.time(at(5)), None);
        clock.set("2026-11-23T12:00:00Z".parse().unwrap(), at(10));
        assert_eq!(clock.time(at(70)), Some("2026-11-23T12:01:00Z".parse().unwrap()));
        clock.set("2026-11-23T11:00:00Z".parse().unwrap(), at(70));
        assert_eq!(
            clock.time(at(71)),
            Some("2026-11-23T11:00:01Z".parse().unwrap()),
            "the last answer counts"
        );
    }
}
