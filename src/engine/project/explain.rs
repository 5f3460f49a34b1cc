//! When a job of the project is polled next, and why.

use std::time::Duration;

use super::Project;
use super::throttling::Throttle;
use crate::engine::explain::{Explanation, Hold, Later, LearnedRate, RateReport, Rule, Since, Turn};
use crate::model::JobId;
use crate::model::time::{Instant, Now};

/// The ages for which it is said what the cadence will be: a minute, ten, an hour, and as long as any restore takes.
const LATER: [Duration; 4] =
    [Duration::from_mins(1), Duration::from_mins(10), Duration::from_hours(1), Duration::from_hours(5)];

impl Project {
    pub(in crate::engine) fn explain(&self, id: &JobId, now: Now) -> Option<Explanation> {
        let job = self.jobs.get(id)?;
        let view = self.view_of(job);
        let tracker = &job.tracker;
        let (history, rate) = (self.durations.history(), self.gate.rate());
        let from_now = |at: Instant| at.since(now.instant).as_secs_f64();
        let turn = match () {
            () if tracker.has_ended() => Turn::Over,
            () if job.volatile.place.is_polling() => Turn::Polling,
            () if self.gate.is_paused() => Turn::Paused,
            () => Turn::Waiting,
        };
        let next = self.forecast().find(|(other, _)| *other == id).map(|(_, at)| at);
        let waits = turn == Turn::Waiting;
        let rule = waits.then(|| tracker.rule(&self.cadence, history, now.instant));
        let age = tracker.age(now.instant);
        let is_timed = match rule {
            Some(Rule::Cadence { since, .. }) => since == Since::Start,
            Some(Rule::First) => tracker.index().is_none(),
            _ => false,
        };
        let later = LATER.into_iter().filter(|later| is_timed && *later > age);
        Some(Explanation {
            project: self.name.clone(),
            job: tracker.job(),
            outcome: view.outcome(),
            words: view.outcome_in_words(),
            until: tracker.until(),
            age_seconds: age.as_secs_f64(),
            expected: history.expectation(),
            turn,
            next_poll_seconds: next.map(from_now),
            due_seconds: job.volatile.place.due().filter(|_| waits).map(from_now),
            rule,
            answered_seconds_ago: tracker.answered_at().map(|at| now.instant.since(at).as_secs_f64()),
            last_error: tracker.last_error().map(str::to_owned),
            asked_to_wait_seconds: job.volatile.asked_until.filter(|at| *at > now.instant).map(from_now),
            hold: self.hold(now.instant).filter(|_| waits),
            rate: RateReport {
                requests_per_second: rate.configured(),
                burst: rate.burst(),
                learned: rate.refusal().map(|reason| LearnedRate {
                    requests_per_second: rate.per_second(),
                    reason: reason.to_owned(),
                }),
                room_seconds: from_now(rate.ready_at()),
                jobs_ahead: self.schedule.queue().take_while(|(_, other)| waits && *other != id).count(),
            },
            later: later
                .map(|age| Later {
                    age_seconds: age.as_secs_f64(),
                    interval_seconds: self.cadence.usual(age, history.end_estimate()).as_secs_f64(),
                })
                .collect(),
        })
    }

    /// Why nothing is asked for a while, if so.
    fn hold(&self, now: Instant) -> Option<Hold> {
        let seconds = self.gate.held_until().since(now).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let throttled = self.gate.throttling().current(now);
        let reason = match (self.key.access().refusal(), throttled) {
            (Some(refusal), _) => format!("the key is refused: {refusal}"),
            (None, Some(Throttle { reason, is_backoff: false, .. })) => {
                format!("the server asks for it: {reason}")
            }
            (None, Some(Throttle { reason, .. })) => {
                format!("the server limits requests and does not say for how long: {reason}")
            }
            (None, None) => "a refusal of the key is to be confirmed".to_owned(),
        };
        Some(Hold { seconds, reason })
    }
}
