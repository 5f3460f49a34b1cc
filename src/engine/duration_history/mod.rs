//! How long the restores of a project took in the past.
//!
//! Invariant: each restore counts once, however often its end is seen; only the newest
//! [`MAX_RESTORES`] are kept, because what is restored changes.

mod index_name;
mod lagging;
mod past;

use std::cell::OnceCell;
use std::time::Duration;

use super::cadence::EndEstimate;
use super::hazard::{Hazard, Survivors};
use super::snapshot::{Origin, PastRestore};
use crate::model::Expectation;

use lagging::Lagging;

const MAX_RESTORES: usize = 200;

/// Fewer than this say nothing about what is slow.
const MIN_RESTORES_FOR_QUANTILE: usize = 20;

/// Restores that completed.
#[derive(Debug, Clone, Default)]
pub(super) struct DurationHistory {
    /// The oldest first.
    past: Vec<PastRestore>,
    /// Their durations, the shortest first.
    durations: OnceCell<Vec<Duration>>,
    hazard: Lagging<Hazard>,
}

impl DurationHistory {
    /// The history of a record.
    pub(super) fn from_snapshot(mut past: Vec<PastRestore>) -> Self {
        past.sort_by_key(PastRestore::key);
        past.dedup_by_key(|restore| restore.key());
        past.drain(..past.len().saturating_sub(MAX_RESTORES));
        Self { past, ..Self::default() }
    }

    /// What is recorded of it.
    pub(super) fn snapshot(&self) -> Vec<PastRestore> {
        self.past.clone()
    }

    /// Learns of a restore. Returns whether that was not known.
    pub(super) fn learn(&mut self, restore: PastRestore) -> bool {
        let place = self.past.partition_point(|known| known.key() < restore.key());
        if let Some(known) = self.past.get_mut(place).filter(|known| known.key() == restore.key()) {
            // An older record does not say what was restored.
            let adds = known.origin == Origin::default() && restore.origin != known.origin;
            known.origin = if adds { restore.origin } else { known.origin };
            return adds;
        }
        // The list shows old ones again and again; they are not to discard what was computed.
        if place == 0 && self.past.len() >= MAX_RESTORES {
            return false;
        }
        self.past.insert(place, restore);
        if self.past.len() > MAX_RESTORES {
            self.past.remove(0);
        }
        self.durations.take();
        self.hazard.on_change(self.past.len());
        true
    }

    pub(super) fn restores(&self) -> usize {
        self.past.len()
    }

    /// How long this part of them took at most, by the nearest rank, if enough are known to say.
    pub(super) fn quantile(&self, part: f64) -> Option<Duration> {
        (self.restores() >= MIN_RESTORES_FOR_QUANTILE).then(|| nearest_rank(self.durations(), part)).flatten()
    }

    /// What they say of the end of one that runs.
    pub(super) fn end_estimate(&self) -> EndEstimate<'_> {
        if self.past.is_empty() {
            return EndEstimate::Unknown;
        }
        EndEstimate::Past(self.hazard.get_or_init(|| Hazard::of(&Survivors::of(self.durations()))))
    }

    /// What to expect of the next, if anything is known.
    pub(super) fn expectation(&self) -> Option<Expectation> {
        let durations = self.durations();
        let seconds = |part| nearest_rank(durations, part).map(|took| took.as_secs_f64());
        Some(Expectation {
            restores: durations.len(),
            median_seconds: seconds(0.5)?,
            p90_seconds: seconds(0.9)?,
        })
    }

    /// Sorted when that is asked for: many may complete before.
    fn durations(&self) -> &[Duration] {
        self.durations.get_or_init(|| {
            let took = self.past.iter().map(|restore| Duration::from_millis(restore.took));
            let mut durations: Vec<_> = took.collect();
            durations.sort_unstable();
            durations
        })
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
    use crate::engine::Fingerprint;

    /// A restore that completed at this second.
    fn restore(completed: i64, seconds: u64) -> PastRestore {
        PastRestore { completed, took: 1000 * seconds, origin: Origin::default() }
    }

    fn duration_history(took: impl IntoIterator<Item = u64>) -> DurationHistory {
        let mut duration_history = DurationHistory::default();
        for (place, took) in (0..).zip(took) {
            assert!(duration_history.learn(restore(10_000 * place, took)));
        }
        duration_history
    }

    #[test]
    fn each_restore_counts_once() {
        let mut duration_history = duration_history([60, 30]);
        assert!(!duration_history.learn(restore(0, 60)));
        assert_eq!(duration_history.restores(), 2);
        let again = DurationHistory::from_snapshot(duration_history.snapshot());
        assert_eq!(again.snapshot(), duration_history.snapshot());
    }

    #[test]
    fn the_newest_are_kept() {
        let mut duration_history = duration_history(1..=200);
        assert!(duration_history.learn(restore(5_001_000, 1000)));
        assert_eq!(duration_history.restores(), 200);
        assert_eq!(duration_history.durations()[0].as_secs(), 2);
        duration_history.end_estimate();
        assert!(!duration_history.learn(restore(0, 1)), "older than all that are kept");
        assert!(duration_history.hazard.is_computed(), "what is known is as it was");
    }

    #[test]
    fn an_older_record_learns_what_was_restored() {
        let mut duration_history = duration_history([60]);
        let origin = Origin { index: Fingerprint::of("orders"), backup: None };
        let known = PastRestore { origin, ..restore(0, 60) };

        assert!(duration_history.learn(known));
        assert!(!duration_history.learn(known) && !duration_history.learn(restore(0, 60)));

        assert_eq!(duration_history.snapshot(), [known]);
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
