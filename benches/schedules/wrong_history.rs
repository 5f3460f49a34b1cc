//! The cost of a wrong duration history.

use std::fmt::Write as _;

use restore_watch::config::Effort;

use crate::Extent;
use crate::distribution::Distribution;
use crate::engine::{EngineSchedule, Past};
use crate::schedule::watch_all;
use crate::statistics::{Figures, mean};
use crate::table::number;
use crate::workload::{Use, Workload, seeds};

/// How long restores take, about.
const MEDIANS: [(&str, f64); 3] = [("10 s", 10.0), ("10 min", 600.0), ("2 h", 7200.0)];

/// How many seeds.
const SEEDS: usize = 4;

/// Delay, requests and both at their price with each history, relative to those without one.
pub(crate) fn table(extent: Extent) -> String {
    let mut text =
        "### Delay, requests, and the cost of both (a request at 0.1 s), in parts of what they are where \
                    nothing is known\n\n| 60 past restores took about |"
            .to_owned();
    for (name, _) in MEDIANS {
        write!(text, " this one {name} |").unwrap();
    }
    writeln!(text, "\n|---|{}", "--:|".repeat(MEDIANS.len())).unwrap();
    for (name, past) in MEDIANS {
        write!(text, "| {name} |").unwrap();
        for (_, now) in MEDIANS {
            let (known, unknown) =
                (measure(Past::Other(about(past)), now, extent), measure(Past::Unknown, now, extent));
            let part = |figure: fn((f64, f64)) -> f64| number(figure(known) / figure(unknown));
            let cost = |(requests, delay)| delay + Effort::Balanced.poll_cost() * requests;
            write!(text, " {} / {} / {} |", part(|it| it.1), part(|it| it.0), part(cost)).unwrap();
        }
        text.push('\n');
    }
    text
}

/// Mean requests and mean delay.
fn measure(past: Past, takes: f64, extent: Extent) -> (f64, f64) {
    let ours = EngineSchedule { past, ..EngineSchedule::default() };
    let workload = Workload::plain("unlike", about(takes));
    let figures = seeds(Use::Comparison, extent).into_iter().take(SEEDS).map(|seed| {
        let figures = Figures::of(&watch_all(&ours, &workload.worlds(seed, extent), 1.0, seed));
        (figures.0[Figures::REQUESTS], figures.0[Figures::DELAY])
    });
    let (requests, delays): (Vec<_>, Vec<_>) = figures.unzip();
    (mean(&requests), mean(&delays))
}

fn about(median: f64) -> Distribution {
    Distribution::LogNormal { median, sigma: 0.25 }
}
