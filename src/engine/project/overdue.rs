//! Polls that are not made although they are permitted.
//!
//! Invariant: of a project that may be asked, each open job is polled in its time. A watch for
//! which that is not so does not work, although no poll of it fails.

use super::Project;
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

        // The queue is in the order of time, so only its ends are looked at.
        let is_late = |due: Instant| now.since(due.max(free_since)) > limit;
        let late = self.schedule.queue().take_while(|(due, _)| is_late(*due)).count();
        let far_off = self.schedule.queue_backwards().take_while(|(due, _)| *due > longest);
        let has_no_trouble = |id| self.tracker(id).is_some_and(|tracker| tracker.last_error().is_none());
        late + far_off.filter(|(_, id)| has_no_trouble(id)).count()
    }
}
