//! Polls that are not made.
//!
//! Invariant: of a project that may be asked, each job that has not ended is polled in its time. A watch of which that is
//! not so does not work, although no poll of it fails.

use super::{Job, Project};
use crate::engine::retry::Backoff;
use crate::model::time::Instant;

/// Rounds at the rate that holds for which a poll may wait for its turn: the list and the jobs share the rate.
const ROUNDS: u32 = 2;

impl Project {
    /// How many jobs are not polled although they may be: their polls are due for longer than a job may be without an
    /// answer, or put off further than any interval. Not so while the project is paused, its key is refused, or its server
    /// asked to be left alone.
    pub(in crate::engine) fn overdue_polls(&self, now: Instant) -> usize {
        if !self.is_listening() || self.held_until > now {
            return 0;
        }
        let turn = self.round_takes(now).saturating_mul(ROUNDS);
        let limit = self.watch.unreachable_after.saturating_add(turn);
        let free_since = self.free_since.max(self.held_until);
        let longest = now + self.cadence.slowest().max(Backoff::POLL.max).saturating_add(limit);
        let is_overdue = |job: &&Job| {
            let is_put_off = |due| due > longest && job.tracker.last_error().is_none();
            job.due.is_some_and(|due| now.since(due.max(free_since)) > limit || is_put_off(due))
        };
        self.jobs.values().map(AsRef::as_ref).filter(is_overdue).count()
    }
}
