//! What a person sees while waiting, on standard error.
//!
//! Invariant: nothing here can fail a wait: a closed or narrow terminal costs a line, never the outcome.

use std::collections::BTreeMap;
use std::time::Duration;

use super::live::{FRAME, Live, LogBuffer};
use super::{expected, list_error, wording};
use crate::engine::{DiscoveryState, Engine, JobView, Outcome};
use crate::model::time::{Instant, Now};
use crate::model::{Event, JobId, ProjectName, duration};
use crate::platform::output::Output;
use crate::{adapters::sinks, adapters::telemetry, platform::locale};

/// When the first sign of life comes where progress is plain: early, so that trouble at the start is seen.
const FIRST_BEAT: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone)]
pub enum Progress {
    /// A line for each job, drawn again and again, with what is logged above them: for terminals.
    Live(LogBuffer),
    /// A line for each transition, and one now and then in between.
    Plain {
        /// How often a line is printed at least; 0 for never.
        heartbeat: Duration,
    },
    /// Nothing.
    Silent,
}

/// The progress of one wait.
pub(super) struct Console<'a> {
    mode: Mode,
    people: &'a Output,
    /// Lines about transitions are logged, so that the journal knows what they are about.
    journal: bool,
    /// It was said how long a restore may be expected to take.
    is_expected: bool,
    next: Option<Instant>,
}

enum Mode {
    Live(Live),
    Plain { heartbeat: Duration },
    Silent,
}

impl<'a> Console<'a> {
    pub(super) fn new(progress: Progress, people: &'a Output, now: Now) -> Self {
        let (mode, next) = match progress {
            Progress::Live(notes) => (Mode::Live(Live::new(notes)), Some(now.instant)),
            Progress::Plain { heartbeat } => {
                (Mode::Plain { heartbeat }, beat(now, heartbeat.min(FIRST_BEAT)))
            }
            Progress::Silent => (Mode::Silent, None),
        };
        Self { mode, people, journal: telemetry::is_journal(), is_expected: false, next }
    }

    /// When [`Console::refresh`] is due.
    pub(super) fn next_refresh(&self) -> Option<Instant> {
        self.next
    }

    /// Shows how things stand.
    pub(super) fn refresh(&mut self, engine: &Engine, now: Now) {
        self.next = match &mut self.mode {
            Mode::Live(live) => {
                live.draw(engine, now, self.people);
                Some(now.instant + FRAME)
            }
            Mode::Plain { heartbeat } => {
                self.people.write(line(now, &heartbeat_line(engine, now)));
                beat(now, *heartbeat)
            }
            Mode::Silent => None,
        };
    }

    /// Shows a transition.
    pub(super) fn tell(&mut self, event: &Event, now: Now) {
        if let Mode::Plain { heartbeat } = &self.mode {
            if self.journal {
                sinks::log(event);
            } else {
                self.people.write(line(now, &event.summary()));
            }
            self.next = beat(now, *heartbeat);
        }
    }

    /// Says how long a restore may be expected to take, once that is known and while one is open.
    pub(super) fn expect(&mut self, engine: &Engine, now: Now) {
        if self.is_expected || !matches!(self.mode, Mode::Plain { .. }) || !is_open(engine) {
            return;
        }
        if let Some(expected) = expected(engine) {
            self.people.write(line(now, &expected.to_string()));
            self.is_expected = true;
        }
    }

    /// Takes everything off a terminal that would be in the way of the report; after a signal, goes on below it.
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

/// That nothing is waited for but to find others, where that is so.
pub(super) fn looking(engine: &Engine, now: Now) -> Option<String> {
    let is_looking = engine.search(now.instant) == DiscoveryState::UnderWay && !is_open(engine);
    let error = list_error(engine);
    let error = error.map(|error| format!("; they cannot be listed: {error}")).unwrap_or_default();
    is_looking.then(|| match engine.jobs().count() {
        0 => format!("looking for unfinished restores{error}"),
        1 => format!("1 restore is over; looking for others that are unfinished{error}"),
        ended => format!("{ended} restores are over; looking for others that are unfinished{error}"),
    })
}

/// Whether a restore, or its index, is still waited for.
pub(super) fn is_open(engine: &Engine) -> bool {
    engine.jobs().any(|job| Outcome::of(&job) == Outcome::Open)
}

/// When the next sign of life is due.
fn beat(now: Now, heartbeat: Duration) -> Option<Instant> {
    (!heartbeat.is_zero()).then(|| now.instant + heartbeat)
}

/// A line with its time.
fn line(now: Now, text: &str) -> String {
    format!("{:.0} {}\n", now.wall, locale::shown(text))
}

fn heartbeat_line(engine: &Engine, now: Now) -> String {
    if let Some(looking) = looking(engine, now) {
        return looking;
    }
    let forecast = engine.forecast();
    let open: Vec<_> = engine.jobs().filter(|job| Outcome::of(job) == Outcome::Open).collect();
    let oldest = open.iter().max_by_key(|job| job.tracker.age(now.instant));
    let example = oldest.map(|job| format!("; {} {}", job.tracker.label(), state(job, &forecast, now)));
    let total = engine.jobs().count();
    let indexes = open.iter().filter(|job| job.tracker.index().is_some()).count();
    let restores = open.len() - indexes;
    let what = match (restores, indexes) {
        (_, 0) => format!("{restores} of {total} restore{}", plural(total)),
        (0, _) => format!("{indexes} of {total} index{} to be ready", if total == 1 { "" } else { "es" }),
        _ => format!("{restores} of {total} restores, and {indexes} restored indexes to be ready"),
    };
    format!("waiting for {what}{}", example.unwrap_or_default())
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

/// When each job is polled next.
pub(super) type Forecast = BTreeMap<(ProjectName, JobId), Instant>;

/// How a job is doing, in words.
pub(super) fn state(job: &JobView<'_>, forecast: &Forecast, now: Now) -> String {
    let outcome = Outcome::of(job);
    let mut words = vec![wording::of_job(outcome, job)];
    words.extend(job.tracker.facts().intermediate_progress().map(|percent| format!("{percent:.0} %")));
    words.push(duration::human(job.tracker.elapsed(now)));
    words.extend(job.refused.or(job.tracker.last_error()).map(str::to_owned));
    if outcome == Outcome::Open {
        let key = (job.project.clone(), job.tracker.settings().id.clone());
        words.push(match forecast.get(&key) {
            Some(at) => format!("next poll in {}", short(at.since(now.instant))),
            None => "asking".to_owned(),
        });
    }
    words.join(", ")
}

/// A time that counts down, in whole seconds.
fn short(left: Duration) -> String {
    let seconds = (left + Duration::from_millis(500)).as_secs().max(1);
    if seconds < 60 { format!("{seconds}s") } else { duration::human(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{JobSettings, ProjectSettings};
    use crate::engine::snapshot::{ProjectRecord, ProjectSnapshot, Snapshot};
    use crate::engine::{Answer, Input, Plan};
    use crate::model::{JobFacts, Observation, Status};

    fn now() -> Now {
        Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() }
    }

    /// A wait for two restores of a project that had these, in minutes.
    fn engine(past: &[u64]) -> Engine {
        let jobs = ["a", "b"].map(|id| JobSettings::new(JobId::new(id).unwrap())).to_vec();
        let project = ProjectSettings { jobs, ..ProjectSettings::default() };
        let past = past.iter().map(|minutes| (0, minutes * 60_000)).collect();
        let snapshot = ProjectSnapshot { past, ..ProjectSnapshot::default() };
        let projects = vec![ProjectRecord { name: project.name.clone(), snapshot }];
        let plan = Plan { projects: &[project], sinks: Vec::new(), keep: Duration::from_hours(1) };
        Engine::from_snapshot(plan, Snapshot { projects, ..Snapshot::default() }, 7, now())
    }

    /// Has the next poll answered by a restore that took ten minutes.
    fn complete(engine: &mut Engine) {
        let mut actions = Vec::new();
        engine.step(Input::TimeoutReached, now(), &mut actions);
        let polls = actions.into_iter().filter_map(|action| match action {
            crate::engine::Action::Poll(poll) => Some(poll),
            _ => None,
        });
        for poll in polls.take(1) {
            let at = |text: &str| Some(text.parse().unwrap());
            let facts = JobFacts {
                created_at: at("2026-11-23T11:00:00Z"),
                completed_at: at("2026-11-23T11:10:00Z"),
                ..JobFacts::default()
            };
            let observation = Observation { id: poll.job.clone(), status: Status::Completed, facts };
            engine.step(Input::Answered { poll, answer: Answer::Job(observation) }, now(), &mut Vec::new());
        }
    }

    async fn said(engines: &[Engine]) -> String {
        let (reader, writer) = std::io::pipe().unwrap();
        let people = Output::to(writer).unwrap();
        let mut console = Console::new(Progress::Plain { heartbeat: Duration::ZERO }, &people, now());
        for engine in engines {
            console.expect(engine, now());
        }
        drop(console);
        people.finish().await.unwrap();
        std::io::read_to_string(reader).unwrap()
    }

    #[tokio::test]
    async fn what_to_expect_is_said_once() {
        let line = "2026-11-23T12:00:00Z past 2 restores: half within 9m 00s, nine in ten within 21m 00s\n";
        assert_eq!(said(&[engine(&[]), engine(&[9, 21]), engine(&[9])]).await, line);
    }

    #[tokio::test]
    async fn what_is_waited_for_is_no_past() {
        let mut own = engine(&[]);
        complete(&mut own);
        assert_eq!(own.projects().next().unwrap().expectation.unwrap().restores, 1);
        assert_eq!(said(&[own]).await, "");
    }
}
