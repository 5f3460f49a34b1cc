//! How many jobs of a project are in which condition.

use std::ops::{AddAssign, SubAssign};

use crate::engine::tracker::Tracker;
use crate::model::Outcome;

/// Counts of jobs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Jobs that ended.
    pub(super) ended: usize,
    /// Jobs that are not found, as far as their own polls say.
    pub(super) not_found: usize,
    /// Jobs that are unreachable, as far as their own polls say.
    pub(super) unreachable: usize,
    /// Jobs whose index may be polled after their next answer.
    pub(super) may_turn_to_index: usize,
}

/// What is counted of one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counted {
    has_ended: bool,
    outcome: Outcome,
    may_turn_to_index: bool,
}

impl Counted {
    pub(super) fn of(tracker: &Tracker) -> Self {
        Self {
            has_ended: tracker.has_ended(),
            outcome: tracker.outcome(),
            may_turn_to_index: tracker.may_turn_to_index(),
        }
    }

    /// The counts of this job alone.
    fn tally(self) -> Tally {
        Tally {
            ended: usize::from(self.has_ended),
            not_found: usize::from(self.outcome == Outcome::NotFound),
            unreachable: usize::from(self.outcome == Outcome::Unreachable),
            may_turn_to_index: usize::from(self.may_turn_to_index),
        }
    }
}

impl AddAssign<Counted> for Tally {
    fn add_assign(&mut self, job: Counted) {
        let one = job.tally();
        self.ended += one.ended;
        self.not_found += one.not_found;
        self.unreachable += one.unreachable;
        self.may_turn_to_index += one.may_turn_to_index;
    }
}

impl SubAssign<Counted> for Tally {
    fn sub_assign(&mut self, job: Counted) {
        let one = job.tally();
        self.ended -= one.ended;
        self.not_found -= one.not_found;
        self.unreachable -= one.unreachable;
        self.may_turn_to_index -= one.may_turn_to_index;
    }
}
