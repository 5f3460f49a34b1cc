//! `restore-watch backup`

use std::path::{Path, PathBuf};

use clap::Parser;

use super::output::print;
use super::state::StateArgs;
use super::{Done, Failure};
use crate::adapters::store::BackupError;
use crate::config::{DatabaseHost, PostgresAddress, PostgresSettings, ShownPath};
use crate::model::Exit;
use crate::platform::shell;

/// Copy the state of the daemon into a file, also while the daemon runs
///
/// The copy is what was committed at one moment, in one file that only this user can read. A plain
/// copy of the state of a running daemon would lack its latest changes. To use a copy: stop the
/// daemon, delete the state and the files beside it that end in -wal and -shm, copy the backup to
/// the place of the state, and start the daemon.
///
/// A state in a database is backed up with `pg_dump`: the error has the command.
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
    if let Some(database) = args.state.settings()?.database() {
        return Err(in_database(database, &args.file));
    }
    let backend = args.state.backend()?;
    backend.back_up(&args.file).map_err(|error| match error {
        BackupError::State(error) => error.into(),
        BackupError::Copy { help, .. } => Failure::new(Exit::Failed, error.to_string()).with_help(help),
    })?;

    print(&format!("state {} copied to {}\n", backend.location(), ShownPath(&args.file)))?;
    Ok(Done::Exit(Exit::Success))
}

/// What to do in place of a copy if the state is in a database.
fn in_database(database: &PostgresSettings, file: &Path) -> Failure {
    let address = match &database.address {
        PostgresAddress::Given(address) => {
            let (host, port) = match &address.hosts()[0] {
                DatabaseHost::Tcp { name, port } => (name.clone(), port),
                DatabaseHost::Unix { directory, port } => (directory.display().to_string(), port),
            };
            let [host, role, database] = [&host, address.role(), address.database()].map(shell::word);
            format!("--host={host} --port={port} --username={role} {database}")
        }
        PostgresAddress::From(_) => "ADDRESS".to_owned(),
    };
    let file = file.to_string_lossy();
    Failure::new(Exit::Failed, "the state is in a PostgreSQL database, which this command does not copy")
        .with_help(format!(
            "back it up with the tool of PostgreSQL: pg_dump --schema=restore_watch --file={} {address}",
            shell::word(&file)
        ))
}
