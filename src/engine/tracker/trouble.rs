//! Trouble with a job, or with its index: what a failed poll means, and what time makes of it.
//!
//! Invariant: trouble is told once, and only once it has lasted; a good answer ends it.

use std::time::Duration;

use super::{Draft, Tracker};
use crate::engine::cadence::Cadence;
use crate::engine::duration_history::DurationHistory;
use crate::engine::input::{Failure, FailureClass};
use crate::engine::slow::SlowLimit;
use crate::model::time::{Instant, Now, earliest};
use crate::model::{EventKind, Reason};

/// Trouble that is told once it has lasted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Streak {
    pub(super) since: Option<Instant>,
    pub(super) told: bool,
}

impl Streak {
    /// Trouble again at `now`; it counts from its first time.
    pub(super) fn extend(&mut self, now: Instant) {
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
    /// The job was seen, and the API says that there is no such job: which is not always so.
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
        duration_history: &DurationHistory,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        self.last_error = Some(failure.message.clone());
        self.failed_at = Some(now);
        self.last_was_not_found = failure.class == FailureClass::NotFound;
        self.count_as_gone(began, now, cadence);
        let asked_for_index = self.followed_index().is_some();
        // In place of its index, the job is asked for, which was seen.
        let never_seen = !self.was_seen() && (asked_for_index || !self.follows_index());
        if self.last_was_not_found && (never_seen || asked_for_index) {
            self.missing.extend(began);
        } else {
            self.missing.since = None;
        }
        if self.last_was_not_found {
            self.vouch_for_the_key();
        }
        if never_seen && self.last_was_not_found {
            self.failures = 0;
            let missing_for = now.since(self.missing.since.unwrap_or(now));
            if self.missing.told || missing_for >= self.watch.unreachable_after / 2 {
                self.unreachable.since = None;
            }
        } else {
            self.unreachable.extend(began);
            self.failures = self.failures.saturating_add(1);
            self.backoff = self.backoff_after(failure.class, now, cadence, duration_history);
        }
        self.rule(cadence, duration_history, now).delay(rng)
    }

    /// Counts the time in which the API says that there is no such job: between two such answers in a row, of
    /// which the second was asked for as soon as the cadence has it.
    fn count_as_gone(&mut self, began: Instant, now: Instant, cadence: &Cadence) {
        let is_gone = self.last_was_not_found && self.end.is_none();
        let before = std::mem::replace(&mut self.gone_at, is_gone.then_some(now));
        if let (true, Some(before)) = (is_gone, before) {
            self.gone_for += began.since(before).min(cadence.slowest().saturating_mul(2));
        }
    }

    /// For how long the API has answered that there is no such job.
    pub(in crate::engine) fn was_gone_for(&self) -> Duration {
        self.gone_for
    }

    /// Whether the answer that has just come, that the job runs, shows that it is slow by this limit.
    pub(in crate::engine) fn slow(&mut self, now: Instant, limit: Option<&SlowLimit>) -> Option<Draft> {
        let limit = limit.filter(|limit| self.slow_at(limit).is_some_and(|at| at <= now))?;
        self.slow_told = true;
        let (previous_status, reason) = (self.status.clone(), Some(limit.reason.clone()));
        Some(Draft { kind: EventKind::Slow, previous_status, reason })
    }

    /// When the job itself is slow by this limit, unless that was told. An answer from then on tells: the job may have
    /// ended since the last one.
    pub(in crate::engine) fn slow_at(&self, limit: &SlowLimit) -> Option<Instant> {
        let is_open = self.end.is_none() && !self.slow_told;
        is_open.then(|| self.comes_of_age(limit.after))
    }

    /// Finds what time alone brings about: lasting trouble and a passed deadline. Trouble is not judged while
    /// `in_flight`, because the answer may end it.
    pub(in crate::engine) fn alarm(&mut self, now: Now, in_flight: bool) -> Vec<Draft> {
        let has_come = |at: Option<Instant>| at.is_some_and(|at| at <= now.instant);
        let mut drafts = Vec::new();
        let draft =
            |tracker: &Self, kind, reason| Draft { kind, previous_status: tracker.status.clone(), reason };
        if has_come(self.overdue_at()) {
            self.overdue_told = self.settings.deadline;
            drafts.push(draft(self, EventKind::Overdue, None));
        }
        if in_flight {
            return drafts;
        }
        if has_come(self.missing_at()) {
            let reason = self.last_error.clone().map(Reason::Error);
            if self.follows_index() {
                drafts.push(self.decide(false, self.index.state.clone(), reason, now));
            } else {
                self.missing.told = true;
                drafts.push(draft(self, EventKind::NotFound, reason));
            }
        } else if has_come(self.unreachable_at()) {
            let is_lost = self.trouble() == Trouble::Lost;
            self.unreachable.told = true;
            let kind = if is_lost { EventKind::NotFound } else { EventKind::Unreachable };
            drafts.push(draft(self, kind, self.last_error.clone().map(Reason::Error)));
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
        earliest([self.missing_at(), self.unreachable_at()])
    }

    /// When the 404s of what was asked for have lasted.
    fn missing_at(&self) -> Option<Instant> {
        let limit = if self.was_seen() { self.watch.unreachable_after } else { self.watch.not_found_grace };
        self.missing.due(limit).filter(|_| !self.has_ended())
    }

    /// When there has been no good answer for too long. While the API says that there is no such thing, that decides.
    fn unreachable_at(&self) -> Option<Instant> {
        let due = self.unreachable.due(self.watch.unreachable_after);
        due.filter(|_| !self.has_ended() && self.missing.since.is_none())
    }

    /// What the last failed poll says of the trouble.
    pub(super) fn trouble(&self) -> Trouble {
        match self.missing.since {
            Some(_) if !self.was_seen() => Trouble::Missing,
            None if self.last_was_not_found && self.end.is_none() => Trouble::Lost,
            _ => Trouble::Unreachable,
        }
    }

    /// Whether what is asked for, the job or its index, was ever seen.
    fn was_seen(&self) -> bool {
        if self.follows_index() { self.index.state.is_some() } else { self.status.is_some() }
    }

    fn overdue_at(&self) -> Option<Instant> {
        let is_news = |deadline: &Duration| self.overdue_told.is_none_or(|told| *deadline > told);
        let deadline = self.settings.deadline.filter(is_news).filter(|_| !self.has_ended())?;
        Some(self.comes_of_age(deadline))
    }

    fn comes_of_age(&self, age: Duration) -> Instant {
        self.began + age
    }

    /// No poll can be made from `at` on, because the server asked to be left alone: without a good answer from then on,
    /// the job is in trouble like one whose poll failed.
    pub(in crate::engine) fn starve(&mut self, at: Instant, reason: &str) {
        self.unreachable.extend(at);
        self.last_error = Some(reason.to_owned());
        self.missing.since = None;
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
        (self.gone_for, self.gone_at) = (Duration::ZERO, None);
        self.missing = Streak::default();
        self.unreachable = Streak::default();
        self.failures = 0;
        self.last_error = None;
        self.last_was_not_found = false;
    }
}
