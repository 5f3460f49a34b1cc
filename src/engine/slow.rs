//! The age from which a running restore is slow.
//!
//! Invariant: a quantile of the past is a limit only once enough restores are known; a configured
//! time always is.

use std::time::Duration;

use super::duration_history::DurationHistory;
use crate::config::SlowAfter;
use crate::model::Reason;

/// From which age the restores of a project are slow. It is computed once for every answer about a
/// job: the history changes only when a restore ends.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlowLimit {
    pub after: Duration,
    /// What a restore of this age exceeds.
    pub reason: Reason,
}

impl SlowLimit {
    /// The limit that these settings set with this history, if they set one.
    pub(super) fn find(slow_after: Option<SlowAfter>, history: &DurationHistory) -> Option<Self> {
        Some(match slow_after? {
            SlowAfter::Time(after) => Self { after, reason: Reason::SlowerThanLimit(after) },
            SlowAfter::Quantile(quantile) => {
                let took = history.quantile(quantile)?;
                let restores = history.restores();
                Self { after: took, reason: Reason::SlowerThanPast { quantile, restores, took } }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::snapshot::{Origin, PastRestore};

    /// So many restores, of 1 minute, 2 minutes and so on.
    fn past(restores: u64) -> DurationHistory {
        let took = (1..=restores).map(|minutes| minutes * 60_000);
        let origin = Origin::default();
        DurationHistory::from_snapshot(took.map(|took| PastRestore { completed: 0, took, origin }).collect())
    }

    #[test]
    fn quantile_is_a_limit_once_enough_restores_are_known() {
        let p95 = Some(SlowAfter::Quantile(0.95));

        assert_eq!(SlowLimit::find(p95, &past(19)), None);

        let limit = SlowLimit::find(p95, &past(20)).unwrap();
        assert_eq!(limit.after, Duration::from_mins(19));
        assert_eq!(limit.reason.to_string(), "longer than 95 % of the past 20 restores (19m 00s)");
    }

    #[test]
    fn configured_time_is_a_limit_without_history() {
        let limit = SlowLimit::find(Some(SlowAfter::Time(Duration::from_hours(2))), &past(0)).unwrap();

        assert_eq!(limit.after, Duration::from_hours(2));
        assert_eq!(limit.reason.to_string(), "longer than slow_after = 2h");
    }

    #[test]
    fn nothing_is_slow_without_a_setting() {
        assert_eq!(SlowLimit::find(None, &past(20)), None);
    }
}
