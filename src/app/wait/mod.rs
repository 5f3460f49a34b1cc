//! The wait: blocks until restores end, and says how they ended.
//!
//! Invariant: the outcome of a wait with a timeout is known as soon as each job could be asked once more, and half a
//! minute after it at the latest; that of an interrupted one at once. Either way the last known state of every job is
//! reported. A signal that comes before the process ends decides the exit code.

mod console;
mod fold;
mod judge;
mod live;
mod report;
mod screen;
mod wording;

use std::sync::Arc;
use std::time::Duration;

pub use console::Progress;
pub use live::LogBuffer;
pub use report::Report;
pub use wording::outcome_in_words;

use console::Console;
use fold::Fold;
use judge::Judge;

use crate::adapters::ci::Section;
use crate::app::driver::{Driver, Error};
use crate::engine::{Condition, Engine, Input};
use crate::model::time::{Instant, Now};
use crate::model::{Event, Exit, Expectation, Status};
use crate::platform::output::Output;
use crate::platform::signals::Signals;

/// How long the last answers may take after a timeout. The last poll of each job is made when the time is over, not
/// before, so that a job that has just ended is not reported as timed out.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// How long the last polls and their answers may take after a timeout where there are many jobs.
const FINAL_POLL: Duration = Duration::from_secs(30);

/// How long sinks may take once the outcome is known.
const DRAIN: Duration = Duration::from_secs(10);

/// How long sinks may take after a signal.
const HASTY_DRAIN: Duration = Duration::from_millis(500);

/// What is waited for, and what is shown meanwhile.
#[derive(Debug, Clone)]
pub struct Options {
    /// When the wait is over.
    pub condition: Condition,
    /// How long it may take; none for as long as it takes.
    pub timeout: Option<Duration>,
    /// What a person sees.
    pub progress: Progress,
    /// Print each transition as a line of JSON on standard output.
    pub ndjson: bool,
    /// The options by which a command waits for the same again.
    pub again: Vec<String>,
    /// Whether that command names the jobs, too; else the options say which are meant.
    pub names_jobs: bool,
    /// What folds plain progress.
    pub section: Option<Section>,
}

/// Where a wait writes.
#[derive(Debug)]
pub struct Streams {
    /// Standard output: data.
    pub data: Output,
    /// Standard error: everything for people.
    pub people: Output,
}

/// What came of a wait.
#[derive(Debug)]
pub struct Waited {
    /// How everything stands.
    pub report: Report,
    /// How many deliveries were owed to sinks at the end.
    pub undelivered: usize,
}

/// Waits.
pub async fn wait(
    mut driver: Driver,
    options: Options,
    streams: &Streams,
    signals: &mut Signals,
) -> Result<Waited, Error> {
    let started = driver.now();
    let section = options.section.filter(|_| matches!(options.progress, Progress::Plain { .. }));
    let _fold = section
        .map(|section| Fold::begin(section, driver.engine().jobs().count(), &streams.people, driver.clock()));
    let mut wait = Wait {
        judge: Judge::new(options.condition),
        console: Console::new(options.progress, &streams.people, started),
        ndjson: options.ndjson.then_some(&streams.data),
        phase: Phase::Waiting { until: options.timeout.map(|timeout| started.instant + timeout) },
    };
    let outcome = wait.outcome(&mut driver, signals).await?;
    driver.handle(Input::StopRequested);
    let exit = wait.drain(&mut driver, outcome, signals).await?;
    wait.console.close(exit.is_signal());
    // Where all is well, nobody cares that it was close.
    let timed_out = matches!(wait.phase, Phase::TimedOut) && exit != Exit::Success;
    let report = Report::new(driver.engine(), exit, timed_out, started, driver.now());
    let report = report.with_resume(&options.again, options.names_jobs);
    Ok(Waited { report, undelivered: driver.engine().pending() })
}

/// Why the restores cannot be listed, where that is so and some are looked for.
fn list_error(engine: &Engine) -> Option<String> {
    let mut searching = engine.projects().filter(|project| project.discovers);
    searching.find_map(|project| project.unlisted).map(str::to_owned)
}

/// What to expect of the restores that are waited for. What is known of them alone is no past.
fn expected(engine: &Engine) -> Option<Expectation> {
    let completed = |status: Option<&Status>| status == Some(&Status::Completed);
    let own = engine.jobs().filter(|job| completed(job.tracker.status())).count();
    engine.projects().find_map(|project| project.expectation).filter(|past| past.restores > own)
}

/// A wait under way.
struct Wait<'a> {
    judge: Judge,
    console: Console<'a>,
    ndjson: Option<&'a Output>,
    phase: Phase,
}

/// Where a wait stands with its timeout.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Waiting {
        until: Option<Instant>,
    },
    LookingOnceMore {
        until: Instant,
    },
    /// It ended the wait.
    TimedOut,
}

impl Phase {
    fn limit(self) -> Option<Instant> {
        match self {
            Self::Waiting { until } => until,
            Self::LookingOnceMore { until } => Some(until),
            Self::TimedOut => None,
        }
    }
}

impl Wait<'_> {
    /// Waits until the condition is met or cannot be met, time is over, or somebody interrupts.
    async fn outcome(&mut self, driver: &mut Driver, signals: &mut Signals) -> Result<Exit, Error> {
        let clock = driver.clock();
        loop {
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(exit),
                () = clock.sleep_until(self.phase.limit()) => match self.phase {
                    Phase::Waiting { .. } => {
                        let now = driver.now().instant;
                        let grace = (driver.engine().round_takes(now) + LAST_ANSWERS).min(FINAL_POLL);
                        driver.handle(Input::FinalPollRequested);
                        self.phase = Phase::LookingOnceMore { until: now + grace };
                    }
                    Phase::LookingOnceMore { .. } | Phase::TimedOut => return Ok(self.time_is_over(driver)),
                },
                () = clock.sleep_until(self.console.next_refresh()) => {
                    self.console.refresh(driver.engine(), driver.now());
                }
                told = driver.turn() => {
                    let told = told?;
                    self.tell(&told, driver.now());
                    self.console.expect(driver.engine(), driver.now());
                    if let Some(exit) = self.judge.hear(&told, driver.engine(), driver.now().instant) {
                        return Ok(exit);
                    }
                }
            }
            if let Phase::LookingOnceMore { until } = self.phase
                && !driver.engine().polls_until(until)
            {
                return Ok(self.time_is_over(driver));
            }
        }
    }

    /// Lets what is owed to sinks go out, for a while. Returns the outcome, unless a signal came in between.
    async fn drain(
        &mut self,
        driver: &mut Driver,
        outcome: Exit,
        signals: &mut Signals,
    ) -> Result<Exit, Error> {
        let clock = driver.clock();
        let patience = if outcome.is_signal() { HASTY_DRAIN } else { DRAIN };
        let limit = driver.now().instant + patience;
        while driver.engine().tells_until(limit) {
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(exit),
                () = clock.sleep_until(Some(limit)) => break,
                told = driver.turn() => self.tell(&told?, driver.now()),
            }
        }
        Ok(outcome)
    }

    fn tell(&mut self, told: &[Arc<Event>], now: Now) {
        for event in told {
            self.console.tell(event, now);
            if let Some(output) = self.ndjson {
                output.write(format!("{}\n", serde_json::to_string(&**event).unwrap_or_default()));
            }
        }
    }

    fn time_is_over(&mut self, driver: &Driver) -> Exit {
        self.phase = Phase::TimedOut;
        self.judge.at_timeout(driver.engine(), driver.now().instant)
    }
}
