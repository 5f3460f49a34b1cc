//! How long the restores of a project take, and from which age on one is slow.
//!
//! Invariant: the limit always follows from the history and the setting of now.

use super::Project;
use crate::config::SlowAfter;
use crate::engine::duration_history::DurationHistory;
use crate::engine::slow::SlowLimit;
use crate::engine::snapshot::PastRestore;
use crate::model::{Expectation, JobFacts};

/// The duration history, and what it decides beside the cadence.
#[derive(Debug)]
pub(super) struct Durations {
    history: DurationHistory,
    slow_after: Option<SlowAfter>,
    is_dirty: bool,
}

impl Durations {
    pub(super) fn from_snapshot(past: Vec<PastRestore>, slow_after: Option<SlowAfter>) -> Self {
        Self { history: DurationHistory::from_snapshot(past), slow_after, is_dirty: false }
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
    }

    pub(super) fn history(&self) -> &DurationHistory {
        &self.history
    }

    /// From which age a job of these facts is slow.
    pub(super) fn slow_limit(&self, facts: &JobFacts) -> Option<SlowLimit> {
        SlowLimit::find(self.slow_after, &self.history, facts)
    }

    /// Learns of a restore of the project.
    pub(super) fn learn(&mut self, restore: PastRestore) {
        self.is_dirty |= self.history.learn(restore);
    }
}

impl Project {
    /// How long restores like one of these facts took in the past, if some are known.
    pub(in crate::engine) fn expectation_of(&self, facts: &JobFacts) -> Option<Expectation> {
        self.durations.history().expectation_of(facts)
    }

    /// What to expect of all its jobs by past restores, if they are of one group.
    pub(in crate::engine) fn common_expectation(&self) -> Option<Expectation> {
        let history = self.durations.history();
        let mut jobs = self.jobs.values().map(|job| job.tracker.facts());
        let first = jobs.next()?;
        let group = history.group_of(first)?;
        jobs.all(|facts| history.group_of(facts) == Some(group)).then(|| history.expectation_of(first))?
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

    fn limit(durations: &Durations) -> Option<Duration> {
        durations.slow_limit(&JobFacts::default()).map(|limit| limit.after)
    }

    #[test]
    fn the_limit_follows_what_is_learned() {
        let past = (0..19).map(restore).collect();
        let mut durations = Durations::from_snapshot(past, Some(SlowAfter::Quantile(0.95)));
        assert_eq!(limit(&durations), None);

        durations.learn(restore(1060));

        assert_eq!(limit(&durations), Some(Duration::from_mins(1)));
        assert!(durations.take_dirty());
        durations.learn(restore(1060));
        assert!(!durations.is_dirty());
    }

    #[test]
    fn the_limit_follows_the_setting() {
        let mut durations = Durations::from_snapshot(Vec::new(), None);

        durations.reconfigure(Some(SlowAfter::Time(Duration::from_hours(2))));

        assert_eq!(limit(&durations), Some(Duration::from_hours(2)));
    }
}
