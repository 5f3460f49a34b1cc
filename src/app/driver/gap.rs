//! Gaps: times in which the machine was suspended or the process was not run.

use std::time::Duration;

use tracing::info;

use super::Driver;
use crate::engine::Input;
use crate::model::duration;

/// Shorter suspensions are ignored: they are not worth a poll of every job.
const SHORTEST_SUSPENSION: Duration = Duration::from_secs(1);

/// A loop that is late by this much was not only busy: its process or the machine around it was
/// frozen.
const SHORTEST_FREEZE: Duration = Duration::from_secs(10);

impl Driver {
    /// Reports a gap, in which nothing could be done, before the engine judges what comes after it:
    /// an answer that waited meanwhile is old, and a limit that passed meanwhile proves nothing.
    pub(super) fn notice_gap(&mut self) {
        let late = self.expected.take().map(|at| self.clock.now().instant.since(at)).unwrap_or_default();
        let slept = self.clock.slept().saturating_sub(self.slept);
        let (gap, what) = match () {
            // The process may have been frozen before or after the suspension.
            () if slept >= SHORTEST_SUSPENSION => (slept.max(late), "this machine was suspended"),
            () if late >= SHORTEST_FREEZE => (late, "this process was not run"),
            () => return,
        };

        self.slept += slept;
        self.polls.shift(gap);
        self.deliveries.shift(gap);
        self.commits.shift(gap);
        self.edits.shift(gap);
        info!("{what} for {}; looking at all restores again", duration::human(gap));
        self.step(Input::Suspended(gap));
    }
}
