//! The table of jobs in a status for people.
//!
//! Invariant: each row fits the width that is given, and no two ids of a table are shown alike.

use std::collections::BTreeSet;

use console::{measure_text_width, truncate_str};
use jiff::Timestamp;

use super::report::Surface;
use crate::adapters::report::{JobStatus, Status};
use crate::cli::table;
use crate::model::time::wall_between;
use crate::model::{Outcome, Section, duration, natural_order};
use crate::platform::locale;

const HEADING: [&str; COLUMNS] = ["JOB", "PROJECT", "INDEX", "STATUS", "TIME", "ENDED", "NEXT POLL"];
const COLUMNS: usize = 7;

/// The columns that are cut if there is no room, the first one first.
const CUT: [usize; 3] = [2, 1, 0];

/// A column is not made narrower than this.
const NARROWEST: usize = 8;

/// What stands before each row: a mark and a space.
const MARGIN: usize = 2;

/// How a job is called in the table.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// How many characters of the id are shown.
    id_length: usize,
    /// Whether the id is shown beside a name.
    beside_name: bool,
}

/// A job as cells of the table.
struct Row {
    mark: String,
    cells: [String; COLUMNS],
    /// What the last poll failed with.
    error: Option<String>,
}

/// The lines of the table, with what is left out of it; none if nothing is to be said.
pub(super) fn lines(status: &Status, surface: Surface) -> Vec<String> {
    let rows =
        |label| -> Vec<_> { status.jobs.iter().map(|job| Row::of(job, status, label, surface)).collect() };
    let mut all = Vec::new();
    for label in labels(&status.jobs) {
        all = rows(label);
        if surface.width.is_none_or(|width| needed(&widths(&all)) <= width) {
            break;
        }
    }
    let widths = fitted(widths(&all), surface.width);

    let mut lines = Vec::new();
    if !all.is_empty() {
        let heading = line(&HEADING.map(str::to_owned), &widths);
        lines.push(surface.faint(&format!("{}{heading}", " ".repeat(MARGIN))));
    }
    for section in [Section::Failed, Section::Running, Section::Succeeded] {
        let mut of_section: Vec<_> =
            status.jobs.iter().zip(&all).filter(|(job, _)| job.outcome.section() == section).collect();
        of_section.sort_by(|(a, _), (b, _)| {
            natural_order(a.job.name_or_id(), b.job.name_or_id()).then_with(|| a.project.cmp(&b.project))
        });

        for (_, row) in &of_section {
            lines.push(format!("{} {}", row.mark, line(&row.cells, &widths)));
            let error = row.error.iter().flat_map(|error| surface.wrapped_below(error, 4));
            lines.extend(error);
        }
        let meant = status.outcomes.count(|outcome| outcome.section() == section);
        lines.extend(
            left_out(section, meant.saturating_sub(of_section.len())).map(|text| surface.faint(&text)),
        );
    }
    lines
}

/// Says how many jobs of a section are not listed, and which option lists them.
fn left_out(section: Section, jobs: usize) -> Option<String> {
    let (what, option) = match section {
        Section::Failed => ("failed", "--failed"),
        Section::Running => ("running", "--open"),
        Section::Succeeded => ("completed", "--all"),
    };
    (jobs > 0).then(|| format!("{} {jobs} more {what}: {option}", locale::shown("…")))
}

impl Row {
    fn of(job: &JobStatus, status: &Status, label: Label, surface: Surface) -> Self {
        let now = status.daemon.timestamp;
        let id = table::beginning(job.job.id.as_str(), label.id_length);
        let label = match &job.job.name {
            Some(name) if label.beside_name => format!("{name} ({id})"),
            Some(name) => name.clone(),
            None => id.to_owned(),
        };
        let has_projects = status.daemon.projects.len() > 1;
        Self {
            mark: mark(job.outcome, surface),
            cells: [
                label,
                if has_projects { job.project.to_string() } else { String::new() },
                job.job.facts.target_index_name.clone().unwrap_or_default(),
                job.in_words(),
                taken(job),
                ended(job, now),
                job.next_poll_in_words(now).filter(|_| !status.daemon.stands_by()).unwrap_or_default(),
            ],
            error: job.last_error.clone().filter(|_| job.outcome.section() != Section::Succeeded),
        }
    }
}

/// How long it took or has been taking.
fn taken(job: &JobStatus) -> String {
    job.elapsed.in_words().unwrap_or_default()
}

/// When it ended; if the API does not say that, when its end was observed.
fn ended(job: &JobStatus, now: Timestamp) -> String {
    match (job.job.facts.completed_at, job.end_observed_at) {
        _ if !job.outcome.is_final() => String::new(),
        (Some(at), _) => duration::ago(wall_between(at, now)),
        (None, Some(at)) => format!("seen {}", duration::ago(wall_between(at, now))),
        (None, None) => String::new(),
    }
}

fn mark(outcome: Outcome, surface: Surface) -> String {
    let (utf8, ascii) = match outcome.section() {
        Section::Failed => ("✘", "x"),
        Section::Running => ("•", "-"),
        Section::Succeeded => ("✔", "+"),
    };
    let mark = if locale::is_utf8() { utf8 } else { ascii };
    match table::color_of(outcome.section()) {
        Some(color) => surface.painted(mark, color.on_default()),
        None => mark.to_owned(),
    }
}

/// The ways to call jobs, the longest first. Names stand alone only if they differ.
fn labels(jobs: &[JobStatus]) -> Vec<Label> {
    let id_length = table::distinct_length(jobs.iter().map(|job| job.job.id.as_str()));
    let mut names = BTreeSet::new();
    let are_distinct = jobs.iter().filter_map(|job| job.job.name.as_deref()).all(|name| names.insert(name));
    let mut labels =
        vec![Label { id_length: usize::MAX, beside_name: true }, Label { id_length, beside_name: true }];
    labels.extend(are_distinct.then_some(Label { id_length, beside_name: false }));
    labels
}

/// The width of each column; 0 if it has nothing in it.
fn widths(rows: &[Row]) -> [usize; COLUMNS] {
    std::array::from_fn(|column| {
        let widest = rows.iter().map(|row| measure_text_width(&row.cells[column])).max().unwrap_or_default();
        if widest == 0 { 0 } else { widest.max(HEADING[column].len()) }
    })
}

/// The width of the whole table.
fn needed(widths: &[usize; COLUMNS]) -> usize {
    let used = widths.iter().filter(|width| **width > 0);
    MARGIN + used.clone().sum::<usize>() + 2 * used.count().saturating_sub(1)
}

/// Narrower columns, until the table has this width, as far as that goes.
fn fitted(mut widths: [usize; COLUMNS], width: Option<usize>) -> [usize; COLUMNS] {
    for column in CUT {
        let excess = width.map_or(0, |width| needed(&widths).saturating_sub(width));
        let narrow = widths[column].saturating_sub(excess).max(NARROWEST);
        widths[column] = widths[column].min(narrow);
    }
    widths
}

fn line(cells: &[String; COLUMNS], widths: &[usize; COLUMNS]) -> String {
    let mark = locale::shown("…");
    let cell = |(cell, width): (&String, &usize)| {
        let cell = truncate_str(cell, *width, &mark);
        let padding = " ".repeat(width.saturating_sub(measure_text_width(&cell)));
        format!("{cell}{padding}")
    };
    let used = cells.iter().zip(widths).filter(|(_, width)| **width > 0);
    used.map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
}
