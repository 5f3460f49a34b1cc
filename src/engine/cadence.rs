//! When a job that answers well is polled next.
//!
//! Invariant: the interval depends on the job's age and what is known of its end only, not on how often it
//! was polled, so a restarted watch goes on as if it had never stopped.

use std::time::Duration;

use super::hazard::Hazard;
use super::snapshot::ProgressSnapshot;
use crate::config::CadenceSettings;
use crate::model::time::{Instant, Now, Recorded};

/// The bounds and the rule of the intervals between polls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cadence {
    settings: CadenceSettings,
}

impl Cadence {
    /// The cadence of these settings.
    pub(super) fn new(settings: CadenceSettings) -> Self {
        Self { settings }
    }

    /// The interval at this age, between the bounds and without the random factor: the root
    /// `sqrt(2 · c · age)` if nothing is known, and what the hazard says if past restores are known.
    /// If intermediate progress is known, half the time to the projected end takes the place of the
    /// root, so that the polls close in on it; but not more than three times the root, because
    /// progress is not bound to go on as it went.
    pub(super) fn usual(&self, age: Duration, outlook: EndEstimate<'_>) -> Duration {
        let wanted = match outlook {
            EndEstimate::Unknown => self.scale_free(age),
            EndEstimate::Past(hazard) => hazard.interval(age, self.poll_cost()),
            // A projection that stands still is worth less by the minute: the rule takes over again.
            EndEstimate::Progress(Projection { remaining, stale }) => {
                (remaining / 2).min(3 * self.scale_free(age)).max(self.scale_free(stale))
            }
        };
        wanted.clamp(self.settings.min_interval, self.settings.max_interval)
    }

    /// The optimum schedule for a job about which nothing but its age `t` is known polls at the density
    /// `sqrt(h(t) / 2c)` with the scale-free hazard `h(t) = 1/t`, where a poll may cost `c` seconds of delay
    /// (J. B. Keller, "Optimum checking schedules for systems subject to random failure", Management Science
    /// 21(3), 1974), hence the interval `sqrt(2 · c · t)`: with the balanced effort 1 s at the age of 5 s,
    /// 11 s at ten minutes, 60 s at five hours.
    fn scale_free(&self, age: Duration) -> Duration {
        Duration::from_secs_f64((2.0 * self.poll_cost() * age.as_secs_f64()).sqrt())
    }

    /// What one poll may cost, in seconds of delay.
    pub(super) fn poll_cost(&self) -> f64 {
        self.settings.effort.poll_cost()
    }

    /// The longest interval.
    pub(super) fn slowest(&self) -> Duration {
        self.settings.max_interval
    }

    /// The shortest interval.
    pub(super) fn fastest(&self) -> Duration {
        self.settings.min_interval
    }
}

/// An interval by a random factor of 0.9 to 1.1, so that what was done together drifts apart.
pub(super) fn jittered(interval: Duration, rng: &mut fastrand::Rng) -> Duration {
    interval.mul_f64(0.9 + 0.2 * rng.f64())
}

/// What is known of when a job will end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum EndEstimate<'a> {
    /// Nothing.
    Unknown,
    /// How long others took.
    Past(&'a Hazard),
    /// How far it is.
    Progress(Projection),
}

impl EndEstimate<'_> {
    /// By its progress, where it reports any.
    pub(super) fn projection(self) -> Option<Projection> {
        match self {
            Self::Progress(projection) => Some(projection),
            Self::Unknown | Self::Past(_) => None,
        }
    }

    /// How many past restores it is judged by.
    pub(super) fn restores(self) -> usize {
        match self {
            Self::Past(hazard) => hazard.restores(),
            Self::Unknown | Self::Progress(_) => 0,
        }
    }
}

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

impl ProgressSnapshot {
    /// The readings that were kept like this.
    pub(super) fn into_progress(self, record: Recorded) -> Progress {
        let reading = |(percent, age)| Reading { percent, age };
        Progress {
            readings: Some((reading(self.first), reading(self.last))),
            seen_at: record.instant(self.seen_at),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    percent: f64,
    age: Duration,
}

impl Progress {
    /// The readings as they are kept.
    pub(super) fn remember(&self, now: Now) -> Option<ProgressSnapshot> {
        let pair = |reading: Reading| (reading.percent, reading.age);
        let (first, last) = self.readings?;
        Some(ProgressSnapshot { first: pair(first), last: pair(last), seen_at: now.wall_at(self.seen_at) })
    }

    /// Takes a reading of intermediate progress, at this age of the job.
    pub(super) fn read(&mut self, percent: f64, age: Duration, now: Instant) {
        let reading = Reading { percent, age };
        match &mut self.readings {
            Some((_, last)) if (percent - last.percent).abs() < f64::EPSILON => {}
            // Progress that falls back starts anew.
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

    /// The projection at `now`, where intermediate progress is known. Progress is taken as linear: between
    /// the first and the last reading where there are two, else from the start of the job.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cadence() -> Cadence {
        Cadence::new(CadenceSettings::default())
    }

    /// The interval without its jitter, as the mean of many.
    fn mean(age: u64, outlook: EndEstimate<'_>) -> f64 {
        let mut rng = fastrand::Rng::with_seed(7);
        let draws = 2000;
        let total: Duration =
            (0..draws).map(|_| jittered(cadence().usual(Duration::from_secs(age), outlook), &mut rng)).sum();
        total.as_secs_f64() / f64::from(draws)
    }

    #[test]
    fn the_square_root_rule_within_its_bounds() {
        for (age, seconds) in [(0, 1.0), (5, 1.0), (600, 10.95), (18_000, 60.0), (u64::MAX / 2, 60.0)] {
            let measured = mean(age, EndEstimate::Unknown);
            assert!((measured - seconds).abs() < 0.02 * seconds, "{age}: {measured}");
        }
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..1000 {
            let interval =
                jittered(cadence().usual(Duration::from_secs(500), EndEstimate::Unknown), &mut rng);
            assert!((9.0..=11.0).contains(&interval.as_secs_f64()), "{interval:?}");
        }
    }

    #[test]
    fn polls_close_in_on_the_projected_end() {
        let mut progress = Progress::default();
        let at = |seconds| Instant::after_start(Duration::from_secs(seconds));
        assert_eq!(progress.projection(at(0)), None);
        progress.read(25.0, Duration::from_secs(100), at(100));
        let projection = progress.projection(at(100)).unwrap();
        assert_eq!(projection.remaining.as_secs(), 300);
        progress.read(50.0, Duration::from_secs(150), at(150));
        let projection = progress.projection(at(150)).unwrap();
        assert_eq!(projection.remaining.as_secs(), 100, "the rate between two readings counts");
        let measured = mean(150, EndEstimate::Progress(projection));
        assert!((measured - 3.0 * 5.48).abs() < 0.3, "three times the root of 30 at most: {measured}");
        let near = Projection { remaining: Duration::from_secs(8), stale: Duration::ZERO };
        let measured = mean(150, EndEstimate::Progress(near));
        assert!((measured - 4.0).abs() < 0.1, "{measured}");
        let later = progress.projection(at(240)).unwrap();
        assert_eq!(later.remaining.as_secs(), 10);
    }

    #[test]
    fn an_early_projection_does_not_reach_far() {
        let hours = Projection { remaining: Duration::from_hours(3), stale: Duration::ZERO };
        assert!(mean(5, EndEstimate::Progress(hours)) < 3.1, "five seconds tell little about three hours");
    }

    #[test]
    fn progress_that_stands_still_is_trusted_less_and_less() {
        let mut progress = Progress::default();
        let at = |seconds| Instant::after_start(Duration::from_secs(seconds));
        progress.read(99.9, Duration::from_secs(100), at(100));
        for later in [200, 1000, 10_000] {
            progress.read(99.9, Duration::from_secs(later), at(later));
        }
        let projection = progress.projection(at(10_000)).unwrap();
        assert_eq!(projection, Projection { remaining: Duration::ZERO, stale: Duration::from_secs(9900) });
        assert!(mean(10_000, EndEstimate::Progress(projection)) > 40.0);
    }
}
