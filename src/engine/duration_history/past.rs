//! Past restores: what makes one, and how two are distinguished.

use crate::engine::Fingerprint;
use crate::engine::snapshot::{Origin, PastRestore};
use crate::model::time::wall_between;
use crate::model::{JobFacts, index_stem};

impl PastRestore {
    /// The past restore of these facts, if they say from when to when it ran. One that took no time
    /// is no restore, but a clock that was set.
    pub fn of(facts: &JobFacts) -> Option<Self> {
        let (created_at, completed_at) = facts.created_at.zip(facts.completed_at)?;
        let took = u64::try_from(wall_between(created_at, completed_at).as_millis()).unwrap_or(u64::MAX);
        let restore = Self { completed: completed_at.as_second(), took, origin: Origin::of(facts) };
        (took > 0).then_some(restore)
    }

    /// Identifies the restore; that of an earlier one is less.
    pub(super) fn key(&self) -> (i64, u64) {
        (self.completed, self.took)
    }
}

impl Origin {
    /// What is restored by a job of these facts.
    pub(super) fn of(facts: &JobFacts) -> Self {
        let backup = facts.backup_id.as_deref();
        let index = facts.target_index_name.as_deref().map(index_stem);
        Self { backup: backup.and_then(Fingerprint::of), index: index.and_then(Fingerprint::of) }
    }
}
