//! `restore-watch backup`

use std::path::PathBuf;

use clap::Parser;

use super::output::print;
use super::state::{StateArgs, cannot_open};
use super::{Done, Failure};
use crate::adapters::store::BackupError;
use crate::config::ShownPath;
use crate::model::Exit;

/// Copy the state of the daemon into a file, also while the daemon runs
///
/// The copy is what was committed at one moment, in one file that only this user can read. A plain
/// copy of the state of a running daemon would lack its latest changes. To use a copy: stop the
/// daemon, delete the state and the files beside it that end in -wal and -shm, copy the backup to
/// the place of the state, and start the daemon.
///
/// Exits with 74 if the state cannot be used, and with 1 if the copy cannot be written.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The file to make, which must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    state: StateArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let backend = args.state.backend()?;
    backend.back_up(&args.file).map_err(|error| match error {
        BackupError::State(error) => cannot_open(error),
        BackupError::Copy { help, .. } => Failure::new(Exit::Failed, error.to_string()).with_help(help),
    })?;

    print(&format!("state {} copied to {}\n", backend.location(), ShownPath(&args.file)))?;
    Ok(Done::Exit(Exit::Success))
}
