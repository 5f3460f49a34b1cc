//! Restores that run and end, and an API that reports them or fails.
//!
//! Invariant: a restore does not depend on the watch, so that every schedule meets the same world.
//! Times are seconds from the begin of the watch.

use std::ops::Range;
use std::sync::Arc;

use fastrand::Rng;

use crate::distribution::Distribution;
use crate::hazard::Hazard;

/// The `Retry-After` of a throttling server.
const RETRY_AFTER: f64 = 10.0;

/// Some restores that are watched at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    /// What is restored.
    pub(crate) indexes: Arc<[Index]>,
    pub(crate) restores: Vec<Restore>,
    /// No request is answered well.
    pub(crate) outage: Option<Range<f64>>,
    /// No request is let through.
    pub(crate) limits: Vec<Range<f64>>,
    /// The probability that a request fails at any other time.
    pub(crate) error_rate: f64,
}

/// An index that is restored again and again.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// How long that takes.
    pub(crate) durations: Distribution,
    /// What follows from it.
    pub(crate) hazard: Hazard,
}

/// One restore.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Restore {
    /// The place of its index.
    pub(crate) index: usize,
    /// Its age when the watch begins.
    pub(crate) age: f64,
    /// When it ends.
    pub(crate) end: f64,
    /// Whether it fails.
    pub(crate) fails: bool,
}

impl Restore {
    /// How long it takes in all.
    pub(crate) fn takes(&self) -> f64 {
        self.age + self.end
    }
}

/// The answer to a poll.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reply {
    /// It runs.
    Running,
    /// It has ended.
    Ended,
    /// 503.
    Unwell,
    /// 429, and its `Retry-After`.
    Limited(f64),
}

impl World {
    /// The answer to a poll of this restore at this time.
    pub(crate) fn reply(&self, restore: usize, at: f64, rng: &mut Rng) -> Reply {
        if self.outage.as_ref().is_some_and(|outage| outage.contains(&at)) {
            return Reply::Unwell;
        }
        let next = self.limits.partition_point(|limit| limit.end <= at);
        if self.limits.get(next).is_some_and(|limit| limit.contains(&at)) {
            return Reply::Limited(RETRY_AFTER);
        }
        if self.error_rate > 0.0 && rng.f64() < self.error_rate {
            return Reply::Unwell;
        }
        if at >= self.restores[restore].end { Reply::Ended } else { Reply::Running }
    }

    /// The first time from then on at which a request can be answered well.
    pub(crate) fn answered_from(&self, at: f64) -> f64 {
        let silences = self.outage.iter().chain(&self.limits);
        silences.filter(|silence| silence.contains(&at)).map(|silence| silence.end).fold(at, f64::max)
    }
}
