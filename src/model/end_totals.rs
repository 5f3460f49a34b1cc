//! How many restores ended, whether or not the history still has them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{EndedRestore, Outcome, ProjectName};

/// How many restores ended, by project and outcome.
pub type EndTotals = BTreeMap<(ProjectName, Outcome), EndTotal>;

/// The restores of a project that ended with one outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndTotal {
    /// How many these are.
    pub ended: u64,
    /// When the last one ended, by [`EndedRestore::ended_at`].
    pub last_ended_at: Timestamp,
}

impl EndTotal {
    /// Counts a restore.
    pub fn count(totals: &mut EndTotals, restore: &EndedRestore) {
        let (key, at) = ((restore.project.clone(), restore.outcome), restore.ended_at());
        let total = totals.entry(key).or_insert(Self { ended: 0, last_ended_at: at });
        total.ended += 1;
        total.last_ended_at = total.last_ended_at.max(at);
    }
}
