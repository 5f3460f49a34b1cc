//! One scenario watched in each way, in each order, for each seed.

use std::fmt::Write as _;

use crate::figures::{Estimate, Figures, SEEDS};
use crate::fleet::Order;
use crate::scenario::Scenario;
use crate::watch::Way;

/// All results of a scenario.
#[derive(Debug)]
pub(crate) struct Comparison {
    pub(crate) scenario: &'static Scenario,
    results: Vec<Measured>,
}

/// What one way made of a scenario.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) way: Way,
    /// Of the list; none if the list is not used.
    order: Option<Order>,
    /// One a seed.
    pub(crate) figures: Vec<Figures>,
}

impl Comparison {
    /// Watches the fleets of this seed and the next ones.
    pub(crate) fn of(scenario: &'static Scenario, ways: &[Way], first_seed: u64) -> Self {
        let results = ways.iter().flat_map(|way| {
            let listed = Order::ALL.map(Some);
            let orders = if way.uses_list() { listed.to_vec() } else { vec![None] };
            orders.into_iter().map(|order| Measured::of(scenario, *way, order, first_seed))
        });
        Self { scenario, results: results.collect() }
    }

    /// What the way made of the list in that order.
    pub(crate) fn result(&self, way: Way, order: Order) -> &Measured {
        let is_wanted = |result: &&Measured| result.way == way && result.order.is_none_or(|of| of == order);
        self.results.iter().find(is_wanted).unwrap()
    }

    /// The table of all results, in Markdown.
    pub(crate) fn table(&self) -> String {
        let mut text = format!("### {}\n\n", self.scenario.title());
        text.push_str(
            "| order of the list | way | delay, mean | p50 | p95 | max | descriptions | pages | of the rate |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for result in &self.results {
            let order = result.order.map_or("any", Order::name);
            write!(text, "| {order} | {} |", result.way.name()).unwrap();
            for quantile in 0..4 {
                write!(text, " {:.1} |", result.estimate(|figures| figures.delays[quantile])).unwrap();
            }
            let [descriptions, pages, used] =
                [|it: &Figures| it.descriptions, |it: &Figures| it.pages, |it: &Figures| it.used]
                    .map(|pick| result.estimate(pick).mean);
            writeln!(text, " {descriptions:.0} | {pages:.0} | {used:.2} |").unwrap();
        }
        text
    }
}

impl Measured {
    /// Watches one half of the fleets on a second thread.
    fn of(scenario: &Scenario, way: Way, order: Option<Order>, first_seed: u64) -> Self {
        let watch = |seed| {
            let fleet = scenario.fleet(order.unwrap_or(Order::Shuffled), seed);
            Figures::of(&way.watch(&fleet, scenario.per_second, seed), scenario.per_second)
        };
        let (middle, end) = (first_seed + SEEDS / 2, first_seed + SEEDS);
        let figures = std::thread::scope(|scope| {
            let half = scope.spawn(|| (first_seed..middle).map(watch).collect::<Vec<_>>());
            let others: Vec<_> = (middle..end).map(watch).collect();
            [half.join().unwrap(), others].concat()
        });
        Self { way, order, figures }
    }

    pub(crate) fn estimate(&self, pick: impl Fn(&Figures) -> f64) -> Estimate {
        Estimate::of(&self.figures.iter().map(pick).collect::<Vec<_>>())
    }

    /// A figure in parts of that of another way, fleet by fleet.
    pub(crate) fn relative_to(&self, other: &Self, pick: impl Fn(&Figures) -> f64) -> Estimate {
        let pairs = self.figures.iter().zip(&other.figures);
        Estimate::of(&pairs.map(|(ours, theirs)| pick(ours) / pick(theirs)).collect::<Vec<_>>())
    }
}
