//! The optimum: a schedule that knows the distribution of the durations of each index.
//!
//! Invariant: none of its requests fails, and where none can be answered, in an outage or while the
//! server limits its clients, it learns of an end in the first moment after. So it stays a bound for
//! workloads with failures.

use crate::schedule::{Schedule, Sighting};
use crate::world::{Restore, World};

/// Polls at the optimum density for the true hazard, see [`Hazard`](crate::hazard::Hazard).
#[derive(Debug)]
pub(crate) struct Clairvoyant;

impl Schedule for Clairvoyant {
    fn name(&self) -> &'static str {
        "clairvoyant bound"
    }

    /// One poll at the begin, as all others make it, and one for each step of `factor` that the
    /// integral takes from there on. `factor` is the square root of the price of a poll.
    fn watch(&self, world: &World, factor: f64, _seed: u64) -> Vec<Sighting> {
        let watch = |restore: &Restore| {
            let hazard = &world.indexes[restore.index].hazard;
            let takes = restore.takes();
            let begin = hazard.until(restore.age);
            let steps = ((hazard.until(takes) - begin) / factor).ceil().max(1.0);
            let noticed = hazard.age_at(begin + steps * factor).max(takes) - restore.age;
            let delay = world.answered_from(noticed) - restore.end;
            Sighting { delay, takes, requests: 1.0 + steps }
        };
        world.restores.iter().map(watch).collect()
    }
}
