//! `restore-watch stats`

mod rows;

use clap::{Parser, ValueEnum};

use super::history::{Selection, nothing, read};
use super::output::{Output, print};
use super::state::StateArgs;
use super::{Done, Failure, table};
use crate::model::{Exit, RestoreStats, Stats, StatsBy};
use crate::platform::clock::Clock;
use crate::platform::{color, locale};

/// Show how long restores took, and how many failed
///
/// The running daemon answers; without a daemon, the state of the configuration is read.
///
/// P50 is what half of the restores took at most, P90 nine in ten, P99 99 in 100. Only restores that
/// ended well and whose start and end are known count for them, and for MAX and the histogram. With
/// fewer than 2, 10 or 100 of those there is a `-` (in JSON `null`), because the figure would be that
/// of the longest. FAILED is the number that failed and its share of those that completed or failed;
/// cancelled ones, and those that ended in a state that this version does not know, are counted
/// apart. The bars of the histogram are restores of up to 30s, 1m, 2m, 5m,
/// 10m, 20m, 30m, 1h, 2h, 4h, 6h, and longer ones; the highest bar of a line is its most frequent
/// duration.
///
/// Exits with 74 if the state cannot be used.
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,

    /// What makes a line
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = By::Project)]
    by: By,

    /// The form of the statistics
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    #[command(flatten)]
    state: StateArgs,
}

/// What the restores of a line have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    /// Their project.
    Project,
    /// Their index, by its name in lower case and without its endings of digits, dates and hex:
    /// orders-2026-11-25 and orders-2026-11-26 are both `orders`.
    Index,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let filter = args.selection.filter(Clock::system().now().wall);
    let history = read(&args.state, &filter, None)?;
    let by = match args.by {
        By::Project => StatsBy::Project,
        By::Index => StatsBy::Index,
    };
    let stats = Stats { since: filter.since, groups: RestoreStats::of(&history.restores, by) };

    match args.output {
        Output::Human if stats.groups.is_empty() => print(&nothing(&args.state, &filter)?)?,
        Output::Human => {
            let is_colored = color::is_wanted_on(&std::io::stdout());
            print(&rows::of(&stats.groups, by, table::width(), locale::is_utf8(), is_colored))?;
        }
        Output::Json => {
            let text = serde_json::to_string_pretty(&stats);
            print(&(text.map_err(|error| Failure::internal(error.to_string()))? + "\n"))?;
        }
    }
    Ok(Done::Exit(Exit::Success))
}
