//! How long the restores of a project took in the past.
//!
//! Invariant: each restore counts once, however often its end is seen; only the newest
//! [`MAX_RESTORES`] are kept, because what is restored changes.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::cadence::EndEstimate;
use super::hazard::Hazard;
use crate::model::Expectation;
use crate::model::time::wall_between;

const MAX_RESTORES: usize = 200;

/// Fewer than this say nothing about what is slow.
const MIN_RESTORES_FOR_QUANTILE: usize = 20;

/// Restores that completed.
#[derive(Debug, Clone, Default)]
pub(super) struct DurationHistory {
    past: BTreeSet<Past>,
    /// Computed once, because it is read far more often than something is learned.
    expectation: Option<Expectation>,
    /// What follows from them. Computed when it is used: many may complete before the next poll.
    hazard: OnceCell<Hazard>,
}

/// One of them. Two that completed in the same second and took the same time to the millisecond are
/// taken for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Past {
    /// When, in seconds since 1970.
    completed: i64,
    /// How many milliseconds it had taken.
    took: u64,
}

impl DurationHistory {
    /// The history of a record.
    pub(super) fn from_snapshot(past: Vec<(i64, u64)>) -> Self {
        let past = past.into_iter().map(|(completed, took)| Past { completed, took }).collect();
        let mut duration_history = Self { past, ..Self::default() };
        duration_history.forget_old();
        duration_history.expectation = duration_history.expect();
        duration_history
    }

    /// What is recorded of it.
    pub(super) fn snapshot(&self) -> Vec<(i64, u64)> {
        self.past.iter().map(|past| (past.completed, past.took)).collect()
    }

    /// A restore ran from `created_at` to `completed_at`, as the API says. Returns whether that was
    /// not known. One that took no time is no restore, but a clock that was set.
    pub(super) fn learn(&mut self, created_at: Timestamp, completed_at: Timestamp) -> bool {
        let took = u64::try_from(wall_between(created_at, completed_at).as_millis()).unwrap_or(u64::MAX);
        let past = Past { completed: completed_at.as_second(), took };
        // The list shows old ones again and again; they are not to discard what was computed.
        let is_old = self.past.len() >= MAX_RESTORES && self.past.first().is_some_and(|first| past < *first);
        if took == 0 || is_old || !self.past.insert(past) {
            return false;
        }
        self.hazard.take();
        self.forget_old();
        self.expectation = self.expect();
        true
    }

    pub(super) fn restores(&self) -> usize {
        self.past.len()
    }

    /// The durations, the shortest first.
    pub(super) fn durations(&self) -> Vec<Duration> {
        let mut durations: Vec<_> = self.past.iter().map(|past| Duration::from_millis(past.took)).collect();
        durations.sort_unstable();
        durations
    }

    /// How long this part of them took at most, by the nearest rank, if enough are known to say.
    pub(super) fn quantile(&self, part: f64) -> Option<Duration> {
        (self.restores() >= MIN_RESTORES_FOR_QUANTILE)
            .then(|| nearest_rank(&self.durations(), part))
            .flatten()
    }

    /// What they say of the end of one that runs.
    pub(super) fn end_estimate(&self) -> EndEstimate<'_> {
        if self.past.is_empty() {
            return EndEstimate::Unknown;
        }
        EndEstimate::Past(self.hazard.get_or_init(|| Hazard::of(&self.durations())))
    }

    /// What to expect of the next, if anything is known.
    pub(super) fn expectation(&self) -> Option<Expectation> {
        self.expectation
    }

    fn expect(&self) -> Option<Expectation> {
        let durations = self.durations();
        let seconds = |part| nearest_rank(&durations, part).map(|took| took.as_secs_f64());
        Some(Expectation {
            restores: durations.len(),
            median_seconds: seconds(0.5)?,
            p90_seconds: seconds(0.9)?,
        })
    }

    fn forget_old(&mut self) {
        while self.past.len() > MAX_RESTORES {
            self.past.pop_first();
        }
    }
}

/// The quantile of what is sorted, by the nearest rank.
fn nearest_rank(sorted: &[Duration], part: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 200"
    )]
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(1_700_000_000 + second, 0).unwrap()
    }

    fn duration_history(took: impl IntoIterator<Item = i64>) -> DurationHistory {
        let mut duration_history = DurationHistory::default();
        for (place, took) in (0..).zip(took) {
            assert!(duration_history.learn(at(10_000 * place), at(10_000 * place + took)));
        }
        duration_history
    }

    #[test]
    fn each_restore_counts_once() {
        let mut duration_history = duration_history([60, 30]);
        assert!(!duration_history.learn(at(0), at(60)));
        assert!(!duration_history.learn(at(9), at(9)), "took no time");
        assert_eq!(duration_history.restores(), 2);
        let again = DurationHistory::from_snapshot(duration_history.snapshot());
        assert_eq!(again.snapshot(), duration_history.snapshot());
    }

    #[test]
    fn the_newest_are_kept() {
        let mut duration_history = duration_history(1..=200);
        assert!(duration_history.learn(at(5_000_000), at(5_001_000)));
        assert_eq!(duration_history.restores(), 200);
        assert_eq!(duration_history.durations()[0].as_secs(), 2);
        duration_history.end_estimate();
        assert!(!duration_history.learn(at(0), at(1)), "older than all that are kept");
        assert!(duration_history.hazard.get().is_some(), "what is known is as it was");
    }

    #[test]
    fn quantiles_by_the_nearest_rank() {
        assert_eq!(duration_history(1..=19).quantile(0.5), None, "too few");
        let duration_history = duration_history((1..=40).rev());
        assert_eq!(duration_history.quantile(0.95).unwrap().as_secs(), 38);
        assert_eq!(duration_history.quantile(0.001).unwrap().as_secs(), 1);
        let expected = duration_history.expectation().unwrap();
        assert_eq!(expected.to_string(), "past 40 restores: half within 20s, nine in ten within 36s");
        assert_eq!(DurationHistory::default().expectation(), None);
    }
}
