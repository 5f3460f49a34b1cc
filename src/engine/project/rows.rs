//! What the rows of a page mean for jobs that are watched.
//!
//! Invariant: that a job is not on a page means nothing; that it ended is believed once it was
//! described; a row counts only for a job without trouble about which nothing was answered since
//! the page was asked for.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Project;
use super::coverage::Rows;
use super::jobs::{Job, Volatile};
use super::schedule::{Due, Schedule};
use crate::engine::Answer;
use crate::engine::context::Cx;
use crate::engine::slow::SlowLimit;
use crate::engine::tracker::{Pacing, Tracker};
use crate::model::time::Instant;
use crate::model::{JobId, Observation};

/// However often the list shows a job, it is described after this time, or later if descriptions of
/// all open jobs would take too much of the rate: the list is best effort.
const DESCRIBED_WITHIN: Duration = Duration::from_mins(5);

/// A row that shows a job as running so long after its end was described is stale.
const STALE_AFTER: Duration = Duration::from_mins(1);

impl Project {
    /// Takes what the list says of a job, by a page that was asked for at `began`.
    pub(super) fn take_row(&mut self, row: Observation, began: Instant, cx: &mut Cx<'_>) {
        let (id, now) = (row.id.clone(), cx.now.instant);
        if self.schedule.is_final_poll() {
            // Only the description counts, which is asked for already.
            return;
        }
        let within = self.described_within();
        let Some(job) = self.jobs.get(&id) else { return };
        if row.end().is_none() && job.tracker.had_ended_by(began.back(STALE_AFTER)) {
            self.discovery.policy().on_stale_row(now);
        }
        let is_stale = job.tracker.answered_at().is_some_and(|at| at >= began);
        if is_stale || !job.takes_rows() {
            return;
        }
        if row.end().is_some() {
            self.schedule_urgently(&id, now);
            return;
        }
        if !job.volatile.place.is_covered() && !job.may_be_answered_by_row(now.back(within)) {
            return;
        }

        let is_known = job.tracker.status() == Some(&row.status) && *job.tracker.facts() == row.facts;
        let Some(job) = self.jobs.refresh(&id, is_known, now) else { return };
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
        if slow.is_some() || !findings.drafts.is_empty() {
            self.jobs.mark(&id);
        }
        self.schedule(&id, Due { at, pace: interval });
        self.emit_findings(&id, findings, cx);
        cx.emit(&id, slow);
    }

    /// The time within which each open job is described, whatever the list shows.
    pub(super) fn described_within(&self) -> Duration {
        let open = u32::try_from(self.open()).unwrap_or(u32::MAX);
        let round = self.gate.rate().interval().saturating_mul(open);
        DESCRIBED_WITHIN.max(round.saturating_mul(self.discovery.audit_share()))
    }

    /// A job was seen on this page of the list.
    pub(super) fn locate(&mut self, id: &JobId, page: usize, now: Instant) {
        self.set_page(id, Some(page), now);
    }

    /// Of the jobs that were expected on this page, only these were seen there.
    pub(super) fn miss_others(&mut self, seen: &BTreeSet<JobId>, page: usize, now: Instant) {
        for id in self.schedule.coverage().jobs_on(page).iter().filter(|id| !seen.contains(*id)) {
            let Some((_, volatile)) = self.jobs.volatile_mut(id) else { continue };
            if Schedule::miss(&mut volatile.place) {
                self.set_page(id, None, now);
            }
        }
    }

    /// The list certainly ends with this page.
    pub(super) fn unlocate_beyond(&mut self, page: usize, now: Instant) {
        for beyond in page + 1..self.schedule.coverage().pages().len() {
            for id in self.schedule.coverage().jobs_on(beyond) {
                self.set_page(&id, None, now);
            }
        }
    }

    fn set_page(&mut self, id: &JobId, page: Option<usize>, now: Instant) {
        let Some((_, volatile)) = self.jobs.volatile_mut(id) else { return };
        let place = &mut volatile.place;
        let is_open = place.due_or_polled().is_some();
        if is_open && self.schedule.locate(id, place, page, now) {
            self.put_again(id);
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
        self.volatile.takes_rows(&self.tracker)
    }

    /// Whether its description was answered after `since`, or never was, so that a row may answer
    /// for it.
    fn may_be_answered_by_row(&self, since: Instant) -> bool {
        self.volatile.described_at.is_none_or(|at| at > since)
    }
}

impl Volatile {
    /// Whether a row may answer for the job of this tracker.
    pub(super) fn rows(&self, tracker: &Tracker) -> Rows {
        match self.described_at {
            _ if !self.takes_rows(tracker) => Rows::Ignored,
            Some(at) => Rows::Since(at),
            None => Rows::BeforeDescription,
        }
    }

    fn takes_rows(&self, tracker: &Tracker) -> bool {
        !self.place.is_polling() && tracker.is_running() && tracker.last_error().is_none()
    }
}
