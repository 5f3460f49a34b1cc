//! The limits of time that a job has exceeded.
//!
//! Invariant: that a job is slow is emitted once. That it is overdue is emitted once for each
//! deadline, and for none that is shorter than one before.

use std::time::Duration;

/// What was emitted of a job that takes long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TimeLimits {
    /// The longest deadline that was emitted as passed.
    overdue: Option<Duration>,
    slow: bool,
}

impl TimeLimits {
    pub(super) fn restored(overdue: Option<Duration>, slow: bool) -> Self {
        Self { overdue, slow }
    }

    /// The deadline, if its passing is still to be emitted.
    pub(super) fn to_pass(self, deadline: Option<Duration>) -> Option<Duration> {
        deadline.filter(|deadline| self.overdue.is_none_or(|emitted| *deadline > emitted))
    }

    pub(super) fn mark_overdue(&mut self, deadline: Option<Duration>) {
        self.overdue = deadline;
    }

    pub(super) fn overdue(self) -> Option<Duration> {
        self.overdue
    }

    pub(super) fn mark_slow(&mut self) {
        self.slow = true;
    }

    pub(super) fn is_slow(self) -> bool {
        self.slow
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
