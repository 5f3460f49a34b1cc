//! `restore-watch status`

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Parser;
use jiff::Timestamp;

use super::output::{Output, print_on};
use super::socket::SocketArgs;
use super::start::{block_on, listen};
use super::values::parse_duration;
use super::{Done, Failure, ids, table};
use crate::adapters::control::{JobStatus, ProjectStatus, Status};
use crate::engine::JobFilter;
use crate::model::time::wall_between;
use crate::model::{Exit, JobId, Outcome, ProjectName, Until, duration, visible};
use crate::platform::clock::Clock;
use crate::platform::locale;

/// Show what the running daemon knows
///
/// Exits with 3 if a job that is asked for is not watched.
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Only these jobs
    #[arg(value_name = "JOB_ID")]
    jobs: Vec<String>,

    /// Only jobs of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    /// Repeat until interrupted, every 2s or as often as --watch=10s says
    ///
    /// With --output json, each line is one document.
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "2s", value_parser = parse_duration)]
    watch: Option<Duration>,

    #[command(flatten)]
    socket: SocketArgs,
}

/// The shortest pause between two requests, which keeps the daemon free for its polls.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let client = args.socket.client()?;
    let wanted: Vec<_> = args.jobs.iter().map(|job| ids::chosen(job)).collect();
    let filter = args.filter(&wanted);
    block_on(async {
        let mut signals = listen()?;
        let clock = Clock::system();
        loop {
            let status = tokio::select! {
                status = client.status(&filter) => status?,
                exit = signals.next() => return Ok(Done::Exit(exit)),
            };

            let is_read = print_on(&render(&status, args)?)?;
            if let Some(unknown) = first_unknown(&status, &wanted) {
                let of_project = args.project.iter().map(|name| format!(" in the project {}", visible(name)));
                let of_project = of_project.collect::<String>();
                return Err(Failure::new(
                    Exit::NotFound,
                    format!("the daemon does not watch {}{of_project}", visible(unknown)),
                )
                .with_help("to have it do so: restore-watch add"));
            }
            let Some(pause) = args.watch.filter(|_| is_read) else { return Ok(Done::Exit(Exit::Success)) };
            let next = clock.now().instant + pause.max(SHORTEST_PAUSE);
            tokio::select! {
                () = clock.sleep_until(Some(next)) => {}
                _ = signals.next() => return Ok(Done::Exit(Exit::Success)),
            }
        }
    })
}

impl Args {
    /// Which jobs are meant.
    fn filter(&self, wanted: &[String]) -> JobFilter {
        let ids = || wanted.iter().filter_map(|id| JobId::new(id.as_str()).ok()).collect();
        let project = self.project.as_deref().map(ProjectName::new);
        JobFilter {
            projects: project.map(|project| BTreeSet::from([project])),
            jobs: (!wanted.is_empty()).then(ids),
        }
    }
}

/// The first job that is asked for and that the daemon does not know.
fn first_unknown<'a>(status: &Status, wanted: &'a [String]) -> Option<&'a str> {
    let known: BTreeSet<_> = status.jobs.iter().map(|job| job.job.id.as_str()).collect();
    wanted.iter().map(String::as_str).find(|id| !known.contains(id))
}

fn render(status: &Status, args: &Args) -> Result<String, Failure> {
    let internal = |error: serde_json::Error| Failure::internal(error.to_string());
    match (args.output, args.watch) {
        (Output::Json, None) => Ok(serde_json::to_string_pretty(status).map_err(internal)? + "\n"),
        (Output::Json, Some(_)) => Ok(serde_json::to_string(status).map_err(internal)? + "\n"),
        (Output::Human, None) => Ok(human(status)),
        // The screen is cleared by sequences of ECMA-48: cursor home, erase display. Lines that
        // wrap would move those below them, so they are cut.
        (Output::Human, Some(_)) if std::io::stdout().is_terminal() => {
            Ok(format!("\u{1b}[H\u{1b}[2J{}", table::fitted(&human(status))))
        }
        (Output::Human, Some(_)) => Ok(human(status) + "\n"),
    }
}

fn human(status: &Status) -> String {
    let Status { daemon, jobs, outbox } = status;
    let mut lines = vec![daemon.summary.clone()];
    lines.extend(daemon.trouble.as_ref().map(|trouble| format!("trouble: {trouble}")));
    for ProjectStatus { name, requests_per_second, limited, expected, .. } in &daemon.projects {
        lines.extend(expected.as_ref().map(|expected| format!("project {name}: {expected}")));
        if let Some(reason) = limited {
            lines.push(format!(
                "project {name} is asked {requests_per_second:.2} times a second, as its server refused more: {reason}"
            ));
        }
    }
    for sink in &outbox.sinks {
        let name = &sink.name;
        match (&sink.disabled, sink.configured) {
            (Some(why), _) => lines.push(format!("sink {name} is disabled: {why}")),
            (None, false) => {
                lines.push(format!("sink {name} is not in the configuration; pending: {}", sink.pending));
            }
            (None, true) => {}
        }
    }
    let head = lines.join("\n") + "\n";
    if jobs.is_empty() {
        return head;
    }
    let rows: Vec<_> = jobs.iter().map(|job| row(job, daemon.timestamp)).collect();
    let heading = ["JOB", "PROJECT", "INDEX", "STATUS", "AGE", "LAST ANSWER", "NEXT POLL", "PENDING"];
    head + "\n" + &table::table(heading, &rows)
}

fn row(job: &JobStatus, now: Timestamp) -> [String; 8] {
    let short = |seconds| duration::human(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let index = job.job.facts.target_index_name.clone().unwrap_or_default();
    let ago = job
        .answered_at
        .map_or_else(|| "never".to_owned(), |at| format!("{} ago", duration::human(wall_between(at, now))));
    let next = match job.next_poll_at {
        _ if job.outcome.is_final() => String::new(),
        None if job.paused => "paused".to_owned(),
        None => "now".to_owned(),
        Some(at) => format!("in {}", duration::remaining(wall_between(now, at))),
    };
    let label = match &job.job.name {
        Some(name) => format!("{name} ({})", short_id(job.job.id.as_str())),
        None => job.job.id.to_string(),
    };
    let pending =
        if job.pending_deliveries == 0 { String::new() } else { job.pending_deliveries.to_string() };
    [label, job.project.to_string(), index, words(job), short(job.elapsed_seconds), ago, next, pending]
}

/// An id, or enough of it to be distinct, where a name is shown as well.
fn short_id(id: &str) -> Cow<'_, str> {
    match id.char_indices().nth(8) {
        Some((end, _)) if id.len() > 16 => Cow::Owned(format!("{}{}", &id[..end], locale::shown("…"))),
        _ => id.into(),
    }
}

/// The status in the words of the API, the state of the index, and the trouble of the job.
fn words(job: &JobStatus) -> String {
    let trouble = match job.outcome {
        Outcome::Unauthorized => Some("key refused".to_owned()),
        outcome @ (Outcome::NotFound | Outcome::Unreachable | Outcome::Misconfigured) => {
            Some(outcome.label())
        }
        Outcome::Open
        | Outcome::Completed
        | Outcome::Ready
        | Outcome::NotReady
        | Outcome::Failed
        | Outcome::Cancelled
        | Outcome::Unrecognised => None,
    };
    let index = match (job.status.as_deref(), job.until) {
        (Some("Completed"), Until::Ready) if job.outcome != Outcome::Completed => {
            Some(format!("index {}", job.index_state.as_deref().unwrap_or("not seen yet")))
        }
        _ => None,
    };
    let known = [job.status.clone(), index, trouble];
    let words: Vec<_> = known.into_iter().flatten().collect();
    if words.is_empty() { "-".to_owned() } else { words.join(", ") }
}
