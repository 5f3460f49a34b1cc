//! The progress of a wait on standard error, for people.
//!
//! Invariant: nothing here can fail a wait: a closed or narrow terminal costs a line, never the
//! outcome.

use std::time::Duration;

use super::live::{FRAME, Live};
use super::view::{Subject, View};
use super::words::{self, expected, is_open};
use crate::adapters::sinks;
use crate::adapters::telemetry::{self, LogBuffer};
use crate::engine::Engine;
use crate::model::Event;
use crate::model::time::{Instant, Now};
use crate::platform::locale;
use crate::platform::output::Output;

/// When the first plain progress line is printed: early, so that trouble at the start is seen.
const FIRST_LINE_AFTER: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub enum Progress {
    /// Lines about the jobs, redrawn in place, with log lines above them: for terminals.
    Live(LogBuffer),
    /// A line for each event, and progress lines in between.
    Plain {
        /// How often a line is printed at least; 0 for never.
        interval: Duration,
    },
    Silent,
}

pub(super) struct Console<'a> {
    mode: Mode,
    subject: Subject,
    people: &'a Output,
    /// Lines about events are logged, so that the journal gets their fields.
    logs_events: bool,
    /// Whether it was said how long a restore may be expected to take.
    is_expected: bool,
    next: Option<Instant>,
}

enum Mode {
    Live(Live),
    Plain { interval: Duration },
    Silent,
}

impl<'a> Console<'a> {
    pub(super) fn new(progress: Progress, subject: Subject, people: &'a Output, now: Now) -> Self {
        let (mode, next) = match progress {
            Progress::Live(log) => (Mode::Live(Live::new(log)), Some(now.instant)),
            Progress::Plain { interval } => {
                (Mode::Plain { interval }, next_line(now, interval.min(FIRST_LINE_AFTER)))
            }
            Progress::Silent => (Mode::Silent, None),
        };
        Self { mode, subject, people, logs_events: telemetry::is_journal(), is_expected: false, next }
    }

    /// When [`Console::refresh`] is due.
    pub(super) fn next_refresh(&self) -> Option<Instant> {
        self.next
    }

    /// Shows the current state of all jobs.
    pub(super) fn refresh(&mut self, engine: &Engine, now: Now) {
        self.next = match &mut self.mode {
            Mode::Live(live) => {
                live.draw(|| View::of(engine, &self.subject, now), self.people);
                Some(now.instant + FRAME)
            }
            Mode::Plain { interval } => {
                self.people.write(line(now, &words::progress(&View::of(engine, &self.subject, now))));
                next_line(now, *interval)
            }
            Mode::Silent => None,
        };
    }

    pub(super) fn show_event(&mut self, event: &Event, now: Now) {
        if let Mode::Plain { interval } = &self.mode {
            if self.logs_events {
                sinks::log(event);
            } else {
                self.people.write(line(now, &event.summary()));
            }
            self.next = next_line(now, *interval);
        }
    }

    /// Prints the expected duration of a restore once, when that is known and while a restore is
    /// open.
    pub(super) fn expect(&mut self, engine: &Engine, now: Now) {
        if self.is_expected || !matches!(self.mode, Mode::Plain { .. }) || !is_open(engine) {
            return;
        }
        if let Some(expected) = expected(engine) {
            self.people.write(line(now, &format!("past restores: {expected}")));
            self.is_expected = true;
        }
    }

    /// Clears the lines of a terminal before the report; after a signal, the report goes below
    /// them.
    pub(super) fn close(mut self, signalled: bool) {
        self.end(signalled);
    }

    fn end(&mut self, stays: bool) {
        if let Mode::Live(live) = &mut self.mode {
            live.close(stays, self.people);
        }
        self.mode = Mode::Silent;
    }
}

impl Drop for Console<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}

/// When the next progress line is due.
fn next_line(now: Now, interval: Duration) -> Option<Instant> {
    (!interval.is_zero()).then(|| now.instant + interval)
}

/// A line with its time.
pub fn line(now: Now, text: &str) -> String {
    format!("{:.0} {}\n", now.wall, locale::shown(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::wait::order::Order;
    use crate::config::{JobSettings, ProjectSettings, Retention};
    use crate::engine::snapshot::{Origin, PastRestore, ProjectRecord, ProjectSnapshot, Snapshot};
    use crate::engine::{Action, Answer, Input, Plan};
    use crate::model::{JobFacts, JobId, Observation, Status};

    fn now() -> Now {
        Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() }
    }

    /// A wait for two restores of a project that had these, in minutes.
    fn engine(past: &[u64]) -> Engine {
        let jobs = ["a", "b"].map(|id| JobSettings::new(JobId::new(id).unwrap())).to_vec();
        let project = ProjectSettings { jobs, ..ProjectSettings::default() };
        let took = past.iter().map(|minutes| minutes * 60_000);
        let past = took.map(|took| PastRestore { completed: 0, took, origin: Origin::default() }).collect();
        let snapshot = ProjectSnapshot { past, ..ProjectSnapshot::default() };
        let projects = vec![ProjectRecord { name: project.name.clone(), snapshot }];
        let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: Retention::FOREVER };
        Engine::from_snapshot(plan, Snapshot { projects, ..Snapshot::default() }, 7, now())
    }

    /// Has the next poll answered by a restore that took ten minutes.
    fn complete(engine: &mut Engine) {
        engine.handle(Input::Timeout, now());
        let Some(Action::Poll(poll)) = engine.poll_action() else { panic!("no poll") };

        let at = |text: &str| Some(text.parse().unwrap());
        let facts = JobFacts {
            created_at: at("2026-11-23T11:00:00Z"),
            completed_at: at("2026-11-23T11:10:00Z"),
            ..JobFacts::default()
        };
        let observation = Observation { id: poll.job.clone(), status: Status::Completed, facts };
        engine.handle(Input::PollAnswered { poll, answer: Answer::Job(observation) }, now());
    }

    async fn printed(engines: &[Engine]) -> String {
        let (reader, writer) = std::io::pipe().unwrap();
        let people = Output::to(writer).unwrap();
        let subject = Subject { order: Order::default(), any: false, started: now().instant, ends_at: None };
        let mut console = Console::new(Progress::Plain { interval: Duration::ZERO }, subject, &people, now());
        for engine in engines {
            console.expect(engine, now());
        }
        drop(console);
        people.finish().await.unwrap();
        std::io::read_to_string(reader).unwrap()
    }

    #[tokio::test]
    async fn what_to_expect_is_printed_once() {
        let line = "2026-11-23T12:00:00Z past restores: usually 9 min, at most 21 min (2 restores)\n";
        assert_eq!(printed(&[engine(&[]), engine(&[9, 21]), engine(&[9])]).await, line);
    }

    #[tokio::test]
    async fn restores_of_the_wait_are_no_history() {
        let mut own = engine(&[]);
        complete(&mut own);
        assert_eq!(own.projects().next().unwrap().expectation.unwrap().restores, 1);
        assert_eq!(printed(&[own]).await, "");
    }
}
