//! The wait: blocks until restores end, and reports how they ended.
//!
//! Invariant: a wait with a timeout ends once each job had its final poll, and half a minute after
//! the timeout at the latest; an interrupted one ends at once. Either way the last known state of
//! every job is reported. A signal that comes before the process ends decides the exit code.

mod columns;
mod console;
mod counts;
mod first_contact;
mod fit;
mod fold;
mod judge;
mod layout;
mod live;
mod not_found;
mod notice;
mod order;
mod patience;
mod report;
mod report_text;
mod resume;
mod screen;
mod style;
mod view;
mod words;

use std::sync::Arc;
use std::time::Duration;

pub use console::{Progress, line};
pub use not_found::not_found_advice;
pub use report::Report;
pub use resume::{Again, command as resume_command};
pub use style::Surface;

use console::Console;
use fold::Fold;
use judge::Judge;
use not_found::NotFound;
use order::Order;
use patience::Patience;
use view::Subject;

use crate::adapters::ci::Section;
use crate::app::driver::{Driver, Error};
use crate::engine::{Command, Condition};
use crate::model::time::{Instant, Now};
use crate::model::{Event, Exit, JobId};
use crate::platform::output::Output;
use crate::platform::signals::Signals;

/// How long the answers to final polls may take. The final poll of each job is made after the
/// timeout, so that a job that has just ended is not reported as timed out.
const FINAL_ANSWERS: Duration = Duration::from_secs(2);

/// How long all final polls and their answers may take, however many jobs there are.
const FINAL_POLL_LIMIT: Duration = Duration::from_secs(30);

/// How long sinks may take once the outcome is known.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// How long sinks may take after a signal.
const DRAIN_TIMEOUT_AFTER_SIGNAL: Duration = Duration::from_millis(500);

/// What is waited for, and what is shown meanwhile.
#[derive(Debug, Clone)]
pub struct Options {
    /// When the wait is over.
    pub condition: Condition,
    /// The time limit of the wait, if it has one.
    pub timeout: Option<Duration>,
    pub progress: Progress,
    /// The jobs that were named, in that order: people find them again in it.
    pub named: Vec<JobId>,
    /// Print each event as a line of JSON on standard output.
    pub ndjson: bool,
    /// The options by which a command repeats this wait.
    pub again: Again,
    /// Whether that command also names the jobs; else its options select them.
    pub names_jobs: bool,
    /// The options by which another command is for the same project.
    pub of_project: Vec<String>,
    /// What to do if no restore is found, if that is a failure: the wait ends as not found then.
    pub nothing_found: Option<String>,
    /// The foldable section that plain progress is printed in.
    pub section: Option<Section>,
}

/// The streams that a wait writes to.
#[derive(Debug)]
pub struct Streams {
    pub data: Output,
    /// Standard error: everything for people.
    pub people: Output,
}

#[derive(Debug)]
pub struct Waited {
    pub report: Report,
    /// How many deliveries were pending at the end.
    pub undelivered: usize,
    /// What to do about the trouble that ended the wait, in one or more lines.
    pub advice: Option<String>,
    /// Why an attempt at one of them failed, if one did.
    pub delivery_error: Option<String>,
}

/// Waits until the condition is met or cannot be met, the time is over, or a signal comes.
pub async fn wait(
    mut driver: Driver,
    options: Options,
    streams: &Streams,
    signals: &mut Signals,
) -> Result<Waited, Error> {
    let started = driver.now();
    driver.keep_contacts();
    let section = options.section.filter(|_| matches!(options.progress, Progress::Plain { .. }));
    let _fold = section
        .map(|section| Fold::begin(section, driver.engine().jobs().count(), &streams.people, driver.clock()));
    let order = Order::of(&options.named);
    let any = options.condition == Condition::Any;
    let ends_at = options.timeout.map(|timeout| started.instant + timeout);
    let subject = Subject { order: order.clone(), any, started: started.instant, ends_at };
    let mut wait = Wait {
        judge: Judge::new(options.condition),
        console: Console::new(options.progress, subject, &streams.people, started),
        ndjson: options.ndjson.then_some(&streams.data),
        phase: Phase::Waiting { until: ends_at },
        patience: Patience { timeout: options.timeout, any },
        not_found: NotFound::default(),
        of_project: options.of_project,
    };

    let outcome = wait.outcome(&mut driver, signals).await?;
    driver.command(Command::Stop);
    let exit = wait.drain(&mut driver, outcome, signals).await?;
    let nothing_found = options.nothing_found.filter(|_| driver.engine().jobs().next().is_none());
    let exit = if exit == Exit::Success && nothing_found.is_some() { Exit::NotFound } else { exit };
    wait.console.close(exit.is_signal());
    // If the condition was met in the final poll, the timeout does not matter.
    let timed_out = matches!(wait.phase, Phase::TimedOut) && exit != Exit::Success;
    let report = Report::new(driver.engine(), exit, timed_out, started, driver.now());
    let report = report.with_resume(&options.again, options.names_jobs).in_order(&order);

    let nothing_found = nothing_found.filter(|_| exit == Exit::NotFound);
    let advice = nothing_found.or_else(|| advice(&driver, exit, &wait.of_project));
    let deliveries = driver.engine().deliveries();
    Ok(Waited {
        report,
        undelivered: deliveries.pending(),
        delivery_error: deliveries.last_error().map(str::to_owned),
        advice,
    })
}

/// What to do about the trouble that ended a wait.
fn advice(driver: &Driver, exit: Exit, of_project: &[String]) -> Option<String> {
    let mut projects = driver.engine().projects();
    let mut of_failure = || projects.find_map(|project| driver.advice(project.name)).map(str::to_owned);
    match exit {
        Exit::NotFound => of_failure().or_else(|| not_found_advice(driver, of_project)),
        Exit::Unauthorized | Exit::Unreachable | Exit::Config => of_failure(),
        _ => None,
    }
}

struct Wait<'a> {
    judge: Judge,
    console: Console<'a>,
    ndjson: Option<&'a Output>,
    phase: Phase,
    patience: Patience,
    not_found: NotFound,
    of_project: Vec<String>,
}

/// The phase of a wait with regard to its timeout.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Waiting { until: Option<Instant> },
    FinalPoll { until: Instant },
    TimedOut,
}

impl Phase {
    fn limit(self) -> Option<Instant> {
        match self {
            Self::Waiting { until } => until,
            Self::FinalPoll { until } => Some(until),
            Self::TimedOut => None,
        }
    }
}

impl Wait<'_> {
    /// Waits until the condition is met or cannot be met, the time is over, or a signal comes.
    async fn outcome(&mut self, driver: &mut Driver, signals: &mut Signals) -> Result<Exit, Error> {
        let clock = driver.clock();

        loop {
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(exit),
                () = clock.sleep_until(self.phase.limit()) => match self.phase {
                    Phase::Waiting { .. } => {
                        let now = driver.now().instant;
                        let grace = (driver.engine().polls().round_takes(now) + FINAL_ANSWERS).min(FINAL_POLL_LIMIT);
                        driver.command(Command::FinalPoll);
                        self.phase = Phase::FinalPoll { until: now + grace };
                    }
                    Phase::FinalPoll { .. } | Phase::TimedOut => return Ok(self.time_is_over(driver)),
                },
                () = clock.sleep_until(self.console.next_refresh()) => {
                    self.console.refresh(driver.engine(), driver.now());
                }
                events = driver.turn() => {
                    let events = events?;
                    first_contact::report(driver, self.patience);
                    self.not_found.report(driver, &self.of_project, self.patience);
                    self.show(&events, driver.now());
                    self.console.expect(driver.engine(), driver.now());
                    if let Some(exit) = self.judge.after(&events, driver.engine(), driver.now().instant) {
                        return Ok(exit);
                    }
                }
            }
            if let Phase::FinalPoll { until } = self.phase
                && !driver.engine().polls().busy_until(until)
            {
                return Ok(self.time_is_over(driver));
            }
        }
    }

    /// Makes pending deliveries, for a limited time. Returns the outcome, unless a signal came
    /// meanwhile.
    async fn drain(
        &mut self,
        driver: &mut Driver,
        outcome: Exit,
        signals: &mut Signals,
    ) -> Result<Exit, Error> {
        let clock = driver.clock();
        let drain = if outcome.is_signal() { DRAIN_TIMEOUT_AFTER_SIGNAL } else { DRAIN_TIMEOUT };
        let limit = driver.now().instant + drain;
        while driver.engine().deliveries().busy_until(limit) {
            tokio::select! {
                biased;
                exit = signals.next() => return Ok(exit),
                () = clock.sleep_until(Some(limit)) => break,
                events = driver.turn() => self.show(&events?, driver.now()),
            }
        }
        Ok(outcome)
    }

    fn show(&mut self, events: &[Arc<Event>], now: Now) {
        for event in events {
            self.console.show_event(event, now);
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
