//! The age from which a running restore is slow.
//!
//! Invariant: a quantile of the past is a limit only once enough restores are known; a configured
//! time always is.

use std::time::Duration;

use super::duration_history::{DurationHistory, Quantile};
use crate::config::SlowAfter;
use crate::model::{JobFacts, Reason};

/// From which age a restore is slow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct SlowLimit {
    pub(super) after: Duration,
    basis: Basis,
}

/// What the limit follows from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Basis {
    Setting,
    Past { part: f64, quantile: Quantile },
}

impl SlowLimit {
    /// The limit that these settings set for a job of these facts with this history, if they set
    /// one.
    pub(super) fn find(
        slow_after: Option<SlowAfter>,
        history: &DurationHistory,
        facts: &JobFacts,
    ) -> Option<Self> {
        Some(match slow_after? {
            SlowAfter::Time(after) => Self { after, basis: Basis::Setting },
            SlowAfter::Quantile(part) => {
                let quantile = history.quantile(facts, part)?;
                Self { after: quantile.took, basis: Basis::Past { part, quantile } }
            }
        })
    }

    /// What a job of these facts exceeds that is older.
    pub(super) fn reason(&self, facts: &JobFacts) -> Reason {
        match self.basis {
            Basis::Setting => Reason::SlowerThanLimit(self.after),
            Basis::Past { part, quantile: Quantile { took, restores, group } } => {
                let group = group.and_then(|group| group.name(facts));
                Reason::SlowerThanPast { quantile: part, restores, took, group }
            }
        }
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

    fn limit(slow_after: Option<SlowAfter>, history: &DurationHistory) -> Option<(Duration, String)> {
        let facts = JobFacts::default();
        let limit = SlowLimit::find(slow_after, history, &facts)?;
        Some((limit.after, limit.reason(&facts).to_string()))
    }

    #[test]
    fn quantile_is_a_limit_once_enough_restores_are_known() {
        let p95 = Some(SlowAfter::Quantile(0.95));

        assert_eq!(limit(p95, &past(19)), None);

        let (after, reason) = limit(p95, &past(20)).unwrap();
        assert_eq!(after, Duration::from_mins(19));
        assert_eq!(reason, "longer than 95 % of the past 20 restores (19m 00s)");
    }

    #[test]
    fn configured_time_is_a_limit_without_history() {
        let (after, reason) = limit(Some(SlowAfter::Time(Duration::from_hours(2))), &past(0)).unwrap();

        assert_eq!(after, Duration::from_hours(2));
        assert_eq!(reason, "longer than slow_after = 2h");
    }

    #[test]
    fn nothing_is_slow_without_a_setting() {
        assert_eq!(limit(None, &past(20)), None);
    }
}
