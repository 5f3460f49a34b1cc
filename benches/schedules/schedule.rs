//! Schedules and their sightings.

use crate::world::World;

/// A way to watch restores.
pub(crate) trait Schedule: Sync {
    /// Its name in tables.
    fn name(&self) -> &'static str;

    /// Watches the restores of a world to their ends, with all delays between polls stretched by
    /// `factor`. Returns a sighting of each, in the order of the world.
    fn watch(&self, world: &World, factor: f64, seed: u64) -> Vec<Sighting>;
}

/// How the end of one restore was noticed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sighting {
    /// How long after it.
    pub(crate) delay: f64,
    /// How long the restore took.
    pub(crate) takes: f64,
    /// How many requests were made for it.
    pub(crate) requests: f64,
}

/// Watches some worlds.
pub(crate) fn watch_all(schedule: &dyn Schedule, worlds: &[World], factor: f64, seed: u64) -> Vec<Sighting> {
    let seeds = (0..).map(|number| crate::workload::scatter(seed ^ number));
    worlds.iter().zip(seeds).flat_map(|(world, seed)| schedule.watch(world, factor, seed)).collect()
}

/// The mean number of requests for a restore.
pub(crate) fn mean_requests(sightings: &[Sighting]) -> f64 {
    sightings.iter().map(|sighting| sighting.requests).sum::<f64>() / sightings.len() as f64
}

/// The factor by which a schedule makes `wanted` requests on average: found by bisection, to 1e-4.
/// More requests come of a lower factor.
pub(crate) fn factor_for(wanted: f64, mut requests: impl FnMut(f64) -> f64) -> f64 {
    // Widened step by step from the schedule as it is: a far too low factor would take forever.
    let (mut low, mut high) = (1.0, 1.0);
    while requests(low) < wanted && low > 1e-6 {
        high = low;
        low /= 2.0;
    }
    while requests(high) > wanted && high < 1e6 {
        low = high;
        high *= 2.0;
    }
    while high / low > 1.0 + 1e-4 {
        let middle = (low * high).sqrt();
        if requests(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low * high).sqrt()
}
