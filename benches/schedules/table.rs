//! Tables in Markdown.

use std::fmt::Write as _;

use crate::comparison::Comparison;
use crate::statistics::{Estimate, Figures};

/// All figures of one workload, each with half its confidence interval.
pub(crate) fn of(comparison: &Comparison) -> String {
    let mut text = format!("### {}\n\n", comparison.workload);
    let names = Figures::NAMES.map(|name| format!(" {name} |")).concat();
    writeln!(text, "| schedule | factor |{names}\n|---|{}", "--:|".repeat(Figures::NAMES.len() + 1)).unwrap();
    for measured in &comparison.results {
        write!(text, "| {} | {} |", measured.schedule, number(measured.factor)).unwrap();
        for figure in 0..Figures::NAMES.len() {
            write!(text, " {} |", cell(measured.estimate(figure))).unwrap();
        }
        text.push('\n');
    }
    text
}

/// The mean delay of each schedule on each workload.
pub(crate) fn of_means(comparisons: &[Comparison]) -> String {
    let mut text =
        "### Mean delay in seconds, at the same number of requests\n\n| workload | requests |".to_owned();
    let schedules = &comparisons[0].results;
    for measured in schedules {
        write!(text, " {} |", measured.schedule).unwrap();
    }
    writeln!(text, "\n|---|{}", "--:|".repeat(schedules.len() + 1)).unwrap();
    for comparison in comparisons {
        let requests = comparison.results[0].estimate(Figures::REQUESTS);
        write!(text, "| {} | {} |", comparison.workload, number(requests.mean)).unwrap();
        for measured in &comparison.results {
            write!(text, " {} |", cell(measured.estimate(Figures::DELAY))).unwrap();
        }
        text.push('\n');
    }
    text
}

/// A mean and half its confidence interval.
pub(crate) fn cell(estimate: Estimate) -> String {
    format!("{} ± {}", number(estimate.mean), number(estimate.half_width))
}

/// A number with about three digits.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 99.95 => format!("{value:.0}"),
        medium if medium >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
