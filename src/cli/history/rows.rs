//! The history as a table for people.
//!
//! Invariant: no time is invented. The end of a restore that the API does not date is the time at
//! which it was noticed, and is called so.

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::cli::table;
use crate::model::{DeliveryCounts, EndedRestore, duration};

const HEADING: [&str; COLUMNS] =
    ["BEGAN (UTC)", "ENDED", "TOOK", "OUTCOME", "PROJECT", "INDEX", "JOB", "BACKUP", "DELAY", "DELIVERIES"];
const COLUMNS: usize = 10;

/// The column whose cells are cut if there is no room: INDEX.
const CUT: usize = 5;

/// The columns that a narrow terminal does without, the first one first: BACKUP, DELAY, JOB,
/// DELIVERIES, TOOK, ENDED, PROJECT.
const SPARE: [usize; 7] = [7, 8, 6, 9, 2, 1, 4];

/// What stands for something that is not known.
const UNKNOWN: &str = "-";

/// How much a row says.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// How many characters of each id are shown.
    job_id: usize,
    backup_id: usize,
    /// Whether the id is shown beside a name.
    beside_name: bool,
    /// The year that is left out of dates, if one is.
    this_year: Option<i16>,
}

/// The table, in at most `width` columns if there is a width.
pub(super) fn of(restores: &[EndedRestore], now: Timestamp, width: Option<usize>, color: bool) -> String {
    let has_projects = restores.iter().any(|restore| restore.project != restores[0].project);
    let rows = |detail| -> Vec<_> {
        let row = |restore| row(restore, detail, has_projects, color);
        restores.iter().map(row).collect()
    };
    let jobs = restores.iter().map(|restore| restore.job.id.as_str());
    let backups = restores.iter().filter_map(|restore| restore.job.facts.backup_id.as_deref());
    let whole = Detail { job_id: usize::MAX, backup_id: usize::MAX, beside_name: true, this_year: None };
    let short = Detail {
        job_id: table::distinct_length(jobs),
        backup_id: table::distinct_length(backups),
        beside_name: false,
        this_year: Some(date(now).year()),
    };

    let heading = HEADING.map(|name| if name == "PROJECT" && !has_projects { "" } else { name });
    let text = table::table(heading, &rows(whole));
    let text = match width {
        Some(width) if table::longest_line(&text) > width => {
            table::fitted(heading, &rows(short), width, &SPARE, CUT)
        }
        _ => text,
    };
    table::with_faint_heading(text, color)
}

fn row(restore: &EndedRestore, detail: Detail, has_projects: bool, color: bool) -> [String; COLUMNS] {
    let EndedRestore { project, job, outcome, elapsed, deliveries, .. } = restore;
    let id = table::beginning(job.id.as_str(), detail.job_id);
    let label = match &job.name {
        Some(name) if detail.beside_name => format!("{name} ({id})"),
        Some(name) => name.clone(),
        None => id.to_owned(),
    };
    let backup = job.facts.backup_id.as_deref().map(|id| table::beginning(id, detail.backup_id).to_owned());
    let delay = restore
        .detection_delay_seconds
        .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok().map(duration::human));
    let known = |cell: Option<String>| cell.unwrap_or_else(|| UNKNOWN.to_owned());
    let outcome_color = table::color_of(outcome.section()).map(AnsiColor::on_default);

    [
        known(job.facts.created_at.map(|at| minute(at, None, detail.this_year))),
        ended(restore, detail.this_year),
        known(elapsed.in_words()),
        table::painted(&outcome.label(), outcome_color.unwrap_or_default(), color),
        if has_projects { project.to_string() } else { String::new() },
        known(job.facts.target_index_name.clone()),
        label,
        known(backup),
        known(delay),
        counted(*deliveries, color),
    ]
}

/// When it ended or, if that is not known, when its end was noticed.
fn ended(restore: &EndedRestore, this_year: Option<i16>) -> String {
    let began = restore.job.facts.created_at;
    match restore.job.facts.completed_at {
        Some(at) => minute(at, began, this_year),
        None => format!("noticed {}", minute(restore.end_observed_at, began, this_year)),
    }
}

/// A time to the minute, without the parts of its date that are clear: from the cell before it, or
/// because it is of this year.
fn minute(at: Timestamp, after: Option<Timestamp>, this_year: Option<i16>) -> String {
    let (day, before) = (date(at), after.map(date));
    let clear_year = before.map(Date::year).or(this_year);
    let form = match day {
        _ if before == Some(day) => "%H:%M",
        _ if clear_year == Some(day.year()) => "%m-%d %H:%M",
        _ => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

fn date(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

/// The deliveries of the event, those that need attention first.
fn counted(deliveries: DeliveryCounts, color: bool) -> String {
    let DeliveryCounts { pending, delivered, dead, dropped } = deliveries;
    let parts = [(dead, "dead"), (pending, "pending"), (delivered, "delivered"), (dropped, "dropped")];
    let parts = parts.into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, state)| format!("{count} {state}")).collect();
    let style = match deliveries {
        _ if parts.is_empty() => return UNKNOWN.to_owned(),
        _ if dead > 0 => AnsiColor::Red.on_default(),
        _ if pending > 0 => AnsiColor::Yellow.on_default(),
        _ => Style::new(),
    };
    table::painted(&parts.join(", "), style, color)
}

#[cfg(test)]
mod tests {
    use console::{measure_text_width, strip_ansi_codes};

    use super::super::samples::{completed, failed};
    use super::*;
    use crate::model::{Elapsed, JobFacts, JobId, JobRef, Outcome, ProjectName};

    /// Its start is not known, nor anything else.
    fn unknown() -> EndedRestore {
        EndedRestore {
            job: JobRef { id: JobId::new("rj-9").unwrap(), name: None, facts: JobFacts::default() },
            outcome: Outcome::Cancelled,
            elapsed: Elapsed::Unknown,
            detection_delay_seconds: None,
            deliveries: DeliveryCounts::default(),
            ..failed()
        }
    }

    fn text(restores: &[EndedRestore], width: Option<usize>, color: bool) -> String {
        of(restores, "2026-11-26T12:00:00Z".parse().unwrap(), width, color)
    }

    fn three() -> Vec<EndedRestore> {
        vec![completed(), failed(), unknown()]
    }

    #[test]
    fn a_pipe_gets_every_column() {
        insta::assert_snapshot!(text(&three(), None, false), @"
        BEGAN (UTC)       ENDED                     TOOK             OUTCOME    INDEX              JOB                                             BACKUP                                DELAY  DELIVERIES
        2026-11-25 03:00  03:12                     12m 05s          completed  orders-2026-11-25  670e8400-e29b-41d4-a716-446655440001            7f3a1c52-0b7e-4c2f-9d7e-3f1d2c5b8a90  2.1s   3 delivered
        2026-11-25 23:58  noticed 11-26 00:10       at most 12m 05s  failed     users              nightly (94a63aeb-efae-4f7a-b059-75d32c27ca57)  7f3a1c52-0b7e-4c2f-9d7e-3f1d2c5b8a90  -      1 dead, 2 delivered
        -                 noticed 2026-11-26 00:10  -                cancelled  -                  rj-9                                            -                                     -      -
        ");
    }

    #[test]
    fn a_usual_terminal_shows_the_columns_that_matter() {
        insta::assert_snapshot!(text(&three(), Some(80), false), @"
        BEGAN (UTC)  ENDED                TOOK             OUTCOME    INDEX
        11-25 03:00  03:12                12m 05s          completed  orders-2026-11-25
        11-25 23:58  noticed 11-26 00:10  at most 12m 05s  failed     users
        -            noticed 11-26 00:10  -                cancelled  -
        ");
    }

    #[test]
    fn restores_of_several_projects_show_theirs() {
        let other = EndedRestore { project: ProjectName::new("staging"), ..completed() };

        insta::assert_snapshot!(text(&[completed(), other], Some(120), false), @"
        BEGAN (UTC)  ENDED  TOOK     OUTCOME    PROJECT     INDEX              JOB       BACKUP    DELAY  DELIVERIES
        11-25 03:00  03:12  12m 05s  completed  production  orders-2026-11-25  670e8400  7f3a1c52  2.1s   3 delivered
        11-25 03:00  03:12  12m 05s  completed  staging     orders-2026-11-25  670e8400  7f3a1c52  2.1s   3 delivered
        ");
    }

    #[test]
    fn a_year_that_is_not_clear_is_shown() {
        let mut old = completed();
        old.job.facts.created_at = Some("2025-12-31T23:59:00Z".parse().unwrap());
        old.job.facts.completed_at = Some("2026-01-01T00:11:05Z".parse().unwrap());

        let shown = text(&[old], Some(80), false);

        assert!(shown.contains("\n2025-12-31 23:59  2026-01-01 00:11  "), "{shown}");
    }

    #[test]
    fn an_end_is_no_sum_of_start_and_duration() {
        let mut undated = completed();
        undated.job.facts.completed_at = None;

        let shown = text(&[undated], Some(80), false);

        assert!(shown.contains("\n11-25 03:00  noticed 03:12  12m 05s "), "{shown}");
    }

    #[test]
    fn lines_fit_terminals_from_forty_columns_on() {
        let mut restores = three();
        restores.push(EndedRestore { project: ProjectName::new("staging"), ..completed() });
        for width in 40..200 {
            let shown = text(&restores, Some(width), true);
            assert!(shown.lines().all(|line| measure_text_width(line) <= width), "{width}: {shown}");
            assert!(shown.contains("BEGAN (UTC)") && shown.contains("failed"), "{width}: {shown}");
        }
    }

    #[test]
    fn colors_change_no_text() {
        for width in [None, Some(80), Some(40)] {
            let colored = text(&three(), width, true);
            assert_eq!(strip_ansi_codes(&colored), text(&three(), width, false));
            assert!(colored.contains("\u{1b}[31mfailed\u{1b}[0m"), "{colored}");
        }
    }
}
