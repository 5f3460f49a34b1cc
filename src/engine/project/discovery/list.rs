//! The pages of a project's list: which is asked for next, and how a scan goes on.
//!
//! Invariant: a scan goes page by page and ends; one page is under way at a time. A page that ends
//! the list before pages that are known, or before all jobs are found, is asked for once more.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::engine::project::list_policy::ScanPlan;
use crate::model::time::{Instant, earliest};

/// More pages than this are taken for a list without an end: 100,000 jobs.
const MAX_PAGES: usize = 1000;

/// How often in a row a scan begins again because the API no longer takes its own token.
const MAX_RESTARTS: u32 = 2;

/// Attempts to read a page of which nothing but past durations is wanted.
const MAX_HISTORY_ATTEMPTS: u32 = 3;

/// A page that is not answered after this time is late. Most are in less than a second.
const LATE_AFTER: Duration = Duration::from_secs(2);

/// What is known of the list of a project.
#[derive(Debug, Default)]
pub(super) struct List {
    scan: Option<Scan>,
    /// The page under way.
    asking: Option<Asking>,
    /// No page before this time, because of failures.
    held_until: Instant,
    failures: u32,
    /// Since when no page could be read, whatever was tried.
    failing_since: Option<Instant>,
    restarts: u32,
    /// Nothing is asked for any more.
    is_over: bool,
    /// Whether a page was read, so that something is known of past durations.
    is_read: bool,
    /// The last page by the last scan that came to an end, unless one went on beyond it since.
    last_page: Option<usize>,
}

/// A page under way.
#[derive(Debug, Clone, Copy)]
struct Asking {
    since: Instant,
    generation: u64,
}

/// One pass over the list, page by page.
#[derive(Debug)]
struct Scan {
    began: Instant,
    /// Leads to the next page; none leads to the first.
    token: Option<String>,
    /// The number of the next page, from 0.
    page: usize,
    plan: ScanPlan,
    /// The page that was asked for again because it ended the list too early.
    asked_again: Option<usize>,
    /// All tokens so far: they can lead in a circle.
    tokens: BTreeSet<String>,
}

/// How a scan goes on after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::engine::project) struct Turned {
    /// The number of the page, from 0.
    pub(in crate::engine::project) page: usize,
    /// When the scan began, if it came to the end of the list.
    pub(in crate::engine::project) end_of: Option<Instant>,
    /// Whether there is certainly nothing after the page: an end before pages that are known is not
    /// believed before a second scan ends there.
    pub(in crate::engine::project) is_last: bool,
}

impl Scan {
    fn new(began: Instant, plan: ScanPlan) -> Self {
        Self { began, token: None, page: 0, plan, asked_again: None, tokens: BTreeSet::new() }
    }
}

impl List {
    /// The time in which nothing could be done is no part of any trouble.
    pub(super) fn shift_by(&mut self, time: Duration) {
        self.failing_since = self.failing_since.map(|since| since + time);
    }

    /// When the next page is due, whatever it is worth: of a scan under way, or of one to begin at
    /// `scan_at`.
    pub(super) fn due(&self, scan_at: Option<Instant>) -> Option<Instant> {
        let due = earliest([self.scan.as_ref().map(|scan| scan.began), scan_at])?;
        (self.asking.is_none() && !self.is_over).then(|| due.max(self.held_until))
    }

    /// From when on a page is due to learn of past durations, if nothing else is to be asked for.
    pub(super) fn history_due(&self) -> Option<Instant> {
        let is_free = !self.is_over && self.asking.is_none();
        let is_wanted = !self.is_read && self.failures < MAX_HISTORY_ATTEMPTS;
        (is_free && is_wanted).then_some(self.held_until)
    }

    /// Whether past durations are still to be read, or are being, and nothing failed so far.
    pub(super) fn is_history_pending(&self) -> bool {
        !self.is_read && !self.is_over && self.failures == 0
    }

    /// Whether a page can be asked for.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.asking.is_none() && !self.is_over && self.held_until <= now
    }

    /// Whether pages can be read: none failed just now, and the one under way is not late.
    pub(super) fn is_readable(&self, now: Instant) -> bool {
        !self.is_over && self.held_until <= now && self.late_at().is_none_or(|at| now < at)
    }

    /// When the page under way is late: jobs do not wait for it any longer.
    pub(super) fn late_at(&self) -> Option<Instant> {
        self.asking.map(|asking| asking.since + LATE_AFTER)
    }

    /// When a scan that is due at `at` can begin; none while one is under way.
    pub(super) fn next_scan(&self, at: Instant) -> Option<Instant> {
        let is_free = self.asking.is_none() && self.scan.is_none() && !self.is_over;
        is_free.then(|| at.max(self.held_until))
    }

    /// The scan under way, and the number of the page that it reads, from 0.
    pub(super) fn place(&self) -> Option<(ScanPlan, usize)> {
        self.scan.as_ref().map(|scan| (scan.plan, scan.page))
    }

    /// The scan under way.
    pub(super) fn scan(&self) -> Option<ScanPlan> {
        self.scan.as_ref().map(|scan| scan.plan)
    }

    /// The number of the page that the scan under way reads, from 0.
    pub(super) fn page(&self) -> Option<usize> {
        self.place().map(|(_, page)| page)
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn failing_since(&self) -> Option<Instant> {
        self.failing_since
    }

    /// Asks for the next page: of the scan under way, which goes on as this plan says, or of a new
    /// one. Returns its token.
    pub(super) fn ask(&mut self, plan: ScanPlan, now: Instant, generation: u64) -> Option<String> {
        self.asking = Some(Asking { since: now, generation });
        let scan = self.scan.get_or_insert_with(|| Scan::new(now, plan));
        scan.plan = plan;
        scan.token.clone()
    }

    /// Takes the end of a request. Returns when it began; nothing if it is not under way.
    pub(super) fn finish(&mut self, generation: u64) -> Option<Instant> {
        self.asking.take_if(|asking| asking.generation == generation).map(|asking| asking.since)
    }

    /// Takes a page that was read: `next` leads to the one after it. This many pages are known to
    /// show jobs; `explores_on` says whether the scan goes on beyond the pages of its plan.
    pub(super) fn turn(&mut self, next: Option<String>, known_pages: usize, explores_on: bool) -> Turned {
        self.is_read = true;
        let Some(mut scan) = self.scan.take() else { return Turned::default() };
        let page = scan.page;
        let is_too_early = next.is_none() && (page + 1 < known_pages || explores_on);
        let next = next.filter(|next| page + 1 < MAX_PAGES && scan.tokens.insert(next.clone()));
        let Some(next) = next else {
            if is_too_early && scan.asked_again.replace(page) != Some(page) {
                self.scan = Some(scan);
                return Turned { page, ..Turned::default() };
            }
            self.come_through();
            let is_last = page + 1 >= known_pages || self.last_page == Some(page);
            self.last_page = Some(page);
            return Turned { page, end_of: Some(scan.began), is_last };
        };

        self.last_page.take_if(|last| *last <= page);
        scan.page += 1;
        scan.token = Some(next);
        if scan.page < scan.plan.pages || explores_on {
            self.scan = Some(scan);
        } else {
            self.come_through();
        }
        Turned { page, ..Turned::default() }
    }

    /// A scan came as far as it was to. A first page alone is no sign that all is well: the next
    /// may be what fails.
    fn come_through(&mut self) {
        (self.restarts, self.failures, self.failing_since) = (0, 0, None);
    }

    /// Takes the failure of a page; the next one is not asked for before `until`. If it is the
    /// token that was refused, the scan begins again; else it is over.
    pub(super) fn fail(&mut self, is_of_token: bool, until: Instant, now: Instant) {
        if is_of_token && self.restarts < MAX_RESTARTS {
            self.restarts += 1;
            if let Some(scan) = &mut self.scan {
                *scan = Scan::new(now, scan.plan);
            }
            return;
        }
        self.scan = None;
        self.restarts = 0;
        self.failures = self.failures.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.held_until = self.held_until.max(until);
    }

    /// Asks for nothing any more, and takes no answer.
    pub(super) fn stop(&mut self) {
        (self.scan, self.asking, self.is_over) = (None, None, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(pages: usize) -> ScanPlan {
        ScanPlan { pages, explores: false, urgency: 1.0 }
    }

    #[test]
    fn an_end_before_known_pages_is_believed_the_second_time() {
        let now = Instant::default();
        let mut list = List::default();
        // Reads a list that has so many pages, three of which are known, and says whether its end
        // is believed.
        let mut scan = |pages: usize| {
            loop {
                list.ask(plan(pages), now, 0);
                list.finish(0);
                let page = list.page().unwrap();
                let turned = list.turn((page + 1 < pages).then(|| page.to_string()), 3, false);
                assert_eq!(turned.page, page);
                if turned.end_of.is_some() {
                    assert_eq!(page + 1, pages);
                    return turned.is_last;
                }
            }
        };
        assert!(scan(3));
        assert!(!scan(1) && scan(1), "twice the same");
        assert!(!scan(2) && !scan(1), "another one");
        assert!(scan(3) && !scan(1), "it went on meanwhile");
    }

    #[test]
    fn a_page_that_ends_the_list_too_early_is_asked_for_once_more() {
        let now = Instant::default();
        let mut list = List::default();
        let turn = |list: &mut List, next: Option<&str>| {
            let token = list.ask(plan(3), now, 0);
            (token, list.turn(next.map(str::to_owned), 3, false).end_of.is_some())
        };

        assert_eq!(turn(&mut list, None), (None, false));
        assert_eq!(turn(&mut list, Some("two")), (None, false));
        assert_eq!(turn(&mut list, None), (Some("two".to_owned()), false));
        assert_eq!(turn(&mut list, None), (Some("two".to_owned()), true));
    }

    #[test]
    fn a_refused_token_begins_the_scan_again_but_not_forever() {
        let now = Instant::default();
        let mut list = List::default();
        list.ask(plan(5), now, 0);
        list.turn(Some("two".to_owned()), 0, false);

        for _ in 0..MAX_RESTARTS {
            list.fail(true, now, now);
            assert_eq!((list.scan(), list.page()), (Some(plan(5)), Some(0)));
        }
        list.fail(true, now, now);

        assert_eq!((list.scan(), list.failures()), (None, 1));
    }

    #[test]
    fn tokens_that_lead_in_a_circle_end_the_scan() {
        let now = Instant::default();
        let mut list = List::default();
        let turn = |list: &mut List| {
            list.ask(plan(9), now, 0);
            list.turn(Some("same".to_owned()), 0, true).end_of.is_some()
        };

        assert!(!turn(&mut list));
        assert!(turn(&mut list));
    }
}
