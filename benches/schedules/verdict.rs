//! The verdict: how near to the bound the delays are, and which targets are missed.

use std::fmt::Write as _;

use crate::baselines::Loop;
use crate::comparison::{Comparison, Measured};
use crate::schedule::Schedule as _;
use crate::statistics::{Estimate, Figures};
use crate::table::{SIDES, cell, number};

/// What misses its target.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    missed: Vec<String>,
}

impl Verdict {
    /// Judges a value that is to be this at most: a miss is one beyond chance. Returns the limit,
    /// marked if it is missed.
    pub(crate) fn at_most(&mut self, most: f64, value: Estimate, what: &str) -> String {
        if value.low() <= most {
            return number(most);
        }
        self.missed.push(format!("{what}: {} instead of {} at most", cell(value), number(most)));
        format!("{}: missed", number(most))
    }

    /// What missed its target, a line each.
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }
}

/// Each mean delay relative to each other schedule's, seed by seed, and how near it is to the
/// bound.
pub(crate) fn of(comparisons: &[Comparison], verdict: &mut Verdict) -> String {
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
    text.push_str(&targets(comparisons, verdict));
    text
}

/// How near to the bound the delays are, which they are to be at most, and who is earlier.
fn targets(comparisons: &[Comparison], verdict: &mut Verdict) -> String {
    let mut text =
        "### Targets: mean delay in parts of the bound, and of the fixed interval\n\n| workload |".to_owned();
    for (title, _) in SIDES {
        write!(text, " {title}: of the bound | at most | of fixed | earlier |").unwrap();
    }
    writeln!(text, "\n|---|{}", "--:|--:|--:|---|".repeat(SIDES.len())).unwrap();
    for comparison in comparisons {
        write!(text, "| {} |", comparison.workload).unwrap();
        for ((title, side), most) in SIDES.iter().zip(comparison.most_of_bound) {
            let [ours, rivals @ .., bound] = side(comparison) else { continue };
            let of_bound = ours.against(bound, Figures::DELAY);
            let what = format!("{}, {title}, in parts of the bound", comparison.workload);
            write!(
                text,
                " {} | {} | {} | {} |",
                cell(of_bound),
                verdict.at_most(most, of_bound, &what),
                cell(ours.against(fixed(rivals), Figures::DELAY)),
                earlier_ones(ours, rivals),
            )
            .unwrap();
        }
        text.push('\n');
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
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
