//! When a job of the project is polled next, and why.

use std::time::Duration;

use super::throttling::Throttle;
use super::{Job, Project};
use crate::engine::explain::{
    CadenceRule, Explanation, Hold, HoldReason, RateLimit, Rule, Since, Turn, Wait,
};
use crate::model::JobId;
use crate::model::time::{Instant, Now};

/// The ages at which the later intervals are given: the last one is that of the longest restores.
const LATER_AGES: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1), Duration::from_hours(5)];

impl Project {
    pub(in crate::engine) fn explain(&self, id: &JobId, now: Now) -> Option<Explanation<'_>> {
        let job = self.jobs.get(id)?;
        let now = now.instant;
        let turn = match () {
            () if job.tracker.has_ended() => Turn::Over,
            () if job.volatile.place.is_polling() => Turn::Polling,
            () if self.gate.is_paused() => Turn::Paused,
            () => Turn::Waiting(Box::new(self.wait(id, job, now))),
        };

        let rate = self.gate.rate();
        Some(Explanation {
            project: self.overview(),
            job: self.view_of(job),
            expectation: self.expectation_of(job.tracker.facts()),
            age: job.tracker.age(now),
            turn,
            answered: job.tracker.answered_at().map(|at| now.since(at)),
            asked_to_wait: job.volatile.asked_until.filter(|at| *at > now).map(|at| at.since(now)),
            rate: RateLimit {
                configured: rate.configured(),
                burst: rate.burst(),
                ready: rate.ready_at().since(now),
            },
        })
    }

    fn wait(&self, id: &JobId, job: &Job, now: Instant) -> Wait {
        let rule = job.tracker.rule(self.pacing(), now);
        let place = job.volatile.place.due().map(|due| (due, id));
        let is_covered = job.volatile.place.is_covered();
        let is_ahead = |other: &(Instant, &JobId)| place.is_none_or(|own| *other < own);
        let next_poll = self.forecast_of(place.into_iter().collect()).remove(id).map(|at| at.since(now));
        Wait {
            next_poll,
            due: job.volatile.place.due().map(|at| at.since(now)),
            hold: self.hold(now),
            is_covered,
            jobs_ahead: if is_covered { 0 } else { self.schedule.uncovered().take_while(is_ahead).count() },
            later: self.later(&rule, job, now),
            rule,
        }
    }

    /// The intervals at later ages, if the age of the job decides them.
    fn later(&self, rule: &Rule, job: &Job, now: Instant) -> Vec<(Duration, Duration)> {
        let goes_by_age = match rule {
            Rule::Cadence(CadenceRule { since, .. }) => *since == Since::Start,
            Rule::First => job.tracker.index().is_none(),
            Rule::Backoff { .. } | Rule::LongestInterval(_) => false,
        };
        if !goes_by_age {
            return Vec::new();
        }

        let age = job.tracker.age(now);
        let estimate = self.pacing().end_estimate(job.tracker.facts());
        let interval = |age| self.cadence.usual(age, estimate);
        LATER_AGES.into_iter().filter(|later| *later > age).map(|age| (age, interval(age))).collect()
    }

    /// Why no request is made for a while, if so.
    fn hold(&self, now: Instant) -> Option<Hold> {
        let left = self.gate.held_until().since(now);
        if left.is_zero() {
            return None;
        }
        let throttled = self.gate.throttling().current(now);

        let reason = match (self.key.access().refusal(), throttled) {
            (Some(message), _) => HoldReason::Unauthorized(message.to_owned()),
            (None, Some(Throttle { reason, is_backoff: false, .. })) => {
                HoldReason::RetryAfter(reason.clone())
            }
            (None, Some(Throttle { reason, .. })) => HoldReason::Throttled(reason.clone()),
            (None, None) => HoldReason::UnauthorizedOnce,
        };
        Some(Hold { left, reason })
    }
}
