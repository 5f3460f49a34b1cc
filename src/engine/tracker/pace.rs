//! By which rule the next poll of a job is due.
//!
//! Invariant: the rule that decides is the rule that is explained, see [`Tracker::rule`].

use std::time::Duration;

use super::Tracker;
use super::health::Retry;
use crate::engine::FailureClass;
use crate::engine::cadence::{Cadence, EndEstimate};
use crate::engine::duration_history::DurationHistory;
use crate::engine::explain::{CadenceRule, Rule, Since};
use crate::engine::retry::Backoff;
use crate::model::JobFacts;
use crate::model::time::Instant;

/// The ceiling of the backoff may rise to at least this, however short the intervals of the cadence
/// are.
const LOWEST_MAX_CEILING: Duration = Duration::from_secs(1);

/// What a project knows of the pace of its jobs.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine) struct Pacing<'a> {
    pub(in crate::engine) cadence: &'a Cadence,
    pub(in crate::engine) history: &'a DurationHistory,
}

impl<'a> Pacing<'a> {
    /// What past restores say of the end of a job of these facts, else what the settings say.
    pub(in crate::engine) fn end_estimate(self, facts: &JobFacts) -> EndEstimate<'a> {
        match self.history.end_estimate(facts) {
            EndEstimate::Unknown => self.cadence.expected(),
            known => known,
        }
    }
}

impl Tracker {
    /// The rule by which the next poll is due after a good answer at `now`.
    pub(in crate::engine) fn rule_after_answer(&self, pacing: Pacing<'_>, now: Instant) -> Rule {
        self.by_cadence(pacing, now)
    }

    /// The rule by which the next poll is due. After a failed poll it decides, see
    /// [`Tracker::fail`]; later it is read to explain that decision.
    pub(in crate::engine) fn rule(&self, pacing: Pacing<'_>, now: Instant) -> Rule {
        let cadence = pacing.cadence;
        match (self.retry(), self.health.answered_at) {
            (Some(Retry::Slowest), _) => Rule::LongestInterval(cadence.slowest()),
            (Some(Retry::UntilFound { since }), _) => {
                let lasted = self.health.failed_at.unwrap_or(now).since(since);
                cadence_rule(cadence, Since::FirstNotFound, lasted, EndEstimate::Unknown)
            }
            (Some(Retry::Backoff), _) => Rule::Backoff {
                failures: self.health.failures,
                ceiling: self.health.backoff.ceiling(self.health.failures),
                max: self.health.backoff.max,
            },
            // The job has just completed, and its index was never polled.
            (None, Some(at)) if self.end.is_some_and(|end| end.observed_at.instant == at) => Rule::First,
            (None, Some(at)) => self.by_cadence(pacing, at),
            (None, None) => Rule::First,
        }
    }

    /// The backoff after a poll that failed like this. Its ceiling rises to twice the present
    /// interval of the cadence, and to a minute at most. Full jitter halves that, so in an outage,
    /// after its first moments, a young job is polled as often as before, and its end is seen as
    /// soon afterwards. If the key or the rate is refused, the cadence does not lower the ceiling.
    pub(super) fn backoff_after(&self, class: FailureClass, pacing: Pacing<'_>, now: Instant) -> Backoff {
        match class {
            FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::WrongProtocol
            | FailureClass::NotFound => {
                let (_, age, estimate) = self.pace(pacing, now);
                Backoff::POLL.up_to((2 * pacing.cadence.usual(age, estimate)).max(LOWEST_MAX_CEILING))
            }
            FailureClass::Throttled
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::Rejected(_)
            | FailureClass::Permanent
            | FailureClass::Gone => Backoff::POLL,
        }
    }

    /// The interval of the cadence after a poll at `at`.
    fn by_cadence(&self, pacing: Pacing<'_>, at: Instant) -> Rule {
        let (since, age, estimate) = self.pace(pacing, at);
        cadence_rule(pacing.cadence, since, age, estimate)
    }

    /// What the interval of the cadence follows from: an age, and what is known of the end.
    fn pace<'a>(&self, pacing: Pacing<'a>, now: Instant) -> (Since, Duration, EndEstimate<'a>) {
        if let Some(end) = self.end {
            // The wait for the index has a start of its own, and the history says nothing of it.
            return (Since::Completion, now.since(end.observed_at.instant), EndEstimate::Unknown);
        }
        let projection = self.progress.projection(now).map(EndEstimate::Progress);
        let estimate = projection.unwrap_or_else(|| pacing.end_estimate(&self.facts));
        (Since::Start, self.age.at(now), estimate)
    }
}

fn cadence_rule(cadence: &Cadence, since: Since, age: Duration, estimate: EndEstimate<'_>) -> Rule {
    Rule::Cadence(CadenceRule {
        since,
        age,
        interval: cadence.usual(age, estimate),
        stretch: cadence.stretch(),
        min: cadence.fastest(),
        max: cadence.slowest(),
        projected: estimate.projection().map(|projection| projection.remaining),
        past_restores: estimate.restores(),
        expected: estimate.is_expected().then(|| cadence.expected_duration()).flatten(),
        poll_cost: cadence.poll_cost(),
    })
}
