//! When a job is polled next after a good answer, and why.

use std::time::Duration;

use super::Tracker;
use super::health::Retry;
use crate::engine::FailureClass;
use crate::engine::cadence::{Cadence, EndEstimate};
use crate::engine::duration_history::DurationHistory;
use crate::engine::explain::{Rule, Since};
use crate::engine::retry::Backoff;
use crate::model::time::Instant;

/// The ceiling of the backoff rises to this, however fast the cadence is.
const LEAST_CEILING: Duration = Duration::from_secs(1);

impl Tracker {
    /// The time until the next poll after a good answer.
    pub(in crate::engine) fn next_interval(
        &self,
        now: Instant,
        cadence: &Cadence,
        duration_history: &DurationHistory,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        let (_, age, outlook) = self.pace(duration_history, now);
        cadence.interval(age, outlook, rng)
    }

    /// How far apart the polls after failed ones are, of which the last failed like this: up to
    /// twice the interval that the cadence has now, and up to a minute. Full jitter halves that, so
    /// that in an outage, after its first moments, a young job is asked as often as before, and its
    /// end is seen as soon afterwards. Not so where it is the key or the rate that is refused.
    pub(super) fn backoff_after(
        &self,
        class: FailureClass,
        now: Instant,
        cadence: &Cadence,
        duration_history: &DurationHistory,
    ) -> Backoff {
        match class {
            FailureClass::Transient | FailureClass::Misconfigured | FailureClass::NotFound => {
                let (_, age, outlook) = self.pace(duration_history, now);
                Backoff::POLL.up_to((2 * cadence.usual(age, outlook)).max(LEAST_CEILING))
            }
            FailureClass::Throttled
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::Permanent
            | FailureClass::Gone => Backoff::POLL,
        }
    }

    /// By what the interval after a good answer is measured: since when, for how long, and what is
    /// known of the end.
    fn pace<'a>(
        &self,
        duration_history: &'a DurationHistory,
        now: Instant,
    ) -> (Since, Duration, EndEstimate<'a>) {
        if let Some(end) = self.end {
            // Another wait, with a start of its own, of which the past says nothing.
            return (Since::Completion, now.since(end.observed_at.instant), EndEstimate::Unknown);
        }
        let projection = self.progress.projection(now).map(EndEstimate::Progress);
        (Since::Start, self.age.at(now), projection.unwrap_or_else(|| duration_history.end_estimate()))
    }

    /// The rule by which the next poll is due, see [`Tracker::fail`] and
    /// [`Tracker::next_interval`].
    pub(in crate::engine) fn rule(
        &self,
        cadence: &Cadence,
        duration_history: &DurationHistory,
        now: Instant,
    ) -> Rule {
        let timed = |since, age: Duration, outlook: EndEstimate<'_>| Rule::Cadence {
            since,
            age_seconds: age.as_secs_f64(),
            interval_seconds: cadence.usual(age, outlook).as_secs_f64(),
            min_seconds: cadence.fastest().as_secs_f64(),
            max_seconds: cadence.slowest().as_secs_f64(),
            projected_seconds: outlook.projection().map(|projection| projection.remaining.as_secs_f64()),
            past_restores: outlook.restores(),
            poll_cost_seconds: cadence.poll_cost(),
        };
        match (self.retry(), self.health.answered_at) {
            (Some(Retry::Slowest), _) => Rule::Slow { interval_seconds: cadence.slowest().as_secs_f64() },
            (Some(Retry::UntilFound { since }), _) => {
                let age = self.health.failed_at.unwrap_or(now).since(since);
                timed(Since::FirstNotFound, age, EndEstimate::Unknown)
            }
            (Some(Retry::Backoff), _) => Rule::Backoff {
                failures: self.health.failures,
                ceiling_seconds: self.health.backoff.ceiling(self.health.failures).as_secs_f64(),
                max_seconds: self.health.backoff.max.as_secs_f64(),
            },
            // Its index was never asked for.
            (None, Some(at)) if self.end.is_some_and(|end| end.observed_at.instant == at) => Rule::First,
            (None, Some(at)) => {
                let (since, age, outlook) = self.pace(duration_history, at);
                timed(since, age, outlook)
            }
            (None, None) => Rule::First,
        }
    }
}
