//! Whether the API accepts the key of a project.
//!
//! Invariant: a key counts as unauthorized only after two refusals in a row that are some seconds
//! apart. The answers to polls under way at one moment are one refusal, and so is what a gateway
//! answers for a second or two.

use std::time::Duration;

use crate::model::time::Instant;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Accepted, as far as known.
    Accepted,
    /// Refused once, at this time; a refusal that comes so much later counts.
    Suspected { since: Instant, apart: Duration },
    /// Refused twice; the reason is what the API said last.
    Unauthorized { reason: String },
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The first: to be confirmed soon.
    First,
    /// One more answer to a poll that was under way at the first.
    Same,
    /// Too soon after the first: to be confirmed again.
    Early,
    /// The second in a row: the key is unauthorized from now on.
    Confirmed,
    /// The key is known to be unauthorized.
    Again,
}

impl Access {
    /// What a record says.
    pub(super) fn from_snapshot(unauthorized: Option<String>) -> Self {
        unauthorized.map_or(Self::Accepted, |reason| Self::Unauthorized { reason })
    }

    /// Whether nothing speaks against the key.
    pub(super) fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }

    /// Whether a refusal is to be confirmed.
    pub(super) fn is_suspected(&self) -> bool {
        matches!(self, Self::Suspected { .. })
    }

    pub(super) fn is_unauthorized(&self) -> bool {
        self.refusal().is_some()
    }

    /// Why the key is unauthorized, if it is.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Unauthorized { reason } => Some(reason),
            Self::Accepted | Self::Suspected { .. } => None,
        }
    }

    /// Takes a refusal of a poll that began at `began`. It confirms the first one if it began at
    /// least `apart` after that.
    pub(super) fn refuse(&mut self, began: Instant, apart: Duration, reason: &str, now: Instant) -> Refusal {
        let refusal = match *self {
            Self::Accepted => Refusal::First,
            Self::Suspected { since, .. } if began <= since => Refusal::Same,
            Self::Suspected { since, .. } if began < since + apart => Refusal::Early,
            Self::Suspected { .. } => Refusal::Confirmed,
            Self::Unauthorized { .. } => Refusal::Again,
        };
        match refusal {
            Refusal::First => *self = Self::Suspected { since: now, apart },
            Refusal::Same | Refusal::Early => self.set_apart(apart),
            Refusal::Confirmed | Refusal::Again => *self = Self::Unauthorized { reason: reason.to_owned() },
        }
        refusal
    }

    /// From when on another refusal makes the key unauthorized, if one alone is not enough.
    pub(super) fn counts_at(&self) -> Option<Instant> {
        match *self {
            Self::Suspected { since, apart } => Some(since + apart),
            Self::Accepted | Self::Unauthorized { .. } => None,
        }
    }

    /// Takes an answer that shows that the key is accepted. Returns whether it was unauthorized.
    pub(super) fn accept(&mut self) -> bool {
        let was_unauthorized = self.is_unauthorized();
        *self = Self::Accepted;
        was_unauthorized
    }

    /// Takes a failure that says nothing about the key: a suspicion is over, because the row of
    /// refusals is.
    pub(super) fn interrupt(&mut self) {
        if self.is_suspected() {
            *self = Self::Accepted;
        }
    }

    /// The next refusal is expected to be of the kind of the last one.
    fn set_apart(&mut self, last: Duration) {
        if let Self::Suspected { apart, .. } = self {
            *apart = last;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    const APART: Duration = Duration::from_secs(5);

    #[test]
    fn two_refusals_some_seconds_apart_confirm() {
        let mut access = Access::Accepted;

        assert_eq!(access.refuse(at(0), APART, "401", at(1)), Refusal::First);
        assert_eq!(access.refuse(at(1), Duration::ZERO, "401", at(2)), Refusal::Same);
        assert_eq!(access.refuse(at(2), APART, "401", at(7)), Refusal::Early, "it began too soon");
        assert_eq!((access.is_unauthorized(), access.counts_at()), (false, Some(at(6))));
        assert_eq!(access.refuse(at(6), APART, "403", at(7)), Refusal::Confirmed);
        assert_eq!((access.refusal(), access.counts_at()), (Some("403"), None));

        assert_eq!(access.refuse(at(8), APART, "401", at(9)), Refusal::Again);
        assert!(access.accept());
        assert!(!access.accept());
    }

    #[test]
    fn another_failure_ends_the_row() {
        let mut access = Access::Accepted;
        access.refuse(at(0), APART, "401", at(1));
        access.interrupt();
        assert!(access.is_accepted());

        assert_eq!(access.refuse(at(6), APART, "401", at(7)), Refusal::First);
        access.refuse(at(12), APART, "401", at(13));
        access.interrupt();
        assert!(access.is_unauthorized(), "an outage proves no key");
    }
}
