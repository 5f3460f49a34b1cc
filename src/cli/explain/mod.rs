//! `restore-watch explain`

mod words;

use std::time::Duration;

use clap::Parser;

use super::output::{Output, print};
use super::project::ProjectArgs;
use super::socket::SocketArgs;
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::values::{bound, parse_effort, parse_expect, parse_interval};
use super::{Done, Failure, table};
use crate::adapters::control::{CallError, ExplainJob, ExplanationReport};
use crate::adapters::report::RequestErrorKind;
use crate::adapters::telemetry::{self, Style};
use crate::app::driver::{Driver, State};
use crate::app::setup::Setup;
use crate::app::wait::not_found_advice;
use crate::config::{Effort, JobSettings, LogFormat, ProjectSettings, StateSettings};
use crate::engine::Command;
use crate::model::{Exit, JobId, ProjectName, Reference, Until};
use crate::platform::clock::Clock;

/// How long past restores are waited for: their pages may be delayed by the rate limit or by the
/// server.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(15);

/// Explain when a restore job is polled next, and why
///
/// The running daemon answers if it watches the job. Otherwise, and if options of a wait are given,
/// the API is asked once about the job, and once for the list of restores if the job runs or is not
/// found; the answer is then that of a wait with these options. Exits with 0 whatever the API says,
/// which is part of the answer.
#[derive(Debug, Clone, Parser)]
pub(super) struct Args {
    /// The job: its id or, if the running daemon watches it, its name or the first characters of its
    /// id
    #[arg(value_name = "JOB")]
    job: String,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    /// Explain a wait with this effort
    #[arg(long, value_name = "EFFORT", value_parser = parse_effort())]
    effort: Option<Effort>,

    /// Explain a wait with this shortest time between two polls
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    min_interval: Option<Duration>,

    /// Explain a wait with this longest time between two polls
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    max_interval: Option<Duration>,

    /// Explain a wait that expects a restore to take about this long
    #[arg(long, value_name = "DURATION", value_parser = parse_expect)]
    expect: Option<Duration>,

    /// For a wait until the restore ends, or until its index is ready
    #[arg(long, value_enum, value_name = "STATE")]
    until: Option<Until>,

    #[command(flatten)]
    project: ProjectArgs,

    #[command(flatten)]
    socket: SocketArgs,
}

/// Who polls a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Poller {
    Daemon,
    /// A wait, whose project needs no name.
    Wait,
}

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let style = Style::usual(LogFormat::Human);
    let _logging = telemetry::init(style, "warn").map_err(no_thread)?;
    let by_daemon = if args.is_for_a_wait() { None } else { args.ask_daemon()? };
    let (explanation, advice, poller) = if let Some(explanation) = by_daemon {
        (explanation, None, Poller::Daemon)
    } else {
        let (explanation, advice) = args.try_wait(&args.id()?)?;
        (explanation, advice, Poller::Wait)
    };

    match args.output {
        Output::Human => {
            let help = advice.map(|advice| format!("  help: {advice}\n")).unwrap_or_default();
            print(&(words::of(&explanation, poller, table::width()) + &help))?;
        }
        Output::Json => {
            let text = serde_json::to_string_pretty(&explanation);
            print(&(text.map_err(|error| Failure::internal(error.to_string()))? + "\n"))?;
        }
    }
    Ok(Done::Exit(Exit::Success))
}

impl Args {
    /// Whether an option is given that only a wait has.
    fn is_for_a_wait(&self) -> bool {
        let duration = self.min_interval.or(self.max_interval).or(self.expect);
        duration.is_some() || self.effort.is_some() || self.until.is_some() || self.project.config().is_some()
    }

    /// The id of the job; an error if that is something else.
    fn id(&self) -> Result<JobId, Failure> {
        let ids = super::ids::parse_arguments(std::slice::from_ref(&self.job))?;
        ids.into_iter().next().ok_or_else(|| Failure::usage("no restore job is named"))
    }

    /// Asks the daemon. None if there is none, or if it does not watch the job and the API may know
    /// it; an error if the daemon was named.
    fn ask_daemon(&self) -> Result<Option<ExplanationReport>, Failure> {
        let project = self.project.name().map(ProjectName::new);
        let Some(client) = self.socket.client_if_any()? else { return Ok(None) };
        let request = ExplainJob { project, job: Reference::new(&self.job) };
        let answer = block_on(async { Ok(client.explain(&request).await) })?;

        let is_named = self.socket.named().is_some() || self.project.name().is_some();
        match answer {
            Ok(explanation) => Ok(Some(explanation)),
            Err(CallError::NoDaemon(_) | CallError::Denied(_)) if !is_named => Ok(None),
            Err(CallError::Rejected(error)) if error.kind == RequestErrorKind::NotFound => {
                // A name is known to the daemon alone, so the API has nothing to say of it.
                if !is_named && self.id()?.has_known_form() {
                    return Ok(None);
                }
                let failure = Failure::new(Exit::NotFound, error.error);
                Err(error.help.into_iter().fold(failure, Failure::with_help))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Explains what a wait would do after its first poll, and what to do about that if it failed.
    fn try_wait(&self, id: &JobId) -> Result<(ExplanationReport, Option<String>), Failure> {
        block_on(async {
            let mut signals = listen()?;
            let (args, job) = (self.clone(), id.clone());
            let (name, setup) = unless_stopped(&mut signals, READING, move || {
                let project = args.settings_of_wait(&job)?;
                let name = project.name.clone();
                Ok((name, Setup::new(vec![project], &[], StateSettings::KEEP)?))
            })
            .await?;

            let clock = Clock::system();
            let mut driver = Driver::new(setup, State::volatile(), clock);
            driver.keep_contacts();
            let limit = driver.now().instant + HISTORY_TIMEOUT;
            loop {
                if driver.not_found().is_some() {
                    driver.command(Command::ReadList(name.clone()));
                }
                let engine = driver.engine();
                // A wait would know the durations of past restores, too.
                let is_early = driver.now().instant < limit;
                let learns = is_early && engine.projects().any(|project| project.history_pending);
                let job = engine.job(&name, id).filter(|job| job.polls > 0);
                let is_answered = job.is_some_and(|job| job.due.is_some() || job.tracker.has_ended());
                if is_answered && !learns {
                    break;
                }

                tokio::select! {
                    turned = driver.turn() => drop(turned?),
                    () = clock.sleep_until(learns.then_some(limit)) => {}
                    exit = signals.next() => return Err(Failure::new(exit, exit.meaning())),
                }
            }

            let explanation = driver.engine().explain(&name, id, driver.now());
            let explanation = explanation.ok_or_else(|| Failure::internal("the job is not watched"))?;
            let of_list = not_found_advice(&driver, &self.project.words());
            let advice = driver.advice(&name).map(str::to_owned).or(of_list);
            Ok((ExplanationReport::from(explanation), advice))
        })
    }

    fn settings_of_wait(&self, id: &JobId) -> Result<ProjectSettings, Failure> {
        let mut project = self.project.choose()?;
        let known = project.jobs.iter().find(|job| job.id == *id).cloned();
        let mut job = known.unwrap_or_else(|| JobSettings::new(id.clone()));
        job.until = self.until.or(job.until);
        project.jobs = vec![job];
        project.discover = None;
        project.cadence.effort = self.effort.unwrap_or(project.cadence.effort);
        project.cadence.expect = self.expect.or(project.cadence.expect);
        bound(&mut project.cadence, self.min_interval, self.max_interval)?;
        Ok(project)
    }
}
