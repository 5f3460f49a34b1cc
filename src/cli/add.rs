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

/// Watch more restore jobs in the running daemon
///
/// They are kept in the daemon's state, so they are still watched after a restart. The configuration
/// file is not changed.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The ids of the jobs
    #[arg(value_name = "JOB_ID", required = true)]
    jobs: Vec<String>,

    /// Their project [default: the only one, or the one called `default`]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// A name for the job, which messages and other commands use; for one job only
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// A job that has not ended this long after its start is overdue, such as 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    deadline: Option<Duration>,

    /// Until when a job is watched: until it has completed, or until its index is ready, too
    /// [default: that of the configuration]
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
        JobChange::Added => "is now watched",
        _ => "was already watched",
    };
    print(&results.jobs.iter().map(|job| line(job, words(job.result))).collect::<String>())?;
    Ok(Done::Exit(Exit::Success))
}
