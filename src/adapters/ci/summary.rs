//! The summary of a job of GitHub Actions: a table in Markdown.
//!
//! Invariant: texts from elsewhere stand in code spans, where Markdown, HTML, mentions and links
//! mean nothing; the whole never exceeds its limit.

use std::fmt::Write as _;

use super::{Ending, Job};

/// The most rows; a longer table is not read.
const MAX_ROWS: usize = 200;

/// Room for the count of jobs that have no row.
const REST: usize = 200;

/// The longest command that is shown, in bytes.
const MAX_COMMAND: usize = 4096;

/// The summary, in at most `room` bytes; none where not even its head fits.
pub(super) fn of(ending: &Ending, room: usize) -> Option<String> {
    let mut jobs: Vec<_> = ending.jobs.iter().collect();
    // Good results come last, because the end may be cut off.
    jobs.sort_by_key(|job| job.outcome.is_success());
    let well = jobs.iter().filter(|job| job.outcome.is_success()).count();
    let mut text = format!(
        "### restore-watch: {}\n\nExit code {}: {}. Restores that ended well: {well} of {}.\n\n\
         | Restore | Index | Outcome | Took | What went wrong |\n|---|---|---|---|---|\n",
        ending.outcome.replace('_', " "),
        ending.exit_code,
        ending.meaning,
        jobs.len(),
    );

    let go_on = ending.resume.as_deref().map(go_on).unwrap_or_default();
    let mut shown = 0;
    for job in jobs.iter().take(MAX_ROWS) {
        let row = row(job);
        if text.len() + row.len() + REST + go_on.len() > room {
            break;
        }
        text += &row;
        shown += 1;
    }

    if shown < jobs.len() {
        // Writing to a text does not fail.
        _ = writeln!(text, "\nand {} more; the output `jobs` has them all", jobs.len() - shown);
    }
    text += &go_on;
    text.push('\n');

    Some(text).filter(|text| text.len() <= room)
}

/// How to go on, with the command as a code block (GitHub Flavored Markdown, 4.5): its fence is
/// longer than any row of backticks in it.
fn go_on(command: &str) -> String {
    if command.len() > MAX_COMMAND {
        return String::new();
    }
    let fence = "`".repeat(longest_run(command).max(2) + 1);
    format!("\nTo go on waiting:\n\n{fence}sh\n{command}\n{fence}\n")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

fn row(job: &Job) -> String {
    let restore = match &job.name {
        Some(name) => format!("{} {}", code(name), code(&job.id)),
        None => code(&job.id),
    };
    let index = job.index.as_deref().map(code).unwrap_or_default();
    let plain = job.outcome.label();
    let outcome = if job.words == plain { plain } else { format!("{plain}: {}", code(&job.words)) };
    let took = job.elapsed.in_words().unwrap_or_default();
    let error = job.error.as_deref().map(code).unwrap_or_default();
    format!("| {restore} | {index} | {outcome} | {took} | {error} |\n")
}

/// A text as a code span within a cell (GitHub Flavored Markdown, 6.3 and 4.10): its fence is
/// longer than any row of backticks in it, and a pipe has a backslash even there.
fn code(text: &str) -> String {
    let text = text.split(|c: char| c.is_control() || c.is_whitespace()).collect::<Vec<_>>().join(" ");
    if text.trim().is_empty() {
        return String::new();
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space on either side is taken off again, so that a backtick does not touch the fence.
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::ci::samples::{ending, job};
    use crate::model::{Elapsed, Outcome};

    const ROOM: usize = 1024 * 1024;

    #[test]
    fn failures_come_first_in_the_table() {
        let mut named = job("rj-2", Outcome::Open);
        (named.name, named.words) = (Some("nightly".to_owned()), "Pending".to_owned());
        named.error = Some("HTTP 503: Service Unavailable".to_owned());
        let mut lost = job("rj-3", Outcome::NotFound);
        (lost.index, lost.elapsed, lost.words) = (None, Elapsed::Unknown, "not found".to_owned());
        let ending = ending(124, true, vec![job("rj-1", Outcome::Completed), named, lost]);
        insta::assert_snapshot!(of(&ending, ROOM).unwrap(), @"
        ### restore-watch: timeout

        Exit code 124: timeout. Restores that ended well: 1 of 3.

        | Restore | Index | Outcome | Took | What went wrong |
        |---|---|---|---|---|
        | `nightly` `rj-2` | `docs` | open: `Pending` | 1m 00s | `HTTP 503: Service Unavailable` |
        | `rj-3` |  | not found |  |  |
        | `rj-1` | `docs` | completed | 1m 00s |  |
        ");
    }

    #[test]
    fn the_command_that_goes_on_is_a_code_block() {
        let mut cut_short = ending(124, true, vec![job("rj-1", Outcome::Open)]);
        for (command, block) in [
            ("restore-watch wait rj-1", "\nTo go on waiting:\n\n```sh\nrestore-watch wait rj-1\n```\n\n"),
            ("wait '```'", "\nTo go on waiting:\n\n````sh\nwait '```'\n````\n\n"),
        ] {
            cut_short.resume = Some(command.to_owned());
            let summary = of(&cut_short, ROOM).unwrap();
            assert!(summary.ends_with(block), "{summary}");
        }

        cut_short.resume = Some("x".repeat(MAX_COMMAND + 1));
        assert!(!of(&cut_short, ROOM).unwrap().contains("To go on"));
    }

    #[test]
    fn cells_are_code_spans() {
        for (text, cell) in [
            ("docs", "`docs`"),
            ("a | b", r"`a \| b`"),
            (r"a \| b", r"`a \\| b`"),
            ("a\nb\r\nc\u{1b}d\u{2028}e", "`a b  c d e`"),
            ("a`b", "``a`b``"),
            ("```", "```` ``` ````"),
            ("`a", "`` `a ``"),
            ("<img src=x> @octocat #1 [a](b) **c**", "`<img src=x> @octocat #1 [a](b) **c**`"),
            ("", ""),
            (" \n", ""),
        ] {
            assert_eq!(code(text), cell, "{text:?}");
        }
    }

    #[test]
    fn the_summary_stays_within_its_limit() {
        let jobs = |n: usize| -> Vec<_> {
            let mut wide = job("rj", Outcome::Failed);
            wide.error = Some("|".repeat(300));
            std::iter::repeat_n(wide, n).collect()
        };

        for (count, room, rows, more) in
            [(200, ROOM, 200, None), (1000, ROOM, 200, Some(800)), (9, 3000, 4, Some(5))]
        {
            let text = of(&ending(1, false, jobs(count)), room).unwrap();
            assert!(text.len() <= room);
            assert_eq!(
                text.lines().filter(|line| line.starts_with("| `")).count(),
                rows,
                "{count} in {room}"
            );
            let is_cut = text.contains("more; the output");
            assert_eq!(is_cut, more.is_some(), "{text}");
            assert!(more.is_none_or(|more| text.contains(&format!("and {more} more"))), "{text}");
        }

        assert_eq!(of(&ending(1, false, jobs(1)), 100), None);
    }
}
