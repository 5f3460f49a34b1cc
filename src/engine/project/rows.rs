//! What the rows of a page mean for jobs that are watched.
//!
//! Invariant: that a job is not on a page means nothing; that it ended is believed once it was
//! described; a row counts only for a job without trouble about which nothing was answered since
//! the page was asked for.

use std::time::Duration;

use super::Project;
use super::jobs::{Job, JobTable};
use super::list_policy::{Pressure, value_of_row};
use super::schedule::Due;
use crate::engine::Answer;
use crate::engine::context::Cx;
use crate::engine::slow::SlowLimit;
use crate::engine::tracker::Pacing;
use crate::model::time::Instant;
use crate::model::{JobId, Observation};

/// However often the list shows a job, it is described after this time: the list is best effort.
const DESCRIBED_WITHIN: Duration = Duration::from_mins(5);

/// The descriptions that this takes use at most one of so many requests that the rate permits; if
/// that is not enough, they are further apart.
const DESCRIPTION_SHARE: u32 = 4;

impl Project {
    /// Takes what the list says of a job, by a page that was asked for at `began`.
    pub(super) fn take_row(&mut self, row: Observation, began: Instant, cx: &mut Cx<'_>) {
        let (id, now) = (row.id.clone(), cx.now.instant);
        let within = self.described_within();
        let Some(job) = self.jobs.get(&id) else { return };
        let is_stale = job.tracker.answered_at().is_some_and(|at| at >= began);
        if is_stale || !job.takes_rows() {
            return;
        }
        if row.end().is_some() {
            self.schedule_urgently(&id, now);
            return;
        }
        if !job.may_be_answered_by_row(now.back(within)) {
            return;
        }

        let Some(job) = self.jobs.get_mut(&id) else { return };
        let findings = job.tracker.observe(Answer::Job(row), cx.now, self.server);
        let limit = self.durations.slow_limit(job.tracker.facts());
        let slow = job.tracker.slow(now, limit);
        let pacing = Pacing { cadence: &self.cadence, history: self.durations.history() };
        let interval = job.tracker.rule_after_answer(pacing, now).delay(cx.rng);
        // Those of one page are not all to be described at once.
        let described_at = &mut job.volatile.described_at;
        described_at.get_or_insert_with(|| now.back(within.mul_f64(cx.rng.f64())));
        self.discovery.on_job_running();

        let at = Some(job.due_after(interval, limit, now));
        self.schedule(&id, Due { at, pace: interval });
        self.emit_findings(&id, findings, cx);
        cx.emit(&id, slow);
    }

    /// The list does not answer for jobs that were described earlier than this.
    pub(super) fn described_since(&self, now: Instant) -> Instant {
        now.back(self.described_within())
    }

    fn described_within(&self) -> Duration {
        let jobs = u32::try_from(self.jobs.len()).unwrap_or(u32::MAX);
        let round = self.gate.rate().interval().saturating_mul(jobs);
        DESCRIBED_WITHIN.max(round.saturating_mul(DESCRIPTION_SHARE))
    }

    /// What a row about a job is worth.
    pub(super) fn value_of_row(&self, id: &JobId, now: Instant) -> f64 {
        let described_since = self.described_since(now);
        self.jobs.get(id).and_then(|job| job.value_of_row(described_since, now)).unwrap_or_default()
    }

    /// These jobs were seen on this page, and no others; nor on any after it if it is the last.
    pub(super) fn locate(&mut self, seen: &[JobId], page: usize, is_last: bool) {
        for job in self.jobs.all_volatile_mut() {
            if job.page.is_some_and(|known| known == page || (is_last && known > page)) {
                job.page = None;
            }
        }
        for id in seen {
            if let Some((_, job)) = self.jobs.volatile_mut(id) {
                job.page = Some(page);
            }
        }
    }
}

impl Job {
    /// When it is due after this interval: not later than it is slow, because only an answer from
    /// then on shows whether it is.
    pub(super) fn due_after(&self, interval: Duration, slow: Option<SlowLimit>, now: Instant) -> Instant {
        let slow_at = slow.and_then(|limit| self.tracker.slow_at(limit)).filter(|at| *at > now);
        slow_at.map_or(now + interval, |at| at.min(now + interval))
    }

    /// Whether what the list says of it counts.
    fn takes_rows(&self) -> bool {
        let (tracker, place) = (&self.tracker, &self.volatile.place);
        !place.is_polling() && tracker.is_running() && tracker.last_error().is_none()
    }

    /// Whether its description was answered after `since`, or never was, so that a row may answer
    /// for it.
    fn may_be_answered_by_row(&self, since: Instant) -> bool {
        self.volatile.described_at.is_none_or(|at| at > since)
    }

    /// What a row about it is worth; nothing if a row does not count.
    fn value_of_row(&self, described_since: Instant, now: Instant) -> Option<f64> {
        if !self.takes_rows() || !self.may_be_answered_by_row(described_since) {
            return None;
        }
        let pressing = self.volatile.place.pressing(now)?;
        Some(value_of_row(pressing, self.tracker.status().is_some()))
    }
}

/// How pressing the jobs are for which the list can answer.
pub(super) fn pressure(jobs: &JobTable, described_since: Instant, now: Instant) -> Pressure {
    let mut pressure = Pressure::default();
    for job in jobs.values() {
        if let Some(value) = job.value_of_row(described_since, now) {
            pressure.add(job.volatile.page, value);
        }
    }
    pressure
}
