//! How long scans of the list are, and when the next one begins.
//!
//! Each job needs polls at a rate of its own, its weight `w`: one over the interval that the
//! cadence gives it. The cost of the time in which an end is not noticed grows with the square of
//! the time `t` since the last answer, so a job is as urgent as `(w · t)²`, which is 1 when its
//! interval is over (the index of P. Whittle, "Restless bandits: activity allocation in a changing
//! world", Journal of Applied Probability 25A, 1988, for the inspection problem of J. B. Keller, see
//! [`Cadence`]). One scan over the first `L` pages answers for all jobs on them and costs `L · k`
//! descriptions: it is as urgent as the sum over these jobs divided by that.
//!
//! A set of jobs that is scanned at the best rate needs `sqrt(L · k · Σ w²)` requests a second; jobs
//! that are described need `Σ w`. So each job is either covered by scans or described, and scans
//! have the length for which both together need the fewest requests: see [`Plan::find`]. The same
//! length is the best if the rate permits fewer requests, which stretches all intervals alike.
//!
//! Invariant: the plan follows from the coverage and the limits of now alone.
//!
//! [`Cadence`]: crate::engine::cadence::Cadence

use std::time::Duration;

use super::{FEW_JOBS, number};
use crate::engine::project::coverage::Coverage;
use crate::model::time::Instant;

/// What a page costs, in descriptions of one job, while the rate permits all requests: it is a
/// request, and a larger answer.
const PAGE_COST: f64 = 2.0;

/// What it costs while requests are what is short.
const PAGE_COST_IF_SATURATED: f64 = 1.0;

/// The part of the rate that `effort = "full"` uses.
const FULL_SHARE: f64 = 0.9;

/// Intervals are shortened by `effort = "full"` to this part of the usual ones at most.
const MIN_STRETCH: f64 = 0.01;

/// The limits within which a plan is made.
#[derive(Debug, Clone, Copy)]
pub(in crate::engine::project) struct Limits {
    /// The requests that the rate permits in a second.
    pub(in crate::engine::project) rate: f64,
    /// The shortest interval between two answers about a job.
    pub(in crate::engine::project) min_interval: Duration,
    /// Whether as much of the rate is used as there is.
    pub(in crate::engine::project) is_full_effort: bool,
    /// How many jobs have not ended.
    pub(in crate::engine::project) open_jobs: usize,
}

/// How long scans are, and when the next one begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    /// The number of pages whose jobs are covered by scans.
    pub(super) pages: usize,
    /// When a scan is as urgent as a job at the end of its interval.
    pub(super) at: Option<Instant>,
    /// What a scan costs, in the same unit as the sum over its jobs.
    pub(super) cost: f64,
    /// The part of its usual interval after which each job is polled.
    pub(super) stretch: f64,
}

impl Plan {
    /// The number of pages for which scans and descriptions together need the fewest requests. A
    /// page costs less while even these are more than the rate permits.
    pub(super) fn find(coverage: &Coverage, is_readable: bool, limits: Limits, now: Instant) -> Self {
        let is_worth_it = is_readable && limits.open_jobs > FEW_JOBS;
        let pages_to_scan = if is_worth_it { coverage.pages().len() } else { 0 };
        let fewest = |page_cost: f64| {
            let all = coverage.all().weights();
            let mut best = (all, 0);
            let (mut weights, mut squares) = (0.0_f64, 0.0_f64);
            for (page, shown) in coverage.pages()[..pages_to_scan].iter().enumerate() {
                weights += shown.counted().weights();
                squares += shown.counted().squares();
                let cost = number(page + 1) * page_cost;
                // A job is not to be asked for more often than that, however many there are.
                let at_most = cost / limits.min_interval.as_secs_f64();
                let needed = (cost * squares).sqrt().min(at_most) + (all - weights);
                if needed < best.0 {
                    best = (needed, page + 1);
                }
            }
            best
        };

        let (mut page_cost, mut best) = (PAGE_COST, fewest(PAGE_COST));
        if best.0 > limits.rate || limits.is_full_effort {
            (page_cost, best) = (PAGE_COST_IF_SATURATED, fewest(PAGE_COST_IF_SATURATED));
        }
        let (needed, length) = best;
        let stretch = match needed / (FULL_SHARE * limits.rate) {
            stretch if limits.is_full_effort => stretch.clamp(MIN_STRETCH, 1.0),
            _ => 1.0,
        };

        let cost = number(length) * page_cost * stretch.powi(2);
        let plan = Self { pages: length, at: None, cost, stretch };
        Self { at: plan.due(coverage, limits.min_interval, now), ..plan }
    }

    /// When the sum of `w² · t²` over the covered jobs is the cost of a scan. All jobs on a page had
    /// their last answer when it was read.
    fn due(&self, coverage: &Coverage, min_interval: Duration, now: Instant) -> Option<Instant> {
        let (mut a, mut b, mut c) = (0.0, 0.0, -self.cost);
        for page in &coverage.pages()[..self.pages] {
            let (squares, time) = (page.counted().squares(), now.since(page.read_at()).as_secs_f64());
            a += squares;
            b += squares * time;
            c += squares * time.powi(2);
        }
        if a <= 0.0 {
            return None;
        }

        let wait = ((b * b - a * c).max(0.0).sqrt() - b) / a;
        let at = now + Duration::try_from_secs_f64(wait.max(0.0)).unwrap_or_default();
        Some(at.max(coverage.pages()[0].read_at() + min_interval))
    }

    /// How urgent a scan is; at least 1 once it is due.
    pub(super) fn urgency(&self, coverage: &Coverage, now: Instant) -> f64 {
        let Some(at) = self.at else { return 0.0 };
        if now < at {
            return 0.0;
        }
        let pages = coverage.pages().iter().take(self.pages);
        let of_page = |squares: f64, read_at| squares * now.since(read_at).as_secs_f64().powi(2);
        let sum: f64 = pages.map(|page| of_page(page.counted().squares(), page.read_at())).sum();
        (sum / self.cost).max(1.0)
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self { pages: 0, at: None, cost: 0.0, stretch: 1.0 }
    }
}
