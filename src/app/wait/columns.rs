//! The row of each job, in columns that are aligned with each other.
//!
//! Invariant: if there is no room, the bar goes first, then a part of the names, then the times.

use std::collections::HashMap;

use console::measure_text_width;

use super::fit::shorten;
use super::layout::Paper;
use super::style::{Style, Tone};
use super::view::Job;
use super::words;
use crate::model::{Outcome, Status};

/// The width of a bar, in cells.
const BAR_WIDTH: u8 = 16;

/// Names are not made shorter than this before anything else goes.
const MIN_LABEL_WIDTH: usize = 14;

/// The longest name, in cells: that of an index.
const MAX_LABEL_WIDTH: usize = 45;

/// How many characters of an id tell jobs of one name apart.
const ID_PREFIX: usize = 8;

const GAP: usize = 2;

/// What is said of a job in each column.
#[derive(Debug)]
struct Cells {
    label: String,
    bar: String,
    state: String,
    /// The time so far, and the time that is left.
    times: String,
    /// The one of them that says more.
    time: String,
}

/// The width of each column but the last; 0 for one that is left out.
#[derive(Debug, Clone, Copy)]
struct Widths {
    label: usize,
    bar: usize,
    state: usize,
    time: Time,
}

/// What the last column says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Both,
    One,
    None,
}

/// A row for each job.
pub(super) fn rows(jobs: &[&Job<'_>], paper: Paper) -> Vec<String> {
    let labels = labels(jobs);
    let cells: Vec<_> =
        jobs.iter().zip(labels).map(|(job, label)| Cells::of(job, label, paper.style)).collect();
    let widths = Widths::fitting(&cells, paper.columns);

    jobs.iter().zip(cells).map(|(job, cells)| row(job, &cells, widths, paper)).collect()
}

/// The names of the jobs; with the begin of its id if several have the same.
fn labels(jobs: &[&Job<'_>]) -> Vec<String> {
    let mut counts = HashMap::new();
    for job in jobs {
        *counts.entry(job.label).or_insert(0) += 1;
    }
    let label = |job: &&Job<'_>| {
        if counts[job.label] > 1 && job.label != job.id {
            let id: String = job.id.chars().take(ID_PREFIX).collect();
            format!("{} {id}", job.label)
        } else {
            job.label.to_owned()
        }
    };
    jobs.iter().map(label).collect()
}

impl Cells {
    fn of(job: &Job<'_>, label: String, style: Style) -> Self {
        let percent = words::percent(job);
        let state = match percent {
            // That it is pending says less than its progress.
            Some(percent) if job.status.is_none_or(|status| status.same_as(&Status::Pending)) => percent,
            Some(percent) => format!("{} {percent}", job.state()),
            None => job.state(),
        };
        let (time, left) = (words::time(job), words::left(job));
        Self {
            label,
            bar: job.percent.map(|percent| bar(percent, style)).unwrap_or_default(),
            state,
            times: left.iter().fold(time.clone(), |time, left| format!("{time}, {left}")),
            time: left.unwrap_or(time),
        }
    }

    /// The state behind its bar, if that is shown.
    fn state(&self, widths: Widths) -> String {
        if widths.bar > 0 && !self.bar.is_empty() {
            format!("{} {:>5}", self.bar, self.state)
        } else {
            self.state.clone()
        }
    }

    fn time(&self, time: Time) -> &str {
        match time {
            Time::Both => &self.times,
            Time::One => &self.time,
            Time::None => "",
        }
    }
}

impl Widths {
    fn fitting(cells: &[Cells], columns: usize) -> Self {
        let widest = |text: &dyn Fn(&Cells) -> usize| cells.iter().map(text).max().unwrap_or_default();
        let label = widest(&|cells| measure_text_width(&cells.label)).min(MAX_LABEL_WIDTH);
        let state = widest(&|cells| measure_text_width(&cells.state));
        let plain = Self { label, bar: 0, state, time: Time::Both };
        let with_bar = Self { bar: widest(&|cells| measure_text_width(&cells.bar)), ..plain };
        let with_bar =
            Self { state: widest(&|cells| measure_text_width(&cells.state(with_bar))), ..with_bar };

        let room_for_label = |widths: Self| {
            let time = widest(&|cells| measure_text_width(cells.time(widths.time)));
            let others = [widths.state, time].into_iter().filter(|width| *width > 0);
            columns.saturating_sub("x ".len() + others.map(|width| GAP + width).sum::<usize>())
        };
        if room_for_label(with_bar) >= label {
            return with_bar;
        }
        let candidates = [plain, Self { time: Time::One, ..plain }];
        let fits = |widths: &Self| room_for_label(*widths) >= label.min(MIN_LABEL_WIDTH);
        let chosen = candidates.into_iter().find(fits).unwrap_or(Self { time: Time::None, ..plain });
        Self { label: room_for_label(chosen).max(MIN_LABEL_WIDTH / 2).min(label), ..chosen }
    }
}

fn row(job: &Job<'_>, cells: &Cells, widths: Widths, paper: Paper) -> String {
    let style = paper.style;
    let tone = match (job.outcome, job.trouble) {
        (Outcome::Open, Some(_)) => Tone::Trouble,
        (outcome, _) => Tone::of(outcome),
    };
    let mark = style.paint(tone, &style.mark(job.outcome, paper.frame).to_string());
    let label = shorten(&cells.label, widths.label, style.ellipsis());
    let state_tone = if job.outcome == Outcome::Open { Tone::Plain } else { tone };
    let state = cells.state(widths);
    let gap = |text: &str, width: usize| " ".repeat(GAP + width.saturating_sub(measure_text_width(text)));

    let mut row = format!("{mark} {label}{}{}", gap(&label, widths.label), style.paint(state_tone, &state));
    match cells.time(widths.time) {
        "" => {}
        time => row.extend([&gap(&state, widths.state), time]),
    }
    row
}

fn bar(percent: f64, style: Style) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    let full = (percent / 100.0 * f64::from(BAR_WIDTH)) as usize;
    let (done, open) = if style.utf8 { ("█", "░") } else { ("#", "-") };
    let width = usize::from(BAR_WIDTH);
    done.repeat(full.min(width)) + &open.repeat(width.saturating_sub(full))
}
