//! The verdict: which goals the engine reaches in a scenario.

use std::fmt::Write as _;

use crate::comparison::{Comparison, Measured};
use crate::figures::{Estimate, Figures};
use crate::fleet::Order;
use crate::scenario::{Earlier, Expectation};
use crate::watch::Way;

/// What is wanted of a ratio to what the engine is compared with, and the bar above which the bench
/// fails.
#[derive(Debug, Clone, Copy)]
struct Goal {
    wanted: f64,
    bar: f64,
}

/// If the rate is the limit: of the mean delay to that of the better of the simple loops. If the
/// newest come first, the jobs that run are on the first pages, and a scan need not go further.
const NEWEST_FIRST: Goal = Goal { wanted: 0.5, bar: 1.3 };
const ANY_ORDER: Goal = Goal { wanted: 1.15, bar: 1.3 };

/// If it is not: of the products of mean delay and requests. Where delay and requests are weighed
/// against each other at a fixed price, the delay is inversely proportional to the requests, so the
/// product does not depend on the price.
const AT_EQUAL_REQUESTS: Goal = Goal { wanted: 1.0, bar: 1.15 };

/// The verdicts on all orders of some scenarios.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    saturated: String,
    unsaturated: String,
    is_failed: bool,
}

impl Verdict {
    /// Judges the engine in one scenario.
    pub(crate) fn add(&mut self, comparison: &Comparison) {
        for (place, order) in Order::ALL.into_iter().enumerate() {
            match &comparison.scenario.expectation {
                Expectation::NearSimpleLoops => self.add_saturated(comparison, order),
                Expectation::NoWorseThan(earlier) => self.add_unsaturated(comparison, order, earlier[place]),
            }
        }
    }

    /// Whether a bar is broken.
    pub(crate) fn is_failed(&self) -> bool {
        self.is_failed
    }

    /// The tables of all verdicts, in Markdown.
    pub(crate) fn tables(&self) -> String {
        let mut text = String::new();
        if !self.saturated.is_empty() {
            write!(
                text,
                "### Verdict where the rate is the limit\n\n\
                 | fleet | order of the list | the better simple loop | delay, in its | requests, in its | goal | |\n\
                 |---|---|---|--:|--:|--:|---|\n{}\n",
                self.saturated
            )
            .unwrap();
        }
        if !self.unsaturated.is_empty() {
            write!(
                text,
                "### Verdict where it is not, against an earlier version\n\n\
                 | fleet | order of the list | delay | earlier | requests | earlier | products | goal | |\n\
                 |---|---|--:|--:|--:|--:|--:|--:|---|\n{}\n",
                self.unsaturated
            )
            .unwrap();
        }
        text
    }

    fn add_saturated(&mut self, comparison: &Comparison, order: Order) {
        let ours = comparison.result(Way::Engine, order);
        let simple = Way::SIMPLE.map(|way| comparison.result(way, order));
        let delay = |result: &&Measured| result.estimate(Figures::delay).mean;
        let best = simple.into_iter().min_by(|a, b| delay(a).total_cmp(&delay(b))).unwrap();

        let ratio = ours.relative_to(best, Figures::delay);
        let requests = ours.relative_to(best, Figures::requests).mean;
        let goal = if order == Order::NewestFirst { NEWEST_FIRST } else { ANY_ORDER };
        let judged = self.judge(ratio, goal);
        let (name, order, way) = (comparison.scenario.name(), order.name(), best.way.name());
        writeln!(
            self.saturated,
            "| {name} | {order} | {way} | {ratio:.2} | {requests:.2} | ≤ {} | {judged} |",
            goal.wanted
        )
        .unwrap();
    }

    fn add_unsaturated(&mut self, comparison: &Comparison, order: Order, earlier: Earlier) {
        let ours = comparison.result(Way::Engine, order);
        let [delay, requests] = [Figures::delay, Figures::requests].map(|pick| ours.estimate(pick));
        let unit = earlier.delay * earlier.requests;
        let of_fleets = ours.estimate(|figures| figures.delay() * figures.requests() / unit);
        // The mean is as the earlier one was calculated.
        let product = Estimate { mean: delay.mean * requests.mean / unit, ..of_fleets };
        let goal = AT_EQUAL_REQUESTS;
        let judged = self.judge(product, goal);
        let (name, order) = (comparison.scenario.name(), order.name());
        writeln!(
            self.unsaturated,
            "| {name} | {order} | {delay:.2} | {:.2} | {:.0} | {:.0} | {product:.2} | ≤ {} | {judged} |",
            earlier.delay, requests.mean, earlier.requests, goal.wanted
        )
        .unwrap();
    }

    /// A goal is open if it is within the interval of the estimate.
    fn judge(&mut self, ratio: Estimate, goal: Goal) -> &'static str {
        self.is_failed |= ratio.mean > goal.bar;
        match ratio {
            Estimate { mean, .. } if mean > goal.bar => "**failed**",
            Estimate { mean, .. } if mean <= goal.wanted => "reached",
            Estimate { mean, half_width } if mean - half_width <= goal.wanted => "open",
            _ => "missed",
        }
    }
}
