//! Statistics as a table for people, with a histogram in each line.

use std::time::Duration;

use crate::cli::table;
use crate::model::{Bucket, RESTORE_BUCKETS, RestoreStats, StatsBy, duration};

/// The columns whose cells are cut if there is no room: PROJECT, and by index INDEX.
const PROJECT: usize = 0;
const INDEX: usize = 1;

/// The columns that a narrow terminal does without, the first one first: CANCELLED, UNRECOGNISED,
/// P99, MAX, the histogram, P50.
const SPARE: [usize; 6] = [4, 5, 8, 9, 10, 6];

/// The bars from no restore to as many as the fullest bucket has.
const BARS: [char; 6] = ['·', '▁', '▂', '▃', '▅', '▇'];
const BARS_ASCII: [char; 6] = ['.', '-', '=', '+', '*', '#'];

/// The table, in at most `width` columns if there is a width.
pub(super) fn of(
    groups: &[RestoreStats],
    by: StatsBy,
    width: Option<usize>,
    utf8: bool,
    color: bool,
) -> String {
    let shows_project =
        by == StatsBy::Project || groups.iter().any(|group| group.project != groups[0].project);
    let shows_cancelled = groups.iter().any(|group| group.cancelled > 0);
    let shows_unrecognised = groups.iter().any(|group| group.unrecognised > 0);
    let (scale, cut) = (scale(utf8), if by == StatsBy::Index { INDEX } else { PROJECT });
    let heading = [
        if shows_project { "PROJECT" } else { "" },
        if by == StatsBy::Index { "INDEX" } else { "" },
        "ENDED",
        "FAILED",
        if shows_cancelled { "CANCELLED" } else { "" },
        if shows_unrecognised { "UNRECOGNISED" } else { "" },
        "P50",
        "P90",
        "P99",
        "MAX",
        &scale,
    ];
    let row = |group: &RestoreStats| {
        let took = |duration: Option<Duration>| duration.map_or_else(|| "-".to_owned(), duration::human);
        [
            if shows_project { group.project.to_string() } else { String::new() },
            match &group.index {
                Some(index) => index.clone(),
                None if by == StatsBy::Index => "-".to_owned(),
                None => String::new(),
            },
            group.ended.to_string(),
            failed(group),
            if shows_cancelled { group.cancelled.to_string() } else { String::new() },
            if shows_unrecognised { group.unrecognised.to_string() } else { String::new() },
            took(group.took.p50),
            took(group.took.p90),
            took(group.took.p99),
            took(group.took.max),
            bars(&group.took.histogram, utf8),
        ]
    };

    let rows: Vec<_> = groups.iter().map(row).collect();
    let text = match width {
        Some(width) => table::fitted(heading, &rows, width, &SPARE, cut),
        None => table::table(heading, &rows),
    };
    table::with_faint_heading(text, color)
}

/// How many failed, and what share of those that completed or failed.
fn failed(group: &RestoreStats) -> String {
    match group.failed_share {
        Some(share) if group.failed > 0 => {
            let percent = format!("{:.1}", share * 100.0);
            format!("{} ({} %)", group.failed, percent.trim_end_matches(".0"))
        }
        _ => group.failed.to_string(),
    }
}

/// The heading above the bars: what the first and the last are.
fn scale(utf8: bool) -> String {
    let [first, .., last] = RESTORE_BUCKETS.map(duration::written);
    let (first, last) = (format!("{}{first}", if utf8 { "≤" } else { "<" }), format!(">{last}"));
    let bars = RESTORE_BUCKETS.len() + 1;
    let gap = bars.saturating_sub(first.chars().count() + last.chars().count());
    format!("{first}{}{last}", " ".repeat(gap))
}

/// A bar for each bucket.
fn bars(histogram: &[Bucket], utf8: bool) -> String {
    let bars = if utf8 { BARS } else { BARS_ASCII };
    let most = histogram.iter().map(|bucket| bucket.restores).max().unwrap_or_default().max(1);
    histogram.iter().map(|bucket| bars[(bucket.restores * (bars.len() - 1)).div_ceil(most)]).collect()
}

#[cfg(test)]
mod tests {
    use console::measure_text_width;

    use super::*;
    use crate::cli::history::samples;
    use crate::model::{Elapsed, EndedRestore, Outcome, ProjectName};

    /// A hundred restores of an index in 10 s to 1000 s, one of another, and two that ended badly.
    fn restores() -> Vec<EndedRestore> {
        let took = |seconds| EndedRestore {
            elapsed: Elapsed::Exact(Duration::from_secs(seconds)),
            ..samples::completed()
        };
        let mut restores: Vec<_> = (1..=100).map(|n| took(n * 10)).collect();
        restores.push(samples::failed());
        let mut docs = took(25_000);
        docs.job.facts.target_index_name = Some("docs".to_owned());
        restores.push(docs);
        restores.push(EndedRestore { outcome: Outcome::Cancelled, ..samples::failed() });
        restores
    }

    fn text(restores: &[EndedRestore], by: StatsBy, width: Option<usize>, utf8: bool) -> String {
        of(&RestoreStats::of(restores, by), by, width, utf8, false)
    }

    #[test]
    fn a_line_for_each_project() {
        let mut restores = restores();
        restores.push(EndedRestore { project: ProjectName::new("staging"), ..samples::completed() });

        insta::assert_snapshot!(text(&restores, StatsBy::Project, None, true), @"
        PROJECT     ENDED  FAILED   CANCELLED  P50     P90      P99      MAX      ≤30s     >6h
        production  103    1 (1 %)  1          8m 30s  15m 10s  16m 40s  6h 56m   ▁▁▁▃▅▇·····▁
        staging     1      0        0          -       -        -        12m 05s  ·····▇······
        ");
    }

    #[test]
    fn a_line_for_each_index_fits_a_usual_terminal() {
        insta::assert_snapshot!(text(&restores(), StatsBy::Index, Some(80), true), @"
        INDEX   ENDED  FAILED     P50     P90      P99      MAX      ≤30s     >6h
        docs    1      0          -       -        -        6h 56m   ···········▇
        orders  100    0          8m 20s  15m 00s  16m 30s  16m 40s  ▁▁▁▃▅▇······
        users   2      1 (100 %)  -       -        -        -        ············
        ");
    }

    #[test]
    fn an_end_in_a_state_that_is_not_known_has_a_column() {
        let restores = [EndedRestore { outcome: Outcome::Unrecognised, ..samples::failed() }];

        insta::assert_snapshot!(text(&restores, StatsBy::Project, None, true), @"
        PROJECT     ENDED  FAILED  UNRECOGNISED  P50  P90  P99  MAX  ≤30s     >6h
        production  1      0       1             -    -    -    -    ············
        ");
    }

    #[test]
    fn bars_have_an_ascii_form() {
        insta::assert_snapshot!(text(&restores()[..101], StatsBy::Project, Some(80), false), @"
        PROJECT     ENDED  FAILED   P50     P90      P99      MAX      <30s     >6h
        production  101    1 (1 %)  8m 20s  15m 00s  16m 30s  16m 40s  ---+*#......
        ");
    }

    #[test]
    fn lines_fit_terminals_from_forty_columns_on() {
        for by in [StatsBy::Project, StatsBy::Index] {
            for width in 40..120 {
                let text = text(&restores(), by, Some(width), true);
                assert!(text.lines().all(|line| measure_text_width(line) <= width), "{width}: {text}");
            }
        }
    }

    #[test]
    fn the_fullest_bucket_has_the_highest_bar_and_an_empty_one_none() {
        let bucket = |restores| Bucket { up_to: None, restores };

        assert_eq!(bars(&[0, 1, 20, 21, 60, 99, 100].map(bucket), true), "·▁▁▂▃▇▇");
        assert_eq!(bars(&[0, 0].map(bucket), false), "..");
    }
}
