//! Trouble with a job, or with its index: what a failed poll means, and what time makes of it.
//!
//! Invariant: trouble is told once, and only once it has lasted; a good answer ends it.

use std::time::Duration;

use super::{Draft, Tracker};
use crate::engine::cadence::Cadence;
use crate::engine::event::{Failure, FailureClass};
use crate::engine::retry::Backoff;
use crate::engine::time::{Instant, Now, earliest};
use crate::model::TransitionKind;

/// Trouble that is told once it has lasted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Streak {
    pub(super) since: Option<Instant>,
    pub(super) told: bool,
}

impl Streak {
    /// Trouble again at `now`; it counts from its first time.
    fn extend(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// When it has lasted `limit` and is still to be told.
    fn due(&self, limit: Duration) -> Option<Instant> {
        self.since.filter(|_| !self.told).map(|since| since + limit)
    }
}

/// What the trouble of a job is, if it has any: by the last failed poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// What is asked for was never seen, and the API says there is no such job, or no such index.
    Missing,
    /// It was seen, and the API says there is no such job: which is not always so.
    Lost,
    /// There is no good answer.
    Unreachable,
}

impl Tracker {
    /// Takes the failure of a poll that began at `began`. Returns how long to wait for the next one; lasting trouble is
    /// found by [`Tracker::alarm`]. There is no good answer from the start of a poll on, not only from its failure.
    pub(in crate::engine) fn fail(
        &mut self,
        failure: &Failure,
        began: Instant,
        now: Instant,
        cadence: &Cadence,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        self.last_error = Some(failure.message.clone());
        self.failed_at = Some(now);
        self.last_was_not_found = failure.class == FailureClass::NotFound;
        if self.trouble() == Trouble::Missing {
            // An answer, if not a good one: the API works. So this is no streak of it being out of reach, and the job
            // is polled by the cadence, for it may appear at any moment.
            self.missing.extend(now);
            self.unreachable.since = None;
            self.failures = 0;
            if self.missing.told {
                return cadence.slowest();
            }
            let missing_for = now.since(self.missing.since.unwrap_or(now));
            return cadence.interval(missing_for, None, rng);
        }
        self.unreachable.extend(began);
        self.failures = self.failures.saturating_add(1);
        if self.trouble() == Trouble::Lost && self.unreachable.told {
            return cadence.slowest();
        }
        Backoff::POLL.delay(self.failures, Duration::ZERO, rng)
    }

    /// Finds what time alone brings about: lasting trouble and a passed deadline. Trouble is not judged while
    /// `in_flight`, because the answer may end it.
    pub(in crate::engine) fn alarm(&mut self, at: Now, in_flight: bool) -> Vec<Draft> {
        let now = at.instant;
        let mut drafts = Vec::new();
        if !in_flight
            && self.follows_index()
            && self.trouble() != Trouble::Unreachable
            && self.trouble_at().is_some_and(|at| at <= now)
        {
            let (state, reason) = (self.index.state.clone(), self.last_error.clone());
            drafts.push(self.decide(false, state, reason, at));
        }
        let mut tell = |kind, reason| {
            drafts.push(Draft { kind, previous_status: self.status.clone(), reason });
        };
        if self.overdue_at().is_some_and(|at| at <= now) {
            self.overdue_told = self.settings.deadline;
            tell(TransitionKind::Overdue, None);
        }
        if !in_flight && self.trouble_at().is_some_and(|at| at <= now) {
            let (kind, streak) = match self.trouble() {
                Trouble::Missing => (TransitionKind::NotFound, &mut self.missing),
                Trouble::Lost => (TransitionKind::NotFound, &mut self.unreachable),
                Trouble::Unreachable => (TransitionKind::Unreachable, &mut self.unreachable),
            };
            streak.told = true;
            tell(kind, self.last_error.clone());
        }
        drafts
    }

    /// When [`Tracker::alarm`] next has something to find.
    pub(in crate::engine) fn alarm_at(&self, in_flight: bool) -> Option<Instant> {
        let trouble = if in_flight { None } else { self.trouble_at() };
        earliest([trouble, self.overdue_at()])
    }

    /// When lasting trouble is told, if nothing good comes before.
    pub(in crate::engine) fn trouble_at(&self) -> Option<Instant> {
        match self.trouble() {
            _ if self.has_ended() => None,
            Trouble::Missing => self.missing.due(self.watch.not_found_grace),
            Trouble::Lost | Trouble::Unreachable => self.unreachable.due(self.watch.unreachable_after),
        }
    }

    pub(super) fn trouble(&self) -> Trouble {
        let was_seen = if self.follows_index() { self.index.state.is_some() } else { self.status.is_some() };
        match (was_seen, self.last_was_not_found) {
            (false, true) => Trouble::Missing,
            (true, true) => Trouble::Lost,
            (_, false) => Trouble::Unreachable,
        }
    }

    fn overdue_at(&self) -> Option<Instant> {
        let is_news = |deadline: &Duration| self.overdue_told.is_none_or(|told| *deadline > told);
        let deadline = self.settings.deadline.filter(is_news).filter(|_| !self.has_ended())?;
        Some(self.watched_since.instant + deadline.saturating_sub(self.head_start.unwrap_or_default()))
    }

    /// No poll can be made from `at` on, because the server asked to be left alone: without a good answer from then on,
    /// the job is in trouble like one whose poll failed.
    pub(in crate::engine) fn starve(&mut self, at: Instant, reason: &str) {
        self.unreachable.extend(at);
        self.last_error = Some(reason.to_owned());
        self.last_was_not_found = false;
    }

    /// Trouble up to now does not count: the project's key was refused, which says nothing about the job.
    pub(in crate::engine) fn excuse_trouble(&mut self) {
        self.failures = 0;
        self.missing.since = None;
        self.unreachable.since = None;
    }

    /// The time in which nobody could watch is no part of any trouble.
    pub(in crate::engine) fn excuse(&mut self, time: Duration) {
        for streak in [&mut self.missing, &mut self.unreachable] {
            streak.since = streak.since.map(|since| since + time);
        }
    }

    pub(super) fn forget_trouble(&mut self) {
        self.missing = Streak::default();
        self.unreachable = Streak::default();
        self.failures = 0;
        self.last_error = None;
        self.last_was_not_found = false;
    }
}
