//! `restore-watch state`

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};

use super::output::print;
use super::{Done, Failure};
use crate::adapters::store::{self, Arrival, Backend, OpenError, RowCounts};
use crate::config;
use crate::model::Exit;
use crate::platform::clock::Clock;
use crate::platform::failpoint;

/// Move the state of the daemon into a database
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Move(MoveArgs),
}

/// Move the state in a file into the PostgreSQL database of the configuration
///
/// All of it is moved or nothing: jobs, events and their deliveries with the same ids and bodies, silences, and
/// the history. Stop the daemon first. The cluster in the database must be empty, and no replica may
/// be active in it. Afterwards, the file is renamed, so that no daemon starts from it by mistake. If
/// the command is killed, run it again: it finishes the move.
///
/// Exits with 74 if the file or the database cannot be used, and with 78 if the configuration names
/// no database.
#[derive(Debug, Parser)]
struct MoveArgs {
    /// The state to move, such as /var/lib/restore-watch/state.db
    #[arg(long, value_name = "FILE")]
    from: PathBuf,

    /// The configuration file that names the database [default: the one that `run` would use]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print what would be moved, and move nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let Action::Move(args) = &args.action;
    if matches!(args.from.try_exists(), Ok(false)) {
        return Err(missing(&args.from));
    }

    let to = store::destination(&config::state(args.config.as_deref())?)?;
    let from = store::origin(&args.from);

    let text = if args.dry_run { rehearse(&*from, &*to)? } else { move_state(&*from, &*to)? };
    print(&text)?;
    Ok(Done::Exit(Exit::Success))
}

fn missing(from: &Path) -> Failure {
    Failure::new(Exit::State, format!("there is no state at {}", from.display())).with_help(
        "name its file with --from; if it was moved before, the file has .aside- and the time in its name",
    )
}

/// Says what would be moved.
fn rehearse(from: &dyn Backend, to: &dyn Backend) -> Result<String, Failure> {
    let rows = from.rows()?;
    let arrival = to.arrive(&rows, true)?;

    let ways = format!("from {} to {}", from.location(), to.location());
    let text = match arrival {
        Arrival::WasCommitted => format!("state moved before {ways}; the file would be renamed\n"),
        _ => format!("state to move {ways}:\n{}", listed(rows.counts())),
    };
    Ok(match from.administer()?.daemon() {
        Some(_) => text + "a daemon uses the file: stop it first\n",
        None => text,
    })
}

fn move_state(from: &dyn Backend, to: &dyn Backend) -> Result<String, Failure> {
    let departure = from.depart()?;
    let counts = departure.rows().counts();
    let arrival = to.arrive(departure.rows(), false)?;
    failpoint::reached("after_arrival");
    let aside = departure.set_aside(Clock::system().now().wall).map_err(moved_but_there)?;

    let ways = format!("from {} to {}", from.location(), to.location());
    let moved = match arrival {
        Arrival::WasCommitted => format!("state moved before {ways}\n"),
        _ => format!("state moved {ways}:\n{}", listed(counts)),
    };
    Ok(format!("{moved}the file is now {aside}\n"))
}

/// The state is in the database, and the file is still in its place.
fn moved_but_there(error: OpenError) -> Failure {
    let OpenError { message, .. } = error;
    Failure::new(Exit::State, format!("the state was moved, but the file was not renamed: {message}"))
        .with_help("rename or delete the file, or run this command again; do not start a daemon on it")
}

fn listed(counts: RowCounts) -> String {
    let RowCounts { projects, jobs, sinks, silences, events, deliveries, pending, dead_letters, restores } =
        counts;
    format!(
        "  projects    {projects}\n  jobs        {jobs}\n  sinks       {sinks}\n  silences    {silences}\n  \
         events      {events}\n  deliveries  {deliveries} ({pending} pending, {dead_letters} dead letters)\n  \
         history     {restores}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_with_the_option_of_this_command() {
        let from = PathBuf::from("/nonexistent/state.db");
        let args = Args { action: Action::Move(MoveArgs { from, config: None, dry_run: false }) };

        let failure = run(&args).unwrap_err();

        assert_eq!(failure.exit(), Exit::State);
        let text = failure.to_string();
        assert!(
            text.starts_with(
                "error: there is no state at /nonexistent/state.db\n  help: name its file with --from"
            ),
            "{text}"
        );
    }
}
