//! The time limits that follow from the length of a lease.

use std::time::Duration;

/// The length of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) lease: Duration,
}

impl Times {
    /// How long a lease may be relied on after a renewal began: clocks of two machines may go at
    /// different speeds.
    pub(super) fn holding(self) -> Duration {
        self.lease * 9 / 10
    }

    /// The time from one renewal to the next.
    pub(super) fn renewal(self) -> Duration {
        self.lease / 3
    }

    /// How long a message may take that reads, renews or takes.
    pub(super) fn message(self) -> Duration {
        self.lease / 4
    }

    /// How long a commit may take. The lease cannot be renewed meanwhile.
    pub(super) fn commit(self) -> Duration {
        self.lease / 2
    }

    /// How long to wait before the same is tried again.
    pub(super) fn pause(self) -> Duration {
        (self.lease / 20).min(Duration::from_secs(1))
    }

    /// The time between two looks at the lease of another replica.
    pub(super) fn look(self) -> Duration {
        Duration::from_secs(1)
    }

    /// How long the holder of a lease of length `theirs` must be silent before the lease is taken
    /// from it.
    pub(super) fn silence(self, theirs: Option<Duration>) -> Duration {
        match theirs {
            Some(theirs) if theirs != self.lease => 2 * self.lease.max(theirs),
            _ => self.lease,
        }
    }

    /// For how long a process that shows no sign of life is still listed.
    pub(super) fn listed(self) -> Duration {
        self.lease * 10
    }
}
