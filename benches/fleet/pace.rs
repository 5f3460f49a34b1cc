//! The times at which a simple loop may make its requests.
//!
//! Invariant: they are those that the engine's own token bucket permits, so that ways to watch
//! differ in what they ask for, and not in how often.

use restore_watch::config::{ApiSettings, Rate};
use restore_watch::engine::token_bucket::TokenBucket;
use restore_watch::model::time::Instant;

/// Permits one request after the other.
#[derive(Debug)]
pub(crate) struct Pace {
    token_bucket: TokenBucket,
    now: Instant,
}

impl Pace {
    pub(crate) fn new(per_second: f64) -> Self {
        Self { token_bucket: token_bucket(per_second), now: Instant::default() }
    }

    /// Counts a request as soon as it is permitted, and says when that is, in seconds.
    pub(crate) fn next(&mut self) -> f64 {
        self.now = self.now.max(self.token_bucket.ready_at());
        self.token_bucket.take(self.now);
        self.now.since(Instant::default()).as_secs_f64()
    }
}

/// The time from one request to the next, in seconds, if all are made that are permitted.
pub(crate) fn spacing(per_second: f64) -> f64 {
    let token_bucket = token_bucket(per_second);
    let many = 1000 * token_bucket.burst();
    let time = |requests| token_bucket.time_for(requests, Instant::default()).as_secs_f64();
    (time(2 * many) - time(many)) / f64::from(many)
}

fn token_bucket(per_second: f64) -> TokenBucket {
    TokenBucket::new(Rate::new(per_second).unwrap(), ApiSettings::default().burst)
}
