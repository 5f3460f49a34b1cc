//! For how long the API has answered 404 for a job.
//!
//! Invariant: only the time between two such answers in a row counts, and of that no more than two
//! of the longest intervals: what no poll confirmed proves nothing.

use std::time::Duration;

use crate::model::time::Instant;

/// The confirmed absence of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Absence {
    confirmed: Duration,
    /// When the last answer was a 404, if it was.
    last_404: Option<Instant>,
}

impl Absence {
    /// An absence that was confirmed for this long before this process began.
    pub(super) fn restored(confirmed: Duration) -> Self {
        Self { confirmed, last_404: None }
    }

    pub(super) fn confirmed(self) -> Duration {
        self.confirmed
    }

    /// Takes the failure of a poll that began at `began` and ended at `now`. The longest interval
    /// between polls is `slowest`.
    pub(super) fn fail(&mut self, is_404: bool, began: Instant, now: Instant, slowest: Duration) {
        let before = std::mem::replace(&mut self.last_404, is_404.then_some(now));
        if let (true, Some(before)) = (is_404, before) {
            self.confirmed += began.since(before).min(slowest.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOWEST: Duration = Duration::from_mins(1);

    /// What is confirmed by failures at these seconds, each either a 404 or not.
    fn confirmed(failures: &[(u64, bool)]) -> u64 {
        let mut absence = Absence::default();
        for (second, is_404) in failures {
            let now = Instant::after_start(Duration::from_secs(*second));
            absence.fail(*is_404, now, now, SLOWEST);
        }
        absence.confirmed().as_secs()
    }

    #[test]
    fn the_time_between_two_404s_counts() {
        assert_eq!(confirmed(&[(10, true)]), 0);
        assert_eq!(confirmed(&[(10, true), (40, true), (100, true)]), 90);
    }

    #[test]
    fn another_failure_in_between_proves_nothing() {
        assert_eq!(confirmed(&[(10, true), (40, false), (70, true), (80, true)]), 10);
    }

    #[test]
    fn a_long_pause_counts_for_two_intervals() {
        assert_eq!(confirmed(&[(0, true), (3600, true)]), 120);
    }
}
