//! The comparison of all schedules on one workload.
//!
//! Invariant: all watch the same worlds; the factors come of worlds that are not compared.

use restore_watch::config::Effort;
use restore_watch::model::Keyword as _;

use crate::Extent;
use crate::baselines::Loop;
use crate::clairvoyant::Clairvoyant;
use crate::engine::EngineSchedule;
use crate::schedule::{Schedule, factor_for, mean_requests, watch_all};
use crate::statistics::{Estimate, Figures, mean};
use crate::workload::{Twist, Use, Workload, seeds};
use crate::world::World;

/// The additional stretches of the schedules for the curves, and their number of seeds.
const STRETCHES: [f64; 5] = [0.5, std::f64::consts::FRAC_1_SQRT_2, 1.0, std::f64::consts::SQRT_2, 2.0];
const CURVE_SEEDS: usize = 4;

/// The results of one workload.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) workload: &'static str,
    /// See [`Workload::most_of_bound`].
    pub(crate) most_of_bound: [f64; 2],
    /// This program without a history first, then the others at as many requests, the bound last.
    pub(crate) results: Vec<Measured>,
    /// The same with a history, at as many requests as it makes then.
    pub(crate) knowing: Vec<Measured>,
    /// Mean requests and mean delay of this program at each effort, without and with a history;
    /// empty for workloads with failures.
    pub(crate) efforts: [Vec<(f64, f64)>; 2],
}

/// The results of one schedule.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) schedule: &'static str,
    pub(crate) factor: f64,
    /// One for each seed.
    pub(crate) seeds: Vec<Figures>,
    /// Mean requests and mean delay at each stretch; empty for workloads with failures.
    pub(crate) curve: Vec<(f64, f64)>,
}

impl Measured {
    /// A figure of all seeds.
    pub(crate) fn estimate(&self, figure: usize) -> Estimate {
        Estimate::of(&self.seeds.iter().map(|seed| seed.0[figure]).collect::<Vec<_>>())
    }

    /// A figure relative to that of another schedule, seed by seed.
    pub(crate) fn against(&self, other: &Self, figure: usize) -> Estimate {
        let pairs = self.seeds.iter().zip(&other.seeds);
        Estimate::of(&pairs.map(|(ours, theirs)| ours.0[figure] / theirs.0[figure]).collect::<Vec<_>>())
    }
}

impl Comparison {
    /// Compares on a workload.
    pub(crate) fn of(workload: &Workload, extent: Extent) -> Self {
        let worlds = |of| worlds(workload, of, extent);
        let (tuning, compared) = (worlds(Use::Tuning), worlds(Use::Comparison));
        let stretches: &[f64] = if workload.twist == Twist::None { &STRETCHES } else { &[] };
        let beside = |ours: &EngineSchedule| {
            let wanted = requests(ours, &tuning, 1.0);
            let mut results = vec![Measured::of(ours, 1.0, &compared, stretches)];
            let others = Loop::ALL.iter().map(|rule| rule as &dyn Schedule);
            for schedule in others.chain([&Clairvoyant as &dyn Schedule]) {
                let factor = factor_for(wanted, |factor| requests(schedule, &tuning, factor));
                results.push(Measured::of(schedule, factor, &compared, stretches));
            }
            results
        };
        let efforts = |ours: &EngineSchedule| {
            let efforts = Effort::ALL.iter().filter(|_| !stretches.is_empty());
            let point =
                |effort: &Effort| point(&EngineSchedule { effort: *effort, ..ours.clone() }, 1.0, &compared);
            efforts.map(point).collect()
        };
        let [unknown, knowing] = [EngineSchedule::default(), EngineSchedule::knowing()];
        Self {
            workload: workload.name,
            most_of_bound: workload.most_of_bound,
            results: beside(&unknown),
            knowing: beside(&knowing),
            efforts: [efforts(&unknown), efforts(&knowing)],
        }
    }

    /// The curves of a plot: this program without and with a history, and the others.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = &Measured> + ExactSizeIterator + Clone {
        let places = 0..self.results.len() + 1;
        places.map(|place| match place {
            0 => &self.results[0],
            1 => &self.knowing[0],
            _ => &self.results[place - 1],
        })
    }
}

impl Measured {
    pub(crate) fn of(
        schedule: &dyn Schedule,
        factor: f64,
        worlds: &[(u64, Vec<World>)],
        stretches: &[f64],
    ) -> Self {
        let seeds = worlds.iter().map(|world| figures(schedule, factor, world)).collect();
        let curve = stretches.iter().map(|stretch| point(schedule, factor * stretch, worlds)).collect();
        Self { schedule: schedule.name(), factor, seeds, curve }
    }
}

/// The worlds of all seeds for a use.
pub(crate) fn worlds(workload: &Workload, of: Use, extent: Extent) -> Vec<(u64, Vec<World>)> {
    seeds(of, extent).into_iter().map(|seed| (seed, workload.worlds(seed, extent))).collect()
}

fn figures(schedule: &dyn Schedule, factor: f64, (seed, worlds): &(u64, Vec<World>)) -> Figures {
    Figures::of(&watch_all(schedule, worlds, factor, *seed))
}

/// Mean requests and mean delay on a few seeds.
fn point(schedule: &dyn Schedule, factor: f64, worlds: &[(u64, Vec<World>)]) -> (f64, f64) {
    let few: Vec<_> = worlds.iter().take(CURVE_SEEDS).map(|world| figures(schedule, factor, world)).collect();
    let mean = |figure: usize| mean(&few.iter().map(|seed| seed.0[figure]).collect::<Vec<_>>());
    (mean(Figures::REQUESTS), mean(Figures::DELAY))
}

/// The mean number of requests of a schedule in these worlds.
pub(crate) fn requests(schedule: &dyn Schedule, worlds: &[(u64, Vec<World>)], factor: f64) -> f64 {
    let watched = worlds.iter().flat_map(|(seed, worlds)| watch_all(schedule, worlds, factor, *seed));
    mean_requests(&watched.collect::<Vec<_>>())
}
