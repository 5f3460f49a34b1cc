//! All schedules on one workload.
//!
//! Invariant: all watch the same worlds; the factors come of worlds that are not compared.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Extent;
use crate::baselines::Loop;
use crate::clairvoyant::Clairvoyant;
use crate::ours::Ours;
use crate::schedule::{Schedule, factor_for, mean_requests, watch_all};
use crate::statistics::{Estimate, Figures, mean};
use crate::workload::{Twist, Use, Workload, seeds};
use crate::world::World;

/// By how much more or less the schedules are stretched for the curves, and on how many seeds.
const STRETCHES: [f64; 5] = [0.5, std::f64::consts::FRAC_1_SQRT_2, 1.0, std::f64::consts::SQRT_2, 2.0];
const CURVE_SEEDS: usize = 4;

/// What one workload showed.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) workload: &'static str,
    /// That of this program first, then the others, the bound last.
    pub(crate) results: Vec<Measured>,
}

/// What one schedule showed.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) schedule: &'static str,
    pub(crate) factor: f64,
    /// One for each seed.
    pub(crate) seeds: Vec<Figures>,
    /// Mean requests and mean delay at each stretch; none where something goes wrong.
    pub(crate) curve: Vec<(f64, f64)>,
}

impl Measured {
    /// A figure of all seeds.
    pub(crate) fn estimate(&self, figure: usize) -> Estimate {
        Estimate::of(&self.seeds.iter().map(|seed| seed.0[figure]).collect::<Vec<_>>())
    }

    /// A figure as a part of that of another, seed by seed.
    pub(crate) fn against(&self, other: &Self, figure: usize) -> Estimate {
        let pairs = self.seeds.iter().zip(&other.seeds);
        Estimate::of(&pairs.map(|(ours, theirs)| ours.0[figure] / theirs.0[figure]).collect::<Vec<_>>())
    }
}

impl Comparison {
    /// Those of all workloads, on all processors.
    pub(crate) fn of_all(workloads: &[Workload], extent: Extent) -> Vec<Self> {
        let next = AtomicUsize::new(0);
        let done = Mutex::new(Vec::new());
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(workload) = workloads.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let comparison = Self::of(workload, &Ours::default(), extent);
                        done.lock().unwrap().push(comparison);
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap();
        let place = |of: &Self| workloads.iter().position(|workload| workload.name == of.workload);
        done.sort_by_key(place);
        done
    }

    fn of(workload: &Workload, ours: &Ours, extent: Extent) -> Self {
        let worlds = |of| -> Vec<(u64, Vec<World>)> {
            let seeds = seeds(of, extent).into_iter();
            seeds.map(|seed| (seed, workload.worlds(seed, extent))).collect()
        };
        let (tuning, compared) = (worlds(Use::Tuning), worlds(Use::Comparison));
        let wanted = requests(ours, &tuning, 1.0);
        let clairvoyant = Clairvoyant { hazard: workload.hazard() };
        let mut results = vec![Self::measure(ours, 1.0, &compared, workload.twist)];
        let others = Loop::ALL.iter().map(|rule| rule as &dyn Schedule);
        for schedule in others.chain([&clairvoyant as &dyn Schedule]) {
            let factor = factor_for(wanted, |factor| requests(schedule, &tuning, factor));
            results.push(Self::measure(schedule, factor, &compared, workload.twist));
        }
        Self { workload: workload.name, results }
    }

    fn measure(schedule: &dyn Schedule, factor: f64, worlds: &[(u64, Vec<World>)], twist: Twist) -> Measured {
        let figures = |(seed, worlds): &(u64, Vec<World>), stretch: f64| {
            Figures::of(&watch_all(schedule, worlds, factor * stretch, *seed))
        };
        let seeds = worlds.iter().map(|world| figures(world, 1.0)).collect();
        let stretches: &[f64] = if twist == Twist::None { &STRETCHES } else { &[] };
        let point = |stretch: &f64| {
            let few: Vec<_> = worlds.iter().take(CURVE_SEEDS).map(|world| figures(world, *stretch)).collect();
            let mean = |figure: usize| mean(&few.iter().map(|seed| seed.0[figure]).collect::<Vec<_>>());
            (mean(Figures::REQUESTS), mean(Figures::DELAY))
        };
        let curve = stretches.iter().map(point).collect();
        Measured { schedule: schedule.name(), factor, seeds, curve }
    }
}

/// The mean number of requests of a schedule in these worlds.
fn requests(schedule: &dyn Schedule, worlds: &[(u64, Vec<World>)], factor: f64) -> f64 {
    let watched = worlds.iter().flat_map(|(seed, worlds)| watch_all(schedule, worlds, factor, *seed));
    mean_requests(&watched.collect::<Vec<_>>())
}
