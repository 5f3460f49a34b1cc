//! Whether to ask for the description of a job or for a page of the list, which answers for many.
//!
//! Everything that weighs one against the other is in this file: [`ListPolicy::choose`] decides,
//! and the rest of the project only carries it out.
//!
//! Invariant: a page is asked for only if it is due, or is likely to answer for more than
//! [`PAGE_COST`] descriptions would.

use std::time::Duration;

use crate::model::JobId;
use crate::model::time::Instant;

/// What a page costs, in descriptions of one job: it is that much heavier.
const PAGE_COST: f64 = 3.0;

/// How many rows a page has at most.
const ROWS_PER_PAGE: f64 = 100.0;

/// Prior probability that an unlocated job is on an unvisited page.
const PRIOR_ON_UNSEEN_PAGE: f64 = 0.5;

/// Half of the unproductive pages are forgotten in this time, and where the list ends: it may have
/// changed.
const HALF_LIFE: Duration = Duration::from_mins(30);

/// How long an estimate of a page's worth holds, and how many waiting jobs there are to each use of
/// it: an estimate visits each job, which is not to happen for each request.
const ESTIMATE_HOLDS_FOR: Duration = Duration::from_secs(1);
const JOBS_PER_USE: usize = 32;

/// Intervals that a new job waits for its own description before list rows may stand in for it.
const INTERVALS_TO_FIRST_DESCRIPTION: f64 = 10.0;

/// What to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// The description of this job, or of its index.
    Job(JobId),
    /// The next page of a scan, which goes on for this many pages if it begins.
    Page { pages: usize },
}

/// What the choice rests on.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
pub(super) struct Inputs {
    /// The job whose poll is the most overdue, and how pressing it is.
    pub(super) job: Option<(JobId, f64)>,
    /// A page is due, whatever it is worth.
    pub(super) is_page_due: bool,
    /// A page is due if nothing else is, to learn of past durations.
    pub(super) is_history_due: bool,
    /// A page may be asked for.
    pub(super) is_page_allowed: bool,
    /// A scan of the whole list is due.
    pub(super) is_scan_due: bool,
    /// The scan under way.
    pub(super) scan: Option<ScanPlace>,
    /// How many jobs wait for a poll.
    pub(super) waiting: usize,
    pub(super) now: Instant,
}

/// How far a scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ScanPlace {
    /// The number of the next page, from 0.
    pub(super) page: usize,
    /// How many pages it goes on for in any case.
    pub(super) until: usize,
}

/// What is known of the worth of pages.
#[derive(Debug, Default)]
pub(super) struct ListPolicy {
    /// How many pages that were asked for to see what is on them were worth too little, and when
    /// that was counted.
    unproductive_pages: f64,
    counted_at: Instant,
    /// When the list was read to its end: it has no unvisited pages.
    ended_at: Option<Instant>,
    estimate: Option<Estimate>,
    /// Whether the last request was for a page. Pages that are due and jobs take turns.
    had_page_turn: bool,
}

/// How pressing the jobs are, each by the square of the intervals since the last answer about it,
/// by the page that shows them.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    pages: Vec<f64>,
    /// The sum and the number of those of which no page is known.
    unlocated: f64,
    unlocated_jobs: f64,
}

/// What a scan from the first page is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Worth {
    /// The best number of pages.
    pages: usize,
    /// How pressing what one page answers for is on average, for the cost of one description, by
    /// the same square. A job that becomes due is as pressing as 1.
    of_page: f64,
}

/// An estimate of the worth, when it was made, and how often it was used since.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    worth: Worth,
    at: Instant,
    uses: usize,
}

impl ListPolicy {
    /// Decides what to ask for, if anything. `pressure` is evaluated only now and then.
    pub(super) fn choose(&mut self, inputs: Inputs, pressure: impl FnOnce() -> Pressure) -> Option<Choice> {
        let worth = self.worth(&inputs, pressure);
        let takes_page = match &inputs.job {
            None => inputs.is_page_due || inputs.is_history_due,
            Some((_, pressing)) if pressing.is_infinite() => false,
            Some((_, pressing)) => {
                worth.of_page > pressing.powi(2) || (inputs.is_page_due && !self.had_page_turn)
            }
        };
        self.had_page_turn = takes_page;

        if !takes_page {
            return inputs.job.map(|(id, _)| Choice::Job(id));
        }
        Some(Choice::Page { pages: if inputs.is_scan_due { usize::MAX } else { worth.pages.max(1) } })
    }

    /// The estimate no longer holds: a page was asked for or answered.
    pub(super) fn forget_estimate(&mut self) {
        self.estimate = None;
    }

    /// Counts a page of a scan that was worth this much. `rest` is the pressure that is left.
    pub(super) fn count_page(&mut self, page: usize, worth: f64, rest: &Pressure, now: Instant) {
        if page < rest.known_pages() {
            return;
        }
        let unproductive = self.unproductive_pages(now);
        self.unproductive_pages = if worth < PAGE_COST { unproductive + 1.0 } else { unproductive / 2.0 };
        self.counted_at = now;
    }

    /// The list came to an end, which `is_last` if it is believed.
    pub(super) fn on_end(&mut self, is_last: bool, now: Instant) {
        self.ended_at = is_last.then_some(now);
    }

    /// Whether a scan is to go on to this page.
    pub(super) fn goes_on_to(&self, page: usize, rest: &Pressure, now: Instant) -> bool {
        rest.pages.get(page).copied().unwrap_or_else(|| self.of_unseen_page(rest, now)) > PAGE_COST
    }

    /// What a page is worth now, if one can be asked for.
    fn worth(&mut self, inputs: &Inputs, pressure: impl FnOnce() -> Pressure) -> Worth {
        #[expect(clippy::cast_precision_loss, reason = "a number of jobs")]
        let is_small = inputs.waiting as f64 <= PAGE_COST;
        if is_small || !inputs.is_page_allowed {
            return Worth { pages: 0, of_page: 0.0 };
        }

        if let Some(estimate) = &mut self.estimate
            && (inputs.now.since(estimate.at) < ESTIMATE_HOLDS_FOR
                || estimate.uses < inputs.waiting / JOBS_PER_USE)
        {
            estimate.uses += 1;
            return estimate.worth;
        }

        let worth = self.estimated(&pressure(), inputs.scan, inputs.now);
        self.estimate = Some(Estimate { worth, at: inputs.now, uses: 0 });
        worth
    }

    fn estimated(&self, pressure: &Pressure, scan: Option<ScanPlace>, now: Instant) -> Worth {
        let unseen = self.of_unseen_page(pressure, now);
        let of = |page: usize| pressure.pages.get(page).copied().unwrap_or(unseen);
        if let Some(scan) = scan {
            return Worth { pages: scan.until, of_page: of(scan.page) / PAGE_COST };
        }

        let mut best = Worth { pages: 0, of_page: 0.0 };
        let (mut sum, mut most) = (0.0, 0.0);
        for page in 0..=pressure.pages.len() {
            sum += of(page) - PAGE_COST;
            if sum > most {
                most = sum;
                #[expect(clippy::cast_precision_loss, reason = "a few pages")]
                let pages = (page + 1) as f64;
                best = Worth { pages: page + 1, of_page: (sum / pages + PAGE_COST) / PAGE_COST };
            }
        }
        best
    }

    /// What an unvisited page is likely to answer for.
    fn of_unseen_page(&self, pressure: &Pressure, now: Instant) -> f64 {
        let is_read = self.ended_at.is_some_and(|at| now.since(at) < HALF_LIFE);
        if is_read { 0.0 } else { pressure.of_unseen_page(self.unproductive_pages(now)) }
    }

    fn unproductive_pages(&self, now: Instant) -> f64 {
        let half_lives = now.since(self.counted_at).as_secs_f64() / HALF_LIFE.as_secs_f64();
        self.unproductive_pages * 0.5_f64.powf(half_lives)
    }
}

impl Pressure {
    pub(super) fn add(&mut self, page: Option<usize>, value: f64) {
        if let Some(page) = page {
            if self.pages.len() <= page {
                self.pages.resize(page + 1, 0.0);
            }
            self.pages[page] += value;
        } else {
            self.unlocated += value;
            self.unlocated_jobs += 1.0;
        }
    }

    /// How many pages are known to show jobs.
    pub(super) fn known_pages(&self) -> usize {
        self.pages.len()
    }

    /// What an unvisited page is likely to answer for, after this many unproductive ones.
    fn of_unseen_page(&self, unproductive: f64) -> f64 {
        let part = ROWS_PER_PAGE / self.unlocated_jobs.max(ROWS_PER_PAGE);
        PRIOR_ON_UNSEEN_PAGE * self.unlocated * part / (1.0 + unproductive)
    }
}

/// What a row about a job is worth: the square of how pressing the job is, as for a description.
/// The wait so far and the probability of an end in it both grow with the time, so a job that the
/// list does not show waits as many times longer as the root of the jobs on a page, and not as
/// they.
pub(super) fn value_of_row(pressing: f64, was_seen: bool) -> f64 {
    let pressing = match pressing {
        pressing if pressing.is_infinite() => 0.0,
        // It is described, unless that takes long: the list may not have it yet.
        pressing if !was_seen => (pressing - INTERVALS_TO_FIRST_DESCRIPTION).max(0.0),
        pressing => pressing,
    };
    pressing.powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(pressing: f64) -> Inputs {
        Inputs {
            job: Some((JobId::new("rj-1").unwrap(), pressing)),
            is_page_due: false,
            is_history_due: false,
            is_page_allowed: true,
            is_scan_due: false,
            scan: None,
            waiting: 100,
            now: Instant::default(),
        }
    }

    /// This many jobs that are as pressing as 2, all on the first page.
    fn on_first_page(jobs: usize) -> Pressure {
        let mut pressure = Pressure::default();
        (0..jobs).for_each(|_| pressure.add(Some(0), 4.0));
        pressure
    }

    fn asks_page(policy: &mut ListPolicy, inputs: Inputs, pressure: impl FnOnce() -> Pressure) -> bool {
        matches!(policy.choose(inputs, pressure), Some(Choice::Page { .. }))
    }

    #[test]
    fn a_page_that_answers_for_many_jobs_is_asked_for() {
        let asks = |jobs| asks_page(&mut ListPolicy::default(), inputs(2.0), || on_first_page(jobs));

        assert!(asks(10));
        assert!(!asks(2));
    }

    #[test]
    fn an_urgent_job_is_asked_for_before_any_page() {
        let urgent = Inputs { is_page_due: true, ..inputs(f64::INFINITY) };

        assert!(!asks_page(&mut ListPolicy::default(), urgent, || on_first_page(90)));
    }

    #[test]
    fn pages_that_are_due_and_jobs_take_turns() {
        let mut policy = ListPolicy::default();
        let mut asks = || {
            let due = Inputs { is_page_due: true, ..inputs(2.0) };
            asks_page(&mut policy, due, Pressure::default)
        };

        assert_eq!([asks(), asks(), asks()], [true, false, true]);
    }

    #[test]
    fn past_durations_are_asked_for_if_nothing_else_is() {
        let idle = Inputs { job: None, is_history_due: true, ..inputs(0.0) };
        let busy = Inputs { is_history_due: true, ..inputs(1.0) };

        let chosen = ListPolicy::default().choose(idle, Pressure::default);

        assert_eq!(chosen, Some(Choice::Page { pages: 1 }));
        assert!(!asks_page(&mut ListPolicy::default(), busy, Pressure::default));
    }
}
