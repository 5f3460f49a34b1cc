//! What the lines of a wait look like: the restores that the tests draw, and what holds for any
//! number of them.

mod few;
mod many;
mod one;

use std::time::Duration;

use console::measure_text_width;

use super::*;
use crate::app::wait::order::Order;
use crate::app::wait::view::Search;
use crate::model::{Elapsed, Expectation, JobId, RestoreGroup, Status};

const NORMAL: Size = Size { rows: 24, columns: 80 };
const LARGE: Size = Size { rows: 40, columns: 120 };
const SMALL: Size = Size { rows: 15, columns: 60 };

const PLAIN: Style = Style { utf8: true, color: false };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A restore that was named as number `place`, and runs for 55 s.
fn job(label: &'static str, place: usize) -> Job<'static> {
    let named: Vec<_> = (0..=place).map(|place| JobId::new(place.to_string()).unwrap()).collect();
    Job {
        label,
        id: "670e8400-e29b-41d4-a716-446655440001",
        place: Order::of(&named).place(&named[place]),
        outcome: Outcome::Open,
        status: Some(&Status::Pending),
        index_state: None,
        elapsed: Elapsed::Exact(seconds(55)),
        started_at: Some("2026-11-23T12:00:00Z".parse().unwrap()),
        percent: None,
        left: None,
        trouble: None,
    }
}

fn completed(label: &'static str, place: usize, took: u64) -> Job<'static> {
    Job {
        outcome: Outcome::Completed,
        status: Some(&Status::Completed),
        elapsed: Elapsed::Exact(seconds(took)),
        ..job(label, place)
    }
}

fn failed(label: &'static str, place: usize) -> Job<'static> {
    Job {
        outcome: Outcome::Failed,
        status: Some(&Status::Failed),
        elapsed: Elapsed::AtMost { bound: seconds(20), seen_running: None },
        ..job(label, place)
    }
}

fn moving(label: &'static str, place: usize, percent: f64, left: u64) -> Job<'static> {
    Job { percent: Some(percent), left: Some(seconds(left)), ..job(label, place) }
}

fn with_trouble(job: &Job<'static>, reason: &'static str, gives_up_in: u64) -> Job<'static> {
    Job { trouble: Some(Trouble { reason, gives_up_in: Some(seconds(gives_up_in)) }), ..job.clone() }
}

fn view(jobs: Vec<Job<'_>>) -> View<'_> {
    View {
        counts: jobs.iter().map(Job::standing).collect(),
        jobs,
        any: false,
        waited: seconds(55),
        expected: None,
        search: None,
        list_trouble: None,
    }
}

fn with_history(view: View<'static>, restores: usize, group: Option<&str>) -> View<'static> {
    let group = group.map(|name| RestoreGroup::Index(name.to_owned()));
    let expected = Expectation { restores, p50_seconds: 540.0, p90_seconds: 1260.0, group };
    View { expected: Some(expected), ..view }
}

fn five() -> View<'static> {
    view(vec![
        completed("docs-search", 0, 26),
        failed("orders-nightly", 1),
        moving("catalogue", 2, 49.0, 16),
        moving("inventory", 3, 8.4, 600),
        Job { status: None, ..job("670e8400-e29b-41d4-a716-446655440001", 4) },
    ])
}

/// Shards of which the first half completed, but for number 9; the others are about 3 s apart.
fn shards(count: usize) -> View<'static> {
    let shard = |number: usize| {
        let label: &'static str = format!("shard-{number}").leak();
        match number {
            9 => failed(label, number),
            number if number <= count / 2 + 2 => completed(label, number, 15 + number as u64),
            number => {
                let left = u32::try_from(1 + 3 * (number - count / 2 - 3)).unwrap();
                moving(label, number, 99.0 - f64::from(left) / 10.0, left.into())
            }
        }
    };
    // As the engine has them: in no order.
    view((1..=count).rev().map(shard).collect())
}

/// The lines without their ends, which the snapshots would lose.
fn drawn(view: &View<'_>, size: Size) -> String {
    let lines = lines(view, size, PLAIN, 3);
    for line in &lines {
        assert!(measure_text_width(line) < usize::from(size.columns), "{line}");
        assert_eq!(line.trim_end(), line);
    }
    lines.join("\n")
}

/// The same, but of running shards that follow each other by number, the first and the last.
fn outlined(view: &View<'_>, size: Size) -> String {
    let number = |line: &str| line.strip_prefix("⠸ shard-")?.split(' ').next()?.parse::<usize>().ok();
    let drawn = drawn(view, size);
    let lines: Vec<_> = drawn.lines().map(str::to_owned).collect();

    let follows = |a: &String, b: &String| number(a).is_some_and(|a| number(b) == Some(a + 1));
    let outline = |run: &[String]| match run {
        [first, between @ .., last] if between.len() > 1 => {
            vec![first.clone(), format!("  ({} rows)", between.len()), last.clone()]
        }
        short => short.to_vec(),
    };
    lines.chunk_by(follows).flat_map(outline).collect::<Vec<_>>().join("\n")
}

#[test]
fn lines_fit_terminals_of_any_size() {
    let views = [five(), shards(40), with_history(view(vec![job("docs", 0)]), 40, None)];
    for (rows, columns) in [(0, 0), (1, 1), (2, 9), (3, 20), (4, 30), (5, 200), (9, 45)] {
        for view in &views {
            let lines = lines(view, Size { rows, columns }, PLAIN, 0);

            assert!(lines.len() <= usize::from(rows).saturating_sub(1).max(1), "{rows}: {lines:?}");
            assert!(!lines.is_empty());
            let room = usize::from(columns);
            assert!(columns < 45 || lines.iter().all(|line| measure_text_width(line) < room), "{lines:?}");
        }
    }
}

#[test]
fn ascii_terminals_get_ascii() {
    let style = Style { utf8: false, color: false };
    let lines = lines(&shards(40), SMALL, style, 0);

    assert!(lines.concat().is_ascii(), "{lines:?}");
}

#[test]
fn colors_change_no_text() {
    let reason = "cannot connect to http://127.0.0.1:9: connection refused";
    let mut view = with_history(five(), 40, None);
    view.jobs[3] = with_trouble(&view.jobs[3], reason, 546);
    let colored = lines(&view, NORMAL, Style { utf8: true, color: true }, 3);

    let plain: Vec<_> = colored.iter().map(|line| console::strip_ansi_codes(line)).collect();

    assert_eq!(plain.join("\n"), drawn(&view, NORMAL));
    assert!(colored[1].starts_with("\u{1b}[32m✔\u{1b}[0m docs-search"), "{colored:?}");
    assert!(colored[2].starts_with("\u{1b}[1m\u{1b}[31m✘\u{1b}[0m orders-nightly"), "{colored:?}");
}
