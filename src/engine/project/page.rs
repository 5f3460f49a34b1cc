//! Pages of the list: when one is asked for in place of a job, and what its rows mean.
//!
//! Invariant: that a job is not on a page means nothing; that it ended is believed once it was described; a row counts only
//! for a job of which nothing was heard since the page was asked for, and that has no trouble.

use std::collections::BTreeMap;
use std::time::Duration;

use super::history::PageTime;
use super::list::{PRICE, Pressure, Worth};
use super::{Choice, Job, Project, ProjectEvent};
use crate::engine::retry::Backoff;
use crate::engine::slow::SlowLimit;
use crate::engine::tracker::{Findings, Tracker};
use crate::engine::{Answer, Diagnostic, Failure, FailureClass, ListPage};
use crate::model::time::{Instant, Now};
use crate::model::{JobId, Observation};

/// However often the list shows a job, it is described after this time: the list is best effort.
const DESCRIBED_WITHIN: Duration = Duration::from_mins(5);

/// Or after a longer one, where that would take more than this part of the requests that the rate allows.
const DESCRIBED_SHARE: u32 = 4;

/// So many intervals a job waits for its first description before the list may answer for it.
const UNHEARD: f64 = 10.0;

/// How much longer the list is left alone after each failure in a row: up to 16 times the longest interval.
const FAILURES: u32 = 4;

/// What a page leads to.
#[derive(Debug, Default)]
pub(in crate::engine) struct PageFindings {
    /// What became of jobs that are watched.
    pub(in crate::engine) rows: Vec<(JobId, Findings)>,
    /// Jobs to watch from now on.
    pub(in crate::engine) found: Vec<Observation>,
    /// What it says about the project.
    pub(in crate::engine) project: Option<ProjectEvent>,
}

impl Project {
    /// When a page is asked for next, whether it pays or not.
    pub(super) fn list_due(&self) -> Option<Instant> {
        let look_at = self.finder.as_ref().map(|finder| finder.look_at);
        self.list.due(look_at).filter(|_| self.may_list())
    }

    /// From when on a page is asked for where nothing else is: past durations are of use where a job runs.
    pub(super) fn lesson_due(&self) -> Option<Instant> {
        self.list.lesson_due().filter(|_| self.has_seen_one_run && self.open() > 0 && self.may_list())
    }

    /// Jobs are what is asked for to see whether the key is accepted, and for the last time.
    fn may_list(&self) -> bool {
        self.final_poll.is_none() && (self.access.is_accepted() || self.open() == 0)
    }

    /// What is asked for at `now`: the job that is the most pressing, or a page of the list that is more so.
    pub(super) fn choose(&mut self, now: Instant) -> Option<Choice> {
        let job = self.most_pressing(now);
        let is_wanted = self.list_due().is_some_and(|at| at <= now);
        let worth = self.worth_of_list(now);
        let takes_list = match &job {
            None => is_wanted || self.lesson_due().is_some_and(|at| at <= now),
            Some((_, pressing)) if pressing.is_infinite() => false,
            Some((_, pressing)) => worth.of_page > pressing.powi(2) || (is_wanted && !self.list.had_turn),
        };
        self.list.had_turn = takes_list;
        if !takes_list {
            return job.map(|(id, _)| Choice::Job(id));
        }
        let looks = self.finder.as_ref().is_some_and(|finder| finder.look_at <= now);
        Some(Choice::Page { of: if looks { usize::MAX } else { worth.pages.max(1) } })
    }

    /// What a page is worth now, if one can be asked for.
    fn worth_of_list(&mut self, now: Instant) -> Worth {
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        let is_small = self.queue.len() as f64 <= PRICE;
        if is_small || !self.may_list() || !self.list.is_free(now) {
            return Worth { pages: 0, of_page: 0.0 };
        }
        let (jobs, described_since) = (&self.jobs, self.described_since(now));
        self.list.worth(self.queue.len(), now, || pressure(jobs, described_since, now))
    }

    /// The list does not answer for those that were described earlier than this.
    fn described_since(&self, now: Instant) -> Instant {
        now.back(self.described_within())
    }

    fn described_within(&self) -> Duration {
        let jobs = u32::try_from(self.jobs.len()).unwrap_or(u32::MAX);
        DESCRIBED_WITHIN
            .max(self.adaptive_rate.interval().saturating_mul(jobs).saturating_mul(DESCRIBED_SHARE))
    }

    /// Takes the end of a request for a page. Returns when it began; nothing for an answer that comes too late to count.
    pub(in crate::engine) fn finish_page(&mut self, generation: u64) -> Option<Instant> {
        self.list.finish(generation)
    }

    /// Takes a page that was asked for at `began`. Jobs that ended are kept for `keep`.
    pub(in crate::engine) fn take_page(
        &mut self,
        began: Instant,
        page: ListPage,
        keep: Duration,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> PageFindings {
        self.unanswered_since = None;
        self.misconfiguration.end();
        self.take_well(began, now.instant);
        let mut news = PageFindings { project: self.accept(now.instant), ..PageFindings::default() };
        let ListPage { jobs: rows, surplus, next } = page;
        let mut worth = 0.0;
        let mut seen = Vec::new();
        // Before any of them is used: what follows from the past is made anew after each.
        // One that is watched counts once it was described.
        let is_over = |row: &&Observation| {
            let runs = self.tracker(&row.id).is_some_and(Tracker::is_running);
            !runs && row.end().is_some()
        };
        let over: Vec<_> = rows.iter().filter(is_over).map(|row| row.facts.clone()).collect();
        for facts in over {
            if let Some((from, to)) = facts.created_at.zip(facts.completed_at) {
                self.learn(from, to);
            }
        }
        if let Some(finder) = &mut self.finder {
            let time = PageTime::new(self.server.time(now.instant), &rows, began);
            self.is_changed |= finder.read(time, surplus, keep, now);
        }
        let mut room = self.room();
        for row in rows {
            if self.jobs.contains_key(&row.id) {
                seen.push(row.id.clone());
                worth += self.pressing_now(&row.id, now.instant);
                news.rows.extend(self.take_row(row, began, now, rng));
            } else if let Some(finder) = &mut self.finder
                && finder.finds(&row, &mut room, now.instant)
            {
                news.found.push(row);
            }
        }
        let rest = pressure(&self.jobs, self.described_since(now.instant), now.instant);
        let turned = self.list.turn(next, worth, &rest, now.instant);
        self.locate(&seen, turned.page, turned.is_last);
        if let (Some(began), Some(finder)) = (turned.end_of, &mut self.finder) {
            let times = (self.cadence.slowest(), self.adaptive_rate.interval());
            let pages = u32::try_from(turned.page).unwrap_or(u32::MAX).saturating_add(1);
            let time = self.server.time(now.instant).or(finder.listed_time(now.instant));
            self.is_changed |= finder.looked(began, pages, times, keep, time, now.instant);
        }
        news
    }

    /// Takes what the list says of a job. Nothing comes of it where that does not count.
    pub(super) fn take_row(
        &mut self,
        row: Observation,
        began: Instant,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<(JobId, Findings)> {
        let id = row.id.clone();
        let within = self.described_within();
        let job = self.jobs.get_mut(&id)?;
        let is_stale = job.tracker.answered_at().is_some_and(|at| at >= began);
        if is_stale || !job.takes_rows() {
            return None;
        }
        if row.end().is_some() {
            self.schedule_by(&id, Some(now.instant), Duration::ZERO);
            return None;
        }
        if !job.is_described_since(now.instant.back(within)) {
            return None;
        }
        let mut findings = job.tracker.observe(Answer::Job(row), now, self.server);
        findings.drafts.extend(job.tracker.slow(now.instant, self.slow.as_ref()));
        let interval = job.tracker.next_interval(now.instant, &self.cadence, &self.duration_history, rng);
        // Those of one page are not all to be described at once.
        job.described_at.get_or_insert_with(|| now.instant.back(within.mul_f64(rng.f64())));
        self.has_seen_one_run = true;
        self.changed.insert(id.clone());
        let due = job.due_after(interval, self.slow.as_ref(), now.instant);
        self.schedule_by(&id, Some(due), interval);
        Some((id, findings))
    }

    /// These jobs were seen on this page, and no others; nor on any after it where it is the last.
    fn locate(&mut self, seen: &[JobId], page: usize, is_last: bool) {
        for job in self.jobs.values_mut() {
            if job.page.is_some_and(|known| known == page || (is_last && known > page)) {
                job.page = None;
            }
        }
        for id in seen {
            if let Some(job) = self.jobs.get_mut(id) {
                job.page = Some(page);
            }
        }
    }

    fn pressing_now(&self, id: &JobId, now: Instant) -> f64 {
        let since = self.described_since(now);
        self.jobs.get(id).and_then(|job| job.pressing_for_list(since, now)).unwrap_or_default()
    }

    /// Takes the failure of a page that was asked for at `began`.
    pub(in crate::engine) fn fail_page(
        &mut self,
        began: Instant,
        is_of_token: bool,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Option<ProjectEvent> {
        let (clocks, now) = (now, now.instant);
        let pause = failure.pause(clocks);
        self.list_error = Some(failure.message.clone());
        self.judge_setup(began, failure, now);
        if is_of_token {
            // It is the answer to what was asked, so the server took it.
            self.take_well(began, now);
            // Where it refuses all its tokens, it is not asked for more of them at once.
            self.list.fail(true, now + self.cadence.slowest(), now);
            return self.accept(now);
        }
        // Whoever is to be found is looked for as soon as a job would be. Where the list is of use and no more, it is not.
        let looks = self.finder.is_some();
        let wait = if looks {
            Backoff::POLL.delay(self.list.failures.saturating_add(1), pause, rng)
        } else {
            (self.cadence.slowest() * 2_u32.pow(self.list.failures.min(FAILURES))).max(pause)
        };
        let news = match failure.class {
            // The jobs show whether the key is accepted.
            _ if !looks => None,
            class if class.is_refusal() && self.key_since.is_some_and(|since| began < since) => None,
            FailureClass::Unauthorized | FailureClass::Blocked => self.refuse(began, failure, now),
            FailureClass::Throttled | FailureClass::Transient | FailureClass::Misconfigured => {
                self.unanswered_since.get_or_insert(now);
                self.shrug(now);
                None
            }
            FailureClass::NotFound | FailureClass::Permanent | FailureClass::Gone => None,
        };
        self.adaptive_rate.failed(now);
        // A server that limits asks that the list be left alone: what it says of the jobs, it says when it is asked for one.
        // A refused key is held for as long as that takes.
        let is_held = looks && failure.class.is_refusal();
        self.list.fail(false, if is_held { now } else { now + wait }, now);
        news
    }

    /// What is to be said about the list: once when it cannot be read where jobs are to be discovered, once when it can be
    /// again.
    pub(in crate::engine) fn take_list_note(&mut self, now: Instant) -> Option<Diagnostic> {
        let limit = self.watch.unreachable_after;
        let lost =
            self.list.failing_since.filter(|since| self.finder.is_some() && now.since(*since) >= limit);
        if lost.is_some() == self.is_list_lost || self.access.is_refused() {
            return None;
        }
        self.is_list_lost = lost.is_some();
        let project = self.name.clone();
        let reason = self.list_error.clone().unwrap_or_default();
        Some(if lost.is_some() {
            Diagnostic::ListLost { project, reason }
        } else {
            Diagnostic::ListRestored { project }
        })
    }
}

impl Job {
    /// Whether what the list says of it counts.
    pub(super) fn takes_rows(&self) -> bool {
        let tracker = &self.tracker;
        self.polling.is_none() && tracker.is_running() && tracker.last_error().is_none()
    }

    /// When it is due after this interval: not later than it is slow, for then an answer tells.
    pub(super) fn due_after(&self, interval: Duration, slow: Option<&SlowLimit>, now: Instant) -> Instant {
        let slow_at = slow.and_then(|limit| self.tracker.slow_at(limit)).filter(|at| *at > now);
        slow_at.map_or(now + interval, |at| at.min(now + interval))
    }

    /// Whether its description was answered since then, or it never was, so that the list may answer for it.
    fn is_described_since(&self, since: Instant) -> bool {
        self.described_at.is_none_or(|at| at > since)
    }

    /// What it is worth to hear of it by a row; nothing where a row does not count. It is the square of how pressing it
    /// is, as for a job that is described: the wait so far and the chance of an end in it both grow with the time. So one
    /// that the list does not show waits as many times longer as the root of the jobs on a page, and not as they.
    fn pressing_for_list(&self, described_since: Instant, now: Instant) -> Option<f64> {
        if !self.takes_rows() || !self.is_described_since(described_since) {
            return None;
        }
        let pressing = match pressing(self.due?, self.pace, now) {
            pressing if pressing.is_infinite() => 0.0,
            // It is described, unless that takes long: the list may not have it yet.
            pressing if self.tracker.status().is_none() => (pressing - UNHEARD).max(0.0),
            pressing => pressing,
        };
        Some(pressing.powi(2))
    }
}

/// How pressing a job is: the time since it was last heard of, in intervals. One that is due is so with 1; one that is due
/// at once, whatever else is, without end.
pub(super) fn pressing(due: Instant, pace: Duration, now: Instant) -> f64 {
    match (due <= now, pace.is_zero()) {
        (true, true) => f64::INFINITY,
        (false, true) => 0.0,
        (true, false) => 1.0 + now.since(due).div_duration_f64(pace),
        (false, false) => (1.0 - due.since(now).div_duration_f64(pace)).max(0.0),
    }
}

/// How pressing the jobs are for which the list can answer.
fn pressure(jobs: &BTreeMap<JobId, Box<Job>>, described_since: Instant, now: Instant) -> Pressure {
    let mut pressure = Pressure::default();
    for job in jobs.values() {
        if let Some(pressing) = job.pressing_for_list(described_since, now) {
            pressure.add(job.page, pressing);
        }
    }
    pressure
}
