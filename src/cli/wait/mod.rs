//! `restore-watch wait`

mod args;
mod exit_codes;
mod nothing_named;
mod options;

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) use args::Args;
pub(super) use exit_codes::of_restore as exit_codes_of_restore;
pub(super) use options::{OutputForm, WaitOptions};

use options::ProgressForm;

use super::start::{block_on, check_threads, listen, no_thread, unless_stopped};
use super::{Done, Failure, ci};
use crate::adapters::ci::Environment;
use crate::adapters::sinks;
use crate::adapters::telemetry::{self, LogBuffer, Logging, Stream, Style};
use crate::app::driver::{Driver, State};
use crate::app::setup::Setup;
use crate::app::wait::{self, Again, Options, Progress, Report, Streams, Surface, Waited};
use crate::config::{LogFormat, ProjectSettings, StateSettings};
use crate::engine::Condition;
use crate::model::{Exit, duration};
use crate::platform::clock::Clock;
use crate::platform::locale;
use crate::platform::output::Output;
use crate::platform::process;
use crate::platform::signals::Signals;

/// A longer command is not printed for people.
const LONGEST_COMMAND: usize = 4096;

/// The same for a terminal: the outcomes are to stay on the screen.
const LONGEST_COMMAND_ON_TERMINAL: usize = 800;

/// How long the report waits until the progress before it is written.
const PROGRESS_WAIT: Duration = Duration::from_millis(100);

/// How long the last writes may take after a signal.
const FINAL_WRITE_LIMIT_AFTER_SIGNAL: Duration = Duration::from_millis(500);

/// How long the end of a wait waits for a stalled reader of standard error. For data it waits
/// without a limit.
const FINAL_WRITE_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    let args = Arc::new(args);
    wait_for(&args.options, async |session| choose(&args, session).await)
}

/// What a command that waits has from the start.
pub(super) struct Session {
    pub(super) signals: Signals,
    pub(super) environment: Environment,
    pub(super) streams: Streams,
}

/// What is waited for.
pub(super) struct Chosen {
    pub(super) setup: Setup,
    pub(super) condition: Condition,
    /// The time limit of the wait.
    pub(super) timeout: Option<Duration>,
    /// The options by which a command waits for the same, beside those of every wait.
    pub(super) selection: Vec<String>,
    /// Whether that command also names the jobs.
    pub(super) names_jobs: bool,
    /// What to do if no restore is found, if that is a failure.
    pub(super) nothing_found: Option<String>,
}

/// Waits for what is chosen, reports how it ended, and says what the process does then.
pub(super) fn wait_for(
    options: &WaitOptions,
    choose: impl AsyncFnOnce(&mut Session) -> Result<Chosen, Failure>,
) -> Result<Done, Failure> {
    // Before anything else: after a wait of hours it would be too late to learn of a typo.
    if let Some(program) = options.command.first()
        && let Err(error) = process::find_program(program)
    {
        return Ok(Done::CannotExec(program.clone(), error));
    }
    options.check_desktop()?;
    let environment = options.ci.environment();
    let progress = options.progress(environment.is_pipeline());

    // Dropped after the logging ends.
    let _unshown = UnshownLog::of(&progress);
    let _logging = options.start_logging(environment, &progress)?;
    let exit = block_on(wait_and_report(options, environment, progress, choose))?;

    match exit {
        Exit::Success if !options.command.is_empty() => Ok(Done::Exec(options.command.clone())),
        exit => Ok(Done::Exit(exit)),
    }
}

async fn wait_and_report(
    options: &WaitOptions,
    environment: Environment,
    progress: Progress,
    choose: impl AsyncFnOnce(&mut Session) -> Result<Chosen, Failure>,
) -> Result<Exit, Failure> {
    // Signals first: once its input is read, an interrupted wait still reports.
    let signals = listen()?;
    let mut session = Session { signals, environment, streams: options.streams(environment)? };
    // One more thread is needed for look-ups.
    check_threads()?;
    let chosen = choose(&mut session).await;
    let Session { mut signals, streams, .. } = session;
    let (driver, waiting) = match chosen {
        Ok(chosen) => chosen.begin(options, environment, progress),
        Err(failure) => {
            ci::settle(&streams.people).await;
            return Err(failure);
        }
    };

    let trial = options.desktop.then(|| tokio::spawn(warn_if_no_desktop()));
    let waited = wait::wait(driver, waiting, &streams, &mut signals).await;
    // The notification at the end says the same.
    trial.inspect(tokio::task::JoinHandle::abort);
    let waited = match waited {
        Ok(waited) => waited,
        Err(error) => {
            // What was begun on standard error is ended before the error is printed.
            ci::settle(&streams.people).await;
            return Err(error.into());
        }
    };

    let exit = waited.report.exit();
    let reporting = options.report(&waited, environment, streams);
    if exit.is_signal() {
        // A second signal, which some send with the first, does not cut the report, which never
        // waits for its reader then.
        reporting.await;
        return Ok(exit);
    }
    // After a signal, nothing is waited for and nothing is started.
    tokio::select! {
        () = reporting => Ok(exit),
        signal = signals.next() => Ok(signal),
    }
}

impl Chosen {
    /// The driver of this wait, and its options.
    fn begin(self, options: &WaitOptions, environment: Environment, progress: Progress) -> (Driver, Options) {
        let Self { setup, condition, timeout, selection, names_jobs, nothing_found } = self;
        let again = Again {
            options: selection.into_iter().chain(options.words()).collect(),
            webhook: options.webhook.is_some(),
        };
        let waiting = Options {
            condition,
            timeout,
            progress,
            named: setup.named_jobs(),
            ndjson: options.output == OutputForm::Ndjson,
            again,
            names_jobs,
            of_project: options.project.words(),
            nothing_found,
            section: environment.section(),
        };
        (Driver::new(setup, State::volatile(), Clock::system()), waiting)
    }
}

/// The jobs that the command line names.
async fn choose(args: &Arc<Args>, session: &mut Session) -> Result<Chosen, Failure> {
    if args.reads_terminal() && !args.options.quiet {
        // A failure of this cannot be reported anywhere.
        drop(writeln!(io::stderr(), "reading ids from standard input, up to Ctrl-D"));
    }
    let environment = session.environment;
    let words = Arc::clone(args);
    let reading = "reading ids, the configuration and the files that it names";
    let setup = unless_stopped(&mut session.signals, reading, move || {
        let project = words.project_settings()?;
        if project.jobs.is_empty() && project.discover.is_none() {
            return Ok(Prepared::NothingNamed(Box::new(project)));
        }
        let setup = Setup::new(vec![project], &words.options.sinks()?, StateSettings::KEEP);
        Ok(Prepared::Wait(Box::new(setup.inspect_err(|errors| ci::annotate(environment, errors))?)))
    });
    let setup = match setup.await? {
        Prepared::Wait(setup) => *setup,
        Prepared::NothingNamed(project) => {
            return Err(refuse(*project, environment, &mut session.signals).await);
        }
    };
    Ok(Chosen {
        setup,
        condition: args.condition(),
        timeout: args.options.timeout,
        selection: args.selection(),
        names_jobs: !args.discovers(),
        nothing_found: args.nothing_found(),
    })
}

/// What the command line and the configuration make.
enum Prepared {
    Wait(Box<Setup>),
    /// No job is named, and none is to be discovered.
    NothingNamed(Box<ProjectSettings>),
}

/// Refuses a wait for no job at all. Only a person, or the log of a pipeline, is shown what the API
/// lists: a script gets the same answer each time, without a request.
async fn refuse(project: ProjectSettings, environment: Environment, signals: &mut Signals) -> Failure {
    if !environment.is_pipeline() && !io::stderr().is_terminal() {
        return nothing_named::refusal();
    }
    tokio::select! {
        refusal = nothing_named::refusal_with_choice(project, Clock::system()) => refusal,
        exit = signals.next() => {
            Failure::new(exit, format!("{} while listing the unfinished restores", exit.meaning()))
        }
    }
}

/// What was logged and not shown, because no further frame is drawn; written when this is dropped.
struct UnshownLog(LogBuffer);

impl UnshownLog {
    fn of(progress: &Progress) -> Self {
        Self(match progress {
            Progress::Live(log) => log.clone(),
            Progress::Plain { .. } | Progress::Silent => LogBuffer::default(),
        })
    }
}

impl Drop for UnshownLog {
    fn drop(&mut self) {
        let log = self.0.take();
        // Even an empty write would wait for a stalled reader.
        if !log.is_empty() {
            // A failure of this cannot be reported anywhere.
            drop(std::io::stderr().write_all(&log));
        }
    }
}

impl Args {
    /// Whether a person is to type ids.
    fn reads_terminal(&self) -> bool {
        let is_named = self.jobs.iter().any(|job| job == "-")
            || self.from_file.as_deref().is_some_and(|file| file == Path::new("-"));
        is_named && io::stdin().is_terminal()
    }
}

impl WaitOptions {
    pub(super) fn progress(&self, pipeline: bool) -> Progress {
        match self.progress {
            _ if self.is_silent() => Progress::Silent,
            ProgressForm::Auto if !pipeline && is_live_terminal() => Progress::Live(LogBuffer::default()),
            ProgressForm::Auto | ProgressForm::Plain | ProgressForm::None => {
                Progress::Plain { interval: self.progress_interval }
            }
        }
    }

    fn start_logging(&self, environment: Environment, progress: &Progress) -> Result<Logging, Failure> {
        let stream = match progress {
            Progress::Live(log) => Stream::Buffer(log.clone()),
            Progress::Plain { .. } | Progress::Silent => Stream::Detached,
        };
        let (color, filter) = (!environment.is_pipeline(), environment.text_filter());
        let style = Style { stream, color, filter, ..Style::usual(LogFormat::Human) };
        let level = if self.quiet {
            "error"
        } else if telemetry::is_journal() {
            // Events are logged then, see `wait::Console`.
            "warn,restore_watch::transition=info"
        } else {
            "warn"
        };
        telemetry::init(style, level).map_err(no_thread)
    }

    fn streams(&self, environment: Environment) -> Result<Streams, Failure> {
        let filter = environment.text_filter();
        let data_filter = if self.output == OutputForm::Human { filter } else { environment.json_filter() };
        Ok(Streams {
            data: Output::stdout().map_err(no_thread)?.filtered(data_filter),
            people: Output::stderr().map_err(no_thread)?.filtered(filter),
        })
    }

    /// Reports, and notifies. Nothing here changes the exit code: the outcome of the jobs matters
    /// more than a full disk.
    async fn report(&self, waited: &Waited, environment: Environment, streams: Streams) {
        let report = &waited.report;
        let Streams { data, people } = streams;
        ci::conclude(environment, report.ending(), &people).await;
        // If both streams lead to one terminal, the progress comes before the report.
        tokio::select! {
            () = people.settled() => {}
            () = tokio::time::sleep(PROGRESS_WAIT) => {}
        }

        let surface = |surface: fn() -> Surface| {
            if environment.is_pipeline() { Surface::plain() } else { surface() }
        };
        match self.output {
            OutputForm::Human => data.write(locale::shown(&report.human(surface(Surface::stdout)))),
            OutputForm::Json => {
                data.write(format!("{}\n", serde_json::to_string(report).unwrap_or_default()));
            }
            OutputForm::Ndjson if report.exit() == Exit::Success => {}
            // Standard output has the events; the outcomes of the jobs are for people.
            OutputForm::Ndjson => {
                people.write(locale::shown(&report.human(surface(Surface::stderr))));
            }
        }

        // After a signal, a reader that stalls is not waited for.
        let limit = report.exit().is_signal().then_some(FINAL_WRITE_LIMIT_AFTER_SIGNAL);
        if let Err(error) = within(limit, data.finish()).await {
            people.write(format!("error: cannot write to standard output: {error}\n"));
        }
        for line in self.last_words(waited) {
            people.write(format!("{line}\n"));
        }
        if self.desktop
            && !report.exit().is_signal()
            && let Err(message) = notify(report).await
        {
            people.write(format!("restore-watch: {message}\n"));
        }
        // A failure of this cannot be reported anywhere.
        drop(within(Some(limit.unwrap_or(FINAL_WRITE_LIMIT)), people.finish()).await);
    }

    /// The lines on standard error that follow the report.
    fn last_words(&self, waited: &Waited) -> Vec<String> {
        let Waited { report, undelivered, delivery_error, advice } = waited;
        let mut lines = Vec::new();
        if *undelivered > 0 {
            let reason = delivery_error.as_deref().unwrap_or("no answer in time");
            lines.push(format!(
                "restore-watch: events that the webhook did not take: {undelivered} ({reason})"
            ));
        }
        if self.quiet {
            return lines;
        }
        let verdict = if self.shows_summary() { Vec::new() } else { self.verdict(report) };
        let longest = if io::stderr().is_terminal() { LONGEST_COMMAND_ON_TERMINAL } else { LONGEST_COMMAND };
        let go_on = report.resume().map(|command| match command {
            command if command.len() <= longest => format!("to go on: {command}"),
            _ => "to go on, run the same command again".to_owned(),
        });
        let verdict = verdict.into_iter().chain(go_on).collect::<Vec<_>>().join("; ");
        if !verdict.is_empty() {
            lines.push(format!("restore-watch: {verdict}"));
        }
        lines.extend(advice.as_ref().map(|advice| format!("  help: {advice}")));

        lines
    }

    /// What the exit code means; nothing if the condition is met.
    fn verdict(&self, report: &Report) -> Vec<String> {
        let exit = report.exit();
        let meaning = (!matches!(exit, Exit::Success | Exit::Timeout)).then(|| report.meaning().to_owned());
        let timeout = duration::human(self.timeout.unwrap_or_default());
        let timed_out = report.timed_out().then(|| format!("timed out after {timeout}"));
        meaning.into_iter().chain(timed_out).collect()
    }

    /// Whether the summary of the report is read where standard error is: a person who sends the
    /// report to a file does not see it.
    fn shows_summary(&self) -> bool {
        match self.output {
            OutputForm::Human => io::stdout().is_terminal() || !io::stderr().is_terminal(),
            OutputForm::Json => false,
            OutputForm::Ndjson => true,
        }
    }
}

/// Does the last writes, within `limit`.
async fn within(limit: Option<Duration>, work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let Some(limit) = limit else { return work.await };
    let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "its reader takes nothing"));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| late())
}

/// Shows the outcome on the desktop. The error says why that failed.
async fn notify(report: &Report) -> Result<(), String> {
    sinks::show(&report.notice()).await
}

/// Says at the start of a wait if its notification at the end would fail.
///
/// A webhook needs no such trial: its first event is posted when the first job is seen.
async fn warn_if_no_desktop() {
    if let Err(reason) = sinks::try_desktop().await {
        tracing::warn!("--desktop will show nothing at the end: {reason}");
    }
}

/// Whether lines can be redrawn on standard error.
fn is_live_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
