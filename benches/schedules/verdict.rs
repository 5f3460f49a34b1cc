//! The verdict: which targets are met.

use std::fmt::Write as _;

use crate::baselines::Loop;
use crate::comparison::{Comparison, Measured};
use crate::schedule::Schedule as _;
use crate::statistics::{Estimate, Figures};
use crate::table::{SIDES, cell};

/// The target ratio between the mean relative delays of a fixed interval and of the engine.
const RELATIVE_TARGET: f64 = 5.0;

/// The target for the mean delay with a history, relative to the best fixed interval.
const KNOWING_TARGET: f64 = 0.8;

/// Each mean delay relative to each other schedule's, seed by seed, and the verdict.
pub(crate) fn of(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for (title, side) in SIDES {
        let title = format!("Mean delay of restore-watch as a part of that of the others: {title}");
        write!(text, "### {title}\n\n| workload |").unwrap();
        let others = &side(&comparisons[0])[1..];
        for measured in others {
            write!(text, " {} |", measured.schedule).unwrap();
        }
        writeln!(text, "\n|---|{}", "--:|".repeat(others.len())).unwrap();
        for comparison in comparisons {
            write!(text, "| {} |", comparison.workload).unwrap();
            let [ours, others @ ..] = side(comparison) else { continue };
            for other in others {
                write!(text, " {} |", cell(ours.against(other, Figures::DELAY))).unwrap();
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text.push_str(
        "### Targets\n\n| workload | no later than any baseline | the same with 60 past restores \
         | relative delay of the fixed interval, in that of restore-watch (≥ 5) \
         | with 60 past restores, mean delay in that of the fixed interval (≤ 0.8) | the bound in that \
         |\n|---|---|---|---|---|---|\n",
    );
    for comparison in comparisons {
        let [ours, rivals @ .., _bound] = &comparison.results[..] else { continue };
        let [knowing, known_rivals @ .., bound] = &comparison.knowing[..] else { continue };
        let relative = fixed(rivals).against(ours, Figures::RELATIVE);
        let known = knowing.against(fixed(known_rivals), Figures::DELAY);
        writeln!(
            text,
            "| {} | {} | {} | {}: {} | {}: {} | {} |",
            comparison.workload,
            earlier_ones(ours, rivals),
            earlier_ones(knowing, known_rivals),
            judged(relative.low() >= RELATIVE_TARGET, relative.high() < RELATIVE_TARGET),
            cell(relative),
            judged(known.high() <= KNOWING_TARGET, known.low() > KNOWING_TARGET),
            cell(known),
            cell(bound.against(fixed(known_rivals), Figures::DELAY)),
        )
        .unwrap();
    }
    text
}

fn fixed(rivals: &[Measured]) -> &Measured {
    rivals.iter().find(|rival| rival.schedule == Loop::FIXED.name()).unwrap()
}

/// The rivals that are significantly earlier.
fn earlier_ones(ours: &Measured, rivals: &[Measured]) -> String {
    let part = |rival: &Measured| -> Estimate { ours.against(rival, Figures::DELAY) };
    let earlier = rivals.iter().filter(|rival| part(rival).low() > 1.0);
    let names: Vec<_> = earlier.map(|rival| format!("{} ({})", rival.schedule, cell(part(rival)))).collect();
    if names.is_empty() { "yes".to_owned() } else { format!("no: {}", names.join(", ")) }
}

fn judged(met: bool, missed: bool) -> &'static str {
    match (met, missed) {
        (true, _) => "yes",
        (_, true) => "no",
        _ => "open",
    }
}
