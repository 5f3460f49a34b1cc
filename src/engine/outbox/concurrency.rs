//! How many deliveries to one receiver may be under way at once.
//!
//! The number follows the receiver as the window of TCP follows a network: additive increase,
//! multiplicative decrease (Chiu and Jain, "Analysis of the Increase and Decrease Algorithms for
//! Congestion Avoidance in Computer Networks", 1989), with the slow start of RFC 5681.
//!
//! Invariant: the number is at least one, at most [`DeliveryPolicy::max_in_flight`], and falls at
//! most once for all attempts that were under way together.
//!
//! [`DeliveryPolicy::max_in_flight`]: crate::engine::DeliveryPolicy

use std::time::Duration;

/// Deliveries that may be under way before anything is known of the receiver.
pub(in crate::engine) const INITIAL: usize = 8;

/// A later answer is no reason to begin more at once: a receiver that works on one delivery after
/// the other answers the later the more it is given.
const PROMPT: Duration = Duration::from_secs(1);

/// The learned limit of deliveries in flight.
#[derive(Debug)]
pub(super) struct Concurrency {
    limit: usize,
    /// Below this, the limit grows by one with each answer; from here on, with each `limit` of
    /// them (RFC 5681, section 3.1: `ssthresh`).
    cautious_from: usize,
    /// Answers since the limit grew, while it grows cautiously.
    answers: usize,
    /// How many attempts began; numbers them.
    begun: u64,
    /// The first attempt after the limit fell last. The failure of an earlier one is of the same
    /// overload (RFC 6582, section 3.2: `recover`).
    recovered_from: u64,
}

/// The number of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Attempt(u64);

impl Concurrency {
    pub(super) fn new() -> Self {
        Self { limit: INITIAL, cautious_from: usize::MAX, answers: 0, begun: 0, recovered_from: 0 }
    }

    /// How many deliveries may be under way, of `max` that the policy permits.
    pub(super) fn limit(&self, max: usize) -> usize {
        self.limit.min(max)
    }

    /// An attempt begins.
    pub(super) fn begin(&mut self) -> Attempt {
        let attempt = Attempt(self.begun);
        self.begun += 1;
        attempt
    }

    /// The receiver accepted a delivery after this time, while `in_flight` were under way. The
    /// limit grows only if it was reached: nothing is known of more than was tried (RFC 7661).
    pub(super) fn on_accepted(&mut self, took: Duration, in_flight: usize, max: usize) {
        if took > PROMPT || in_flight < self.limit || self.limit >= max {
            return;
        }

        self.answers += 1;
        if self.limit < self.cautious_from || self.answers >= self.limit {
            self.limit += 1;
            self.answers = 0;
        }
    }

    /// The receiver refused an attempt, or did not answer it, in a way that may pass.
    pub(super) fn on_overload(&mut self, attempt: Attempt) {
        if attempt.0 < self.recovered_from {
            return;
        }

        self.limit = (self.limit / 2).max(1);
        self.cautious_from = self.limit;
        self.answers = 0;
        self.recovered_from = self.begun;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAX: usize = 32;

    /// Begins as many attempts as the limit permits, and answers them after this time.
    fn round(concurrency: &mut Concurrency, took: Duration) -> usize {
        let in_flight = concurrency.limit(MAX);
        for _ in 0..in_flight {
            concurrency.begin();
        }
        for _ in 0..in_flight {
            // Whatever is answered makes room for the next one at once.
            concurrency.on_accepted(took, concurrency.limit(MAX), MAX);
        }
        concurrency.limit(MAX)
    }

    #[test]
    fn a_fast_receiver_gets_twice_as_many_each_round() {
        let mut concurrency = Concurrency::new();

        let limits: Vec<_> = (0..4).map(|_| round(&mut concurrency, Duration::from_millis(100))).collect();

        assert_eq!(limits, [16, 32, 32, 32]);
    }

    #[test]
    fn a_slow_receiver_gets_no_more() {
        let mut concurrency = Concurrency::new();

        assert_eq!(round(&mut concurrency, Duration::from_secs(2)), INITIAL);
    }

    #[test]
    fn a_limit_that_is_not_reached_does_not_grow() {
        let mut concurrency = Concurrency::new();

        for _ in 0..1000 {
            concurrency.begin();
            concurrency.on_accepted(Duration::from_millis(10), 1, MAX);
        }

        assert_eq!(concurrency.limit(MAX), INITIAL);
    }

    #[test]
    fn failures_of_one_round_halve_the_limit_once() {
        let mut concurrency = Concurrency::new();
        let attempts: Vec<_> = (0..INITIAL).map(|_| concurrency.begin()).collect();

        for attempt in attempts {
            concurrency.on_overload(attempt);
        }
        assert_eq!(concurrency.limit(MAX), INITIAL / 2);

        let next = concurrency.begin();
        concurrency.on_overload(next);
        assert_eq!(concurrency.limit(MAX), INITIAL / 4);
    }

    #[test]
    fn after_a_failure_the_limit_grows_by_one_a_round() {
        let mut concurrency = Concurrency::new();
        let attempt = concurrency.begin();
        concurrency.on_overload(attempt);

        let limits: Vec<_> = (0..4).map(|_| round(&mut concurrency, Duration::from_millis(100))).collect();

        assert_eq!(limits, [5, 6, 7, 8]);
    }

    #[test]
    fn policy_bounds_the_limit() {
        let mut concurrency = Concurrency::new();
        round(&mut concurrency, Duration::ZERO);

        assert_eq!((concurrency.limit(MAX), concurrency.limit(3)), (16, 3));
    }

    #[derive(Debug, Clone)]
    enum Happening {
        Begin,
        Accepted(u64, usize),
        Overload(prop::sample::Index),
    }

    fn happenings() -> impl Strategy<Value = Vec<Happening>> {
        let one = prop_oneof![
            3 => Just(Happening::Begin),
            4 => (0_u64..3000, 0..2 * MAX).prop_map(|(took, busy)| Happening::Accepted(took, busy)),
            1 => any::<prop::sample::Index>().prop_map(Happening::Overload),
        ];
        prop::collection::vec(one, 0..300)
    }

    proptest! {
        #[test]
        fn the_limit_stays_in_its_bounds(happenings in happenings(), max in 1..2 * MAX) {
            let mut concurrency = Concurrency::new();
            let mut attempts = vec![concurrency.begin()];
            for happening in happenings {
                let before = concurrency.limit;
                match happening {
                    Happening::Begin => attempts.push(concurrency.begin()),
                    Happening::Accepted(took, busy) => {
                        concurrency.on_accepted(Duration::from_millis(took), busy, max);
                        prop_assert!(concurrency.limit <= before + 1);
                    }
                    Happening::Overload(which) => {
                        concurrency.on_overload(*which.get(&attempts));
                        prop_assert!(concurrency.limit >= (before / 2).max(1));
                    }
                }
                prop_assert!((1..=max).contains(&concurrency.limit(max)));
            }
        }
    }
}
