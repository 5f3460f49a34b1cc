//! Readings of clocks, handed to the engine with each event.
//!
//! Invariant: deadlines are kept in [`Instant`], what people read in [`Timestamp`]; a jump of the wall clock moves no
//! deadline.

use std::ops::Add;
use std::time::Duration;

use jiff::Timestamp;

/// A monotonic reading: the time since an arbitrary start, the same for all readings of a process.
///
/// The standard library's type cannot be made from a number, so tables of test cases could not be written with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The reading `elapsed` after the start.
    pub const fn after_start(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The time from `earlier` to this reading; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The reading `duration` before this one, not before the start.
    #[must_use]
    pub fn back(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

/// One reading of both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock, for deadlines.
    pub instant: Instant,
    /// The wall clock, for timestamps.
    pub wall: Timestamp,
}

/// The earliest of these readings, if there is any.
pub(super) fn earliest<const N: usize>(readings: [Option<Instant>; N]) -> Option<Instant> {
    readings.into_iter().flatten().min()
}

/// The time from `from` to `to`; 0 where `from` is later.
pub fn wall_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
