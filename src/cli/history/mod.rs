//! `restore-watch history`

mod csv;
mod rows;
#[cfg(test)]
pub(super) mod samples;
mod selection;
mod source;

use std::collections::BTreeSet;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, ValueEnum};
use jiff::Timestamp;

pub(super) use selection::Selection;
pub(super) use source::{nothing, read};

use super::output::{inform, print};
use super::state::StateArgs;
use super::{Done, Failure, table};
use crate::adapters::report::{History, HistoryFilter};
use crate::model::{Exit, Outcome};
use crate::platform::clock::Clock;
use crate::platform::color;

/// List the restores that ended, the last one last
///
/// The running daemon answers; without a daemon, the state of the configuration is read. Times are
/// in UTC. The API says of completed restores alone when they ended: of others, the list has the
/// time at which the end was noticed, and how long they took at most. DELAY is the time from the end
/// to the poll that showed it.
///
/// A narrow terminal shows fewer columns than a pipe. CSV is that of RFC 4180, with the keys of the
/// JSON form as the heading; its cells are as the API has them, so a spreadsheet may take one that
/// begins with `=` for a formula: import them as text.
///
/// Exits with 74 if the state cannot be used.
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(flatten)]
    selection: Selection,

    /// Only restores that ended so; can be given several times
    #[arg(long, value_name = "OUTCOME", value_parser = final_outcome())]
    outcome: Vec<Outcome>,

    /// At most N restores, the newest ones [default: 100 for people, all in the other forms]
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// The form of the list
    #[arg(long, value_enum, default_value_t = Form::Human)]
    output: Form,

    #[command(flatten)]
    state: StateArgs,
}

/// The form of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Human,
    /// One JSON document.
    Json,
    /// Each restore as a line of JSON.
    Ndjson,
    /// A heading, and a line for each restore.
    Csv,
}

/// About as many as are still looked through.
const LIMIT_FOR_PEOPLE: usize = 100;

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let now = Clock::system().now().wall;
    let outcomes: BTreeSet<_> = args.outcome.iter().copied().collect();
    let filter =
        HistoryFilter { outcomes: (!outcomes.is_empty()).then_some(outcomes), ..args.selection.filter(now) };
    let limit = args.limit.or((args.output == Form::Human).then_some(LIMIT_FOR_PEOPLE));
    let history = read(&args.state, &filter, limit)?;

    let internal = |error: serde_json::Error| Failure::internal(error.to_string());
    match args.output {
        Form::Human if history.total == 0 => print(&nothing(&args.state, &filter)?)?,
        Form::Human => for_people(&history, now)?,
        Form::Json => print(&(serde_json::to_string(&history).map_err(internal)? + "\n"))?,
        Form::Ndjson => print(&lines(&history).map_err(internal)?)?,
        Form::Csv => print(&csv::csv(&history.restores).map_err(internal)?)?,
    }
    Ok(Done::Exit(Exit::Success))
}

fn for_people(history: &History, now: Timestamp) -> Result<(), Failure> {
    let is_colored = color::is_wanted_on(&std::io::stdout());
    print(&rows::of(&history.restores, now, table::width(), is_colored))?;
    let left_out = history.total.saturating_sub(history.restores.len());
    if left_out > 0 {
        inform(&format!("restore-watch: older restores left out: {left_out}; to show more: --limit"));
    }
    Ok(())
}

fn lines(history: &History) -> serde_json::Result<String> {
    let mut text = String::new();
    for restore in &history.restores {
        text += &serde_json::to_string(restore)?;
        text.push('\n');
    }
    Ok(text)
}

/// Parses an outcome with which a restore is in the history.
fn final_outcome() -> impl TypedValueParser<Value = Outcome> {
    let words = Outcome::ALL.into_iter().filter(|outcome| outcome.is_final());
    let parser = PossibleValuesParser::new(words.map(|outcome| outcome.to_string()));
    parser.try_map(|word| word.parse::<Outcome>())
}
