//! A tracker as it is kept, and back.

use std::time::Duration;

use super::{End, IndexWatch, Streak, Tracker};
use crate::config::{JobSettings, WatchSettings};
use crate::engine::retry::Backoff;
use crate::engine::snapshot::{AddedJob, EndSnapshot, JobSnapshot, StreakSnapshot};
use crate::model::time::{Instant, Now, Recorded, wall_between};

impl Tracker {
    /// What is to be kept of the job at `now`, which is polled next at `next_poll` and was `added`, if it was.
    pub(in crate::engine) fn remember(
        &self,
        next_poll: Option<Instant>,
        added: Option<AddedJob>,
        now: Now,
    ) -> JobSnapshot {
        JobSnapshot {
            watched_since: now.wall_at(self.began),
            head_start: self.started_at.map(|_| Duration::ZERO),
            started_at: self.started_at,
            status: self.status.clone(),
            facts: self.facts.clone(),
            end: self.end.map(|end| EndSnapshot {
                how: end.outcome,
                observed_at: end.observed_at.wall,
                age: Some(end.age),
            }),
            progress: self.progress.remember(now),
            progress_told: self.progress_told,
            overdue_told: self.overdue_told.is_some(),
            overdue_deadline: self.overdue_told,
            slow_told: self.slow_told,
            unknown_statuses: self.unknown_statuses.clone(),
            missing: self.missing.remember(now.instant),
            unreachable: self.unreachable.remember(now.instant),
            failures: self.failures,
            last_error: self.last_error.clone(),
            last_was_not_found: self.last_was_not_found,
            next_poll: next_poll.map(|at| now.wall_at(at)),
            answered_at: self.answered_at.map(|at| now.wall_at(at)),
            gone_for: self.gone_for,
            added,
            index: self.index.remember(),
        }
    }

    /// The job that was kept like this, with the settings that it has now.
    ///
    /// It is as old as it was when it was recorded. How long ago that was is for its server to say: the clocks of then and
    /// now need not agree, and an age that is too high would make it overdue for ever.
    pub(in crate::engine) fn from_snapshot(
        settings: JobSettings,
        watch: WatchSettings,
        snapshot: JobSnapshot,
        record: Recorded,
    ) -> Self {
        let now = record.now();
        let age_at = |at| {
            wall_between(snapshot.watched_since, at).saturating_add(snapshot.head_start.unwrap_or_default())
        };
        let end = snapshot.end.filter(|end| end.how.is_final()).map(|end| End {
            outcome: end.how,
            observed_at: record.reading(end.observed_at),
            age: end.age.unwrap_or_else(|| age_at(end.observed_at)),
        });
        let index_age =
            snapshot.index.verdict.map(|(_, at)| snapshot.index.age.unwrap_or_else(|| age_at(at)));
        Self {
            settings,
            watch,
            began: now.back(age_at(record.written_at())),
            started_at: snapshot.started_at,
            is_dated: false,
            status: snapshot.status,
            facts: snapshot.facts,
            end,
            index: IndexWatch::from_snapshot(snapshot.index, index_age, record),
            progress: snapshot.progress.map(|progress| progress.into_progress(record)).unwrap_or_default(),
            progress_told: snapshot.progress_told,
            overdue_told: snapshot.overdue_told.then(|| snapshot.overdue_deadline.unwrap_or(Duration::MAX)),
            slow_told: snapshot.slow_told,
            unknown_statuses: snapshot.unknown_statuses,
            missing: Streak::from_snapshot(snapshot.missing, now),
            unreachable: Streak::from_snapshot(snapshot.unreachable, now),
            failures: snapshot.failures,
            backoff: Backoff::POLL,
            last_error: snapshot.last_error,
            failed_at: None,
            last_was_not_found: snapshot.last_was_not_found,
            answered_at: snapshot.answered_at.map(|at| record.instant(at)),
            gone_for: snapshot.gone_for,
            gone_at: None,
        }
    }
}

impl Streak {
    fn remember(&self, now: Instant) -> StreakSnapshot {
        StreakSnapshot { lasted: self.since.map(|since| now.since(since)), told: self.told }
    }

    fn from_snapshot(snapshot: StreakSnapshot, now: Instant) -> Self {
        Self { since: snapshot.lasted.map(|lasted| now.back(lasted)), told: snapshot.told }
    }
}
