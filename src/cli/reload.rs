//! `restore-watch reload`

use std::fmt::Write as _;

use clap::Parser;

use super::output::print;
use super::socket::SocketArgs;
use super::{Done, Failure};
use crate::model::Exit;

/// Make the running daemon read its configuration again
///
/// It also reads the keys and secrets that the file names.
///
/// A file that cannot be used changes nothing: the exit code is 78, and what is wrong is printed.
#[derive(Debug, Parser)]
pub(super) struct Args {
    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let reloaded = args.socket.ask(async |client| client.reload().await)?;
    let mut text = format!(
        "reloaded: {} added, {} removed\n{}\n",
        reloaded.jobs_added, reloaded.jobs_removed, reloaded.summary
    );
    for warning in &reloaded.warnings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "warning: {warning}");
    }
    print(&text)?;
    Ok(Done::Exit(Exit::Success))
}
