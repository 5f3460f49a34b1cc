//! How a sink takes its deliveries: whether it ever did, and since when it does not.
//!
//! Invariant: a sink fails from its first failed attempt on until it takes a delivery. That is
//! trouble once an attempt failed again, a delivery became a dead letter, or a receiver that never
//! took anything rejected one: a single failure passes more often than not.

use crate::engine::snapshot::{FailingSnapshot, SinkSnapshot};
use crate::model::time::{Instant, Now, Recorded};

/// What is known of one sink with its present settings.
#[derive(Debug, Default)]
pub(super) struct Reception {
    /// Whether it took a delivery.
    has_accepted: bool,
    failing: Option<Failing>,
    /// Whether it was logged that it rejects deliveries as they are.
    is_rejection_logged: bool,
}

/// A stretch of time in which every attempt failed.
#[derive(Debug)]
struct Failing {
    /// When the first one failed.
    since: Instant,
    /// Why the last one failed.
    reason: String,
    is_trouble: bool,
    /// Whether the trouble was logged, so that its end is logged, too.
    is_logged: bool,
}

impl Reception {
    /// What was recorded of the sink.
    pub(super) fn from_snapshot(snapshot: &SinkSnapshot, now: Now) -> Self {
        let failing = snapshot.failing.as_ref().map(|failing| {
            let recorded = Recorded::new(snapshot.written_at.unwrap_or(failing.since), now);
            Failing {
                since: recorded.instant(failing.since),
                reason: failing.reason.clone(),
                is_trouble: true,
                is_logged: true,
            }
        });
        Self { has_accepted: snapshot.has_accepted, failing, is_rejection_logged: false }
    }

    /// Whether it took a delivery since its settings changed.
    pub(super) fn has_accepted(&self) -> bool {
        self.has_accepted
    }

    /// The present trouble, as it is recorded.
    pub(super) fn snapshot(&self, now: Now) -> Option<FailingSnapshot> {
        self.trouble()
            .map(|(since, reason)| FailingSnapshot { since: now.wall_at(since), reason: reason.to_owned() })
    }

    /// Since when it takes nothing and why, if that is trouble.
    pub(super) fn trouble(&self) -> Option<(Instant, &str)> {
        let failing = self.failing.as_ref().filter(|failing| failing.is_trouble)?;
        Some((failing.since, &failing.reason))
    }

    /// An attempt failed; `is_trouble` says whether that is more than a first failure. Returns
    /// whether the record of the sink changed.
    pub(super) fn on_failed(&mut self, reason: &str, is_trouble: bool, now: Instant) -> bool {
        let new = || Failing { since: now, reason: String::new(), is_trouble: false, is_logged: false };
        let failing = self.failing.get_or_insert_with(new);

        let is_other = failing.reason != reason;
        if is_other {
            reason.clone_into(&mut failing.reason);
        }
        let begins = is_trouble && !failing.is_trouble;
        failing.is_trouble |= is_trouble;
        begins || (failing.is_trouble && is_other)
    }

    /// Whether it is worth an error of its own that the receiver rejects a delivery as it is: it
    /// never took one, and this is the first rejection of this process.
    pub(super) fn take_first_rejection(&mut self) -> bool {
        !self.has_accepted && !std::mem::replace(&mut self.is_rejection_logged, true)
    }

    /// The trouble was logged.
    pub(super) fn mark_logged(&mut self) {
        self.failing.iter_mut().for_each(|failing| failing.is_logged = true);
    }

    /// It took a delivery. Returns whether its record changed, and since when there was trouble, if
    /// that was logged.
    pub(super) fn on_accepted(&mut self) -> (bool, Option<Instant>) {
        let was_new = !std::mem::replace(&mut self.has_accepted, true);
        let Some(failing) = self.failing.take() else { return (was_new, None) };
        (was_new || failing.is_trouble, (failing.is_trouble && failing.is_logged).then_some(failing.since))
    }

    /// Nothing is left that it could take. Returns whether its record changed.
    pub(super) fn settle(&mut self) -> bool {
        self.failing.take().is_some_and(|failing| failing.is_trouble)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    #[test]
    fn a_first_failure_is_no_trouble_and_a_second_one_is() {
        let mut reception = Reception::default();

        assert!(!reception.on_failed("HTTP 400", false, at(1)));
        assert_eq!(reception.trouble(), None);
        assert!(reception.on_failed("HTTP 400", true, at(6)));
        assert_eq!(reception.trouble(), Some((at(1), "HTTP 400")));
        assert!(!reception.on_failed("HTTP 400", false, at(9)), "nothing new");
        assert!(reception.on_failed("HTTP 503", true, at(300)), "the reason is recorded");
    }

    #[test]
    fn the_end_of_trouble_is_reported_if_its_begin_was() {
        for is_logged in [false, true] {
            let mut reception = Reception::default();
            reception.on_failed("HTTP 400", true, at(1));
            if is_logged {
                reception.mark_logged();
            }

            assert_eq!(reception.on_accepted(), (true, is_logged.then(|| at(1))));
            assert_eq!(reception.on_accepted(), (false, None));
        }
    }

    #[test]
    fn the_first_rejection_is_taken_once_and_never_after_a_success() {
        let mut new = Reception::default();
        assert!(new.take_first_rejection() && !new.take_first_rejection());

        let mut proven = Reception::default();
        proven.on_accepted();
        assert!(!proven.take_first_rejection());
    }
}
