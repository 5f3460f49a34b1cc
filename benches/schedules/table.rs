//! Tables in Markdown.

use std::fmt::Write as _;

use restore_watch::config::Effort;
use restore_watch::model::Keyword as _;

use crate::comparison::{Comparison, Measured};
use crate::statistics::{Estimate, Figures};

/// All figures of one workload, each with half its confidence interval.
pub(crate) fn of(comparison: &Comparison) -> String {
    let mut text = String::new();
    for (title, results) in
        [("nothing known", &comparison.results), ("60 past restores", &comparison.knowing)]
    {
        let names = Figures::NAMES.map(|name| format!(" {name} |")).concat();
        writeln!(text, "### {}: {title}\n\n| schedule | factor |{names}", comparison.workload).unwrap();
        writeln!(text, "|---|{}", "--:|".repeat(Figures::NAMES.len() + 1)).unwrap();
        for measured in results {
            write!(text, "| {} | {} |", measured.schedule, number(measured.factor)).unwrap();
            for figure in 0..Figures::NAMES.len() {
                write!(text, " {} |", cell(measured.estimate(figure))).unwrap();
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// The mean delay of each schedule on each workload, without and with a history.
pub(crate) fn of_means(comparisons: &[Comparison]) -> String {
    let mut text = String::new();
    for (title, side) in SIDES {
        let title = format!("Mean delay in seconds, at the same number of requests: {title}");
        write!(text, "### {title}\n\n| workload | requests |").unwrap();
        let schedules = side(&comparisons[0]);
        for measured in schedules {
            write!(text, " {} |", measured.schedule).unwrap();
        }
        writeln!(text, "\n|---|{}", "--:|".repeat(schedules.len() + 1)).unwrap();
        for comparison in comparisons {
            let requests = side(comparison)[0].estimate(Figures::REQUESTS);
            write!(text, "| {} | {} |", comparison.workload, number(requests.mean)).unwrap();
            for measured in side(comparison) {
                write!(text, " {} |", cell(measured.estimate(Figures::DELAY))).unwrap();
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// The results without and with a history.
pub(crate) const SIDES: [(&str, Side); 2] =
    [("nothing known", |one| &one.results), ("60 past restores known", |one| &one.knowing)];
type Side = fn(&Comparison) -> &[Measured];

/// The requests and delays of each effort.
pub(crate) fn of_efforts(comparisons: &[Comparison]) -> String {
    let mut text =
        "### Requests and mean delay in seconds at each effort: nothing known / 60 past restores\n\n| workload |"
            .to_owned();
    for effort in Effort::ALL {
        write!(text, " {effort} |").unwrap();
    }
    writeln!(text, "\n|---|{}", "--:|".repeat(Effort::ALL.len())).unwrap();
    for comparison in comparisons.iter().filter(|comparison| !comparison.efforts[0].is_empty()) {
        write!(text, "| {} |", comparison.workload).unwrap();
        for (unknown, known) in comparison.efforts[0].iter().zip(&comparison.efforts[1]) {
            let point = |(requests, delay): &(f64, f64)| format!("{}: {}", number(*requests), number(*delay));
            write!(text, " {} / {} |", point(unknown), point(known)).unwrap();
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
