//! The workloads: distributions of durations, and failures.
//!
//! Invariant: the same seed makes the same worlds; no seed of tuning is one of comparison.

use std::sync::Arc;

use fastrand::Rng;

use crate::Extent;
use crate::distribution::Distribution;
use crate::hazard::Hazard;
use crate::world::{Index, Restore, World};

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
    /// How long they take; into an index that takes as long as others do, if there are several.
    pub(crate) durations: Distribution,
    pub(crate) twist: Twist,
    pub(crate) indexes: Indexes,
    /// The most that the mean delay may be, in parts of the bound: without a history, and with 60
    /// past restores. What was measured once, so that no change makes it worse.
    pub(crate) most_of_bound: [f64; 2],
}

/// What is restored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Indexes {
    /// One index, or many without names.
    One,
    /// This number of indexes, each restored as often. Their durations are multiples of those of the
    /// workload, by factors of which the logarithm is normal, with this standard deviation.
    Many { count: usize, sigma: f64 },
}

/// What restores of several indexes are to cost at most with 60 past restores, if they are judged by
/// their index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// The mean delay, in parts of that of a fixed interval at as many requests.
    OfFixed(f64),
    /// The delay and the requests at their price, in parts of what they are if all indexes are
    /// pooled.
    OfPooled(f64),
}

impl Workload {
    /// All workloads that are compared and have one index: known and conceivable durations, and the first with each
    /// failure.
    pub(crate) fn all() -> Vec<Self> {
        let plain = Self::plain;
        let normal = |sigma| Distribution::LogNormal { median: 600.0, sigma };
        let documented = |name, twist| Self { twist, ..plain(name, documented()) };
        let log_uniform = Distribution::LogUniform { from: 5.0, to: 14_400.0 };
        let pareto = Distribution::Pareto { from: 120.0, shape: 1.5 };
        vec![
            plain("log-uniform, 5 s to 4 h", log_uniform).at_most(1.29, 1.08),
            plain("lognormal, 10 min, sigma 0.25", normal(0.25)).at_most(4.35, 1.36),
            plain("lognormal, 10 min, sigma 0.6", normal(0.6)).at_most(2.20, 1.20),
            plain("lognormal, 10 min, sigma 1", normal(1.0)).at_most(1.59, 1.13),
            plain("Pareto, from 2 min, shape 1.5", pareto).at_most(2.85, 1.36),
            documented("seconds, ten minutes, hours", Twist::None).at_most(1.80, 1.21),
            documented("… one in five fails early", Twist::Failures).at_most(1.52, 1.09),
            documented("… 5 % of the answers are 503", Twist::Errors).at_most(1.91, 1.27),
            documented("… bursts of 429", Twist::Limits).at_most(1.72, 1.26),
            documented("… an outage of a minute", Twist::Outage).at_most(1.27, 1.24),
            documented("… the watch begins late", Twist::LateWatch).at_most(1.38, 1.21),
        ]
    }

    /// Restores of several indexes, some that differ and some that do not, with their targets.
    pub(crate) fn grouped() -> [(Self, Target); 4] {
        let many = |name, count, between, within| Self {
            indexes: Indexes::Many { count, sigma: between },
            ..Self::plain(name, Distribution::LogNormal { median: 600.0, sigma: within })
        };
        [
            (many("8 nightly indexes, sigma 0.8 between, 0.2 within", 8, 0.8, 0.2), Target::OfFixed(0.55)),
            (many("30 indexes, the same, two past restores each", 30, 0.8, 0.2), Target::OfFixed(0.78)),
            (many("8 indexes that are alike, sigma 0.6", 8, 0.0, 0.6), Target::OfPooled(1.01)),
            (many("8 indexes that are alike, sigma 1", 8, 0.0, 1.0), Target::OfPooled(1.01)),
        ]
    }

    /// Restores of one index that meet no failures.
    pub(crate) fn plain(name: &'static str, durations: Distribution) -> Self {
        let most_of_bound = [f64::INFINITY; 2];
        Self { name, durations, twist: Twist::None, indexes: Indexes::One, most_of_bound }
    }

    fn at_most(self, unknown: f64, known: f64) -> Self {
        Self { most_of_bound: [unknown, known], ..self }
    }

    /// What is restored, for one seed.
    fn indexes(&self, rng: &mut Rng) -> Arc<[Index]> {
        let index = |durations: Distribution| Index { hazard: self.hazard(&durations), durations };
        match self.indexes {
            Indexes::One => [index(self.durations.clone())].into(),
            Indexes::Many { count, sigma } => {
                let factors = Distribution::LogNormal { median: 1.0, sigma };
                let factors = if sigma > 0.0 { factors.draw(count, rng) } else { vec![1.0; count] };
                factors.into_iter().map(|factor| index(self.durations.times(factor))).collect()
            }
        }
    }

    /// The hazard of restores that take so long, for a schedule that knows it.
    fn hazard(&self, durations: &Distribution) -> Hazard {
        match self.twist {
            Twist::Failures => Hazard::with_failures(durations, FAILING),
            Twist::LateWatch => Hazard::watched_late(durations),
            Twist::None | Twist::Errors | Twist::Limits | Twist::Outage => Hazard::of(durations),
        }
    }

    /// The worlds of one seed.
    pub(crate) fn worlds(&self, seed: u64, extent: Extent) -> Vec<World> {
        let mut rng = Rng::with_seed(seed);
        let indexes = self.indexes(&mut rng);
        let mut restores = self.restores(&indexes, extent.restores, &mut rng);
        let mut worlds = Vec::new();
        while !restores.is_empty() {
            let few = restores.split_off(restores.len().saturating_sub(extent.at_once.max(1)));
            worlds.push(self.world(&indexes, few, &mut rng));
        }
        worlds
    }

    /// This number of restores, of each index as many.
    fn restores(&self, indexes: &[Index], count: usize, rng: &mut Rng) -> Vec<Restore> {
        // All are strata of one distribution, as far as the indexes are alike.
        let part = |place: usize, rng: &mut Rng| (place as f64 + 1.0 - rng.f64()) / count as f64;
        let mut takes: Vec<_> = (0..count)
            .map(|place| {
                let index = place % indexes.len();
                (index, indexes[index].durations.survived_by(part(place, rng)))
            })
            .collect();
        rng.shuffle(&mut takes);
        takes.into_iter().map(|(index, takes)| Restore { index, ..self.restore(takes, rng) }).collect()
    }

    fn restore(&self, takes: f64, rng: &mut Rng) -> Restore {
        let part = rng.f64();
        match self.twist {
            Twist::Failures if rng.f64() < FAILING => {
                Restore { end: takes * part, fails: true, ..Restore::default() }
            }
            Twist::LateWatch => {
                Restore { age: takes * part, end: takes * (1.0 - part), ..Restore::default() }
            }
            _ => Restore { end: takes, ..Restore::default() },
        }
    }

    fn world(&self, indexes: &Arc<[Index]>, restores: Vec<Restore>, rng: &mut Rng) -> World {
        let last = restores.iter().map(|restore| restore.end).fold(0.0, f64::max);
        let mut world = World { indexes: Arc::clone(indexes), restores, ..World::default() };
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
