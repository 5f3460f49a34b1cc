//! `restore-watch add`

use std::time::Duration;

use clap::Parser;

use super::ids::parse_arguments;
use super::output::print;
use super::socket::{SocketArgs, line};
use super::values::parse_duration;
use super::{Done, Failure};
use crate::adapters::control::{AddJobs, JobChange, NewJob};
use crate::model::{Exit, JobId, ProjectName, Until};

/// Add restore jobs to the running daemon
///
/// They are kept in the state of the daemon, so that they are still watched after a restart. The
/// configuration file does not change.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The ids of the jobs
    #[arg(value_name = "JOB_ID", required = true)]
    jobs: Vec<String>,

    /// Their project [default: the only one, else the one named `default`]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// A name for the job; for one job only
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The job is overdue this long after its start, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    deadline: Option<Duration>,

    /// Watch until the restore ends, or until its index is ready [default: as configured]
    #[arg(long, value_enum, value_name = "STATE")]
    until: Option<Until>,

    #[command(flatten)]
    socket: SocketArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    if args.name.is_some() && args.jobs.len() > 1 {
        return Err(Failure::usage("--name is for one job, and there are several"));
    }

    let job = |id: JobId| NewJob {
        id,
        name: args.name.clone(),
        deadline_seconds: args.deadline.map(|deadline| deadline.as_secs_f64()),
        until: args.until,
    };
    let jobs = AddJobs {
        project: args.project.clone().map(ProjectName::new),
        jobs: parse_arguments(&args.jobs)?.into_iter().map(job).collect(),
    };

    let results = args.socket.ask(async |client| client.add(&jobs).await)?;
    let words = |change| match change {
        JobChange::Added => "is watched from now on",
        _ => "was watched already",
    };
    print(&results.jobs.iter().map(|job| line(job, words(job.result))).collect::<String>())?;
    Ok(Done::Exit(Exit::Success))
}
