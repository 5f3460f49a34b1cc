//! `restore-watch wait`

use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use clap::{Parser, ValueEnum};

use super::project::ProjectArgs;
use super::{Done, Failure, block_on, ids, listen, parse_duration};
use crate::clock::Clock;
use crate::config::{
    JobSettings, LogFormat, ProjectSettings, SinkSettings, StateSettings, UrlSource, WebhookSettings,
    WebhookUrl,
};
use crate::driver::{Driver, Setup, State};
use crate::engine::Condition;
use crate::locale;
use crate::model::{Exit, JobId, duration};
use crate::output::Output;
use crate::sink::{self, Urgency};
use crate::telemetry::{self, Stream, Style};
use crate::wait::{self, Notes, Options, Progress, Report, Streams, Waited};

/// Block until restore jobs end, and say how by the exit code
#[derive(Debug, Parser)]
#[command(after_help = EXIT_CODES, arg_required_else_help = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the published command line")]
pub(super) struct Args {
    /// Ids of restore jobs; `-` reads them from standard input, one a line or as JSON objects that have a
    /// `restore_job_id`
    #[arg(value_name = "JOB_ID")]
    jobs: Vec<String>,

    /// Read further ids from this file; the same forms as standard input
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,

    /// Wait until every job completes (the default)
    #[arg(long, conflicts_with = "any")]
    all: bool,

    /// Wait until one job completes
    #[arg(long)]
    any: bool,

    /// End as soon as one job did not complete, instead of waiting for the others
    #[arg(long, conflicts_with = "any")]
    fail_fast: bool,

    /// Give up after this time, such as 90s, 10m or 1h30m; without it, wait as long as it takes
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    timeout: Option<Duration>,

    /// How long a job that was never seen may be unknown to the API [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    not_found_grace: Option<Duration>,

    /// How long the API may give no good answer about a job [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    unreachable_after: Option<Duration>,

    /// The shortest time between two polls of a job [default: 1s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    min_interval: Option<Duration>,

    /// The longest time between two polls of a job [default: 60s]
    #[arg(long, value_name = "DURATION", value_parser = parse_interval)]
    max_interval: Option<Duration>,

    /// What is printed on standard output: a report at the end, for people or as one JSON object, or each transition
    /// as a line of JSON
    #[arg(long, value_enum, default_value_t = Form::Human)]
    output: Form,

    /// Print nothing on standard error but errors
    #[arg(long, short)]
    quiet: bool,

    /// How progress is shown on standard error: `auto` draws a line for each job on a terminal and prints plain lines
    /// elsewhere
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    progress: ProgressForm,

    /// Print a line at least this often where progress is plain, so that nobody takes the wait for hung; 0 for never
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "60s")]
    heartbeat: Duration,

    /// Show a desktop notification at the end
    #[arg(long)]
    desktop: bool,

    /// Post each transition to this address as JSON; at the end, up to 10 s are spent on what is not yet delivered
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,

    #[command(flatten)]
    project: ProjectArgs,

    /// Become this command when the wait ended with 0
    #[arg(last = true, value_name = "COMMAND", value_hint = clap::ValueHint::CommandName)]
    command: Vec<OsString>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    condition met: all jobs completed (with --any: one did)
  1    a job failed or was cancelled
  2    wrong usage
  3    a job was not found, or was lost
  4    the API refuses the key (401) or the permission (403)
  5    the API was unreachable for too long
  6    a job ended in a state we do not know
  70   internal error (a bug)
  78   bad configuration
  124  timeout
  130  interrupted by SIGINT; 143 by SIGTERM
Several apply: the first of 1, 4, 3, 6, 5, 124 wins.

Environment:
  PINECONE_API_KEY          the API key of the project
  PINECONE_CONTROLLER_HOST  the control plane, https://api.pinecone.io unless set
  NO_COLOR                  no colours, where set and not empty
  RUST_LOG                  what is logged on standard error, such as restore_watch=debug

Examples:
  restore-watch wait 670e8400-e29b-41d4-a716-446655440001 --timeout 2h
  pc index restore --id BACKUP --name INDEX --json | restore-watch wait -
  restore-watch wait JOB_ID -- ./switch-traffic.sh";

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A report at the end.
    Human,
    /// A report at the end, as one JSON object.
    Json,
    /// Each transition as a line of JSON.
    Ndjson,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProgressForm {
    /// By what standard error is.
    Auto,
    /// Lines.
    Plain,
    /// Nothing.
    None,
}

/// How long the report waits for a reader of standard error that stalls.
const SETTLING: Duration = Duration::from_millis(100);

/// How long what is left to be written may take once a signal came.
const HASTE: Duration = Duration::from_millis(500);

/// How long the end of a wait stands back for a reader of standard error that stalls. For data it stands back as long as
/// it takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the time between two polls. Less than 10 ms would be no polling but an attack, more than a day no watch.
fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(10)..=Duration::from_hours(24)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 10ms and 1d".to_owned())
    }
}

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    let progress = args.progress();
    let stream = match &progress {
        Progress::Live(notes) => Stream::Beside(Arc::clone(notes)),
        Progress::Plain { .. } | Progress::Silent => Stream::Detached,
    };
    let _rest = Rest(match &progress {
        Progress::Live(notes) => Arc::clone(notes),
        Progress::Plain { .. } | Progress::Silent => Notes::default(),
    });
    let style = Style { stream, ..Style::usual(LogFormat::Human) };
    let level = if args.quiet {
        "error"
    } else if telemetry::is_journal() {
        // Where transitions are logged, see `wait::Console`.
        "warn,restore_watch::transition=info"
    } else {
        "warn"
    };
    let _logging = telemetry::init(style, level);
    let project = args.project_settings()?;
    let sinks = args.sinks()?;
    let exit = block_on(async {
        // Signals first: from here on an interrupted wait reports.
        let mut signals = listen()?;
        let setup = Setup::new(vec![project], &sinks, StateSettings::KEEP)?;
        let driver = Driver::new(setup, State::volatile(), Clock::system());
        let streams = Streams { data: Output::stdout(), people: Output::stderr() };
        let waited = wait::wait(driver, args.options(progress), &streams, &mut signals).await?;
        let exit = waited.report.exit();
        // From a signal on, nothing is waited for and nothing is started any more.
        tokio::select! {
            () = args.tell(&waited, streams) => Ok(exit),
            signal = signals.next() => Ok(signal),
        }
    })?;
    match exit {
        Exit::Met if !args.command.is_empty() => Ok(Done::Exec(args.command)),
        exit => Ok(Done::Exit(exit)),
    }
}

/// What was logged and is not yet shown, because no further line is drawn; shown when this is dropped.
struct Rest(Notes);

impl Drop for Rest {
    fn drop(&mut self) {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Even to write nothing would wait for a reader that stalls.
        if !notes.is_empty() {
            // There is nowhere left to say that this failed.
            drop(std::io::stderr().write_all(&notes));
        }
    }
}

impl Args {
    fn project_settings(&self) -> Result<ProjectSettings, Failure> {
        let ids = ids::collect(&self.jobs, self.from_file.as_deref())?;
        let mut project = self.project.choose()?;
        if !ids.is_empty() {
            project.jobs = ids.into_iter().map(|id| with_settings_of(id, &project.jobs)).collect();
        }
        // A wait for nothing would have no end.
        if project.jobs.is_empty() {
            return Err(Failure::usage("no job ids were given").with_help(
                "name the restore jobs to wait for, or `-` to read their ids from standard input",
            ));
        }
        let (cadence, watch) = (&mut project.cadence, &mut project.watch);
        cadence.min_interval = self.min_interval.unwrap_or(cadence.min_interval);
        cadence.max_interval = self.max_interval.unwrap_or(cadence.max_interval);
        // One bound given alone moves the other where they would cross.
        match (self.min_interval, self.max_interval) {
            (Some(min), None) => cadence.max_interval = cadence.max_interval.max(min),
            (None, Some(max)) => cadence.min_interval = cadence.min_interval.min(max),
            (Some(min), Some(max)) if min > max => {
                return Err(Failure::usage("--min-interval is longer than --max-interval"));
            }
            _ => {}
        }
        watch.not_found_grace = self.not_found_grace.unwrap_or(watch.not_found_grace);
        watch.unreachable_after = self.unreachable_after.unwrap_or(watch.unreachable_after);
        Ok(project)
    }

    fn sinks(&self) -> Result<Vec<SinkSettings>, Failure> {
        let Some(url) = &self.webhook else { return Ok(Vec::new()) };
        let url = WebhookUrl::parse(url, false)
            .map_err(|fault| Failure::usage(format!("the URL of --webhook {fault}")))?;
        // Nobody waits for days for the one who waits for a restore: 1 s, doubling, up to about an hour.
        let retry_schedule = (0..12).map(|n| Duration::from_secs(1 << n)).collect();
        let webhook = WebhookSettings { retry_schedule, ..WebhookSettings::new(UrlSource::Given(url)) };
        Ok(vec![SinkSettings::Webhook(webhook)])
    }

    fn options(&self, progress: Progress) -> Options {
        let condition = if self.any { Condition::Any } else { Condition::All { fail_fast: self.fail_fast } };
        Options { condition, timeout: self.timeout, progress, ndjson: self.output == Form::Ndjson }
    }

    fn progress(&self) -> Progress {
        match self.progress {
            ProgressForm::None => Progress::Silent,
            _ if self.quiet => Progress::Silent,
            ProgressForm::Auto if is_live_terminal() => Progress::Live(Notes::default()),
            ProgressForm::Auto | ProgressForm::Plain => Progress::Plain { heartbeat: self.heartbeat },
        }
    }

    /// Reports, and notifies. Nothing here changes the exit code: what is known of the jobs is worth more than a disk
    /// that is full.
    async fn tell(&self, waited: &Waited, streams: Streams) {
        let report = &waited.report;
        let Streams { data, people } = streams;
        // Where both lead to one terminal, what was said of the wait comes before what came of it.
        tokio::select! {
            () = people.settled() => {}
            () = tokio::time::sleep(SETTLING) => {}
        }
        match self.output {
            Form::Human => data.write(locale::shown(&report.human())),
            Form::Json => data.write(format!("{}\n", serde_json::to_string(report).unwrap_or_default())),
            Form::Ndjson if report.exit() == Exit::Met => {}
            // Standard output has the transitions; how the jobs stand now is for people.
            Form::Ndjson => people.write(locale::shown(&report.human())),
        }
        // Who interrupts does not wait for a reader that stalls.
        let haste = report.exit().is_signal().then_some(HASTE);
        if let Err(error) = within(haste, data.finish()).await {
            people.write(format!("error: cannot write to standard output: {error}\n"));
        }
        for line in self.last_words(waited) {
            people.write(format!("restore-watch: {line}\n"));
        }
        if self.desktop
            && !report.exit().is_signal()
            && let Err(message) = notify(report).await
        {
            people.write(format!("restore-watch: {message}\n"));
        }
        // There is nowhere left to say that this failed.
        drop(within(Some(haste.unwrap_or(PATIENCE)), people.finish()).await);
    }

    fn last_words(&self, waited: &Waited) -> Vec<String> {
        let Waited { report, undelivered } = waited;
        let mut lines = Vec::new();
        if *undelivered > 0 {
            lines.push(format!("transitions that could not be posted to the webhook in time: {undelivered}"));
        }
        if self.quiet {
            return lines;
        }
        if !matches!(report.exit(), Exit::Met | Exit::Timeout) {
            lines.push(report.exit().meaning().to_owned());
        }
        if report.timed_out() {
            let timeout = duration::human(self.timeout.unwrap_or_default());
            let ids: Vec<_> = report.open_ids().collect();
            lines.push(format!("timed out after {timeout}; to go on: restore-watch wait {}", ids.join(" ")));
        }
        lines
    }
}

/// Writes what is left, for so long at most.
async fn within(limit: Option<Duration>, work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let Some(limit) = limit else { return work.await };
    let late = || Err(io::Error::new(io::ErrorKind::TimedOut, "its reader takes nothing"));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| late())
}

/// Shows how it ended on the desktop. The error says why that could not be shown.
async fn notify(report: &Report) -> Result<(), String> {
    let (heading, urgency) = match report.exit() {
        Exit::Met => ("Restore completed", Urgency::Normal),
        Exit::Failed => ("Restore failed", Urgency::Critical),
        exit => (exit.meaning(), Urgency::Critical),
    };
    sink::show(heading, &report.headline(), urgency).await
}

/// A job with what the configuration says of it, if anything.
fn with_settings_of(id: JobId, configured: &[JobSettings]) -> JobSettings {
    configured.iter().find(|job| job.id == id).cloned().unwrap_or_else(|| JobSettings::new(id))
}

/// Whether lines can be drawn again and again on standard error.
fn is_live_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
