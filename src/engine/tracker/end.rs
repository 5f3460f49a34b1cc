//! The end of a job or of its index.

use std::time::Duration;

use crate::model::time::Now;
use crate::model::{Elapsed, Outcome};

/// How a job or its index ended, and what the clocks showed when that was observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) observed_at: Now,
    /// The age of the job then.
    pub(super) age: Duration,
    /// The age of the job when an answer last showed that this had not come, if one did.
    pub(super) seen_running: Option<Duration>,
    /// Whether it had come before the job was watched, so that it could not be observed in time.
    pub(super) is_before_watch: bool,
}

impl End {
    /// An end that was observed now, at this age.
    pub(super) fn new(outcome: Outcome, now: Now, age: Duration, seen_running: Option<Duration>) -> Self {
        // Between both, the age may have been corrected.
        let seen_running = seen_running.map(|seen| seen.min(age));
        Self { outcome, observed_at: now, age, seen_running, is_before_watch: false }
    }

    /// The time from the start of the job to this end, if the API does not date it.
    pub(super) fn elapsed(self) -> Elapsed {
        Elapsed::AtMost { bound: self.age, seen_running: self.seen_running }
    }
}
