//! Readings of clocks, handed to the engine with each event.
//!
//! Invariant: deadlines are kept in [`Instant`], what people read in [`Timestamp`]; a jump of the
//! wall clock moves no deadline.

use std::ops::Add;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize as _, Serializer};

/// A monotonic reading: the time since an arbitrary start, the same for all readings of a process.
/// What an earlier process saw lies before the start.
///
/// The standard library's type cannot be made from a number, so tables of test cases could not be
/// written with it.
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
}

/// Reads the times in a record: they were written by the wall clock of then, which need not be the
/// one of now. It is the only way from a wall time back to an [`Instant`].
///
/// Invariant: of a time that was to come when it was written, never more is left than was left
/// then. If the clock was set back since then, nothing is known of the time in between, so that
/// what was left then counts from now.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    written_at: Timestamp,
    now: Now,
}

impl Recorded {
    /// A record that was written at `written_at` and is read at `now`.
    pub fn new(written_at: Timestamp, now: Now) -> Self {
        Self { written_at, now }
    }

    /// When it was written, by the clock of then.
    pub fn written_at(self) -> Timestamp {
        self.written_at
    }

    /// When it is read.
    pub fn now(self) -> Instant {
        self.now.instant
    }

    /// The reading at which the clock of the record shows `at`.
    pub fn instant(self, at: Timestamp) -> Instant {
        let wall = self.now.wall.max(self.written_at);
        Instant(self.now.instant.0.saturating_add(at.duration_since(wall)))
    }

    /// Both readings at the time at which the clock of the record shows `at`.
    pub fn reading(self, at: Timestamp) -> Now {
        Now { instant: self.instant(at), wall: at }
    }

    /// The reading before which nothing is to be done, if that is still to come.
    pub fn due(self, at: Timestamp) -> Instant {
        self.instant(at).max(self.now.instant)
    }
}

/// How far what `Date` says is from the time at the server: it has whole seconds, and its way here
/// takes time.
const GRAIN: Duration = Duration::from_secs(2);

/// The wall clock of a server, as its answers show it. The times that it gives are compared with
/// this clock, and with no clock of this machine, which may be wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServerClock {
    /// What it showed in its last answer that said so, and when that answer came.
    read: Option<(Timestamp, Instant)>,
}

impl ServerClock {
    /// An answer that came at `now` says that it is `time` at the server.
    pub fn set(&mut self, time: Timestamp, now: Instant) {
        self.read = Some((time, now));
    }

    /// The time at the server at `now`, as the monotonic clock has gone on since its last answer;
    /// none if no answer of this process said the time.
    pub fn time(&self, now: Instant) -> Option<Timestamp> {
        let (time, read) = self.read?;
        Some(Now { instant: read, wall: time }.wall_at(now))
    }

    /// The same by the wall clock of this machine, as long as that agrees: it is the finer one.
    pub fn time_by(&self, now: Now) -> Option<Timestamp> {
        let time = self.time(now.instant)?;
        let apart = time.duration_since(now.wall).unsigned_abs();
        Some(if apart <= GRAIN { now.wall } else { time })
    }
}

/// The earliest of these readings, if there is any.
pub fn earliest<const N: usize>(readings: [Option<Instant>; N]) -> Option<Instant> {
    readings.into_iter().flatten().min()
}

/// The time so long before `at`.
pub fn before(at: Timestamp, time: Duration) -> Timestamp {
    at.saturating_sub(time).unwrap_or(Timestamp::MIN)
}

/// The time so long after `at`.
pub fn later(at: Timestamp, time: Duration) -> Timestamp {
    at.saturating_add(time).unwrap_or(Timestamp::MAX)
}

/// The time from `from` to `to`; 0 where `from` is later.
pub fn wall_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}

/// The published form of a time: RFC 3339 in UTC, with three digits of a fraction or, for a whole
/// second, without. That is what programs read: three digits are those that Python reads in all its
/// versions, and `fromdate` of jq reads none.
pub fn published(at: Timestamp) -> String {
    match at.as_millisecond().rem_euclid(1000) {
        0 => format!("{at:.0}"),
        _ => format!("{at:.3}"),
    }
}

/// For `serialize_with`: a time in its published form.
pub fn publish<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&published(*at))
}

/// The same for a time that may be unknown.
pub fn publish_known<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(published).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_time_has_milliseconds_or_whole_seconds() {
        for (time, text) in [
            ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
            ("2026-11-23T12:00:00.5Z", "2026-11-23T12:00:00.500Z"),
            ("2026-11-23T12:00:00.042928403Z", "2026-11-23T12:00:00.042Z"),
            ("2026-11-23T12:00:00.999999999Z", "2026-11-23T12:00:00.999Z"),
            ("2026-11-23T12:00:00.000999Z", "2026-11-23T12:00:00Z"),
            ("2026-11-23T14:00:00.1+02:00", "2026-11-23T12:00:00.100Z"),
        ] {
            assert_eq!(published(time.parse().unwrap()), text);
        }
    }

    #[test]
    fn no_more_is_left_of_a_kept_time_than_when_it_was_written() {
        let written_at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let started = Instant::after_start(Duration::from_hours(1));
        let minute = Duration::from_mins(1);
        for (passed, left, ago) in [
            (0, 60, 60),
            (45, 15, 105),
            (60, 0, 120),
            (3600, 0, 3660),
            (400 * 86_400, 0, 400 * 86_400 + 60),
            // Set back: nothing is known of the time in between.
            (-1, 60, 60),
            (-3600, 60, 60),
            (-31 * 86_400, 60, 60),
            (-1_700_000_000, 60, 60),
        ] {
            let now = Now { instant: started, wall: written_at + SignedDuration::from_secs(passed) };
            let record = Recorded::new(written_at, now);
            assert_eq!(record.due(written_at + minute).since(started).as_secs(), left, "{passed}");
            assert_eq!(started.since(record.instant(written_at - minute)).as_secs(), ago, "{passed}");
        }
    }

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
        for (ours, used) in [
            ("2026-11-23T11:00:02.5Z", "2026-11-23T11:00:02.5Z"),
            ("2026-11-23T10:59:59.5Z", "2026-11-23T10:59:59.5Z"),
            ("2026-11-23T11:00:30Z", "2026-11-23T11:00:01Z"),
            ("1970-01-01T00:00:00Z", "2026-11-23T11:00:01Z"),
        ] {
            let now = Now { instant: at(71), wall: ours.parse().unwrap() };
            assert_eq!(clock.time_by(now), Some(used.parse().unwrap()), "{ours}");
        }
    }
}
