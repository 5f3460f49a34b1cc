//! The list of a project's jobs: which page of it is asked for next, and whether one is worth a request.
//!
//! Invariant: a walk over the list goes page by page and ends; one page is under way at a time; what the list does not show
//! is described as if there were no list.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::time::{Instant, earliest};

/// How many rows a page has at most.
pub(super) const ROWS: f64 = 100.0;

/// A page has to answer for more jobs than this to be worth a request: it is that much heavier than the description of one.
pub(super) const PRICE: f64 = 3.0;

/// How likely a job of which that is not known is on a page that nobody has seen yet.
const HOPE: f64 = 0.5;

/// In this time half of the pages that were in vain are forgotten, and where the list ends: it may have changed.
const FORGETTING: Duration = Duration::from_mins(30);

/// What a page was found to be worth holds for this time, and for one request to so many jobs: to find it out takes a look
/// at each job, which is not to be more than a few for each request.
const ESTIMATED_FOR: Duration = Duration::from_secs(1);
const ESTIMATED_JOBS: usize = 32;

/// More pages than this are taken for a list without an end: 100,000 jobs.
const MAX_PAGES: usize = 1000;

/// How often in a row a walk begins anew because the API no longer takes its own token.
const RESTARTS: u32 = 2;

/// How often a page is asked for in vain of which nothing but past durations is wanted.
const LESSONS: u32 = 3;

/// What is known of the list of a project.
#[derive(Debug, Default)]
pub(super) struct List {
    walk: Option<Walk>,
    /// The page under way.
    asking: Option<Asking>,
    /// No page before this time, because of failures.
    held_until: Instant,
    pub(super) failures: u32,
    /// Since when no page could be had, whatever was tried.
    pub(super) failing_since: Option<Instant>,
    restarts: u32,
    /// Nothing is asked for any more.
    is_over: bool,
    /// Whether a page was read, so that something is known of the past.
    is_read: bool,
    /// How many pages that were asked for to see what is on them were worth too little, and when that was counted.
    vain: f64,
    vain_at: Instant,
    /// When the list was read to its end: there are no pages that nobody has seen.
    ended_at: Option<Instant>,
    /// The last page by the last walk that came to an end, unless one went on beyond it since.
    last_page: Option<usize>,
    estimate: Option<Estimate>,
    /// Whether the last request was for a page. Pages that are wanted anyway and jobs that are due take turns.
    pub(super) had_turn: bool,
}

/// A page under way.
#[derive(Debug, Clone, Copy)]
struct Asking {
    since: Instant,
    generation: u64,
}

/// A walk over the list, page by page.
#[derive(Debug)]
struct Walk {
    began: Instant,
    /// Leads to the next page; none leads to the first.
    token: Option<String>,
    /// The number of the next page, from 0.
    page: usize,
    /// How many pages it goes on for in any case.
    until: usize,
    /// All tokens so far: they can lead in a circle.
    tokens: BTreeSet<String>,
}

/// How pressing the jobs are, each by the square of the intervals since it was last heard of, by the page that shows them.
#[derive(Debug, Default)]
pub(super) struct Pressure {
    pages: Vec<f64>,
    /// Those of which it is not known which page shows them, and how many that are.
    elsewhere: f64,
    others: f64,
}

/// What a walk from the first page is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Worth {
    /// The best number of pages.
    pub(super) pages: usize,
    /// How pressing what one page answers for is, on average, for the price of one description, by the same square. As
    /// pressing as a job that is due is 1.
    pub(super) of_page: f64,
}

/// What was found out about that, when, and how often it was used since.
#[derive(Debug, Clone, Copy)]
struct Estimate {
    worth: Worth,
    at: Instant,
    uses: usize,
}

/// How it goes on after a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Turned {
    /// The number of the page, from 0.
    pub(super) page: usize,
    /// When the walk began, where it came to the end of the list.
    pub(super) end_of: Option<Instant>,
    /// Whether there is nothing after it for sure: an end is not believed at once before pages that are known.
    pub(super) is_last: bool,
}

impl Pressure {
    /// Adds a job.
    pub(super) fn add(&mut self, page: Option<usize>, pressing: f64) {
        if let Some(page) = page {
            if self.pages.len() <= page {
                self.pages.resize(page + 1, 0.0);
            }
            self.pages[page] += pressing;
        } else {
            self.elsewhere += pressing;
            self.others += 1.0;
        }
    }

    /// What a page is likely to answer for that was not seen yet, after so many pages in vain.
    fn of_unseen(&self, vain: f64) -> f64 {
        HOPE * self.elsewhere * (ROWS / self.others.max(ROWS)) / (1.0 + vain)
    }
}

impl List {
    /// The time in which nothing could be done is no part of any trouble.
    pub(super) fn excuse(&mut self, time: Duration) {
        self.failing_since = self.failing_since.map(|since| since + time);
    }

    /// When the next page is wanted, whether it pays or not: of a walk under way, or to look for jobs at `look_at`.
    pub(super) fn due(&self, look_at: Option<Instant>) -> Option<Instant> {
        let wanted = earliest([self.walk.as_ref().map(|walk| walk.began), look_at])?;
        (self.asking.is_none() && !self.is_over).then(|| wanted.max(self.held_until))
    }

    /// From when on a page is wanted to learn of the past, where nothing else is to be asked for.
    pub(super) fn lesson_due(&self) -> Option<Instant> {
        let is_wanted = !self.is_read && !self.is_over && self.failures < LESSONS && self.asking.is_none();
        is_wanted.then_some(self.held_until)
    }

    /// Whether a page is to tell of the past, or has been asked to, and nothing speaks against that it does.
    pub(super) fn is_to_be_read(&self) -> bool {
        !self.is_read && !self.is_over && self.failures == 0
    }

    /// Whether a page can be asked for.
    pub(super) fn is_free(&self, now: Instant) -> bool {
        self.asking.is_none() && !self.is_over && self.held_until <= now
    }

    /// What the next page is worth, from what was measured before, where so many jobs wait. `pressure` is asked for now and
    /// then only.
    pub(super) fn worth(&mut self, jobs: usize, now: Instant, pressure: impl FnOnce() -> Pressure) -> Worth {
        if let Some(estimate) = &mut self.estimate
            && (now.since(estimate.at) < ESTIMATED_FOR || estimate.uses < jobs / ESTIMATED_JOBS)
        {
            estimate.uses += 1;
            return estimate.worth;
        }
        let worth = self.estimated(&pressure(), now);
        self.estimate = Some(Estimate { worth, at: now, uses: 0 });
        worth
    }

    fn estimated(&self, pressure: &Pressure, now: Instant) -> Worth {
        let unseen = self.of_unseen(pressure, now);
        let of = |page: usize| pressure.pages.get(page).copied().unwrap_or(unseen);
        if let Some(walk) = &self.walk {
            return Worth { pages: walk.until, of_page: of(walk.page) / PRICE };
        }
        let mut best = Worth { pages: 0, of_page: 0.0 };
        let (mut sum, mut most) = (0.0, 0.0);
        for page in 0..=pressure.pages.len() {
            sum += of(page) - PRICE;
            if sum > most {
                most = sum;
                #[expect(clippy::cast_precision_loss, reason = "a few pages")]
                let pages = (page + 1) as f64;
                best = Worth { pages: page + 1, of_page: (sum / pages + PRICE) / PRICE };
            }
        }
        best
    }

    /// What a page is likely to answer for that was not seen yet.
    fn of_unseen(&self, pressure: &Pressure, now: Instant) -> f64 {
        let is_read = self.ended_at.is_some_and(|at| now.since(at) < FORGETTING);
        if is_read { 0.0 } else { pressure.of_unseen(self.vain(now)) }
    }

    fn vain(&self, now: Instant) -> f64 {
        self.vain * 0.5_f64.powf(now.since(self.vain_at).as_secs_f64() / FORGETTING.as_secs_f64())
    }

    /// Asks for the next page: of the walk under way, or of a new one that goes on for so many pages. Returns its token.
    pub(super) fn ask(&mut self, pages: usize, now: Instant, generation: u64) -> Option<String> {
        self.asking = Some(Asking { since: now, generation });
        self.estimate = None;
        let new = || Walk { began: now, token: None, page: 0, until: 1, tokens: BTreeSet::new() };
        let walk = self.walk.get_or_insert_with(new);
        walk.until = walk.until.max(pages);
        walk.token.clone()
    }

    /// Takes the end of a request. Returns when it began; nothing for one that is not under way.
    pub(super) fn finish(&mut self, generation: u64) -> Option<Instant> {
        self.asking.take_if(|asking| asking.generation == generation).map(|asking| asking.since)
    }

    /// Takes a page that was read: `next` leads to the one after it, and its rows were `worth` so much. Those that are not
    /// located yet say what a further one is worth.
    pub(super) fn turn(&mut self, next: Option<String>, worth: f64, rest: &Pressure, now: Instant) -> Turned {
        (self.is_read, self.estimate) = (true, None);
        let Some(mut walk) = self.walk.take() else { return Turned::default() };
        let page = walk.page;
        if page >= rest.pages.len() {
            let vain = self.vain(now);
            self.vain = if worth < PRICE { vain + 1.0 } else { vain / 2.0 };
            self.vain_at = now;
        }
        let next = next.filter(|next| page + 1 < MAX_PAGES && walk.tokens.insert(next.clone()));
        let Some(next) = next else {
            self.came_through();
            let is_last = page + 1 >= rest.pages.len() || self.last_page == Some(page);
            self.last_page = Some(page);
            self.ended_at = is_last.then_some(now);
            return Turned { page, end_of: Some(walk.began), is_last };
        };
        self.last_page.take_if(|last| *last <= page);
        walk.page += 1;
        walk.token = Some(next);
        let known = rest.pages.get(walk.page).copied();
        if walk.page < walk.until || known.unwrap_or_else(|| self.of_unseen(rest, now)) > PRICE {
            self.walk = Some(walk);
        } else {
            self.came_through();
        }
        Turned { page, ..Turned::default() }
    }

    /// A walk came as far as it was to. A first page alone is no sign that all is well: the next may be what fails.
    fn came_through(&mut self) {
        (self.restarts, self.failures, self.failing_since) = (0, 0, None);
    }

    /// Takes the failure of a page; the next one is not asked for before `until`. Where it was the token that was refused,
    /// the walk begins anew; else it is over.
    pub(super) fn fail(&mut self, is_of_token: bool, until: Instant, now: Instant) {
        self.estimate = None;
        if is_of_token && self.restarts < RESTARTS {
            self.restarts += 1;
            if let Some(walk) = &mut self.walk {
                let (began, until) = (now, walk.until);
                *walk = Walk { began, token: None, page: 0, until, tokens: BTreeSet::new() };
            }
            return;
        }
        self.walk = None;
        self.restarts = 0;
        self.failures = self.failures.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.held_until = self.held_until.max(until);
    }

    /// Asks for nothing any more, and takes no answer.
    pub(super) fn stop(&mut self) {
        (self.walk, self.asking, self.is_over) = (None, None, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_before_known_pages_is_believed_the_second_time() {
        let now = Instant::default();
        let mut known = Pressure::default();
        (0..3).for_each(|page| known.add(Some(page), 10.0));
        let mut list = List::default();
        // Reads a list that has so many pages, and says whether its end is believed.
        let mut walk = |pages: usize| {
            for page in 0..pages {
                list.ask(3, now, 0);
                list.finish(0);
                let turned = list.turn((page + 1 < pages).then(|| page.to_string()), 10.0, &known, now);
                assert_eq!((turned.page, turned.end_of.is_some()), (page, page + 1 == pages));
                if page + 1 == pages {
                    return turned.is_last;
                }
            }
            false
        };
        assert!(walk(3));
        assert!(!walk(1) && walk(1), "twice the same");
        assert!(!walk(2) && !walk(1), "another one");
        assert!(walk(3) && !walk(1), "it went on meanwhile");
    }
}
