//! What failed polls and the passage of time alone mean for a job.

use std::time::Duration;

use super::health::{FailedPoll, Retry};
use super::pace::Pacing;
use super::trouble::{Asked, Trouble};
use super::{Draft, Tracker};
use crate::engine::explain::Rule;
use crate::engine::slow::SlowLimit;
use crate::engine::{Failure, FailureClass};
use crate::model::time::{Instant, Now, earliest};
use crate::model::{EventKind, Outcome, Reason};

impl Tracker {
    /// Takes the failure of a poll that began at `began`. Returns the rule by which the
    /// next one is due; lasting trouble is found by [`Tracker::alarm`].
    pub(in crate::engine) fn fail(
        &mut self,
        failure: &Failure,
        began: Instant,
        now: Instant,
        pacing: Pacing<'_>,
    ) -> Rule {
        let is_404 = failure.class == FailureClass::NotFound;
        let trouble = Trouble::of(self.asked(), failure.class);
        let failed = FailedPoll { trouble, reason: &failure.message, began };
        self.health.fail(failed, now, &self.watch);
        self.health.absence.fail(is_404 && self.end.is_none(), began, now, pacing.cadence.slowest());
        if is_404 {
            self.index.confirm_key();
        }
        if trouble.is_outage() {
            self.health.backoff = self.backoff_after(failure.class, pacing, now);
        }

        self.rule(pacing, now)
    }

    /// No poll can be made from `at` on, because the server asked for a pause: without a good
    /// answer from then on, the job is in trouble like one whose poll failed.
    pub(in crate::engine) fn mark_throttled(&mut self, at: Instant, reason: &str) {
        self.health.lack_answers(at, reason);
    }

    /// Trouble up to now does not count, because it says nothing about the job: polls were not
    /// made, or their key was refused.
    pub(in crate::engine) fn reset_streaks(&mut self) {
        self.health.reset_streaks();
    }

    /// A time in which nothing was watched is no part of any trouble.
    pub(in crate::engine) fn shift_by(&mut self, time: Duration) {
        self.health.shift_by(time);
    }

    /// For how long the API has answered that there is no such job.
    pub(in crate::engine) fn absent_for(&self) -> Duration {
        self.health.absence.confirmed()
    }

    /// Whether the answer that has just come, that the job runs, shows that it is slow by this
    /// limit.
    pub(in crate::engine) fn slow(&mut self, now: Instant, limit: Option<SlowLimit>) -> Option<Draft> {
        let limit = limit.filter(|limit| self.slow_at(*limit).is_some_and(|at| at <= now))?;
        self.time_limits.mark_emitted(EventKind::Slow);
        Some(self.draft(EventKind::Slow, Some(limit.reason(&self.facts))))
    }

    /// When the job itself is slow by this limit, unless that was emitted. Only an answer from then
    /// on shows it: the job may have ended since the last one.
    pub(in crate::engine) fn slow_at(&self, limit: SlowLimit) -> Option<Instant> {
        let is_open = self.end.is_none() && !self.time_limits.is_emitted(EventKind::Slow);
        is_open.then(|| self.age.reached_at(limit.after))
    }

    /// Finds what time alone brings about: lasting trouble and a passed deadline. Trouble is not
    /// judged while a poll is `in_flight`, because its answer may end it.
    pub(in crate::engine) fn alarm(&mut self, now: Now, in_flight: bool) -> Vec<Draft> {
        let mut drafts = Vec::new();
        if self.overdue_at().is_some_and(|at| at <= now.instant) {
            self.time_limits.mark_overdue(self.settings.deadline);
            drafts.push(self.draft(EventKind::Overdue, None));
        }
        if !in_flight && !self.has_ended() {
            let trouble = self.health.take_lasting(now.instant, &self.watch);
            drafts.extend(trouble.and_then(|trouble| self.emit_trouble(trouble, now)));
        }
        drafts
    }

    /// When [`Tracker::alarm`] next has something to find.
    pub(in crate::engine) fn alarm_at(&self, in_flight: bool) -> Option<Instant> {
        let trouble = if in_flight { None } else { self.lasting_trouble_at() };
        earliest([trouble, self.overdue_at()])
    }

    /// When trouble has lasted and is to be emitted, if no good answer comes before.
    pub(in crate::engine) fn lasting_trouble_at(&self) -> Option<Instant> {
        self.health.lasting_at(&self.watch).filter(|_| !self.has_ended())
    }

    /// How polls go on, if the last one failed.
    pub(super) fn retry(&self) -> Option<Retry> {
        if self.awaits_index() && self.index.is_unauthorized() {
            return Some(Retry::Slowest);
        }
        self.health.retry()
    }

    /// What is polled next, or is being polled.
    pub(super) fn asked(&self) -> Asked {
        match self.index_to_poll() {
            Some(_) => Asked::Index { seen: self.index.state.is_some() },
            None if self.end.is_some() => Asked::CompletedJob,
            None => Asked::Job { seen: self.status.is_some() },
        }
    }

    /// The event of trouble that has lasted. An index that is not found, or no longer, will not
    /// serve.
    fn emit_trouble(&mut self, trouble: Trouble, now: Now) -> Option<Draft> {
        let reason = self.health.last_error.clone().map(Reason::Error);
        let outcome = trouble.outcome();
        if outcome == Outcome::NotFound && self.awaits_index() {
            let previous_status = self.index.state.clone();
            let kind = self.end_index(Outcome::NotReady, now);
            return kind.map(|kind| Draft { kind, previous_status, reason });
        }
        outcome.event().map(|kind| self.draft(kind, reason))
    }

    fn overdue_at(&self) -> Option<Instant> {
        let deadline = self.time_limits.to_pass(self.settings.deadline).filter(|_| !self.has_ended())?;
        Some(self.age.reached_at(deadline))
    }
}
