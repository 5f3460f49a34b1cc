//! Polls that are not made although they are permitted.
//!
//! Invariant: of a project that may be asked, each open job is polled in its time. A watch for
//! which that is not so does not work, although no poll of it fails.

use super::Project;
use super::jobs::Job;
use crate::engine::retry::Backoff;
use crate::model::time::Instant;

/// Rounds at the rate that holds for which a poll may wait for its turn: the list and the jobs
/// share the rate.
const MAX_ROUNDS: u32 = 2;

impl Project {
    /// How many jobs are not polled although they may be: their polls are due for longer than a job
    /// may be without an answer, or put off further than any interval. None while the project is
    /// paused, its key is unauthorized, or its server asks to be left alone.
    pub(in crate::engine) fn overdue_polls(&self, now: Instant) -> usize {
        let held_until = self.gate.held_until();
        if !self.expects_answers() || held_until > now {
            return 0;
        }
        let turn = self.round_takes(now).saturating_mul(MAX_ROUNDS);
        let limit = self.watch.unreachable_after.saturating_add(turn);
        let free_since = self.gate.free_since().max(held_until);
        let longest = now + self.cadence.slowest().max(Backoff::POLL.max).saturating_add(limit);

        let is_overdue = |job: &&Job| {
            let is_put_off = |due| due > longest && job.tracker.last_error().is_none();
            let is_late = |due: Instant| now.since(due.max(free_since)) > limit;
            job.volatile.place.due().is_some_and(|due| is_late(due) || is_put_off(due))
        };
        self.jobs.values().filter(is_overdue).count()
    }
}
