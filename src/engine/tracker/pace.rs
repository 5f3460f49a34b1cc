//! When a job is polled next after a good answer, and why.

use std::time::Duration;

use super::Tracker;
use super::trouble::Trouble;
use crate::engine::cadence::{Cadence, Projection};
use crate::engine::explain::{Rule, Since};
use crate::engine::retry::Backoff;
use crate::engine::time::Instant;

impl Tracker {
    /// The time until the next poll after a good answer.
    pub(in crate::engine) fn next_interval(
        &self,
        now: Instant,
        cadence: &Cadence,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        let (_, age, projection) = self.pace(now);
        cadence.interval(age, projection, rng)
    }

    /// By what the interval after a good answer is measured: since when, for how long, and what progress promises.
    fn pace(&self, now: Instant) -> (Since, Duration, Option<Projection>) {
        match self.end {
            // Another wait, with a start of its own.
            Some(end) => (Since::Completion, now.since(end.observed_at.instant), None),
            None => (Since::Start, self.age(now), self.progress.projection(now)),
        }
    }

    /// The rule by which the next poll is due, see [`Tracker::fail`] and [`Tracker::next_interval`].
    pub(in crate::engine) fn rule(&self, cadence: &Cadence, now: Instant) -> Rule {
        let timed = |since, age: Duration, projection: Option<Projection>| Rule::Cadence {
            since,
            age_seconds: age.as_secs_f64(),
            interval_seconds: cadence.usual(age, projection).as_secs_f64(),
            min_seconds: cadence.fastest().as_secs_f64(),
            max_seconds: cadence.slowest().as_secs_f64(),
            projected_seconds: projection.map(|projection| projection.remaining.as_secs_f64()),
        };
        let slow = Rule::Slow { interval_seconds: cadence.slowest().as_secs_f64() };
        match (self.trouble(), self.answered_at) {
            (Trouble::Missing, _) if self.missing.told => slow,
            (Trouble::Lost, _) if self.unreachable.told => slow,
            _ if self.follows_index() && self.index.is_refused() => slow,
            (Trouble::Missing, _) => {
                let since = self.missing.since.unwrap_or(now);
                timed(Since::FirstNotFound, self.failed_at.unwrap_or(now).since(since), None)
            }
            _ if self.failures > 0 => Rule::Backoff {
                failures: self.failures,
                ceiling_seconds: Backoff::POLL.ceiling(self.failures).as_secs_f64(),
            },
            // Its index was never asked for.
            (_, Some(at)) if self.end.is_some_and(|end| end.observed_at.instant == at) => Rule::First,
            (_, Some(at)) => {
                let (since, age, projection) = self.pace(at);
                timed(since, age, projection)
            }
            (_, None) => Rule::First,
        }
    }
}
