//! The optimum: a schedule that knows the distribution of the durations and meets no failures.
//!
//! Invariant: it meets no failures, so that it stays a bound for workloads with failures.

use crate::hazard::Hazard;
use crate::schedule::{Schedule, Sighting};
use crate::world::World;

/// Polls at the optimum density for the true hazard, see [`Hazard`].
#[derive(Debug)]
pub(crate) struct Clairvoyant {
    pub(crate) hazard: Hazard,
}

impl Schedule for Clairvoyant {
    fn name(&self) -> &'static str {
        "clairvoyant bound"
    }

    /// One poll for each step of `factor` that the integral takes from the begin of the watch on.
    /// `factor` is the square root of the price of a poll.
    fn watch(&self, world: &World, factor: f64, _seed: u64) -> Vec<Sighting> {
        let watch = |restore: &crate::world::Restore| {
            let takes = restore.takes();
            let begin = self.hazard.until(restore.age);
            let steps = ((self.hazard.until(takes) - begin) / factor).ceil().max(1.0);
            let noticed = self.hazard.age_at(begin + steps * factor).max(takes);
            Sighting { delay: noticed - takes, takes, requests: steps }
        };
        world.restores.iter().map(watch).collect()
    }
}
