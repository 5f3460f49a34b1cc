//! Whether to ask for the description of a job or for a page of the list, which answers for many.
//!
//! Each job is either *covered* by scans over the first pages of the list or described, as the
//! [`Plan`] says; and what is more urgent of the most urgent job and the next scan goes first.
//!
//! Invariant: nothing is asked for before it is due, and a scan is asked for only if no job that is
//! compared with it is more urgent.

mod exploration;
mod plan;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::coverage::Coverage;
use crate::model::JobId;
use crate::model::time::Instant;

use exploration::Exploration;
use plan::Plan;

pub(super) use plan::Limits;

/// So few jobs are described, whatever the list shows.
const FEW_JOBS: usize = 3;

/// Audits take at most one in this number of requests that the rate permits.
const AUDIT_SHARE: u32 = 16;

/// The same after the list showed a stale row, and for how long that holds.
const AUDIT_SHARE_OF_STALE_LIST: u32 = 4;
const STALE_FOR: Duration = Duration::from_mins(30);

/// What to ask for next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Choice {
    /// The description of this job, or of its index.
    Job(JobId),
    /// The next page of a scan, or the first of this one if none is under way.
    Page(ScanPlan),
}

/// What a scan is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ScanPlan {
    /// How many pages it goes on for in any case.
    pub(super) pages: usize,
    /// Whether it goes on for as long as it may find jobs whose page is not known.
    pub(super) explores: bool,
    /// How urgent it was when it began.
    pub(super) urgency: f64,
}

/// What the choice rests on.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    /// The job that waits for a poll of its own and is the most overdue, and for how many of its
    /// intervals it had no answer.
    pub(super) job: Option<(JobId, f64)>,
    /// A page may be asked for.
    pub(super) is_page_allowed: bool,
    /// A scan of the whole list is due.
    pub(super) is_scan_due: bool,
    /// A page is due if nothing else is, to learn of past durations.
    pub(super) is_history_due: bool,
    /// The scan under way.
    pub(super) scan: Option<ScanPlan>,
    pub(super) coverage: &'a Coverage,
    pub(super) now: Instant,
}

/// What is decided about pages.
#[derive(Debug, Default)]
pub(super) struct ListPolicy {
    plan: Plan,
    exploration: Exploration,
    /// Whether pages can be read, as far as known.
    is_readable: bool,
    stale_until: Option<Instant>,
    /// Whether the last request was for a page. Scans that are less urgent than jobs take turns
    /// with them.
    had_page_turn: bool,
}

impl ListPolicy {
    /// Decides what to ask for, if anything.
    pub(super) fn choose(&mut self, inputs: Inputs<'_>) -> Option<Choice> {
        let urgency_of_job = match &inputs.job {
            Some((_, intervals)) => intervals.powi(2),
            None => 0.0,
        };
        let scan = if urgency_of_job.is_infinite() || !inputs.is_page_allowed {
            None
        } else if let Some(scan) = inputs.scan {
            let scan = self.continued(scan, &inputs);
            Some(scan).filter(|_| self.takes_turn(scan, urgency_of_job, &inputs))
        } else {
            self.new_scan(urgency_of_job, &inputs)
        };

        self.had_page_turn = scan.is_some();
        match scan {
            Some(scan) => Some(Choice::Page(scan)),
            None => inputs.job.map(|(id, _)| Choice::Job(id)),
        }
    }

    /// Plans the scans from `now` on; there are none if the list cannot be read.
    pub(super) fn plan(&mut self, coverage: &Coverage, is_readable: bool, limits: Limits, now: Instant) {
        self.stale_until.take_if(|until| *until <= now);
        self.is_readable = is_readable;
        self.plan = Plan::find(coverage, is_readable, limits, now);
    }

    /// When the next scan begins, if nothing else happens.
    pub(super) fn scan_at(&self) -> Option<Instant> {
        self.plan.at
    }

    /// The number of pages whose jobs wait for a scan while this one reads that page. Those of a scan
    /// under way wait for its end; but one of the whole list, or one that explores, may take long
    /// after it has read the planned pages, so they do not wait for that.
    pub(super) fn covered_pages(&self, scan: Option<(ScanPlan, usize)>) -> usize {
        let planned = self.plan.pages;
        match scan {
            _ if !self.is_readable => 0,
            None => planned,
            Some((scan, page)) if scan.explores || scan.pages == usize::MAX => {
                if page < planned {
                    planned
                } else {
                    0
                }
            }
            Some((scan, _)) => planned.max(scan.pages),
        }
    }

    /// The part of its usual interval after which each job is polled.
    pub(super) fn stretch(&self) -> f64 {
        self.plan.stretch
    }

    /// A job comes to be watched, and its page is not known.
    pub(super) fn on_new_job(&mut self) {
        self.exploration.credit = self.exploration.credit.max(0.0) + 1.0;
    }

    /// Takes a page of an exploration that located `found` jobs, while the pages of `unlocated` jobs
    /// are still unknown. Returns whether it goes on.
    pub(super) fn on_explored(&mut self, found: usize, unlocated: usize, now: Instant) -> bool {
        self.exploration.spend(found, now);
        unlocated > 0 && self.exploration.credit > 0.0
    }

    /// An exploration came to the end of the list, which does not show the `unlocated` jobs that
    /// are left.
    pub(super) fn on_explored_to_the_end(&mut self, unlocated: usize, now: Instant) {
        if unlocated > 0 && self.exploration.credit > 0.0 {
            self.exploration.give_up(now);
        }
    }

    /// The list showed a state that is too old to rely on.
    pub(super) fn on_stale_row(&mut self, now: Instant) {
        self.stale_until = Some(now + STALE_FOR);
    }

    /// Audits take at most one in this number of requests.
    pub(super) fn audit_share(&self) -> u32 {
        if self.stale_until.is_some() { AUDIT_SHARE_OF_STALE_LIST } else { AUDIT_SHARE }
    }

    /// What the scan under way is for from now on: one of the whole list that is due meanwhile
    /// continues it, without haste once it has explored what it may.
    fn continued(&self, scan: ScanPlan, inputs: &Inputs<'_>) -> ScanPlan {
        let pages = if inputs.is_scan_due { usize::MAX } else { scan.pages };
        if scan.explores && self.exploration.credit <= 0.0 {
            return ScanPlan { pages, explores: false, urgency: 0.0 };
        }
        ScanPlan { pages, ..scan }
    }

    /// Whether the scan under way goes before this job.
    fn takes_turn(&self, scan: ScanPlan, urgency_of_job: f64, inputs: &Inputs<'_>) -> bool {
        inputs.job.is_none() || scan.urgency >= urgency_of_job.max(1.0) || !self.had_page_turn
    }

    fn new_scan(&mut self, urgency_of_job: f64, inputs: &Inputs<'_>) -> Option<ScanPlan> {
        let is_idle = inputs.job.is_none();
        let urgency_of_scan = self.plan.urgency(inputs.coverage, inputs.now);
        let whole = ScanPlan { pages: usize::MAX, explores: false, urgency: 0.0 };

        if inputs.is_scan_due && (is_idle || !self.had_page_turn) {
            return Some(whole);
        }
        let is_due = urgency_of_scan.max(urgency_of_job) >= 1.0;
        if is_due && self.exploration.is_due(inputs.coverage.unlocated(), inputs.now) {
            return Some(ScanPlan { pages: 1, explores: true, urgency: f64::INFINITY });
        }
        if urgency_of_scan >= urgency_of_job.max(1.0) {
            return Some(ScanPlan { pages: self.plan.pages, explores: false, urgency: urgency_of_scan });
        }
        let is_history_due = is_idle && inputs.is_history_due;
        is_history_due.then_some(ScanPlan { pages: 1, ..whole })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a number of jobs or pages")]
fn number(count: usize) -> f64 {
    count as f64
}
