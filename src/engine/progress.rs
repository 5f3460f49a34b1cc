//! The intermediate progress that a job reports, and the end that it projects.
//!
//! Invariant: only readings that moved count, so a projection that stands still shows how stale it
//! is.

use std::time::Duration;

use super::snapshot::ProgressSnapshot;
use crate::model::time::{Instant, Now, Recorded};

/// When a job will end, judged by its progress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Projection {
    /// The time until then.
    pub(super) remaining: Duration,
    /// How long the progress has not moved.
    pub(super) stale: Duration,
}

/// The intermediate progress of one job, as far as it was reported.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Progress {
    /// The first and the last reading that moved: percent, and the age of the job.
    readings: Option<(Reading, Reading)>,
    seen_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    percent: f64,
    age: Duration,
}

impl Progress {
    /// What is recorded of the readings.
    pub(super) fn snapshot(&self, now: Now) -> Option<ProgressSnapshot> {
        let pair = |reading: Reading| (reading.percent, reading.age);
        let (first, last) = self.readings?;
        Some(ProgressSnapshot { first: pair(first), last: pair(last), seen_at: now.wall_at(self.seen_at) })
    }

    /// Takes a reading of intermediate progress, at this age of the job.
    pub(super) fn read(&mut self, percent: f64, age: Duration, now: Instant) {
        let reading = Reading { percent, age };
        match &mut self.readings {
            Some((_, last)) if (percent - last.percent).abs() < f64::EPSILON => {}
            // Progress that falls back starts again.
            Some((_, last)) if percent > last.percent => {
                *last = reading;
                self.seen_at = now;
            }
            _ => {
                self.readings = Some((reading, reading));
                self.seen_at = now;
            }
        }
    }

    /// The projection at `now`, if intermediate progress is known. Progress is taken as linear:
    /// between the first and the last reading if there are two, else from the start of the job.
    pub(super) fn projection(&self, now: Instant) -> Option<Projection> {
        let (first, last) = self.readings?;
        let per_second = if last.percent > first.percent && last.age > first.age {
            (last.percent - first.percent) / last.age.saturating_sub(first.age).as_secs_f64()
        } else {
            last.percent / last.age.as_secs_f64().max(1.0)
        };
        let stale = now.since(self.seen_at);
        let remaining = Duration::try_from_secs_f64((100.0 - last.percent) / per_second)
            .unwrap_or(Duration::MAX)
            .saturating_sub(stale);
        Some(Projection { remaining, stale })
    }
}

impl ProgressSnapshot {
    /// The progress of a record.
    pub(super) fn into_progress(self, record: Recorded) -> Progress {
        let reading = |(percent, age)| Reading { percent, age };
        Progress {
            readings: Some((reading(self.first), reading(self.last))),
            seen_at: record.instant(self.seen_at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn the_rate_between_two_readings_projects_the_end() {
        let mut progress = Progress::default();
        assert_eq!(progress.projection(at(0)), None);

        progress.read(25.0, Duration::from_secs(100), at(100));
        assert_eq!(progress.projection(at(100)).unwrap().remaining.as_secs(), 300);

        progress.read(50.0, Duration::from_secs(150), at(150));
        assert_eq!(progress.projection(at(150)).unwrap().remaining.as_secs(), 100);
        assert_eq!(progress.projection(at(240)).unwrap().remaining.as_secs(), 10);
    }

    #[test]
    fn readings_that_do_not_move_make_a_projection_stale() {
        let mut progress = Progress::default();
        progress.read(99.9, Duration::from_secs(100), at(100));

        for later in [200, 1000, 10_000] {
            progress.read(99.9, Duration::from_secs(later), at(later));
        }

        let projection = progress.projection(at(10_000)).unwrap();
        assert_eq!(projection, Projection { remaining: Duration::ZERO, stale: Duration::from_secs(9900) });
    }

    #[test]
    fn progress_that_falls_back_starts_again() {
        let mut progress = Progress::default();
        progress.read(50.0, Duration::from_secs(100), at(100));
        progress.read(80.0, Duration::from_secs(110), at(110));

        progress.read(10.0, Duration::from_secs(200), at(200));

        assert_eq!(progress.projection(at(200)).unwrap().remaining.as_secs(), 1800);
    }
}
