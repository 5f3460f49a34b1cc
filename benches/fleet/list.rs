//! The list of a project's jobs, as the API shows it while a fleet is watched.
//!
//! Invariant: time only goes on, and with it the replacements of rows; the list keeps its length.
//!
//! The tokens of the API are opaque. Here they are offsets, which is the worst case: if a row is
//! inserted or removed before the place of a token, the next page shows a row again or skips one.
//! Tokens that name the last row shown would do neither.

use fastrand::Rng;
use restore_watch::engine::ListPage;

use crate::fleet::{Fleet, Order};

/// How many rows a page has.
pub(crate) const ROWS: usize = 100;

/// The part of the rows that an unreliable list leaves out, and how often it ends too early.
const MISSING: f64 = 0.05;
const ENDS_EARLY: f64 = 0.01;

/// The list during one watch.
#[derive(Debug)]
pub(crate) struct List<'a> {
    fleet: &'a Fleet,
    /// The places of the jobs among those of the fleet, row by row.
    rows: Vec<usize>,
    /// How many replacements were made.
    replaced: usize,
    /// Decides what an unreliable list leaves out.
    rng: Rng,
}

impl<'a> List<'a> {
    /// The list at the start of the watch.
    pub(crate) fn new(fleet: &'a Fleet, seed: u64) -> Self {
        Self { fleet, rows: fleet.listed.clone(), replaced: 0, rng: Rng::with_seed(!seed) }
    }

    /// How many pages the list has.
    pub(crate) fn pages(&self) -> usize {
        self.rows.len().div_ceil(ROWS)
    }

    /// The places of the jobs on a page at that time, and whether another one follows.
    pub(crate) fn page(&mut self, page: usize, at: f64) -> (Vec<usize>, bool) {
        self.advance(at);
        let is_reliable = self.fleet.order != Order::Unreliable;
        let rows = self.rows[page * ROWS..].iter().take(ROWS).copied();
        let rows = rows.filter(|_| is_reliable || self.rng.f64() >= MISSING).collect();
        (rows, page + 1 < self.pages() && (is_reliable || self.rng.f64() >= ENDS_EARLY))
    }

    /// The page that this token leads to at that time, as the API answers.
    pub(crate) fn answer(&mut self, token: Option<&str>, at: f64) -> ListPage {
        let page = token.map_or(0, |token| token.parse().unwrap());
        let (rows, has_more) = self.page(page, at);
        let jobs = rows.into_iter().map(|place| self.fleet.describe(place, at)).collect();
        ListPage { jobs, surplus: 0, next: has_more.then(|| (page + 1).to_string()) }
    }

    fn advance(&mut self, at: f64) {
        let due = self.fleet.replacements[self.replaced..].iter().take_while(|next| next.at <= at);
        for replacement in due {
            let left = self.rows.iter().position(|place| *place == replacement.leaves).unwrap();
            self.rows.remove(left);
            self.rows.insert(replacement.row, replacement.arrives);
            self.replaced += 1;
        }
    }
}
