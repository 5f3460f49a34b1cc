//! `restore-watch pause` and `restore-watch resume`

use clap::Parser;

use super::output::print;
use super::socket::SocketArgs;
use super::{Done, Failure};
use crate::model::{Exit, ProjectName};

/// Have the running daemon ask nothing of a project until it is resumed, over restarts, too
///
/// No event of its jobs is emitted meanwhile. Pending deliveries are made all the same.
#[derive(Debug, Parser)]
pub(super) struct PauseArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: String,

    #[command(flatten)]
    socket: SocketArgs,
}

/// Have the running daemon go on with a project that is paused
#[derive(Debug, Parser)]
pub(super) struct ResumeArgs {
    /// The project
    #[arg(value_name = "PROJECT")]
    project: String,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn pause(args: &PauseArgs) -> Result<Done, Failure> {
    let project = ProjectName::new(args.project.as_str());
    let changed = args.socket.ask(async |client| client.pause(&project).await)?.changed;
    print(&format!("{project} {}\n", if changed { "is paused" } else { "was paused already" }))?;
    Ok(Done::Exit(Exit::Success))
}

pub(super) fn resume(args: &ResumeArgs) -> Result<Done, Failure> {
    let project = ProjectName::new(args.project.as_str());
    let changed = args.socket.ask(async |client| client.resume(&project).await)?.changed;
    print(&format!("{project} {}\n", if changed { "is watched again" } else { "was not paused" }))?;
    Ok(Done::Exit(Exit::Success))
}
