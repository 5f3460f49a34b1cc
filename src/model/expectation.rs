//! How long restores took, which is what the next one may be expected to take.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::duration;

/// How long restores took in the past.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// How many are known, the newest 200 at most.
    pub restores: usize,
    /// Half of them took this long at most.
    pub median_seconds: f64,
    /// Nine in ten of them took this long at most.
    pub p90_seconds: f64,
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let human = |seconds: f64| duration::human(Duration::try_from_secs_f64(seconds).unwrap_or_default());
        let (half, most) = (human(self.median_seconds), human(self.p90_seconds));
        match self.restores {
            1 => write!(f, "the 1 past restore took {half}"),
            restores => write!(f, "past {restores} restores: half within {half}, nine in ten within {most}"),
        }
    }
}
