//! The end of a job or of its index.

use std::time::Duration;

use crate::model::Outcome;
use crate::model::time::Now;

/// How a job or its index ended, and what the clocks showed when that was observed.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) outcome: Outcome,
    pub(super) observed_at: Now,
    /// The age of the job then.
    pub(super) age: Duration,
}
