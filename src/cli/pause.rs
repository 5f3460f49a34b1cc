//! `restore-watch pause` and `restore-watch resume`

use clap::Parser;

use super::output::print;
use super::socket::SocketArgs;
use super::{Done, Failure};
use crate::model::{Exit, ProjectName};

/// Pause polling of a project until it is resumed, also after restarts
///
/// No event of its jobs is emitted meanwhile. Pending deliveries are still made.
#[derive(Debug, Parser)]
pub(super) struct PauseArgs {
    /// The name of the project
    #[arg(value_name = "PROJECT")]
    project: String,

    #[command(flatten)]
    socket: SocketArgs,
}

/// Resume polling of a paused project
#[derive(Debug, Parser)]
pub(super) struct ResumeArgs {
    /// The name of the project
    #[arg(value_name = "PROJECT")]
    project: String,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn pause(args: &PauseArgs) -> Result<Done, Failure> {
    let project = ProjectName::new(args.project.as_str());
    let changed = args.socket.ask(async |client| client.pause(&project).await)?.changed;
    print(&format!("project {project} {}\n", if changed { "is paused" } else { "was already paused" }))?;
    Ok(Done::Exit(Exit::Success))
}

pub(super) fn resume(args: &ResumeArgs) -> Result<Done, Failure> {
    let project = ProjectName::new(args.project.as_str());
    let changed = args.socket.ask(async |client| client.resume(&project).await)?.changed;
    print(&format!("project {project} {}\n", if changed { "is polled again" } else { "was not paused" }))?;
    Ok(Done::Exit(Exit::Success))
}
