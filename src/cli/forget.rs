//! `restore-watch forget`

use clap::Parser;

use super::ids::parse_watched;
use super::output::{inform, print};
use super::socket::{SocketArgs, line};
use super::{Done, Failure};
use crate::adapters::control::{ForgetJobs, JobChange};
use crate::adapters::report::JOBS_ARE_LISTED;
use crate::model::{Exit, ProjectName};

/// Stop watching restore jobs that were added with `add` or discovered
///
/// What is known of them is deleted; pending deliveries are still made. Jobs that the configuration
/// file names are not forgotten: remove them there, then run `restore-watch reload`. Exits with 1
/// unless all were forgotten.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The jobs: their ids, their names, or the first characters of a UUID
    #[arg(value_name = "JOB", required = true)]
    jobs: Vec<String>,

    /// Their project [default: the one that has them]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let jobs =
        ForgetJobs { project: args.project.clone().map(ProjectName::new), jobs: parse_watched(&args.jobs)? };
    let results = args.socket.ask(async |client| client.forget(&jobs).await)?.jobs;

    let words = |change| match change {
        JobChange::Forgotten => "is no longer watched",
        JobChange::Configured => {
            "is named by the configuration file, so it is still watched; remove it there, then run: restore-watch reload"
        }
        _ => "is not watched",
    };
    print(&results.iter().map(|job| line(job, words(job.result))).collect::<String>())?;
    if results.iter().any(|job| job.result == JobChange::Unknown) {
        inform(&format!("  help: {JOBS_ARE_LISTED}"));
    }

    let all = results.iter().all(|job| job.result == JobChange::Forgotten);
    Ok(Done::Exit(if all { Exit::Success } else { Exit::Failed }))
}
