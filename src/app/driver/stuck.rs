//! Work that does not end.

use std::time::Duration;

use super::Driver;
use crate::model::time::Instant;

/// After these times, work of each kind counts as stuck. Each is longer than the work's own time
/// limit: a request to the API ends after 5 minutes at most, a delivery after 17 s, or 111 s if it is
/// a command, which may wait as long, and 5 s more, for a test of its sink, a write that waits for
/// another process after 30 s.
const LONGEST_POLL: Duration = Duration::from_mins(6);
const LONGEST_DELIVERY: Duration = Duration::from_mins(4);
pub(super) const LONGEST_WRITE: Duration = Duration::from_mins(1);

/// A commit under a lease usually takes milliseconds. One that waits for its server ends with the
/// lease, well before it counts as stuck.
const SLOW_COMMIT: Duration = Duration::from_secs(5);

impl Driver {
    /// Whether replicas share the state, and a commit waits for its server.
    pub fn waits_for_commit(&self) -> bool {
        let now = self.clock.now().instant;
        let is_slow = |since| now.since(since) > SLOW_COMMIT;
        self.lease.is_shared() && self.commits.oldest().is_some_and(is_slow)
    }

    /// What has been under way for longer than it can take, if anything.
    pub fn stuck(&self) -> Option<&'static str> {
        let now = self.clock.now().instant;
        let kinds = [
            (self.commits.oldest(), LONGEST_WRITE, "a write to the state"),
            (self.edits.oldest(), LONGEST_WRITE, "a check of the state"),
            (self.deliveries.oldest(), LONGEST_DELIVERY, "a delivery"),
            (self.polls.oldest(), LONGEST_POLL, "a request to the API"),
        ];
        let stuck = |(oldest, limit, _): &(Option<Instant>, _, _)| {
            oldest.is_some_and(|since| now.since(since) > *limit)
        };
        kinds.into_iter().find(stuck).map(|(_, _, what)| what)
    }
}
