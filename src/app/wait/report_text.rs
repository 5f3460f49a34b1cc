//! The report for people: a line for each restore, and what all of them come to.
//!
//! Invariant: the first word of a line is the outcome, unless a mark stands before it, which only a
//! terminal gets.

use console::measure_text_width;

use super::fit::shorten;
use super::style::{Surface, Tone};
use crate::model::Outcome;
use crate::platform::lines::{unbroken, wrap};

/// The rows below those of the jobs: the summary, and the prompt of the shell.
const LINES_BELOW: usize = 2;

/// The report is not made for a narrower terminal, which may be one that is being resized.
const MIN_COLUMNS: usize = 20;

/// What is said of one restore.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) outcome: Outcome,
    pub(super) words: &'a str,
    /// Its name, unless it has only its id.
    pub(super) name: Option<&'a str>,
    pub(super) id: &'a str,
    pub(super) time: &'a str,
    /// How late its end was noticed; on a terminal it has a line of its own, so that it costs no other
    /// restore its id.
    pub(super) noticed: Option<&'a str>,
    pub(super) error: Option<&'a str>,
}

/// The widths of the columns.
#[derive(Debug, Clone, Copy)]
struct Widths {
    words: usize,
    name: usize,
    id: usize,
    time: usize,
}

/// The report of these restores, in the order in which they were named.
pub(super) fn text(mut lines: Vec<Line<'_>>, summary: &str, exit_code: u8, surface: Surface) -> String {
    let widths = Widths::of(&lines);
    let exit_code = format!("(exit code {exit_code})");
    let Some(size) = surface.terminal else {
        return lines
            .iter()
            .map(|line| plain(line, widths))
            .chain([format!("{summary} {exit_code}\n")])
            .collect();
    };

    let is_good = |line: &Line<'_>| Tone::of(line.outcome) != Tone::Bad;
    lines.sort_by_key(is_good);
    let columns = usize::from(size.columns).saturating_sub(1).max(MIN_COLUMNS);
    let blocks: Vec<_> = lines.iter().map(|line| on_terminal(line, widths, columns, surface)).collect();
    let rows: usize = blocks.iter().map(|block| block.lines().count()).sum();
    let bad = lines.iter().filter(|line| !is_good(line)).count();
    // What went wrong comes first, unless it would be off the screen then.
    let begin = if rows + LINES_BELOW > usize::from(size.rows) { bad } else { 0 };
    let summary = wrap(&format!("{summary} {}", unbroken(&exit_code)), columns).join("\n") + "\n";

    blocks[begin..].iter().chain(&blocks[..begin]).map(String::as_str).chain([summary.as_str()]).collect()
}

impl Widths {
    fn of(lines: &[Line<'_>]) -> Self {
        let widest = |text: &dyn Fn(&Line<'_>) -> usize| lines.iter().map(text).max().unwrap_or_default();
        Self {
            words: widest(&|line| measure_text_width(line.words)),
            name: widest(&|line| measure_text_width(line.name.unwrap_or(line.id))),
            id: widest(&|line| line.name.map_or(0, |_| measure_text_width(line.id))),
            time: widest(&|line| measure_text_width(line.time)),
        }
    }

    /// The width of the mark and all columns.
    fn total(self) -> usize {
        let columns = [self.words, self.name, self.id, self.time].into_iter().filter(|width| *width > 0);
        columns.map(|width| 2 + width).sum()
    }
}

/// The line in a file or a pipe.
fn plain(line: &Line<'_>, widths: Widths) -> String {
    let error = line.error.map(|error| format!("last error: {error}"));
    let rest = line.noticed.map(str::to_owned).into_iter().chain(error).collect::<Vec<_>>().join("  ");
    let id = if line.name.is_some() { line.id } else { "" };
    let columns = [
        (line.words, widths.words),
        (line.name.unwrap_or(line.id), widths.name),
        (id, widths.id),
        (line.time, widths.time),
        (&rest, rest.len()),
    ];
    aligned(&columns) + "\n"
}

/// The lines on a terminal: the reason has lines of its own, and so has the id if the terminal is
/// narrow. Then it is left out where nothing went wrong.
fn on_terminal(line: &Line<'_>, widths: Widths, columns: usize, surface: Surface) -> String {
    let style = surface.style;
    let tone = Tone::of(line.outcome);
    let is_wide = widths.total() <= columns;
    let widths = if is_wide { widths } else { widths.without_id(columns) };
    let name = shorten(line.name.unwrap_or(line.id), widths.name, style.ellipsis());
    let id = if line.name.is_some() { line.id } else { "" };

    let words = format!("{} {}", style.final_mark(line.outcome), line.words);
    let gap = " ".repeat(widths.words - measure_text_width(line.words));
    let rest = aligned(&[(name.as_str(), widths.name), (id, widths.id), (line.time, widths.time)]);
    let mut rows = vec![format!("{}{gap}  {rest}", style.paint(tone, &words))];

    if !is_wide && tone == Tone::Bad && (line.name.is_some() || name != line.id) {
        rows.push(format!("  {}", line.id));
    }
    rows.extend(line.noticed.map(|noticed| format!("  {noticed}")));
    let error = line.error.iter().flat_map(|error| wrap(&style.shown(error), columns.saturating_sub(2)));
    rows.extend(error.map(|row| format!("  {row}")));
    rows.into_iter().map(|row| row + "\n").collect()
}

impl Widths {
    /// The same without ids, and with names that fit.
    fn without_id(self, columns: usize) -> Self {
        let others = Self { id: 0, name: 0, ..self }.total() + 2;
        Self { id: 0, name: self.name.min(columns.saturating_sub(others).max(8)), ..self }
    }
}

/// Texts in columns of these widths; a column without a width is left out.
fn aligned(columns: &[(&str, usize)]) -> String {
    let mut line = String::new();
    let mut gap = 0;
    for (text, width) in columns.iter().filter(|(_, width)| *width > 0) {
        if text.is_empty() {
            gap += width + 2;
            continue;
        }
        line.push_str(&" ".repeat(gap));
        line.push_str(text);
        gap = 2 + width.saturating_sub(measure_text_width(text));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::wait::screen::Size;
    use crate::app::wait::style::Style;

    const SUMMARY: &str = "1 of 4 restores ready, 1 failed, 1 not found, 1 running, in 33s";

    fn lines() -> Vec<Line<'static>> {
        let line = |outcome, words, name, id, time| Line {
            outcome,
            words,
            name,
            id,
            time,
            noticed: None,
            error: None,
        };
        let id = "670e8400-e29b-41d4-a716-446655440001";
        vec![
            line(Outcome::Ready, "ready", Some("docs-search"), id, "26s"),
            line(Outcome::Failed, "failed", Some("orders-nightly"), id, "at most 20s"),
            line(Outcome::Open, "Pending", Some("orders"), id, "33s"),
            Line {
                noticed: None,
                error: Some("HTTP 404: Restore job nope not found."),
                ..line(Outcome::NotFound, "not found", None, "nope", "")
            },
        ]
    }

    fn terminal(rows: u16, columns: u16) -> Surface {
        Surface { style: Style { utf8: true, color: false }, terminal: Some(Size { rows, columns }) }
    }

    #[test]
    fn a_pipe_gets_the_order_in_which_jobs_were_named() {
        insta::assert_snapshot!(text(lines(), SUMMARY, 1, Surface::plain()), @"
        ready      docs-search     670e8400-e29b-41d4-a716-446655440001  26s
        failed     orders-nightly  670e8400-e29b-41d4-a716-446655440001  at most 20s
        Pending    orders          670e8400-e29b-41d4-a716-446655440001  33s
        not found  nope                                                               last error: HTTP 404: Restore job nope not found.
        1 of 4 restores ready, 1 failed, 1 not found, 1 running, in 33s (exit code 1)
        ");
    }

    #[test]
    fn a_terminal_gets_failures_first() {
        insta::assert_snapshot!(text(lines(), SUMMARY, 1, terminal(24, 80)), @"
        ✘ failed     orders-nightly  670e8400-e29b-41d4-a716-446655440001  at most 20s
        ✘ not found  nope
          HTTP 404: Restore job nope not found.
        ✔ ready      docs-search     670e8400-e29b-41d4-a716-446655440001  26s
        • Pending    orders          670e8400-e29b-41d4-a716-446655440001  33s
        1 of 4 restores ready, 1 failed, 1 not found, 1 running, in 33s (exit code 1)
        ");
    }

    #[test]
    fn a_narrow_terminal_gets_the_ids_of_failures_below_them() {
        insta::assert_snapshot!(text(lines(), SUMMARY, 1, terminal(15, 60)), @"
        ✘ failed     orders-nightly  at most 20s
          670e8400-e29b-41d4-a716-446655440001
        ✘ not found  nope
          HTTP 404: Restore job nope not found.
        ✔ ready      docs-search     26s
        • Pending    orders          33s
        1 of 4 restores ready, 1 failed, 1 not found, 1 running, in
        33s (exit code 1)
        ");
    }

    #[test]
    fn failures_stay_on_the_screen_of_a_long_report() {
        let many: Vec<_> = lines().into_iter().cycle().take(40).collect();

        let text = text(many, SUMMARY, 1, terminal(24, 80));

        let last: Vec<_> = text.lines().rev().skip(1).take(2).collect();
        assert_eq!(last, ["  HTTP 404: Restore job nope not found.", "✘ not found  nope"]);
        assert!(text.starts_with("✔ ready"), "{text}");
    }

    #[test]
    fn colors_change_no_text() {
        let colored = Surface { style: Style { utf8: true, color: true }, ..terminal(24, 80) };

        let text = super::text(lines(), SUMMARY, 1, colored);

        assert_eq!(console::strip_ansi_codes(&text), super::text(lines(), SUMMARY, 1, terminal(24, 80)));
        assert!(text.contains("\u{1b}[32m✔ ready\u{1b}[0m"), "{text}");
    }
}
