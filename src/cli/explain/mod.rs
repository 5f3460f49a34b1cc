//! `restore-watch explain`

mod words;

use std::time::Duration;

use clap::Parser;

use super::output::{Output, print};
use super::project::ProjectArgs;
use super::socket::SocketArgs;
use super::start::{READING, block_on, listen, no_thread, unless_stopped};
use super::values::{bound, parse_effort, parse_expect, parse_interval};
use super::{Done, Failure};
use crate::adapters::control::{CallError, ExplainJob, ExplanationReport, RequestErrorKind};
use crate::adapters::telemetry::{self, Style};
use crate::app::driver::{Driver, State};
use crate::app::setup::Setup;
use crate::config::{Effort, JobSettings, LogFormat, ProjectSettings, StateSettings};
use crate::model::{Exit, JobId, ProjectName, Until};
use crate::platform::clock::Clock;

/// How long past restores are waited for: their pages may be delayed by the rate limit or by the
/// server.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(15);

/// Say when a restore job is polled next, and why
///
/// The running daemon answers if it watches the job. Otherwise, and if options of a wait are given,
/// the API is asked once about the job and once for the list of restores, and the answer is that of
/// a wait with these options. Exits with 0 whatever the API says, which is part of the answer.
#[derive(Debug, Clone, Parser)]
pub(super) struct Args {
    /// The id of the job
    #[arg(value_name = "JOB_ID")]
    job: String,

    /// The form of the answer
    #[arg(long, value_enum, default_value_t = Output::Human)]
    output: Output,

    /// For a wait with this effort
    #[arg(long, value_name = "EFFORT", value_parser = parse_effort())]
    effort: Option<Effort>,

    /// For a wait with this shortest time between two polls
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    min_interval: Option<Duration>,

    /// For a wait with this longest time between two polls
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    max_interval: Option<Duration>,

    /// For a wait that expects a restore to take about this long
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

pub(super) fn run(args: &Args) -> Result<Done, Failure> {
    let style = Style::usual(LogFormat::Human);
    let _logging = telemetry::init(style, "warn").map_err(no_thread)?;
    let [job] = &super::ids::parse_arguments(std::slice::from_ref(&args.job))?[..] else {
        return Err(Failure::usage("one job id is wanted"));
    };

    let by_daemon = if args.is_for_a_wait() { None } else { args.ask_daemon(job)? };
    let (explanation, whose) = match by_daemon {
        Some(explanation) => (explanation, "the daemon"),
        None => (args.try_wait(job)?, "a wait"),
    };

    match args.output {
        Output::Human => print(&words::of(&explanation, whose))?,
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

    /// Asks the daemon. None if there is none or if it does not watch the job; an error if it was
    /// named.
    fn ask_daemon(&self, job: &JobId) -> Result<Option<ExplanationReport>, Failure> {
        let project = self.project.name().map(ProjectName::new);
        let Some(client) = self.socket.client_if_any()? else { return Ok(None) };
        let request = ExplainJob { project, job: job.clone() };
        let answer = block_on(async { Ok(client.explain(&request).await) })?;

        let is_named = self.socket.named().is_some() || self.project.name().is_some();
        match answer {
            Ok(explanation) => Ok(Some(explanation)),
            Err(CallError::NoDaemon(_) | CallError::Denied(_)) if !is_named => Ok(None),
            Err(CallError::Rejected(error)) if error.kind == RequestErrorKind::NotFound => {
                if !is_named {
                    return Ok(None);
                }
                let failure = Failure::new(Exit::NotFound, error.error);
                Err(error.help.into_iter().fold(failure, Failure::with_help))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Explains what a wait would do after its first poll.
    fn try_wait(&self, id: &JobId) -> Result<ExplanationReport, Failure> {
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
            let limit = driver.now().instant + HISTORY_TIMEOUT;
            loop {
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
            explanation
                .map(ExplanationReport::from)
                .ok_or_else(|| Failure::internal("the job is not watched"))
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
