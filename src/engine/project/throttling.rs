//! A server that limits the requests of a project: for how long it is left alone, and which jobs
//! wait for that.
//!
//! Invariant: a row of refusals counts as one until a request is taken that began after it. A job
//! that only waits for its turn is not throttled.

use std::collections::BTreeSet;

use crate::engine::snapshot::ThrottleSnapshot;
use crate::model::JobId;
use crate::model::time::{Instant, Now, Recorded};

/// What is known of a server's limits on requests.
#[derive(Debug, Default)]
pub(super) struct Throttling {
    /// Refusals in a row, and when the last one came that counted. Those of polls that were under
    /// way by then do not count.
    in_a_row: u32,
    last: Option<Instant>,
    current: Option<Throttle>,
    /// The jobs that were not polled since, and have or had no other trouble.
    jobs: BTreeSet<JobId>,
}

/// A server is left alone because it limits the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Throttle {
    pub(super) until: Instant,
    /// What the server said.
    pub(super) reason: String,
    /// Whether the server did not say for how long, so that this is our own backoff.
    pub(super) is_backoff: bool,
}

/// A refusal that was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    /// Jobs that are due earlier are known to be throttled, by a refusal before this one.
    pub(super) known_until: Option<Instant>,
}

impl Throttling {
    pub(super) fn from_snapshot(throttled: Option<ThrottleSnapshot>, record: Recorded) -> Self {
        let current = throttled.map(|ThrottleSnapshot { until, reason, is_backoff }| Throttle {
            until: record.instant(until),
            reason,
            is_backoff,
        });
        Self { current, ..Self::default() }
    }

    pub(super) fn snapshot(&self, now: Now) -> Option<ThrottleSnapshot> {
        self.current(now.instant).map(|Throttle { until, reason, is_backoff }| ThrottleSnapshot {
            until: now.wall_at(*until),
            reason: reason.clone(),
            is_backoff: *is_backoff,
        })
    }

    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// For what the server is left alone at `now`, if it is.
    pub(super) fn current(&self, now: Instant) -> Option<&Throttle> {
        self.current.as_ref().filter(|throttle| throttle.until > now)
    }

    /// When the server may be asked again, from `now` on.
    pub(super) fn ends_at(&self, now: Instant) -> Instant {
        self.current.as_ref().map_or(now, |throttle| throttle.until.max(now))
    }

    /// What the server said, if it is still left alone at `due`.
    pub(super) fn reason_at(&self, due: Instant) -> Option<&str> {
        self.current(due).map(|throttle| throttle.reason.as_str())
    }

    /// Counts a refusal of a request that began at `began`, unless it was under way at the last
    /// one. Returns whether it counts.
    pub(super) fn count(&mut self, began: Instant, now: Instant) -> bool {
        let counts = self.began_after_last(began);
        if counts {
            self.in_a_row = self.in_a_row.saturating_add(1);
            self.last = Some(now);
        }
        counts
    }

    /// The server is left alone for this from now on. `is_first` if the refusal counts.
    pub(super) fn begin(&mut self, mut throttle: Throttle, is_first: bool, now: Instant) -> Refused {
        let before = self.current.take().filter(|_| !is_first);
        // A longer time that was asked for before still holds.
        let is_asked = before.as_ref().is_some_and(|before| !before.is_backoff && before.until > now);
        throttle.is_backoff &= !is_asked;
        self.current = Some(throttle);
        Refused { known_until: before.map(|before| before.until) }
    }

    /// The server took a request that began at `began`. Returns the jobs that are no longer
    /// throttled if that ends a row of refusals: how long they wait from now on is up to the rate.
    pub(super) fn on_taken(&mut self, began: Instant) -> Vec<JobId> {
        if self.in_a_row == 0 || !self.began_after_last(began) {
            return Vec::new();
        }
        self.in_a_row = 0;
        self.jobs.iter().cloned().collect()
    }

    pub(super) fn mark(&mut self, id: &JobId) {
        if !self.jobs.contains(id) {
            self.jobs.insert(id.clone());
        }
    }

    pub(super) fn clear(&mut self, id: &JobId) -> bool {
        self.jobs.remove(id)
    }

    /// Whether a poll that began at `began` shows what became of the last refusal.
    fn began_after_last(&self, began: Instant) -> bool {
        self.last.is_none_or(|last| began > last)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::after_start(Duration::from_secs(seconds))
    }

    fn throttle(until: u64, is_backoff: bool) -> Throttle {
        Throttle { until: at(until), reason: "429".to_owned(), is_backoff }
    }

    #[test]
    fn refusals_of_polls_under_way_count_as_one() {
        let mut throttling = Throttling::default();

        assert!(throttling.count(at(1), at(5)));
        assert!(!throttling.count(at(2), at(6)));
        assert!(throttling.count(at(6), at(7)));

        assert_eq!(throttling.in_a_row(), 2);
    }

    #[test]
    fn a_longer_time_that_was_asked_for_still_holds() {
        let mut throttling = Throttling::default();

        assert_eq!(throttling.begin(throttle(60, false), true, at(1)), Refused { known_until: None });
        let refused = throttling.begin(throttle(60, true), false, at(2));

        assert_eq!(refused, Refused { known_until: Some(at(60)) });
        assert_eq!(throttling.current(at(3)), Some(&throttle(60, false)));
        assert_eq!(throttling.reason_at(at(60)), None);
    }

    #[test]
    fn only_a_later_request_ends_the_row() {
        let mut throttling = Throttling::default();
        let id = JobId::new("rj-1").unwrap();
        throttling.count(at(1), at(5));
        throttling.mark(&id);

        assert_eq!(throttling.on_taken(at(4)), []);
        assert_eq!(throttling.on_taken(at(6)), [id]);
        assert_eq!(throttling.on_taken(at(7)), []);
    }
}
