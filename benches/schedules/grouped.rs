//! Restores of several indexes: what it brings to tell them apart, and what it costs if they do not
//! differ.
//!
//! Invariant: with and without the names of the indexes, the engine watches the same worlds.

use std::fmt::Write as _;

use restore_watch::config::Effort;

use crate::Extent;
use crate::baselines::Loop;
use crate::clairvoyant::Clairvoyant;
use crate::comparison::{Measured, requests, worlds};
use crate::engine::EngineSchedule;
use crate::parallel;
use crate::schedule::{Schedule, factor_for};
use crate::statistics::{Estimate, Figures};
use crate::table::{cell, number};
use crate::verdict::Verdict;
use crate::workload::{Target, Use, Workload};
use crate::world::World;

/// The results of one workload, all with 60 past restores.
#[derive(Debug)]
struct Grouped {
    workload: &'static str,
    target: Target,
    by_index: Beside,
    pooled: Beside,
}

/// The engine, and others at as many requests.
#[derive(Debug)]
struct Beside {
    ours: Measured,
    fixed: Measured,
    bound: Measured,
}

impl Beside {
    fn of(ours: &EngineSchedule, tuning: &[(u64, Vec<World>)], compared: &[(u64, Vec<World>)]) -> Self {
        let wanted = requests(ours, tuning, 1.0);
        let at_as_many = |schedule: &dyn Schedule| {
            let factor = factor_for(wanted, |factor| requests(schedule, tuning, factor));
            Measured::of(schedule, factor, compared, &[])
        };
        Self {
            ours: Measured::of(ours, 1.0, compared, &[]),
            fixed: at_as_many(&Loop::FIXED),
            bound: at_as_many(&Clairvoyant),
        }
    }

    fn of_fixed(&self) -> Estimate {
        self.ours.against(&self.fixed, Figures::DELAY)
    }

    fn of_bound(&self) -> Estimate {
        self.ours.against(&self.bound, Figures::DELAY)
    }
}

impl Grouped {
    fn of(workload: &Workload, target: Target, extent: Extent) -> Self {
        let worlds = |of| worlds(workload, of, extent);
        let (tuning, compared) = (worlds(Use::Tuning), worlds(Use::Comparison));
        let knowing = |names_indexes| EngineSchedule { names_indexes, ..EngineSchedule::knowing() };
        Self {
            workload: workload.name,
            target,
            by_index: Beside::of(&knowing(true), &tuning, &compared),
            pooled: Beside::of(&knowing(false), &tuning, &compared),
        }
    }

    /// Delay and requests at their price by index, in parts of that without the names.
    fn of_pooled(&self) -> Estimate {
        let cost = |seed: &Figures| {
            seed.0[Figures::DELAY] + Effort::Balanced.poll_cost() * seed.0[Figures::REQUESTS]
        };
        let pairs = self.by_index.ours.seeds.iter().zip(&self.pooled.ours.seeds);
        Estimate::of(&pairs.map(|(ours, pooled)| cost(ours) / cost(pooled)).collect::<Vec<_>>())
    }
}

/// The table of all workloads with several indexes; what misses its target goes to `verdict`.
pub(crate) fn table(extent: Extent, verdict: &mut Verdict) -> String {
    let mut text = "### Several indexes, 60 past restores known: mean delay in seconds at as many requests\n\n\
                    | restores | requests | by index | fixed | bound | of fixed | at most | of bound | requests | pooled \
                    | of fixed | cost by index, of pooled | at most |\n|---|"
        .to_owned();
    writeln!(text, "{}", "--:|".repeat(12)).unwrap();
    let workloads = Workload::grouped();
    for grouped in parallel::of_each(&workloads, |(workload, target)| Grouped::of(workload, *target, extent))
    {
        let Grouped { workload, target, by_index, pooled } = &grouped;
        let delay = |measured: &Measured| number(measured.estimate(Figures::DELAY).mean);
        let requests = |beside: &Beside| number(beside.ours.estimate(Figures::REQUESTS).mean);
        let (of_fixed, of_pooled) = (by_index.of_fixed(), grouped.of_pooled());
        let [most_of_fixed, most_of_pooled] = match *target {
            Target::OfFixed(most) => [verdict.at_most(most, of_fixed, workload), String::new()],
            Target::OfPooled(most) => [String::new(), verdict.at_most(most, of_pooled, workload)],
        };
        writeln!(
            text,
            "| {workload} | {} | {} | {} | {} | {} | {most_of_fixed} | {} | {} | {} | {} | {} | {most_of_pooled} |",
            requests(by_index),
            delay(&by_index.ours),
            delay(&by_index.fixed),
            delay(&by_index.bound),
            cell(of_fixed),
            cell(by_index.of_bound()),
            requests(pooled),
            delay(&pooled.ours),
            cell(pooled.of_fixed()),
            cell(of_pooled),
        )
        .unwrap();
    }
    text
}
