//! `restore-watch status`

mod jobs;
mod report;
mod verdict;

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::time::Duration;

use clap::Parser;
use console::Term;

use self::report::Surface;
use super::output::{Output, print_on};
use super::socket::SocketArgs;
use super::start::{block_on, listen};
use super::values::parse_duration;
use super::{Done, Failure};
use crate::adapters::report::{RequestError, Status, StatusQuery};
use crate::config::IndexPattern;
use crate::engine::Limits;
use crate::model::{Exit, Outcome, ProjectName, Reference, Section};
use crate::platform::clock::Clock;
use crate::platform::color;

/// Show what the running daemon knows: failed restores first, then running ones, then those that
/// ended lately
///
/// Restores that completed more than a day ago are counted and not listed, and of many restores a
/// part is listed, unless --all, --failed, --open or a job is given. JSON has all of them.
///
/// Exits with 3 if a job that is asked for is not watched.
///
/// With --check, prints one line and exits with 0 if all is well, with 1 if there is trouble: a key
/// is refused, an API cannot be reached, a sink takes no deliveries, there are dead letters, a reload
/// failed, or the replicas that share a state differ in their configuration, or have none that is
/// active or cannot reach the state; and with 5 if no daemon answers within 2 s, if this user may not
/// ask it, or if it is of an earlier version that cannot say.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the command")]
#[derive(Debug, Parser)]
pub(super) struct Args {
    /// Only these jobs: their ids, their names, or the first characters of their ids
    #[arg(value_name = "JOB")]
    jobs: Vec<String>,

    /// List every job
    #[arg(long, conflicts_with_all = ["failed", "open"])]
    all: bool,

    /// Only jobs that failed, were cancelled, or cannot be asked for
    #[arg(long)]
    failed: bool,

    /// Only jobs that have not ended
    #[arg(long)]
    open: bool,

    /// Only jobs of this project
    #[arg(long, value_name = "NAME")]
    project: Option<String>,

    /// Only restores into an index of such a name; `*` stands for any characters, `?` for one. Can
    /// be given several times
    #[arg(long, value_name = "PATTERN", value_parser = IndexPattern::parse)]
    index: Vec<IndexPattern>,

    /// Only say in one line whether all is well, for a probe
    #[arg(
        long,
        conflicts_with_all = ["jobs", "all", "failed", "open", "project", "index", "output", "watch"]
    )]
    check: bool,

    /// The form of the report
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    /// Repeat it this far apart (2s unless given, as in --watch=10s) until interrupted; with
    /// --output json one document a line
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, default_missing_value = "2s", value_parser = parse_duration)]
    watch: Option<Duration>,

    #[command(flatten)]
    socket: SocketArgs,
}

/// The shortest pause between two requests, which keeps the daemon free for its polls.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// What a report lists if no option says which jobs: about a screen.
const LIMITS: Limits = Limits { of_section: 20, ended_within: Some(Duration::from_hours(24)), skip: None };

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    if args.check {
        return verdict::run(&args.socket);
    }
    let client = args.socket.client()?;
    let query = args.query();
    block_on(async {
        let mut signals = listen()?;
        let clock = Clock::system();
        loop {
            let status = tokio::select! {
                status = client.status(&query) => status?,
                exit = signals.next() => return Ok(Done::Exit(exit)),
            };

            let is_read = print_on(&args.render(&status)?)?;
            if let Some(unknown) = first_unknown(&status, &query) {
                let project = args.project.as_deref().map(ProjectName::new);
                let RequestError { error, help, .. } = RequestError::not_watched(unknown, project.as_ref());
                let failure = Failure::new(Exit::NotFound, error);
                return Err(help.into_iter().fold(failure, Failure::with_help));
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
    fn query(&self) -> StatusQuery {
        let is_meant = |outcome: &Outcome| {
            self.failed && outcome.section() == Section::Failed || self.open && !outcome.is_final()
        };
        let by_outcome = self.failed || self.open;
        let is_short = self.output == Output::Human && self.jobs.is_empty() && !self.all && !by_outcome;
        let jobs = || self.jobs.iter().map(|job| Reference::new(job)).collect();
        let project = self.project.as_deref().map(ProjectName::new);
        StatusQuery {
            jobs: (!self.jobs.is_empty()).then(jobs),
            projects: project.map(|project| BTreeSet::from([project])),
            indexes: (!self.index.is_empty()).then(|| self.index.clone()),
            outcomes: by_outcome.then(|| Outcome::ALL.into_iter().filter(is_meant).collect()),
            limits: is_short.then_some(LIMITS),
        }
    }

    fn render(&self, status: &Status) -> Result<String, Failure> {
        let internal = |error: serde_json::Error| Failure::internal(error.to_string());
        match (self.output, self.watch) {
            (Output::Json, None) => Ok(serde_json::to_string_pretty(status).map_err(internal)? + "\n"),
            (Output::Json, Some(_)) => Ok(serde_json::to_string(status).map_err(internal)? + "\n"),
            (Output::Human, watch) => Ok(Self::human(status, watch.is_some())),
        }
    }

    fn human(status: &Status, repeats: bool) -> String {
        let terminal = Term::stdout();
        let is_terminal = terminal.features().is_attended();
        let (height, width) = terminal.size();
        let surface = Surface {
            width: is_terminal.then_some(usize::from(width)),
            height: (is_terminal && repeats).then_some(usize::from(height)),
            color: color::is_wanted_on(&std::io::stdout()),
        };

        let text = report::of(status, surface);
        match repeats {
            // The screen is cleared by sequences of ECMA-48: cursor home, erase display.
            true if std::io::stdout().is_terminal() => format!("\u{1b}[H\u{1b}[2J{text}"),
            true => text + "\n",
            false => text,
        }
    }
}

/// The first job that is asked for and that the daemon does not know.
fn first_unknown<'a>(status: &Status, query: &'a StatusQuery) -> Option<&'a Reference> {
    let names = |job: &Reference| {
        status
            .jobs
            .iter()
            .any(|known| job.matches(known.job.id.as_str(), known.job.name.as_deref()).is_some())
    };
    // One that another option leaves out may be known.
    let is_narrowed = query.indexes.is_some() || query.outcomes.is_some();
    query.jobs.iter().flatten().find(|job| !is_narrowed && !names(job))
}
