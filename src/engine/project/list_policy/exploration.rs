//! The search for the pages that show jobs.
//!
//! Invariant: an exploration costs at most one page for each job whose page is not known, and one
//! for each that it finds: at most as many requests as to describe each of them once, and again.

use std::time::Duration;

use super::{FEW_JOBS, number};
use crate::model::time::Instant;

/// How long after a futile exploration the next one begins; twice as long after each further one.
const EXPLORATION_GAP: Duration = Duration::from_mins(10);
const MAX_EXPLORATION_GAP: Duration = Duration::from_hours(24);

/// What explorations may cost, and when the next one may begin.
#[derive(Debug)]
pub(super) struct Exploration {
    /// How many pages may be asked for. Each job that comes to be watched adds one, and each that
    /// is found.
    pub(super) credit: f64,
    /// When a futile search is repeated.
    again_at: Instant,
    gap: Duration,
}

impl Exploration {
    /// Whether an exploration may begin now for this number of jobs.
    pub(super) fn is_due(&mut self, unlocated: usize, now: Instant) -> bool {
        if unlocated <= FEW_JOBS {
            return false;
        }
        if self.credit <= 0.0 && now >= self.again_at {
            self.credit = number(unlocated);
        }
        self.credit > 0.0
    }

    pub(super) fn spend(&mut self, found: usize, now: Instant) {
        self.credit += number(found) - 1.0;
        if found > 0 {
            self.gap = EXPLORATION_GAP;
        }
        if self.credit <= 0.0 {
            self.give_up(now);
        }
    }

    pub(super) fn give_up(&mut self, now: Instant) {
        self.credit = 0.0;
        self.again_at = now + self.gap;
        self.gap = (2 * self.gap).min(MAX_EXPLORATION_GAP);
    }
}

impl Default for Exploration {
    fn default() -> Self {
        Self { credit: 0.0, again_at: Instant::default(), gap: EXPLORATION_GAP }
    }
}
