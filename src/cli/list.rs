//! `restore-watch list`

use clap::Parser;
use serde_json::{Value, json};

use super::output::{Output, print};
use super::project::ProjectArgs;
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::{Done, Failure, table};
use crate::adapters::pinecone::Scan;
use crate::adapters::telemetry::{self, Style};
use crate::app::setup;
use crate::config::LogFormat;
use crate::engine::{self, FailureClass};
use crate::model::time::wall_between;
use crate::model::{Exit, Observation, duration};
use crate::platform::clock::Clock;

/// List the restore jobs of the project, as the API lists them now
///
/// The API's list is best effort: a job can be missing from it for a minute after its start, or
/// forever.
///
/// Exits with 4 if the API refuses the key or the permission, with 5 if it cannot be reached, and
/// with 78 if a certificate, a proxy or a scheme is configured that cannot work.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// The form of the list; `restore-watch wait -` reads the JSON
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    #[command(flatten)]
    project: ProjectArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let _logging = telemetry::init(Style::usual(LogFormat::Human), "warn").map_err(no_thread)?;
    let clock = Clock::system();

    let jobs = block_on(async {
        let mut signals = listen()?;
        let chosen = args.project.clone();
        let (project, clients) = unless_stopped(&mut signals, READING, move || {
            let project = chosen.choose()?;
            let clients = setup::clients(std::slice::from_ref(&project))?;
            Ok((project, clients))
        })
        .await?;

        let client = clients.get(&project.name).ok_or_else(|| Failure::internal("no client was built"))?;
        tokio::select! {
            jobs = Scan::new(client, &project.api, clock).all() => jobs.map_err(|failure| cannot_list(&failure)),
            exit = signals.next() => Err(Failure::new(exit, exit.meaning())),
        }
    })?;

    match args.output {
        Output::Human => print(&human(&jobs, clock))?,
        Output::Json => {
            let rows: Vec<_> = jobs.iter().map(object).collect();
            print(&format!("{}\n", Value::Array(rows)))?;
        }
    }
    Ok(Done::Exit(Exit::Success))
}

fn cannot_list(failure: &engine::Failure) -> Failure {
    let message = format!("cannot list the restore jobs: {}", failure.message);
    match failure.class {
        FailureClass::Unauthorized | FailureClass::Blocked => Failure::new(Exit::Unauthorized, message)
            .with_help("the key needs the permission control::backups::list in this project"),
        FailureClass::Misconfigured => Failure::new(Exit::Config, message),
        FailureClass::Throttled => Failure::new(Exit::Unreachable, message).with_help("try again later"),
        FailureClass::Transient | FailureClass::NotFound | FailureClass::Permanent | FailureClass::Gone => {
            Failure::new(Exit::Unreachable, message)
                .with_help("is the endpoint right, and can it be reached from here?")
        }
    }
}

/// A job in the words of the API.
fn object(job: &Observation) -> Value {
    let facts = &job.facts;
    json!({
        "restore_job_id": job.id,
        "status": job.status,
        "backup_id": facts.backup_id,
        "target_index_name": facts.target_index_name,
        "target_index_id": facts.target_index_id,
        "created_at": facts.created_at,
        "completed_at": facts.completed_at,
        "percent_complete": facts.percent_complete,
    })
}

fn human(jobs: &[Observation], clock: Clock) -> String {
    if jobs.is_empty() {
        return "no restore jobs\n".to_owned();
    }
    let rows: Vec<_> = jobs.iter().map(|job| row(job, clock)).collect();
    table::table(["STATUS", "JOB", "INDEX", "TIME"], &rows)
}

fn row(job: &Observation, clock: Clock) -> [String; 4] {
    let facts = &job.facts;
    let took = match (facts.created_at, facts.completed_at) {
        (Some(from), Some(to)) => duration::human(wall_between(from, to)),
        (Some(from), None) if !job.status.is_terminal() => {
            format!("{} so far", duration::human(wall_between(from, clock.now().wall)))
        }
        _ => String::new(),
    };
    [job.status.to_string(), job.id.to_string(), facts.target_index_name.clone().unwrap_or_default(), took]
}
