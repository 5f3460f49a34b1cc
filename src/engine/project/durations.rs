//! How long the restores of a project take, and from which age on one is slow.
//!
//! Invariant: the limit always follows from the history and the setting of now.

use crate::config::SlowAfter;
use crate::engine::duration_history::DurationHistory;
use crate::engine::slow::SlowLimit;
use crate::engine::snapshot::PastRestore;

/// The duration history with the limit that follows from it.
#[derive(Debug)]
pub(super) struct Durations {
    history: DurationHistory,
    slow_after: Option<SlowAfter>,
    slow_limit: Option<SlowLimit>,
    is_dirty: bool,
}

impl Durations {
    pub(super) fn from_snapshot(past: Vec<PastRestore>, slow_after: Option<SlowAfter>) -> Self {
        let history = DurationHistory::from_snapshot(past);
        let slow_limit = SlowLimit::find(slow_after, &history);
        Self { history, slow_after, slow_limit, is_dirty: false }
    }

    /// Whether a record is to be written since this was asked last.
    pub(super) fn take_dirty(&mut self) -> bool {
        std::mem::take(&mut self.is_dirty)
    }

    pub(super) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    pub(super) fn reconfigure(&mut self, slow_after: Option<SlowAfter>) {
        self.slow_after = slow_after;
        self.slow_limit = SlowLimit::find(slow_after, &self.history);
    }

    pub(super) fn history(&self) -> &DurationHistory {
        &self.history
    }

    pub(super) fn slow_limit(&self) -> Option<&SlowLimit> {
        self.slow_limit.as_ref()
    }

    /// Learns of a restore of the project.
    pub(super) fn learn(&mut self, restore: PastRestore) {
        if self.history.learn(restore) {
            self.is_dirty = true;
            self.slow_limit = SlowLimit::find(self.slow_after, &self.history);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::snapshot::Origin;

    fn restore(completed: i64) -> PastRestore {
        PastRestore { completed, took: 60_000, origin: Origin::default() }
    }

    #[test]
    fn the_limit_follows_what_is_learned() {
        let past = (0..19).map(restore).collect();
        let mut durations = Durations::from_snapshot(past, Some(SlowAfter::Quantile(0.95)));
        assert_eq!(durations.slow_limit(), None);

        durations.learn(restore(1060));

        assert_eq!(durations.slow_limit().map(|limit| limit.after), Some(Duration::from_mins(1)));
        assert!(durations.take_dirty());
        durations.learn(restore(1060));
        assert!(!durations.is_dirty());
    }

    #[test]
    fn the_limit_follows_the_setting() {
        let mut durations = Durations::from_snapshot(Vec::new(), None);

        durations.reconfigure(Some(SlowAfter::Time(Duration::from_hours(2))));

        assert_eq!(durations.slow_limit().map(|limit| limit.after), Some(Duration::from_hours(2)));
    }
}
