//! The limits of time that a job has exceeded.
//!
//! Invariant: each kind of event in `once` is emitted once in the life of a job. That it is overdue
//! is emitted once for each deadline, and for none that is shorter than one before.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::model::EventKind;

/// What was emitted of a job that takes long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TimeLimits {
    /// The longest deadline that was emitted as passed.
    overdue: Option<Duration>,
    /// The kinds that were emitted and are not to be emitted again.
    once: BTreeSet<EventKind>,
}

impl TimeLimits {
    pub(super) fn restored(overdue: Option<Duration>, once: BTreeSet<EventKind>) -> Self {
        Self { overdue, once }
    }

    /// The deadline, if its passing is still to be emitted.
    pub(super) fn to_pass(&self, deadline: Option<Duration>) -> Option<Duration> {
        deadline.filter(|deadline| self.overdue.is_none_or(|emitted| *deadline > emitted))
    }

    pub(super) fn mark_overdue(&mut self, deadline: Option<Duration>) {
        self.overdue = deadline;
    }

    pub(super) fn overdue(&self) -> Option<Duration> {
        self.overdue
    }

    pub(super) fn mark_emitted(&mut self, kind: EventKind) {
        self.once.insert(kind);
    }

    pub(super) fn is_emitted(&self, kind: EventKind) -> bool {
        self.once.contains(&kind)
    }

    pub(super) fn emitted_once(&self) -> &BTreeSet<EventKind> {
        &self.once
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_longer_deadline_can_pass_again() {
        let hours = |hours| Some(Duration::from_hours(hours));
        let mut limits = TimeLimits::default();

        limits.mark_overdue(limits.to_pass(hours(2)));

        assert_eq!(limits.to_pass(hours(1)), None);
        assert_eq!(limits.to_pass(hours(2)), None);
        assert_eq!(limits.to_pass(hours(3)), hours(3));
        assert_eq!(limits.to_pass(None), None);
    }
}
