//! Tests of the engine: tables without a runtime, and a simulated world.

mod access;
mod change;
mod clocks;
mod deliveries;
mod disk;
mod durations;
mod ends;
mod explain;
mod giving_up;
mod hours;
mod index;
mod job_page;
mod lifecycle;
mod limit;
mod list;
mod rejected;
mod restart;
mod routes;
mod schedule;
mod setup;
mod silences;
mod simulation;
mod sinks;
mod slow;
mod superseded;
mod world;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::snapshot::Snapshot;
use super::*;
use crate::config::{EventFilter, JobSettings, ProjectSettings, Route, StateSettings, WebhookSettings};
use crate::model::time::{Instant, Now};
use crate::model::{
    DeliveryId, Elapsed, EndedRestore, Event, EventId, EventKind, IndexObservation, JobFacts, Observation,
    SilenceId, SinkName, Status, Until,
};
pub(crate) use disk::Disk;

/// The wall clock when a test begins.
const NOON: &str = "2026-11-23T12:00:00Z";

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

/// A project called `default` with these jobs.
fn project(jobs: &[&str]) -> ProjectSettings {
    let jobs = jobs.iter().map(|job| JobSettings::new(id(job))).collect();
    ProjectSettings { jobs, ..ProjectSettings::default() }
}

/// A sink called `one` that wants everything.
fn everything() -> SinkPlan {
    sink("one")
}

/// A sink of this name that wants everything.
fn sink(name: &str) -> SinkPlan {
    SinkPlan {
        name: SinkName::new(name),
        route: Route::new(EventFilter::all()),
        hours: None,
        is_log: false,
        policy: DeliveryPolicy::retry(WebhookSettings::RETRY_SCHEDULE.to_vec()),
        fingerprint: 1,
        former_fingerprint: None,
    }
}

fn plan(projects: &[ProjectSettings], sinks: Vec<SinkPlan>) -> Plan {
    Plan { projects: projects.to_vec(), sinks, keep: StateSettings::KEEP }
}

fn failure(class: FailureClass) -> Failure {
    Failure { class, retry_after: None, message: format!("{class:?}") }
}

/// The project whose API this input is an answer of.
fn answered_project(input: &Input) -> Option<&ProjectName> {
    match input {
        Input::PollAnswered { poll, .. } | Input::PollFailed { poll, .. } => Some(&poll.project),
        Input::PageFetched { list, .. } | Input::PageFailed { list, .. } => Some(&list.project),
        _ => None,
    }
}

/// The counts that are kept up to date are what a look at each job gives.
fn assert_totals_are_true(engine: &Engine) {
    let outcomes = engine.outcomes();
    let count = |wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let ended = engine.jobs().filter(|job| job.tracker.has_ended()).count();
    let totals = engine.totals();
    assert_eq!((totals.jobs, totals.ended), (outcomes.len(), ended));
    for outcome in Outcome::ALL {
        assert_eq!(totals.outcomes.of(outcome), count(outcome), "{outcome}");
    }
}

/// Hands an input to a bare engine. Returns the actions that follow.
fn handle(engine: &mut Engine, input: Input, now: Now) -> Vec<Action> {
    engine.handle(input, now);
    std::iter::from_fn(|| engine.poll_action()).collect()
}

/// An engine, a clock that a test moves, and what the engine asked for. Commits succeed at once.
struct Stage {
    engine: Engine,
    disk: Disk,
    now: Now,
    /// The clock of the server, and whether its answers contain a date.
    server: Timestamp,
    is_dated: bool,
    polls: VecDeque<PollId>,
    /// Polls of indexes, with their names.
    index_polls: VecDeque<(PollId, String)>,
    /// Requests for pages of the list, with their tokens.
    lists: VecDeque<(ListId, Option<String>)>,
    emitted: Vec<Arc<Event>>,
    deliveries: VecDeque<Delivery>,
    diagnostics: Vec<Diagnostic>,
}

impl Stage {
    fn new(projects: &[ProjectSettings], sinks: Vec<SinkPlan>) -> Self {
        let now = Now { instant: Instant::default(), wall: NOON.parse().unwrap() };
        Self::on(Disk::default(), projects, sinks, now)
    }

    /// A stage that goes on from what is on a disk.
    fn on(disk: Disk, projects: &[ProjectSettings], sinks: Vec<SinkPlan>, now: Now) -> Self {
        let mut stage = Self {
            engine: Engine::from_snapshot(plan(projects, sinks), disk.load(), 7, now),
            disk,
            now,
            server: now.wall,
            is_dated: true,
            polls: VecDeque::new(),
            index_polls: VecDeque::new(),
            lists: VecDeque::new(),
            emitted: Vec::new(),
            deliveries: VecDeque::new(),
            diagnostics: Vec::new(),
        };
        stage.step(Input::Timeout);
        stage
    }

    /// One job, no sinks.
    fn with_job(settings: JobSettings) -> Self {
        let mut project = project(&[]);
        project.jobs.push(settings);
        Self::new(&[project], Vec::new())
    }

    fn step(&mut self, input: Input) -> CommandReply {
        if let Some(project) = answered_project(&input).filter(|_| self.is_dated) {
            // As `Date` has it: in whole seconds.
            let time = Timestamp::from_second(self.server.as_second()).unwrap();
            self.engine.handle(Input::ServerTime { project: project.clone(), time }, self.now);
        }

        let reply = self.engine.handle(input, self.now);
        while let Some(action) = self.engine.poll_action() {
            match action {
                Action::Poll(poll) => self.polls.push_back(poll),
                Action::PollIndex(poll, index) => self.index_polls.push_back((poll, index)),
                Action::FetchPage(list, token) => self.lists.push_back((list, token)),
                Action::Commit(batch) => {
                    self.disk.apply(&batch);
                    self.emitted.extend(batch.entries.into_iter().map(|entry| entry.event));
                    self.engine.handle(Input::Committed, self.now);
                }
                Action::Deliver(delivery) => self.deliveries.push_back(delivery),
                Action::Diagnostic(diagnostic) => self.diagnostics.push(diagnostic),
            }
        }
        reply
    }

    fn command(&mut self, command: Command) -> CommandReply {
        self.step(Input::Command(command))
    }

    /// Moves all clocks.
    fn pass(&mut self, time: Duration) {
        self.now = Now { instant: self.now.instant + time, wall: self.now.wall + time };
        self.server += time;
    }

    /// Moves the clocks from timeout to timeout, as the driver would, until one leads to something
    /// beside a commit without events. Returns how long that took.
    fn next(&mut self) -> Duration {
        let start = self.now.instant;
        let outputs = |stage: &Self| {
            let polls = stage.polls.len() + stage.index_polls.len() + stage.lists.len();
            polls + stage.deliveries.len() + stage.emitted.len() + stage.diagnostics.len()
        };
        let before = outputs(self);
        for _ in 0..100 {
            let at = self.engine.poll_timeout().expect("a timeout is due");
            self.pass(at.since(self.now.instant));
            self.step(Input::Timeout);
            if outputs(self) > before {
                break;
            }
        }
        self.now.instant.since(start)
    }

    /// The poll under way that began first; moves the clocks until there is one.
    fn poll(&mut self) -> PollId {
        for _ in 0..10 {
            if let Some(poll) = self.polls.pop_front() {
                return poll;
            }
            self.next();
        }
        panic!("no poll came of ten deadlines");
    }

    fn answer_with(&mut self, poll: PollId, status: &str, facts: JobFacts) {
        let observation = Observation { id: poll.job.clone(), status: Status::parse(status), facts };
        self.step(Input::PollAnswered { poll, answer: Answer::Job(observation) });
    }

    /// Answers the next poll with this status.
    fn answer(&mut self, status: &str) {
        let poll = self.poll();
        self.answer_with(poll, status, JobFacts::default());
    }

    fn fail_poll(&mut self, poll: PollId, failure: Failure) {
        self.step(Input::PollFailed { poll, failure });
    }

    /// Fails the next poll.
    fn fail(&mut self, class: FailureClass) {
        let poll = self.poll();
        self.fail_poll(poll, failure(class));
    }

    /// Fails every poll until `time` has passed.
    fn fail_for(&mut self, class: FailureClass, time: Duration) {
        let until = self.now.instant + time;
        loop {
            while let Some(poll) = self.polls.pop_front() {
                self.fail_poll(poll, failure(class));
            }
            match self.engine.poll_timeout() {
                Some(at) if at <= until => self.next(),
                _ => break,
            };
        }
        self.pass(until.since(self.now.instant));
    }

    /// The kind of event that is delivered.
    fn kind(&self, delivery: &Delivery) -> EventKind {
        self.disk.event(delivery.id.event).kind
    }

    /// The kinds of events emitted since the last call.
    fn kinds(&mut self) -> Vec<EventKind> {
        self.emitted.drain(..).map(|event| event.kind).collect()
    }

    /// The rate that holds for the first project, in requests a second.
    fn rate(&self) -> f64 {
        self.engine.projects().next().unwrap().requests_per_second
    }

    fn outcome(&self) -> Outcome {
        self.engine.jobs().next().unwrap().tracker.outcome()
    }
}
