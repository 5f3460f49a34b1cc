//! Reading the configuration again.

use serde::{Deserialize, Serialize};

/// The configuration was read again and is in force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is watched now, in one line.
    pub summary: String,
    /// How many jobs are watched that were not before.
    pub jobs_added: usize,
    /// How many jobs are no longer watched.
    pub jobs_removed: usize,
    /// What takes effect only after a restart.
    pub warnings: Vec<String>,
}
