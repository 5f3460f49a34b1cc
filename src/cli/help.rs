//! `restore-watch help`

use std::io::ErrorKind;

use clap::{Command, Parser};

use super::{Done, Failure, program};
use crate::model::Exit;

/// Show the help of a command
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The command, such as `wait` or `deliveries retry` [default: the program as a whole]
    #[arg(value_name = "COMMAND")]
    command: Vec<String>,
}

/// Prints what `--help` prints.
pub(super) fn run(args: &Args, program: Command) -> Result<Done, Failure> {
    program::find(&program, &args.command)?;
    let words =
        ["restore-watch"].into_iter().chain(args.command.iter().map(String::as_str)).chain(["--help"]);

    // clap's answer to `--help` is an error that prints itself.
    match program.try_get_matches_from(words).map_err(|help| help.print()) {
        Err(Err(error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Failed, format!("cannot write to standard output: {error}")))
        }
        _ => Ok(Done::Exit(Exit::Success)),
    }
}
