//! From which age on a restore is slow, and in which words that is said.
//!
//! Invariant: a part of the past is a limit only once enough of the past is known; a time always is.

use std::time::Duration;

use super::duration_history::DurationHistory;
use crate::config::SlowAfter;
use crate::model::duration;

/// From when on the restores of a project are slow, worked out once: by each answer about a job it is looked at, and the
/// past changes only when one ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlowLimit {
    /// The age.
    pub after: Duration,
    /// What is exceeded then.
    pub reason: String,
}

impl SlowLimit {
    /// What these settings mean with this past.
    pub(super) fn find(slow_after: Option<SlowAfter>, duration_history: &DurationHistory) -> Option<Self> {
        Some(match slow_after? {
            SlowAfter::Time(after) => {
                Self { after, reason: format!("longer than slow_after = {}", duration::written(after)) }
            }
            part @ SlowAfter::Quantile(quantile) => {
                let after = duration_history.quantile(quantile)?;
                let (restores, took) = (duration_history.restores(), duration::human(after));
                Self { after, reason: format!("longer than {part} of the past {restores} restores ({took})") }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_past_says_something_once_enough_is_known() {
        let past =
            |count: u64| DurationHistory::from_snapshot((1..=count).map(|n| (0, n * 60_000)).collect());
        let p95 = Some(SlowAfter::Quantile(0.95));
        assert_eq!(SlowLimit::find(p95, &past(19)), None);
        let limit = SlowLimit::find(p95, &past(20)).unwrap();
        assert_eq!(limit.after, Duration::from_mins(19));
        assert_eq!(limit.reason, "longer than 95 % of the past 20 restores (19m 00s)");
        let limit = SlowLimit::find(Some(SlowAfter::Time(Duration::from_hours(2))), &past(0)).unwrap();
        assert_eq!(limit.reason, "longer than slow_after = 2h");
        assert_eq!(SlowLimit::find(None, &past(20)), None);
    }
}
