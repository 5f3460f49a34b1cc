//! The request rate of one project.
//!
//! Invariant: in any window of length `w`, at most `burst + w × rate` requests are let through.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::config::Rate;
use crate::model::time::Instant;

/// Requests are spaced this much wider than the rate asks: the network delays one request more than
/// the next, and the server is not to see a higher rate than the configured one.
const HEADROOM: f64 = 1.05;

/// A generic cell rate algorithm (ITU-T I.371, annex A, in its virtual scheduling form): `due` is
/// the theoretical arrival time of the next request, and one may come early by `tolerance`.
#[derive(Debug, Clone)]
pub struct TokenBucket {
    rate: Rate,
    burst: NonZeroU32,
    interval: Duration,
    tolerance: Duration,
    due: Instant,
}

impl TokenBucket {
    /// Lets `burst` requests through at once after a pause, and `rate` on average.
    pub fn new(rate: Rate, burst: NonZeroU32) -> Self {
        let interval = rate.interval().mul_f64(HEADROOM);
        Self { rate, burst, interval, tolerance: interval * (burst.get() - 1), due: Instant::default() }
    }

    /// The configured rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// How many requests it lets through at once after a pause.
    pub fn burst(&self) -> u32 {
        self.burst.get()
    }

    /// From now on, this rate and burst hold. As many requests as counted before count at the new
    /// rate.
    pub fn reconfigure(&mut self, rate: Rate, burst: NonZeroU32, now: Instant) {
        let counted = self.due.since(now).as_secs_f64() / self.interval.as_secs_f64();
        let new = Self::new(rate, burst);
        *self = Self { due: now + new.interval.mul_f64(counted), ..new };
    }

    /// The earliest time of the next request.
    pub fn ready_at(&self) -> Instant {
        self.due.back(self.tolerance)
    }

    /// How long it takes from `now` until the last of `requests` further requests may be made.
    pub fn time_for(&self, requests: u32, now: Instant) -> Duration {
        let mut ahead = self.clone();
        ahead.due = ahead.due.max(now) + ahead.interval * requests.saturating_sub(1);
        ahead.ready_at().since(now)
    }

    /// Counts a request made at `now`, which is not before [`TokenBucket::ready_at`].
    pub fn take(&mut self, now: Instant) {
        debug_assert!(now >= self.ready_at(), "a request was made before its time");
        self.due = self.due.max(now) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_window_has_more_than_burst_plus_rate(
            rate in 0.1..200.0,
            burst in 1u32..20,
            pauses in prop::collection::vec(0u64..3_000, 2..120),
        ) {
            let mut token_bucket = TokenBucket::new(Rate::new(rate).unwrap(), NonZeroU32::new(burst).unwrap());
            let mut clock = Instant::default();
            let mut sent = Vec::new();
            for pause in pauses {
                clock = (clock + Duration::from_millis(pause)).max(token_bucket.ready_at());
                token_bucket.take(clock);
                sent.push(clock);
            }
            for (i, from) in sent.iter().enumerate() {
                for (n, to) in (1u32..).zip(&sent[i..]) {
                    let allowed = f64::from(burst) + to.since(*from).as_secs_f64() * rate;
                    prop_assert!(f64::from(n) <= allowed + 1e-9, "{n} in {:?}", to.since(*from));
                }
            }
        }
    }

    #[test]
    fn a_burst_is_followed_by_the_rate() {
        let mut token_bucket = TokenBucket::new(Rate::new(2.0).unwrap(), NonZeroU32::new(4).unwrap());
        let start = Instant::after_start(Duration::from_secs(100));
        for _ in 0..4 {
            assert!(token_bucket.ready_at() <= start);
            token_bucket.take(start);
        }
        assert_eq!(token_bucket.ready_at().since(start), Duration::from_millis(525));
        assert_eq!(token_bucket.time_for(1, start), Duration::from_millis(525));
        assert_eq!(token_bucket.time_for(11, start), Duration::from_millis(5775));
    }
}
