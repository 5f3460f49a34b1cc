//! Whether the API accepts the key of a project.
//!
//! Invariant: a key counts as refused only after two refusals in a row that are some seconds apart.
//! The answers to polls under way at one moment are one refusal, and so is what a gateway answers
//! for a second or two.

use std::time::Duration;

use crate::model::time::Instant;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Access {
    /// Accepted, as far as known.
    Accepted,
    /// Refused once, at this time.
    Suspected { since: Instant },
    /// Refused; the reason is what the API said last.
    Refused { reason: String },
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
    /// The second in a row: the key is refused from now on.
    Confirmed,
    /// The key is known to be refused.
    Again,
}

impl Access {
    /// What a record says.
    pub(super) fn from_snapshot(refused: Option<String>) -> Self {
        refused.map_or(Self::Accepted, |reason| Self::Refused { reason })
    }

    /// Whether nothing speaks against the key.
    pub(super) fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }

    /// Whether a refusal is to be confirmed.
    pub(super) fn is_suspected(&self) -> bool {
        matches!(self, Self::Suspected { .. })
    }

    /// Whether the key is refused.
    pub(super) fn is_refused(&self) -> bool {
        self.refusal().is_some()
    }

    /// Why the key is refused, if it is.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self {
            Self::Refused { reason } => Some(reason),
            Self::Accepted | Self::Suspected { .. } => None,
        }
    }

    /// Takes a refusal of a poll that began at `began`. It confirms the first one if it began at
    /// least `apart` after that.
    pub(super) fn refuse(&mut self, began: Instant, apart: Duration, reason: &str, now: Instant) -> Refusal {
        let refusal = match *self {
            Self::Accepted => Refusal::First,
            Self::Suspected { since } if began <= since => Refusal::Same,
            Self::Suspected { since } if began < since + apart => Refusal::Early,
            Self::Suspected { .. } => Refusal::Confirmed,
            Self::Refused { .. } => Refusal::Again,
        };
        match refusal {
            Refusal::First => *self = Self::Suspected { since: now },
            Refusal::Same | Refusal::Early => {}
            Refusal::Confirmed | Refusal::Again => *self = Self::Refused { reason: reason.to_owned() },
        }
        refusal
    }

    /// Takes an answer that shows that the key is accepted. Returns whether it was refused before.
    pub(super) fn accept(&mut self) -> bool {
        let refused = self.is_refused();
        *self = Self::Accepted;
        refused
    }

    /// Takes a failure that says nothing about the key: a suspicion is over, because the row of
    /// refusals is.
    pub(super) fn interrupt(&mut self) {
        if self.is_suspected() {
            *self = Self::Accepted;
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
        assert!(!access.is_refused());
        assert_eq!(access.refuse(at(6), APART, "403", at(7)), Refusal::Confirmed);
        assert_eq!(access.refusal(), Some("403"));

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
        assert!(access.is_refused(), "an outage proves no key");
    }
}
