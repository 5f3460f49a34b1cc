//! The workloads: distributions of durations, and failures.
//!
//! Invariant: the same seed makes the same worlds; no seed of tuning is one of comparison.

use fastrand::Rng;

use crate::Extent;
use crate::distribution::Distribution;
use crate::hazard::Hazard;
use crate::world::{Restore, World};

/// The part of the restores that fails, if some do.
const FAILING: f64 = 0.2;

/// The part of the requests that fails, if some do.
const ERROR_RATE: f64 = 0.05;

/// The mean time from one burst of 429 to the next, and how long one lasts.
const BETWEEN_LIMITS: f64 = 600.0;
const LIMIT_TAKES: (f64, f64) = (5.0, 60.0);

/// How long an outage takes, if there is one.
const OUTAGE_TAKES: f64 = 60.0;

/// No poll is later than this after the last end.
const AFTERMATH: f64 = 7200.0;

/// What differs from plain restores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    None,
    /// A fifth of the restores fails, after a uniform part of the time they would have taken.
    Failures,
    /// One request in 20 fails.
    Errors,
    /// Now and then the server throttles its clients.
    Limits,
    /// For a minute within the restore, nothing is answered.
    Outage,
    /// The watch begins after a uniform part of the restore.
    LateWatch,
}

/// The use of a seed.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Use {
    Tuning,
    Comparison,
}

/// Restores of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) durations: Distribution,
    pub(crate) twist: Twist,
}

impl Workload {
    /// All workloads that are compared: known and conceivable durations, and the first with each
    /// failure.
    pub(crate) fn all() -> Vec<Self> {
        let plain = |name, durations| Self { name, durations, twist: Twist::None };
        let normal = |sigma| Distribution::LogNormal { median: 600.0, sigma };
        let documented = |name, twist| Self { name, durations: documented(), twist };
        vec![
            plain("log-uniform, 5 s to 4 h", Distribution::LogUniform { from: 5.0, to: 14_400.0 }),
            plain("lognormal, 10 min, sigma 0.25", normal(0.25)),
            plain("lognormal, 10 min, sigma 0.6", normal(0.6)),
            plain("lognormal, 10 min, sigma 1", normal(1.0)),
            plain("Pareto, from 2 min, shape 1.5", Distribution::Pareto { from: 120.0, shape: 1.5 }),
            documented("seconds, ten minutes, hours", Twist::None),
            documented("… one in five fails early", Twist::Failures),
            documented("… 5 % of the answers are 503", Twist::Errors),
            documented("… bursts of 429", Twist::Limits),
            documented("… an outage of a minute", Twist::Outage),
            documented("… the watch begins late", Twist::LateWatch),
        ]
    }

    /// The hazard of the workload, for a schedule that knows its distribution.
    pub(crate) fn hazard(&self) -> Hazard {
        match self.twist {
            Twist::Failures => Hazard::with_failures(&self.durations, FAILING),
            Twist::LateWatch => Hazard::watched_late(&self.durations),
            Twist::None | Twist::Errors | Twist::Limits | Twist::Outage => Hazard::of(&self.durations),
        }
    }

    /// The worlds of one seed.
    pub(crate) fn worlds(&self, seed: u64, extent: Extent) -> Vec<World> {
        let mut rng = Rng::with_seed(seed);
        let durations = self.durations.draw(extent.restores, &mut rng);
        let mut restores: Vec<_> = durations.into_iter().map(|takes| self.restore(takes, &mut rng)).collect();
        let mut worlds = Vec::new();
        while !restores.is_empty() {
            let few = restores.split_off(restores.len().saturating_sub(extent.at_once.max(1)));
            worlds.push(self.world(few, &mut rng));
        }
        worlds
    }

    fn restore(&self, takes: f64, rng: &mut Rng) -> Restore {
        let part = rng.f64();
        match self.twist {
            Twist::Failures if rng.f64() < FAILING => Restore { age: 0.0, end: takes * part, fails: true },
            Twist::LateWatch => Restore { age: takes * part, end: takes * (1.0 - part), fails: false },
            _ => Restore { age: 0.0, end: takes, fails: false },
        }
    }

    fn world(&self, restores: Vec<Restore>, rng: &mut Rng) -> World {
        let last = restores.iter().map(|restore| restore.end).fold(0.0, f64::max);
        let mut world = World { restores, ..World::default() };
        match self.twist {
            Twist::None | Twist::Failures | Twist::LateWatch => {}
            Twist::Errors => world.error_rate = ERROR_RATE,
            Twist::Outage => {
                let begin = last * rng.f64();
                world.outage = Some(begin..begin + OUTAGE_TAKES);
            }
            Twist::Limits => {
                let pause = |rng: &mut Rng| -BETWEEN_LIMITS * (1.0 - rng.f64()).ln();
                let mut begin = pause(rng);
                while begin < last + AFTERMATH {
                    let end = begin + LIMIT_TAKES.0 + (LIMIT_TAKES.1 - LIMIT_TAKES.0) * rng.f64();
                    world.limits.push(begin..end);
                    begin = end + pause(rng);
                }
            }
        }
        world
    }
}

/// What the documentation of Pinecone says of restores, and its samples show: ten minutes for most,
/// seconds in the samples, and up to five hours for a hundred million vectors.
fn documented() -> Distribution {
    Distribution::Mixture(vec![
        (0.3, Distribution::LogNormal { median: 30.0, sigma: 1.0 }),
        (0.5, Distribution::LogNormal { median: 600.0, sigma: 0.3 }),
        (0.2, Distribution::LogUniform { from: 3600.0, to: 18_000.0 }),
    ])
}

/// The seeds for a use, all different.
pub(crate) fn seeds(of: Use, extent: Extent) -> Vec<u64> {
    let (first, count) = match of {
        Use::Tuning => (0, extent.tuning_seeds),
        Use::Comparison => (extent.tuning_seeds, extent.seeds),
    };
    (first..first + count).map(|number| scatter(scatter(extent.seed_base) ^ number)).collect()
}

/// A bijection that decorrelates neighbors (the finalizer of `SplitMix64`, G. L. Steele et al.,
/// 2014).
pub(crate) fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
