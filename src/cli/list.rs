//! `restore-watch list`

use std::cmp::Reverse;

use clap::Parser;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::output::{Output, print};
use super::project::ProjectArgs;
use super::socket::SocketArgs;
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::{Done, Failure, table};
use crate::adapters::pinecone::{self, Client, Scan};
use crate::adapters::telemetry::{self, Style};
use crate::app::setup;
use crate::config::{IndexPattern, LogFormat, ShownPath};
use crate::engine::FailureClass;
use crate::engine::token_bucket::TokenBucket;
use crate::model::time::{published, wall_between};
use crate::model::{Exit, Observation, duration};
use crate::platform::clock::Clock;

/// List the restore jobs of the project, the newest first, as the API lists them now
///
/// The project is that of `PINECONE_API_KEY`, unless `--config` or `--project` chooses another one.
/// The API's list is best effort: a job can be missing from it, for a minute after its start or for
/// good.
///
/// Exits with 4 if the API refuses the key or the permission, with 5 if it cannot be reached, and
/// with 78 if it cannot be reached as configured (a certificate, a proxy, a scheme).
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Only jobs with this status, such as pending or failed; can be given several times
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,

    /// Only restores into the indexes that match, such as 'prod-*'; can be given several times
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse)]
    index: Vec<IndexPattern>,

    /// At most N jobs, the newest ones
    #[arg(long, value_name = "N")]
    limit: Option<usize>,

    /// The form of the list; the JSON form can be piped to `restore-watch wait -`
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    #[command(flatten)]
    project: ProjectArgs,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let _logging = telemetry::init(Style::usual(LogFormat::Human), "warn").map_err(no_thread)?;
    let clock = Clock::system();

    let listed = block_on(async {
        let mut signals = listen()?;
        let chosen = args.project.clone();
        let (project, clients) = unless_stopped(&mut signals, READING, move || {
            let project = chosen.choose()?;
            let clients = setup::clients(std::slice::from_ref(&project))?;
            Ok((project, clients))
        })
        .await?;

        let client = clients.get(&project.name).ok_or_else(|| Failure::internal("no client was built"))?;
        let mut token_bucket = TokenBucket::new(project.api.requests_per_second, project.api.burst);
        tokio::select! {
            jobs = Scan::new(client, &mut token_bucket, clock).all() => jobs.map_err(|error| cannot_list(&error, client)),
            exit = signals.next() => Err(Failure::new(exit, exit.meaning())),
        }
    });

    let listed = listed.map_err(|failure| name_the_service(failure, args))?;
    let count = listed.len();
    let jobs = chosen(listed, args);
    match args.output {
        Output::Human => print(&human(&jobs, count, clock.now().wall, table::width()))?,
        Output::Json => {
            let rows: Vec<_> = jobs.iter().map(object).collect();
            print(&format!("{}\n", Value::Array(rows)))?;
        }
    }
    Ok(Done::Exit(Exit::Success))
}

/// Adds how to list with the key of the daemon that runs, if this shell has no key.
fn name_the_service(failure: Failure, args: &Args) -> Failure {
    let has_key = std::env::var_os("PINECONE_API_KEY").is_some();
    if has_key || args.project.config().is_some() || failure.exit() != Exit::Config {
        return failure;
    }
    // Without a daemon, or if it cannot be asked, there is nothing to add.
    match SocketArgs::of_environment().daemon().ok().flatten().and_then(|daemon| daemon.config) {
        Some(config) => failure.with_help(format!(
            "or use the key of the running daemon: restore-watch list --config {}",
            ShownPath(&config)
        )),
        None => failure,
    }
}

fn cannot_list(error: &pinecone::Error, client: &Client) -> Failure {
    let exit = match error.class() {
        FailureClass::Unauthorized | FailureClass::Blocked => Exit::Unauthorized,
        FailureClass::Misconfigured | FailureClass::WrongProtocol => Exit::Config,
        FailureClass::Transient
        | FailureClass::Throttled
        | FailureClass::NotFound
        | FailureClass::Rejected(_)
        | FailureClass::Permanent
        | FailureClass::Gone => Exit::Unreachable,
    };
    let failure = Failure::new(exit, format!("cannot list the restore jobs: {error}"));
    client.advice(error).into_iter().fold(failure, Failure::with_help)
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
        "created_at": facts.created_at.map(published),
        "completed_at": facts.completed_at.map(published),
        "percent_complete": facts.percent_complete,
    })
}

/// The jobs that the arguments select, the newest first; those without a start come last.
fn chosen(mut jobs: Vec<Observation>, args: &Args) -> Vec<Observation> {
    let has_status = |job: &Observation| {
        let status = job.status.to_string();
        args.status.is_empty() || args.status.iter().any(|wanted| wanted.eq_ignore_ascii_case(&status))
    };
    let has_index = |job: &Observation| {
        let name = job.facts.target_index_name.as_deref().unwrap_or_default();
        args.index.is_empty() || args.index.iter().any(|pattern| pattern.matches(name))
    };
    jobs.retain(|job| has_status(job) && has_index(job));
    jobs.sort_by_key(|job| Reverse(job.facts.created_at));
    jobs.truncate(args.limit.unwrap_or(usize::MAX));
    jobs
}

/// The jobs as a table, of `count` that the project has.
fn human(jobs: &[Observation], count: usize, now: Timestamp, width: Option<usize>) -> String {
    if jobs.is_empty() {
        return match count {
            0 => "no restore jobs\n".to_owned(),
            1 => "the only restore job does not match\n".to_owned(),
            count => format!("none of the {count} restore jobs matches\n"),
        };
    }
    let rows: Vec<_> = jobs.iter().map(|job| row(job, now)).collect();
    table::shortened(["STATUS", "JOB", "STARTED", "TIME", "INDEX"], &rows, width, 4)
}

fn row(job: &Observation, now: Timestamp) -> [String; 5] {
    let facts = &job.facts;
    let ago = |at| format!("{} ago", duration::human(wall_between(at, now)));
    let took = match (facts.created_at, facts.completed_at, facts.percent_complete) {
        (Some(from), Some(to), _) => duration::human(wall_between(from, to)),
        (_, None, Some(percent)) if percent > 0.0 && !job.status.is_terminal() => format!("{percent:.0} %"),
        _ => String::new(),
    };
    let index = facts.target_index_name.clone().unwrap_or_default();
    [job.status.to_string(), job.id.to_string(), facts.created_at.map(ago).unwrap_or_default(), took, index]
}
