//! A tracker to its record in the state, and back.

use std::time::Duration;

use super::Tracker;
use super::absence::Absence;
use super::age::Age;
use super::end::End;
use super::health::{Health, Streak};
use super::index_watch::IndexWatch;
use super::progress::ProgressWatch;
use super::time_limits::TimeLimits;
use super::trouble::Trouble;
use super::unknown_statuses::UnknownStatuses;
use crate::config::{JobSettings, WatchSettings};
use crate::engine::FailureClass;
use crate::engine::retry::Backoff;
use crate::engine::snapshot::{AddedJob, EndSnapshot, JobRecord, JobSnapshot, StreakSnapshot};
use crate::model::Until;
use crate::model::time::{Instant, Now, Recorded, wall_between};

impl Tracker {
    /// The record of the job at `now`, which is polled next at `next_poll` and was `added`, if it
    /// was.
    pub(in crate::engine) fn to_snapshot(
        &self,
        next_poll: Option<Instant>,
        added: Option<AddedJob>,
        now: Now,
    ) -> JobSnapshot {
        let health = &self.health;
        let overdue = self.time_limits.overdue();
        let is_404 = health.trouble.is_some_and(|trouble| trouble != Trouble::Unreachable);
        JobSnapshot {
            watched_since: now.wall_at(self.age.began()),
            head_start: self.age.started_at().map(|_| Duration::ZERO),
            started_at: self.age.started_at(),
            status: self.status.clone(),
            facts: self.facts.clone(),
            end: self.end.map(|end| EndSnapshot {
                outcome: end.outcome,
                observed_at: end.observed_at.wall,
                age: Some(end.age),
                seen_running: end.seen_running,
                is_before_watch: end.is_before_watch,
            }),
            progress: self.progress.snapshot(now),
            progress_emitted: self.progress.emitted(),
            overdue_emitted: overdue.is_some(),
            overdue_deadline: overdue,
            emitted_once: self.time_limits.emitted_once().clone(),
            unknown_statuses: self.unknown_statuses.reported().to_vec(),
            not_found: health.not_found.to_snapshot(now.instant),
            unreachable: health.unreachable.to_snapshot(now.instant),
            failures: health.failures,
            last_error: health.last_error.clone(),
            last_was_not_found: is_404,
            next_poll: next_poll.map(|at| now.wall_at(at)),
            answered_at: health.answered_at.map(|at| now.wall_at(at)),
            not_found_for: health.absence.confirmed(),
            added,
            index: self.index.snapshot(),
        }
    }

    /// The job that was recorded like this, with the settings that it has now.
    ///
    /// It is as old as it was when it was recorded. How long ago that was is for its server to say:
    /// the clocks of then and now need not agree, and an age that is too high would make it overdue
    /// for ever.
    pub(in crate::engine) fn from_snapshot(
        settings: JobSettings,
        watch: WatchSettings,
        snapshot: JobSnapshot,
        record: Recorded,
    ) -> Self {
        let age_at = |at| {
            wall_between(snapshot.watched_since, at).saturating_add(snapshot.head_start.unwrap_or_default())
        };
        let end = snapshot.end.filter(|end| end.outcome.is_final()).map(|end| End {
            outcome: end.outcome,
            observed_at: record.reading(end.observed_at),
            age: end.age.unwrap_or_else(|| age_at(end.observed_at)),
            seen_running: end.seen_running,
            is_before_watch: end.is_before_watch,
        });
        let index_age =
            snapshot.index.verdict.map(|(_, at)| snapshot.index.age.unwrap_or_else(|| age_at(at)));
        // A state of 0.1.0 does not say which deadline it was.
        let overdue = snapshot.overdue_emitted.then(|| snapshot.overdue_deadline.unwrap_or(Duration::MAX));
        let progress = snapshot.progress.map(|progress| progress.into_progress(record));

        let health = Health {
            trouble: None,
            not_found: Streak::from_snapshot(snapshot.not_found, record.now()),
            unreachable: Streak::from_snapshot(snapshot.unreachable, record.now()),
            failures: snapshot.failures,
            backoff: Backoff::POLL,
            last_error: snapshot.last_error,
            failed_at: None,
            answered_at: snapshot.answered_at.map(|at| record.instant(at)),
            absence: Absence::restored(snapshot.not_found_for),
        };
        let mut tracker = Self {
            settings,
            watch,
            is_discovered: snapshot.added.as_ref().is_some_and(|added| added.discovered),
            age: Age::restored(age_at(record.written_at()), snapshot.started_at, record.now()),
            status: snapshot.status,
            facts: snapshot.facts,
            end,
            seen_at: snapshot.answered_at.map(age_at),
            index: IndexWatch::from_snapshot(snapshot.index, index_age, record),
            progress: ProgressWatch::restored(progress.unwrap_or_default(), snapshot.progress_emitted),
            time_limits: TimeLimits::restored(overdue, snapshot.emitted_once),
            unknown_statuses: UnknownStatuses::restored(snapshot.unknown_statuses),
            health,
        };
        tracker.health.trouble = tracker.recorded_trouble(snapshot.last_was_not_found);
        tracker
    }

    /// The job that was recorded like this, as the record alone says: without the settings that it
    /// has now.
    pub(in crate::engine) fn from_record(record: JobRecord) -> Self {
        let JobRecord { id, written_at, snapshot, .. } = record;
        let mut settings = snapshot.added.clone().unwrap_or_default().settings(id);
        settings.until = snapshot.index.is_wanted.then_some(Until::Ready);
        let now = Now { instant: Instant::default(), wall: written_at };
        Self::from_snapshot(settings, WatchSettings::default(), snapshot, Recorded::new(written_at, now))
    }

    /// What the last poll failed with, if it failed, as far as its record says.
    fn recorded_trouble(&self, was_404: bool) -> Option<Trouble> {
        // A 404 for a completed job that was polled in place of its index belongs to no streak of
        // 404s.
        let is_404 = was_404 && (self.end.is_none() || self.health.not_found.since.is_some());
        let class = if is_404 { FailureClass::NotFound } else { FailureClass::Transient };
        self.health.last_error.as_ref().map(|_| Trouble::of(self.asked(), class))
    }
}

impl Streak {
    fn to_snapshot(self, now: Instant) -> StreakSnapshot {
        StreakSnapshot { lasted: self.since.map(|since| now.since(since)), emitted: self.emitted }
    }

    fn from_snapshot(snapshot: StreakSnapshot, now: Instant) -> Self {
        Self { since: snapshot.lasted.map(|lasted| now.back(lasted)), emitted: snapshot.emitted }
    }
}
