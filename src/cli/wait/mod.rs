//! `restore-watch wait`

mod args;
mod exit_codes;

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

pub(super) use args::{Args, bound, parse_effort, parse_interval};

use args::{Form, ProgressForm};

use super::start::{check_threads, no_thread, unless_stopped};
use super::{Done, Failure, block_on, ci, listen};
use crate::adapters::ci::Place;
use crate::adapters::sinks::{self, Urgency};
use crate::adapters::telemetry::{self, Stream, Style};
use crate::app::driver::{Driver, Setup, State};
use crate::app::wait::{self, LogBuffer, Options, Progress, Report, Streams, Waited};
use crate::config::{LogFormat, StateSettings};
use crate::model::{Exit, duration};
use crate::platform::clock::Clock;
use crate::platform::locale;
use crate::platform::output::Output;
use crate::platform::process;

/// A command that is longer is not printed for people.
const LONGEST_COMMAND: usize = 4096;

/// How long the report waits for a reader of standard error that stalls.
const SETTLING: Duration = Duration::from_millis(100);

/// How long what is left to be written may take once a signal came.
const HASTE: Duration = Duration::from_millis(500);

/// How long the end of a wait stands back for a reader of standard error that stalls. For data it stands back as long as
/// it takes.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn run(args: Args) -> Result<Done, Failure> {
    // Before anything is read or asked: after a wait of hours it would be too late to learn of a typo.
    if let Some(program) = args.command.first()
        && let Err(error) = process::find_program(program)
    {
        return Ok(Done::CannotExec(program.clone(), error));
    }
    let place = args.ci.place();
    let progress = args.progress(place.is_pipeline());
    let stream = match &progress {
        Progress::Live(notes) => Stream::Beside(Arc::clone(notes)),
        Progress::Plain { .. } | Progress::Silent => Stream::Detached,
    };
    let _rest = Rest(match &progress {
        Progress::Live(notes) => Arc::clone(notes),
        Progress::Plain { .. } | Progress::Silent => LogBuffer::default(),
    });
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
    let _logging = telemetry::init(style, level).map_err(no_thread)?;
    let args = Arc::new(args);
    let exit = block_on(async {
        // Signals first: once it has read all that it reads, an interrupted wait reports.
        let mut signals = listen()?;
        let words = Arc::clone(&args);
        let reading = "reading ids, the configuration and the files that it names";
        let setup = unless_stopped(&mut signals, reading, move || {
            Ok(Setup::new(vec![words.project_settings()?], &words.sinks()?, StateSettings::KEEP)?)
        })
        .await?;
        let driver = Driver::new(setup, State::volatile(), Clock::system());
        let screen = if args.output == Form::Human { screen } else { place.json_screen() };
        let streams = Streams {
            data: Output::stdout().map_err(no_thread)?.screened(screen),
            people: Output::stderr().map_err(no_thread)?.screened(place.screen()),
        };
        // Beside the threads that stay, there must be one for look-ups.
        check_threads()?;
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
        let telling = args.tell(&waited, place, streams);
        if exit.is_signal() {
            // A second signal, which some send with the first, takes nothing from the report: it does not wait for anybody.
            telling.await;
            return Ok(exit);
        }
        // From a signal on, nothing is waited for and nothing is started any more.
        tokio::select! {
            () = telling => Ok(exit),
            signal = signals.next() => Ok(signal),
        }
    })?;
    match exit {
        Exit::Success if !args.command.is_empty() => Ok(Done::Exec(args.command.clone())),
        exit => Ok(Done::Exit(exit)),
    }
}

/// What was logged and is not yet shown, because no further line is drawn; shown when this is dropped.
struct Rest(LogBuffer);

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
    fn progress(&self, pipeline: bool) -> Progress {
        match self.progress {
            ProgressForm::None => Progress::Silent,
            _ if self.quiet => Progress::Silent,
            ProgressForm::Auto if !pipeline && is_live_terminal() => Progress::Live(LogBuffer::default()),
            ProgressForm::Auto | ProgressForm::Plain => Progress::Plain { heartbeat: self.heartbeat },
        }
    }

    /// Reports, and notifies. Nothing here changes the exit code: what is known of the jobs is worth more than a disk
    /// that is full.
    async fn tell(&self, waited: &Waited, place: Place, streams: Streams) {
        let report = &waited.report;
        let Streams { data, people } = streams;
        ci::conclude(place, report, &people).await;
        // Where both lead to one terminal, what was said of the wait comes before what came of it.
        tokio::select! {
            () = people.settled() => {}
            () = tokio::time::sleep(SETTLING) => {}
        }
        match self.output {
            Form::Human => data.write(locale::shown(&report.human())),
            Form::Json => data.write(format!("{}\n", serde_json::to_string(report).unwrap_or_default())),
            Form::Ndjson if report.exit() == Exit::Success => {}
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
        let go_on = match report.resume() {
            Some(command) if command.len() <= LONGEST_COMMAND => format!("; to go on: {command}"),
            Some(_) => "; to go on, wait for those that are open (`resume` of --output json does)".to_owned(),
            None => String::new(),
        };
        let exit = report.exit();
        if exit.is_signal() {
            lines.push(format!("{}{go_on}", report.meaning()));
        } else if !matches!(exit, Exit::Success | Exit::Timeout) {
            lines.push(report.meaning().to_owned());
        }
        if report.timed_out() {
            let timeout = duration::human(self.timeout.unwrap_or_default());
            lines.push(format!("timed out after {timeout}{go_on}"));
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
    let urgency = if report.exit() == Exit::Success { Urgency::Normal } else { Urgency::Critical };
    sinks::show(report.heading(), &report.headline(), urgency).await
}

/// Whether lines can be drawn again and again on standard error.
fn is_live_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}
