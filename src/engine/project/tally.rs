//! How many jobs of a project are in which condition.

use std::ops::{AddAssign, SubAssign};

use super::jobs::Job;
use crate::model::time::Instant;
use crate::model::{Outcome, OutcomeCounts};

/// Counts of jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Jobs that ended.
    pub(super) ended: usize,
    /// Jobs by outcome, as far as their own polls say.
    pub(super) outcomes: OutcomeCounts,
    /// Jobs whose index may be polled after their next answer.
    pub(super) may_turn_to_index: usize,
    /// Jobs that were discovered, and are named nowhere.
    pub(super) discovered: usize,
    /// Those of them that ended, or that the list shows as ended.
    pub(super) discovered_over: usize,
}

/// What is counted of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    has_ended: bool,
    outcome: Outcome,
    may_turn_to_index: bool,
    /// Whether it is over, if it was discovered.
    discovered_is_over: Option<bool>,
    /// When it began, if it is an open restore.
    open_since: Option<Instant>,
}

impl Counted {
    pub(super) fn of(job: &Job) -> Self {
        let tracker = &job.tracker;
        Self {
            has_ended: tracker.has_ended(),
            outcome: tracker.outcome(),
            may_turn_to_index: tracker.may_turn_to_index(),
            discovered_is_over: job.is_discovered().then(|| job.is_over()),
            open_since: tracker.is_open_restore().then(|| tracker.began()),
        }
    }

    pub(super) fn open_since(self) -> Option<Instant> {
        self.open_since
    }

    /// The counts of this job alone.
    fn tally(self) -> Tally {
        let mut outcomes = OutcomeCounts::default();
        outcomes.add(self.outcome, 1);
        Tally {
            ended: usize::from(self.has_ended),
            outcomes,
            may_turn_to_index: usize::from(self.may_turn_to_index),
            discovered: usize::from(self.discovered_is_over.is_some()),
            discovered_over: usize::from(self.discovered_is_over == Some(true)),
        }
    }
}

impl AddAssign<Counted> for Tally {
    fn add_assign(&mut self, job: Counted) {
        let one = job.tally();
        self.ended += one.ended;
        self.outcomes += one.outcomes;
        self.may_turn_to_index += one.may_turn_to_index;
        self.discovered += one.discovered;
        self.discovered_over += one.discovered_over;
    }
}

impl SubAssign<Counted> for Tally {
    fn sub_assign(&mut self, job: Counted) {
        let one = job.tally();
        self.ended -= one.ended;
        self.outcomes -= one.outcomes;
        self.may_turn_to_index -= one.may_turn_to_index;
        self.discovered -= one.discovered;
        self.discovered_over -= one.discovered_over;
    }
}
