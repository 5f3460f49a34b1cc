//! `restore-watch wait`

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use indicatif::MultiProgress;
use tracing::{debug, info, warn};

use super::ci::{self, CiArgs};
use super::project::ProjectArgs;
use super::socket::SocketArgs;
use super::{Done, Failure, block_on, ids, listen, parse_duration};
use crate::ci::Place;
use crate::clock::Clock;
use crate::config::{
    CadenceSettings, JobSettings, LogFormat, ProjectSettings, SinkSettings, StateSettings, UrlSource,
    WebhookSettings, WebhookUrl,
};
use crate::driver::{Driver, Setup, State};
use crate::engine::Condition;
use crate::model::{Exit, JobId, Until, duration};
use crate::output::Output;
use crate::sink::{self, Urgency};
use crate::telemetry::{self, Stream, Style};
use crate::wait::{self, Options, Progress, Report, Streams, Waited};

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

    /// What to wait for: that a job completes, or that its index serves, too [default: completed, unless the
    /// configuration says otherwise]
    #[arg(long, value_enum, value_name = "STATE")]
    until: Option<Until>,

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
    /// elsewhere, and in a pipeline
    #[arg(long, value_enum, default_value_t = ProgressForm::Auto)]
    progress: ProgressForm,

    /// Print a line at least this often where progress is plain, so that nobody takes the wait for hung; 0 for never
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "60s")]
    heartbeat: Duration,

    #[command(flatten)]
    ci: CiArgs,

    /// Show a desktop notification at the end
    #[arg(long)]
    desktop: bool,

    /// Post each transition to this address as JSON; at the end, up to 10 s are spent on what is not yet delivered
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,

    /// Follow the polls of a running daemon instead of asking the API a second time: `auto` does where a daemon watches a
    /// job and no interval is given. Where the daemon goes away, the API is asked
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t = Through::Auto,
        default_missing_value = "always",
        num_args = 0..=1,
        require_equals = true
    )]
    through_daemon: Through,

    #[command(flatten)]
    socket: SocketArgs,

    #[command(flatten)]
    project: ProjectArgs,

    /// Become this command when the wait ended with 0
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    condition met: all jobs completed (with --any: one did), and their indexes serve (with --until ready)
  1    a job failed or was cancelled, or its index did not become ready
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

/// Whether the polls of a daemon are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Through {
    /// Where that can be done.
    Auto,
    /// Where that can be done; else a warning says why not.
    Always,
    /// Not at all.
    Never,
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

/// Reads the time between two polls. Less than 10 ms would be no polling but an attack, more than a day no watch.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(10)..=Duration::from_hours(24)).contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 10ms and 1d".to_owned())
    }
}

/// Sets the bounds of the cadence that are given. One that is given alone moves the other where they would cross.
pub(super) fn bound(
    cadence: &mut CadenceSettings,
    min: Option<Duration>,
    max: Option<Duration>,
) -> Result<(), Failure> {
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(Failure::usage("--min-interval is longer than --max-interval"));
    }
    cadence.min_interval = min.unwrap_or(cadence.min_interval.min(max.unwrap_or(duration::MAX)));
    cadence.max_interval = max.unwrap_or(cadence.max_interval.max(min.unwrap_or_default()));
    Ok(())
}

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    let place = args.ci.place();
    let progress = args.progress(place.is_pipeline());
    let stream = match &progress {
        Progress::Live(lines) => Stream::Beside(lines.clone()),
        Progress::Plain { .. } | Progress::Silent => Stream::Detached,
    };
    let (colour, screen) = (!place.is_pipeline(), place.screen());
    let style = Style { stream, colour, screen, ..Style::usual(LogFormat::Human) };
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
        let setup = Setup::new(vec![project.clone()], &sinks, StateSettings::KEEP)?;
        let mut driver = Driver::new(setup, State::volatile(), Clock::system());
        args.follow(&mut driver, &project).await;
        let screen = if args.output == Form::Human { screen } else { place.json_screen() };
        let streams = Streams {
            data: Output::stdout().screened(screen),
            people: Output::stderr().screened(place.screen()),
        };
        let options = Options { section: place.section(), ..args.options(progress) };
        let waited = match wait::wait(driver, options, &streams, &mut signals).await {
            Ok(waited) => waited,
            Err(error) => {
                // What was begun on standard error is ended before the error is told.
                ci::settle(&streams.people).await;
                return Err(error.into());
            }
        };
        let exit = waited.report.exit();
        // From a signal on, nothing is waited for and nothing is started any more.
        tokio::select! {
            () = args.tell(&waited, place, streams) => Ok(exit),
            signal = signals.next() => Ok(signal),
        }
    })?;
    match exit {
        Exit::Met if !args.command.is_empty() => Ok(Done::Exec(args.command)),
        exit => Ok(Done::Exit(exit)),
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
        bound(&mut project.cadence, self.min_interval, self.max_interval)?;
        let watch = &mut project.watch;
        if let Some(until) = self.until {
            watch.until = until;
            project.jobs.iter_mut().for_each(|job| job.until = None);
        }
        watch.not_found_grace = self.not_found_grace.unwrap_or(watch.not_found_grace);
        watch.unreachable_after = self.unreachable_after.unwrap_or(watch.unreachable_after);
        Ok(project)
    }

    /// Leaves the polls to a daemon that makes them anyway, where that is wanted and can be done.
    async fn follow(&self, driver: &mut Driver, project: &ProjectSettings) {
        let own_cadence = self.min_interval.is_some() || self.max_interval.is_some();
        if self.through_daemon == Through::Never || self.through_daemon == Through::Auto && own_cadence {
            return;
        }
        let jobs = project.jobs.iter().map(|job| job.id.clone()).collect();
        match self.socket.follow(&project.api.endpoint, jobs).await {
            Ok(following) => {
                let (followed, all) = (following.jobs().len(), project.jobs.len());
                info!("following the polls of the daemon for {followed} of {all} restores");
                driver.follow(project.name.clone(), following);
            }
            Err(reason) if self.through_daemon == Through::Always || self.socket.is_named() => {
                warn!("{reason}; asking the API");
            }
            Err(reason) => debug!("{reason}; asking the API"),
        }
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
        let ndjson = self.output == Form::Ndjson;
        Options { condition, timeout: self.timeout, progress, ndjson, section: None }
    }

    fn progress(&self, pipeline: bool) -> Progress {
        match self.progress {
            ProgressForm::None => Progress::Silent,
            _ if self.quiet => Progress::Silent,
            ProgressForm::Auto if !pipeline && is_live_terminal() => Progress::Live(MultiProgress::new()),
            ProgressForm::Auto | ProgressForm::Plain => Progress::Plain { heartbeat: self.heartbeat },
        }
    }

    /// Reports, and notifies. Nothing here changes the exit code: what is known of the jobs is worth more than a disk
    /// that is full.
    async fn tell(&self, waited: &Waited, place: Place, streams: Streams) {
        let report = &waited.report;
        let Streams { data, people } = streams;
        ci::conclude(place, report, &people).await;
        match self.output {
            Form::Human => data.write(report.human()),
            Form::Json => data.write(format!("{}\n", serde_json::to_string(report).unwrap_or_default())),
            Form::Ndjson if report.exit() == Exit::Met => {}
            // Standard output has the transitions; how the jobs stand now is for people.
            Form::Ndjson => people.write(report.human()),
        }
        if let Err(error) = data.finish().await {
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
        drop(people.finish().await);
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
        let exit = report.exit();
        if exit.is_signal() && report.open_ids().next().is_some() {
            lines.push(format!("{}; to go on: {}", report.meaning(), self.to_go_on(report)));
        } else if !matches!(exit, Exit::Met | Exit::Timeout) {
            lines.push(report.meaning().to_owned());
        }
        if report.timed_out() {
            let timeout = duration::human(self.timeout.unwrap_or_default());
            lines.push(format!("timed out after {timeout}; to go on: {}", self.to_go_on(report)));
        }
        lines
    }

    /// The command that waits for the same, of the jobs that are open. A wait that goes on for less than what was wanted
    /// would end too soon.
    fn to_go_on(&self, report: &Report) -> String {
        let mut words = vec!["restore-watch".to_owned(), "wait".to_owned()];
        words.extend(self.project.words());
        words.extend(self.until.into_iter().flat_map(|until| ["--until".to_owned(), until.to_string()]));
        for (flag, given) in [("--any", self.any), ("--fail-fast", self.fail_fast)] {
            words.extend(given.then(|| flag.to_owned()));
        }
        words.extend(report.open_ids().map(str::to_owned));
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:@%+=,".contains(letter);
    if word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")).into() }
}

/// Shows how it ended on the desktop. The error says why that could not be shown.
async fn notify(report: &Report) -> Result<(), String> {
    let urgency = if report.exit() == Exit::Met { Urgency::Normal } else { Urgency::Critical };
    sink::show(report.heading(), &report.headline(), urgency).await
}

/// A job with what the configuration says of it, if anything.
fn with_settings_of(id: JobId, configured: &[JobSettings]) -> JobSettings {
    configured.iter().find(|job| job.id == id).cloned().unwrap_or_else(|| JobSettings::new(id))
}

/// Whether lines can be drawn again and again on standard error.
fn is_live_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
