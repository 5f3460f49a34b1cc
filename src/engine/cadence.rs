//! When a job that answers well is polled next.
//!
//! Invariant: the interval depends only on the job's age, on what is known of its end, and with
//! full effort on how much of the rate is left; not on how often it was polled, so a restarted watch
//! continues as if it had never stopped.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::time::Duration;

use super::hazard::{Hazard, Survivors};
use super::progress::Projection;
use crate::config::{CadenceSettings, Effort};

/// The bounds and the rule of the intervals between polls.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cadence {
    settings: CadenceSettings,
    /// The part of the interval that remains with full effort; 1 otherwise.
    stretch: f64,
    /// The hazard of restores that take as long as the settings say, if they say it.
    expected: Option<Hazard>,
}

/// A duration that a person expects stands for past restores that took these parts of it. They are
/// few, because it is an estimate, and spread from half of it to twice it: so polls pay that follow
/// it if it is right within a factor of three.
const EXPECTED: [f64; 5] = [0.5, FRAC_1_SQRT_2, 1.0, SQRT_2, 2.0];

impl Cadence {
    pub(super) fn new(settings: CadenceSettings) -> Self {
        let expected = settings
            .expect
            .map(|expected| Hazard::of(&Survivors::of(&EXPECTED.map(|part| expected.mul_f64(part)))));
        Self { settings, stretch: 1.0, expected }
    }

    /// Whether polls are to use nearly all of the rate, however few jobs there are.
    pub(super) fn is_full_effort(&self) -> bool {
        self.settings.effort == Effort::Full
    }

    /// The part of the usual intervals that remains.
    pub(super) fn stretch(&self) -> f64 {
        self.stretch
    }

    /// Shortens the intervals to this part, from 0 to 1, as far as the shortest one permits.
    pub(super) fn set_stretch(&mut self, stretch: f64) {
        self.stretch = stretch;
    }

    /// The interval at this age, between the bounds and without the random factor: the root `sqrt(2
    /// · c · age)` if nothing is known, and what the hazard says if past restores are known. If
    /// intermediate progress is known, half the time to the projected end takes the place of the
    /// root, so that the polls close in on it; but not more than three times the root, because
    /// progress need not go on as it went.
    pub(super) fn usual(&self, age: Duration, estimate: EndEstimate<'_>) -> Duration {
        let wanted = match estimate {
            EndEstimate::Unknown => self.scale_free(age),
            EndEstimate::Past(hazard) | EndEstimate::Expected(hazard) => {
                hazard.interval(age, self.poll_cost())
            }
            // A projection that stands still loses worth by the minute: the rule takes over again.
            EndEstimate::Progress(Projection { remaining, stale }) => {
                (remaining / 2).min(3 * self.scale_free(age)).max(self.scale_free(stale))
            }
        };
        let CadenceSettings { min_interval, max_interval, .. } = self.settings;
        wanted.clamp(min_interval, max_interval).mul_f64(self.stretch).max(min_interval)
    }

    /// The optimum schedule for a job of which only the age `t` is known polls at the density
    /// `sqrt(h(t) / 2c)` with the scale-free hazard `h(t) = 1/t`, if a poll may cost `c` seconds of
    /// delay (J. B. Keller, "Optimum checking schedules for systems subject to random failure",
    /// Management Science 21(3), 1974), hence the interval `sqrt(2 · c · t)`: with the balanced
    /// effort 1 s at the age of 5 s, 11 s at ten minutes, 60 s at five hours.
    fn scale_free(&self, age: Duration) -> Duration {
        Duration::from_secs_f64((2.0 * self.poll_cost() * age.as_secs_f64()).sqrt())
    }

    /// What the settings say of the end of a job.
    pub(super) fn expected(&self) -> EndEstimate<'_> {
        self.expected.as_ref().map_or(EndEstimate::Unknown, EndEstimate::Expected)
    }

    pub(super) fn expected_duration(&self) -> Option<Duration> {
        self.settings.expect
    }

    /// What one poll may cost, in seconds of delay.
    pub(super) fn poll_cost(&self) -> f64 {
        self.settings.effort.poll_cost()
    }

    pub(super) fn slowest(&self) -> Duration {
        self.settings.max_interval
    }

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
    /// How long it is expected to take by the settings.
    Expected(&'a Hazard),
    /// How far it is.
    Progress(Projection),
}

impl EndEstimate<'_> {
    /// The projection by its progress, if it reports any.
    pub(super) fn projection(self) -> Option<Projection> {
        match self {
            Self::Progress(projection) => Some(projection),
            Self::Unknown | Self::Past(_) | Self::Expected(_) => None,
        }
    }

    /// How many past restores it rests on.
    pub(super) fn restores(self) -> usize {
        match self {
            Self::Past(hazard) => hazard.restores(),
            Self::Unknown | Self::Expected(_) | Self::Progress(_) => 0,
        }
    }

    pub(super) fn is_expected(self) -> bool {
        matches!(self, Self::Expected(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cadence() -> Cadence {
        Cadence::new(CadenceSettings::default())
    }

    /// The interval without its jitter, as the mean of many.
    fn mean(age: u64, estimate: EndEstimate<'_>) -> f64 {
        let mut rng = fastrand::Rng::with_seed(7);
        let draws = 2000;
        let total: Duration =
            (0..draws).map(|_| jittered(cadence().usual(Duration::from_secs(age), estimate), &mut rng)).sum();
        total.as_secs_f64() / f64::from(draws)
    }

    #[test]
    fn the_square_root_rule_holds_within_its_bounds() {
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
        let projected = |seconds| {
            let remaining = Duration::from_secs(seconds);
            mean(150, EndEstimate::Progress(Projection { remaining, stale: Duration::ZERO }))
        };

        let far = projected(100);
        assert!((far - 3.0 * 5.48).abs() < 0.3, "three times the root of 30 at most: {far}");
        let near = projected(8);
        assert!((near - 4.0).abs() < 0.1, "{near}");
    }

    #[test]
    fn an_early_projection_does_not_reach_far() {
        let hours = Projection { remaining: Duration::from_hours(3), stale: Duration::ZERO };
        assert!(mean(5, EndEstimate::Progress(hours)) < 3.1, "five seconds say little about three hours");
    }

    /// What restores cost that take about so long: their delays, and their polls at their price.
    fn cost(cadence: &Cadence, estimate: EndEstimate<'_>, takes: f64) -> f64 {
        let of_one = |takes: f64| {
            let (mut age, mut polls) = (0.0, 1.0);
            while age < takes {
                age += cadence.usual(Duration::from_secs_f64(age), estimate).as_secs_f64();
                polls += 1.0;
            }
            age - takes + cadence.poll_cost() * polls
        };
        (-50..=50).map(|place| of_one(takes * (f64::from(place) / 100.0).exp())).sum()
    }

    #[test]
    fn an_expected_duration_pays_within_a_factor_of_three() {
        let expect = Some(Duration::from_mins(10));
        let cadence = Cadence::new(CadenceSettings { expect, ..CadenceSettings::default() });

        let part =
            |takes| cost(&cadence, cadence.expected(), takes) / cost(&cadence, EndEstimate::Unknown, takes);

        for (takes, most) in [(200.0, 0.97), (600.0, 0.8), (1800.0, 0.97), (10.0, 1.5), (36_000.0, 1.0)] {
            assert!(part(takes) < most, "{takes} s instead of 600: {}", part(takes));
        }
    }

    #[test]
    fn progress_that_stands_still_is_trusted_less() {
        let stale = Projection { remaining: Duration::ZERO, stale: Duration::from_secs(9900) };

        assert!(mean(10_000, EndEstimate::Progress(stale)) > 40.0);
    }
}
