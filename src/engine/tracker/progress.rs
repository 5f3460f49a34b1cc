//! The progress of a job: what is emitted of it, and which end it promises.
//!
//! Invariant: progress is emitted each time it has moved by ten points since the last time.

use std::time::Duration;

use crate::engine::progress::{Progress, Projection};
use crate::engine::snapshot::ProgressSnapshot;
use crate::model::JobFacts;
use crate::model::time::{Instant, Now};

/// How far progress moves from one event to the next.
const STEP_PERCENT: f64 = 10.0;

/// The progress of one job, and how much of it was emitted.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct ProgressWatch {
    readings: Progress,
    emitted: f64,
}

impl ProgressWatch {
    pub(super) fn restored(readings: Progress, emitted: f64) -> Self {
        Self { readings, emitted }
    }

    /// Takes the progress that an answer gave at this age of the job.
    pub(super) fn read(&mut self, facts: &JobFacts, age: Duration, now: Instant) {
        if let Some(percent) = facts.intermediate_progress() {
            self.readings.read(percent, age, now);
        }
    }

    /// Counts from the progress that the first answer gave: it is part of what is emitted for that.
    pub(super) fn count_from(&mut self, facts: &JobFacts) {
        self.emitted = facts.percent_complete.unwrap_or_default();
    }

    /// Takes the step that is to be emitted. Returns whether there is one.
    pub(super) fn take_step(&mut self, facts: &JobFacts) -> bool {
        let step = facts.percent_complete.filter(|percent| *percent >= self.emitted + STEP_PERCENT);
        self.emitted = step.unwrap_or(self.emitted);
        step.is_some()
    }

    pub(super) fn projection(&self, now: Instant) -> Option<Projection> {
        self.readings.projection(now)
    }

    pub(super) fn emitted(&self) -> f64 {
        self.emitted
    }

    pub(super) fn snapshot(&self, now: Now) -> Option<ProgressSnapshot> {
        self.readings.snapshot(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(percent: f64) -> JobFacts {
        JobFacts { percent_complete: Some(percent), ..JobFacts::default() }
    }

    #[test]
    fn each_step_of_ten_points_is_taken_once() {
        let mut progress = ProgressWatch::default();
        progress.count_from(&facts(3.0));

        let steps: Vec<_> = [12.9, 13.0, 13.0, 22.0, 90.0]
            .into_iter()
            .filter(|percent| progress.take_step(&facts(*percent)))
            .collect();

        assert_eq!(steps, [13.0, 90.0]);
    }

    #[test]
    fn answers_without_progress_are_no_step() {
        let before = ProgressWatch::restored(Progress::default(), 20.0);
        let mut after = before;

        assert!(!after.take_step(&JobFacts::default()));
        assert_eq!(after, before);
    }
}
