//! Which jobs the pages of the list show, and how many polls those need together.
//!
//! Invariant: the sums are those of the places that count, because [`Coverage::count`] and
//! [`Coverage::discount`] alone change them, and a place counts once at most.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::JobId;
use crate::model::time::Instant;

/// How many scans in a row may miss a job on its page before its page counts as unknown.
const MAX_MISSED: u8 = 3;

/// The pages of a list that show jobs which wait for a poll.
#[derive(Debug)]
pub(super) struct Coverage {
    pages: Vec<Page>,
    /// The number of pages, from the first, whose jobs wait for a scan instead of a poll of their
    /// own.
    covered: usize,
    /// The weights of all waiting jobs.
    all: Sum,
    /// How many waiting jobs a row could answer for that are on no known page.
    unlocated: usize,
    /// The part of its usual interval after which each job is polled.
    stretch: f64,
}

/// What a page of the list shows.
#[derive(Debug)]
pub(super) struct Page {
    jobs: BTreeSet<JobId>,
    counted: Sum,
    read_at: Instant,
}

/// The weights of some jobs: the polls that each needs in a second, one over its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sum {
    jobs: usize,
    weights: f64,
    squares: f64,
}

/// What the list is to a job.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The page on which it was seen last.
    page: Option<usize>,
    /// How many scans in a row did not show it there.
    missed: u8,
    weight: f64,
    counts: Counts,
}

/// What a job is counted among.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Counts {
    /// It does not wait for a poll.
    #[default]
    Not,
    /// It waits for a poll of its own.
    Apart,
    /// A row could answer for it, but its page is not known.
    Unlocated,
    /// A row on its page could answer for it.
    OnPage,
}

/// Whether a row may answer for a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Only its description counts.
    Ignored,
    /// Its description was never answered.
    BeforeDescription,
    /// Its description was answered at this time.
    Since(Instant),
}

impl Default for Coverage {
    fn default() -> Self {
        Self { pages: Vec::new(), covered: 0, all: Sum::default(), unlocated: 0, stretch: 1.0 }
    }
}

impl Coverage {
    /// A job begins to wait for a poll, which it usually does for `pace`; zero if it is polled
    /// before all others. Returns since when its description waits if it is covered.
    pub(super) fn count(&mut self, listed: &mut Listed, pace: Duration, rows: Rows) -> Option<Instant> {
        self.discount(listed);
        if pace.is_zero() {
            return None;
        }

        listed.weight = self.stretch / pace.as_secs_f64();
        self.all.add(listed.weight);
        let shown_on = listed.page.filter(|_| matches!(rows, Rows::Since(_)));
        listed.counts = match shown_on {
            Some(number) => {
                self.pages[number].counted.add(listed.weight);
                Counts::OnPage
            }
            None if rows == Rows::Ignored => Counts::Apart,
            None => {
                self.unlocated += 1;
                Counts::Unlocated
            }
        };

        match rows {
            Rows::Since(described_at) if shown_on.is_some_and(|number| number < self.covered) => {
                Some(described_at)
            }
            _ => None,
        }
    }

    /// A job no longer waits for a poll.
    pub(super) fn discount(&mut self, listed: &mut Listed) {
        let weight = std::mem::take(&mut listed.weight);
        match std::mem::take(&mut listed.counts) {
            Counts::Not => return,
            Counts::Apart => {}
            Counts::Unlocated => self.unlocated -= 1,
            Counts::OnPage => {
                if let Some(page) = listed.page.and_then(|page| self.pages.get_mut(page)) {
                    page.counted.subtract(weight);
                }
            }
        }
        self.all.subtract(weight);
    }

    /// A job that is not counted is seen on this page, or nowhere.
    pub(super) fn locate(&mut self, id: &JobId, listed: &mut Listed, page: Option<usize>, now: Instant) {
        debug_assert_eq!(listed.counts, Counts::Not, "it is discounted on its page");
        listed.missed = 0;
        if let Some(old) = std::mem::replace(&mut listed.page, page) {
            self.pages[old].jobs.remove(id);
        }
        if let Some(page) = page {
            while self.pages.len() <= page {
                self.pages.push(Page { jobs: BTreeSet::new(), counted: Sum::default(), read_at: now });
            }
            self.pages[page].jobs.insert(id.clone());
        }
        while self.pages.last().is_some_and(|page| page.jobs.is_empty()) {
            self.pages.pop();
        }
    }

    /// A page was read at `now`.
    pub(super) fn on_read(&mut self, page: usize, now: Instant) {
        if let Some(page) = self.pages.get_mut(page) {
            page.read_at = now;
        }
    }

    /// The jobs that this page shows.
    pub(super) fn jobs_on(&self, page: usize) -> Vec<JobId> {
        self.pages.get(page).map(|page| page.jobs.iter().cloned().collect()).unwrap_or_default()
    }

    /// The pages that show jobs, from the first; some of them may show none.
    pub(super) fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// The weights of all waiting jobs.
    pub(super) fn all(&self) -> Sum {
        self.all
    }

    /// How many waiting jobs a row could answer for that are on no known page.
    pub(super) fn unlocated(&self) -> usize {
        self.unlocated
    }

    /// Covers one page more or one less, if that is nearer to `target`. Returns which: its jobs are
    /// to be scheduled again.
    pub(super) fn step_towards(&mut self, target: usize) -> Option<usize> {
        let target = target.min(self.pages.len());
        // What is beyond the last page has no jobs.
        self.covered = self.covered.min(self.pages.len());
        match self.covered.cmp(&target) {
            std::cmp::Ordering::Less => {
                self.covered += 1;
                Some(self.covered - 1)
            }
            std::cmp::Ordering::Equal => None,
            std::cmp::Ordering::Greater => {
                self.covered -= 1;
                Some(self.covered)
            }
        }
    }

    /// Whether [`Coverage::step_towards`] has something to do.
    pub(super) fn is_at(&self, target: usize) -> bool {
        self.covered.min(self.pages.len()) == target.min(self.pages.len())
    }

    /// From now on, jobs are polled after this part of their usual intervals.
    pub(super) fn set_stretch(&mut self, stretch: f64) {
        self.stretch = stretch;
    }

    /// The time in which nothing could be done does not count.
    pub(super) fn shift_by(&mut self, time: Duration) {
        for page in &mut self.pages {
            page.read_at = page.read_at + time;
        }
    }
}

impl Page {
    /// The weights of its jobs for which a row counts.
    pub(super) fn counted(&self) -> Sum {
        self.counted
    }

    pub(super) fn read_at(&self) -> Instant {
        self.read_at
    }
}

impl Listed {
    pub(super) fn page(&self) -> Option<usize> {
        self.page
    }

    /// A scan showed the job where it was expected.
    pub(super) fn see(&mut self) {
        self.missed = 0;
    }

    /// A scan did not show the job where it was expected. Returns whether it is no longer expected
    /// there.
    pub(super) fn miss(&mut self) -> bool {
        self.missed = self.missed.saturating_add(1);
        self.missed >= MAX_MISSED
    }
}

impl Sum {
    /// The polls that these jobs need in a second.
    pub(super) fn weights(self) -> f64 {
        self.weights
    }

    pub(super) fn squares(self) -> f64 {
        self.squares
    }

    fn add(&mut self, weight: f64) {
        self.jobs += 1;
        self.weights += weight;
        self.squares += weight * weight;
    }

    fn subtract(&mut self, weight: f64) {
        self.jobs -= 1;
        if self.jobs == 0 {
            // No rounding error outlives the jobs.
            *self = Self::default();
        } else {
            self.weights = (self.weights - weight).max(0.0);
            self.squares = (self.squares - weight * weight).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    fn id(number: usize) -> JobId {
        JobId::new(format!("rj-{number}")).unwrap()
    }

    #[test]
    fn a_job_counts_on_its_page() {
        let (mut coverage, mut listed) = (Coverage::default(), Listed::default());
        coverage.locate(&id(1), &mut listed, Some(2), at(5));

        assert_eq!(coverage.count(&mut listed, 2 * SECOND, Rows::Since(at(1))), None);

        assert_eq!(coverage.pages()[2].counted(), Sum { jobs: 1, weights: 0.5, squares: 0.25 });
        assert_eq!((coverage.pages().len(), coverage.unlocated()), (3, 0));
        assert_eq!(coverage.jobs_on(2), [id(1)]);
    }

    #[test]
    fn a_covered_job_says_when_it_was_described() {
        let (mut coverage, mut listed) = (Coverage::default(), Listed::default());
        coverage.locate(&id(1), &mut listed, Some(0), at(5));

        assert_eq!(coverage.step_towards(1), Some(0));

        assert_eq!(coverage.count(&mut listed, SECOND, Rows::Since(at(3))), Some(at(3)));
        assert_eq!(coverage.count(&mut listed, SECOND, Rows::Ignored), None);
        assert_eq!(coverage.count(&mut listed, Duration::ZERO, Rows::Since(at(3))), None);
    }

    #[test]
    fn a_job_that_three_scans_miss_is_not_expected() {
        let mut listed = Listed::default();

        assert_eq!([listed.miss(), listed.miss(), listed.miss()], [false, false, true]);
    }

    #[test]
    fn pages_without_jobs_at_the_end_are_dropped() {
        let (mut coverage, mut listed) = (Coverage::default(), Listed::default());
        coverage.locate(&id(1), &mut listed, Some(7), at(1));

        coverage.locate(&id(1), &mut listed, None, at(2));

        assert!(coverage.pages().is_empty() && coverage.jobs_on(7).is_empty());
    }

    proptest! {
        /// Whatever happens to jobs, in whatever order, the sums are those of the jobs that count.
        #[test]
        fn the_sums_are_those_of_the_places(
            changes in prop::collection::vec((0..6_usize, 0..4_usize, 0..5_u64, 0..3_usize), 1..200),
        ) {
            let mut coverage = Coverage::default();
            let mut jobs: Vec<_> = (0..6).map(|_| Listed::default()).collect();
            for (number, page, pace, rows) in changes {
                let listed = &mut jobs[number];
                coverage.discount(listed);
                coverage.locate(&id(number), listed, page.checked_sub(1), at(pace));
                coverage.step_towards(page);
                let rows = [Rows::Ignored, Rows::BeforeDescription, Rows::Since(at(1))][rows];
                let covered = coverage.count(listed, Duration::from_secs(pace), rows);
                prop_assert!(covered.is_none() || page.checked_sub(1) < Some(coverage.covered));

                let sum = |counts: &dyn Fn(&&Listed) -> bool| {
                    jobs.iter().filter(counts).map(|listed| listed.weight).sum::<f64>()
                };
                prop_assert!((coverage.all().weights() - sum(&|_| true)).abs() < 1e-9);
                for (number, page) in coverage.pages().iter().enumerate() {
                    let expected =
                        sum(&|listed| listed.page == Some(number) && listed.counts == Counts::OnPage);
                    prop_assert!((page.counted().weights() - expected).abs() < 1e-9);
                }
                let unlocated = jobs.iter().filter(|listed| listed.counts == Counts::Unlocated).count();
                prop_assert_eq!(coverage.unlocated(), unlocated);
            }
        }
    }
}
