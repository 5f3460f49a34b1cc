//! The pure state machine: decides when to poll, what an answer means, what is emitted and what is
//! delivered next.
//!
//! Invariant: no clock, no global randomness, no I/O, no runtime. The same inputs at the same times
//! with the same seed give the same actions, so every behaviour is a table and every accident can
//! be replayed.
//!
//! There is one way in and one way out, as in every sans-IO crate: [`Engine::handle`] takes an
//! [`Input`], [`Engine::poll_action`] returns what to do, [`Engine::poll_timeout`] says when to
//! come back.
//!
//! ```
//! use restore_watch::config::{JobSettings, ProjectSettings, Retention};
//! use restore_watch::engine::{Action, CommandReply, Engine, Input, Plan, snapshot::Snapshot};
//! use restore_watch::model::{JobId, time::{Instant, Now}};
//!
//! let mut project = ProjectSettings::default();
//! project.jobs.push(JobSettings::new(JobId::new("rj-1")?));
//! let plan = Plan { projects: vec![project], sinks: Vec::new(), keep: Retention::FOREVER };
//! let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse()? };
//! let mut engine = Engine::from_snapshot(plan, Snapshot::default(), 1, now);
//!
//! assert_eq!(engine.poll_timeout(), Some(now.instant));
//! assert_eq!(engine.handle(Input::Timeout, now), CommandReply::Done);
//!
//! assert!(matches!(engine.poll_action(), Some(Action::Poll(poll)) if poll.job.as_str() == "rj-1"));
//! assert!(matches!(engine.poll_action(), Some(Action::Commit(batch)) if batch.jobs.len() == 1));
//! assert_eq!(engine.poll_action(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod action;
mod adaptive_rate;
mod archive;
mod cadence;
mod change;
mod commit_queue;
mod condition;
mod context;
mod diagnostic;
mod discovery_state;
mod duration_history;
mod explain;
mod failure;
mod fingerprint;
mod handlers;
mod hazard;
mod input;
mod job_page;
mod misconfiguration;
mod named;
mod outbox;
mod outcome;
mod progress;
mod project;
mod projects;
pub mod retry;
mod selection;
mod silences;
mod sink_plan;
mod slow;
pub mod snapshot;
pub mod token_bucket;
mod tracker;
mod views;
mod withheld;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::VecDeque;

use jiff::Timestamp;

pub use action::{
    Action, Batch, BatchEnd, BatchEntry, Delivery, DeliveryChange, DeliveryUpdate, ListId, PollId, Prune,
    RequestAnswer,
};
pub use commit_queue::CommitTicket;
pub use condition::Condition;
pub use diagnostic::{Attempts, DeliverySubject, Diagnostic, LeftOut, SilenceEnd};
pub use discovery_state::DiscoveryState;
pub use explain::{CadenceRule, Explanation, Hold, HoldReason, RateLimit, Rule, Since, Turn, Wait};
pub use failure::{Failure, FailureClass, Rejection};
pub use fingerprint::Fingerprint;
pub use input::{Answer, Command, CommandReply, Edit, Input, ListPage, Plan, Reconfigured};
pub use job_page::{JobFilter, JobKey, JobPage};
pub use outbox::{SinkTrouble, SinkView};
pub use project::{JobView, ProjectView};
pub use selection::{Limits, Selection};
pub use silences::{NewSilence, Silence, SilenceMatcher};
pub use sink_plan::{DeliveryPolicy, SinkPlan};
pub use tracker::{IndexWatch, Tracker};
pub use views::{Deliveries, Polls, Totals};

use archive::Archive;
use commit_queue::CommitQueue;
use outbox::{Outbox, OutboxCx};
use project::Project;
use projects::Projects;
use silences::Silences;
use snapshot::Snapshot;

use crate::config::Retention;
use crate::model::time::{Instant, Now, earliest};
use crate::model::{Expectation, JobId, Outcome, ProjectName};

/// The state machine over all projects, jobs and deliveries.
#[derive(Debug)]
pub struct Engine {
    projects: Projects,
    archive: Archive,
    outbox: Outbox,
    silences: Silences,
    commit_queue: CommitQueue,
    /// What [`Engine::poll_action`] returns next.
    actions: VecDeque<Action>,
    /// Diagnostics of the step under way.
    diagnostics: Vec<Diagnostic>,
    /// How many polls and pages were started; numbers them.
    requests: u64,
    keep: Retention,
    rng: fastrand::Rng,
}

impl Engine {
    /// An engine for this plan that continues from what another one committed, or from nothing if
    /// `snapshot` is empty. Its first timeout is due at `now`. `seed` decides all its jitter and
    /// the random part of its ids.
    pub fn from_snapshot(plan: Plan, snapshot: Snapshot, seed: u64, now: Now) -> Self {
        let Snapshot { projects, jobs, sinks, deliveries, dead_letters, silences } = snapshot;
        let mut engine = Self {
            projects: Projects::default(),
            archive: Archive::new(projects, jobs),
            outbox: Outbox::from_snapshot(sinks, deliveries, dead_letters, now),
            silences: Silences::from_snapshot(silences, now),
            commit_queue: CommitQueue::new(now.instant),
            actions: VecDeque::new(),
            diagnostics: Vec::new(),
            requests: 0,
            keep: plan.keep,
            rng: fastrand::Rng::with_seed(seed),
        };

        engine.reconfigure(plan, now);
        // What left while no process ran, or before there was a history.
        let left = engine.archive.left().map(BatchEnd::without_event);
        engine.commit_queue.add(|batch| batch.ends.extend(left));
        engine.diagnostics.extend(engine.clock_that_went_back(now));
        engine.actions.extend(engine.diagnostics.drain(..).map(Action::Diagnostic));
        engine.projects.reindex();
        engine
    }

    /// Takes an input and decides what follows. After every input but [`Input::ServerTime`], the
    /// same phases run in this order, once the hours of the sinks and the silences are as they are
    /// at `now`:
    ///
    /// 1. *Apply the input* to the projects, the deliveries, the commit queue or the configuration.
    /// 2. *Start due polls.* This precedes the alarms, because a job that can be polled now is
    ///    judged by the answer.
    /// 3. *Raise alarms*: emit or report what time alone brought about, such as a missed deadline.
    /// 4. *Start due deliveries* of committed events.
    /// 5. *Collect dirty state*: what changed in phases 1 to 4 makes a commit due, at once if it is
    ///    an event or a delivery and soon otherwise. Once a day, old records are marked for
    ///    deletion.
    /// 6. *Commit*: if a commit is due and none is under way, all that is dirty becomes one batch.
    ///
    /// The actions of all phases wait for [`Engine::poll_action`], diagnostics last.
    pub fn handle(&mut self, input: Input, now: Now) -> CommandReply {
        if let Input::ServerTime { project, time } = &input {
            // Makes nothing due by itself: the phases run with the answer that follows.
            self.set_server_time(project, *time, now);
            self.projects.reindex();
            return CommandReply::Done;
        }

        self.keep_time(now);
        let reply = self.apply(input, now);
        self.start_due_polls(now);
        self.raise_alarms(now);
        self.start_due_deliveries(now);
        self.collect_dirty_state(now);
        self.commit(now);

        self.actions.extend(self.diagnostics.drain(..).map(Action::Diagnostic));
        reply
    }

    /// The next thing to do, if there is one.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Input::Timeout`] is due; none if only other inputs can bring anything about.
    pub fn poll_timeout(&self) -> Option<Instant> {
        earliest([
            self.projects.next_deadline(),
            self.outbox.next_deadline(),
            self.silences.next_deadline(),
            self.commit_queue.next_deadline(),
        ])
    }

    /// Names the commit with which everything is committed that changed before the last
    /// [`Command::Commit`].
    pub fn commit_ticket(&self) -> CommitTicket {
        self.commit_queue.ticket()
    }

    /// Whether the commit of a ticket is durable.
    pub fn is_committed(&self, ticket: CommitTicket) -> bool {
        self.commit_queue.is_committed(ticket)
    }

    /// All projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = ProjectView<'_>> {
        self.projects.values().map(Project::overview)
    }

    /// All jobs, ended ones included, by project and id.
    pub fn jobs(&self) -> impl Iterator<Item = JobView<'_>> {
        self.projects.values().flat_map(Project::views)
    }

    pub fn job(&self, project: &ProjectName, job: &JobId) -> Option<JobView<'_>> {
        self.projects.get(project)?.view(job)
    }

    /// What to expect of all jobs of a project by past restores, if they are of one group.
    pub fn common_expectation(&self, project: &ProjectName) -> Option<Expectation> {
        self.projects.get(project)?.common_expectation()
    }

    /// How long restores like this job took in the past, if some are known.
    pub fn expectation_of(&self, job: &JobView<'_>) -> Option<Expectation> {
        self.projects.get(job.project)?.expectation_of(job.tracker.facts())
    }

    /// When a job is polled next, and why; none if it is not watched.
    pub fn explain(&self, project: &ProjectName, job: &JobId, now: Now) -> Option<Explanation<'_>> {
        self.projects.get(project)?.explain(job, now)
    }

    /// The project that has a job: one that it was added to, else any; only this one if it is given.
    pub fn holder(&self, job: &JobId, project: Option<&ProjectName>) -> Option<&ProjectName> {
        let is_meant = |name: &ProjectName| project.is_none_or(|wanted| wanted == name);
        let views = || self.projects.values().filter_map(|project| project.view(job));
        let holders = || views().filter(|view| is_meant(view.project));
        let added = holders().find(|view| view.is_added && !view.is_configured).map(|view| view.project);
        let archived = || self.archive.holder(job, project);
        added.or_else(archived).or_else(|| holders().next().map(|view| view.project))
    }

    /// The configured sinks, and others that have pending deliveries or dead letters, by name.
    pub fn sinks(&self) -> impl Iterator<Item = SinkView<'_>> {
        self.outbox.views()
    }

    /// The silences in force, by number.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.in_force()
    }

    /// The outcome of each job, in the order of [`Engine::jobs`].
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.jobs().map(|job| job.outcome()).collect()
    }

    /// How far the discovery of jobs is, in all projects together.
    pub fn discovery(&self, now: Instant) -> DiscoveryState {
        let states = self.projects.values().map(|project| project.discovery_state(now));
        states.max().unwrap_or(DiscoveryState::Complete)
    }

    /// How many jobs and projects are in which condition.
    pub fn totals(&self) -> Totals {
        Totals::of(&self.projects)
    }

    /// The polls to come.
    pub fn polls(&self) -> Polls<'_> {
        Polls { projects: &self.projects }
    }

    /// The deliveries under way and to come.
    pub fn deliveries(&self) -> Deliveries<'_> {
        Deliveries { outbox: &self.outbox, commit_queue: &self.commit_queue }
    }

    fn set_server_time(&mut self, project: &ProjectName, time: Timestamp, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.set_server_time(time, now.instant);
        }
    }

    fn apply(&mut self, input: Input, now: Now) -> CommandReply {
        match input {
            Input::Timeout | Input::ServerTime { .. } => {}
            Input::PollAnswered { poll, answer } => self.on_poll_answered(&poll, answer, now),
            Input::PollFailed { poll, failure } => self.on_poll_failed(&poll, &failure, now),
            Input::PageFetched { list, page } => self.on_page_fetched(&list, page, now),
            Input::PageFailed { list, is_of_token, failure } => {
                self.on_page_failed(&list, is_of_token, &failure, now);
            }
            Input::Committed => {
                let after_commit = self.commit_queue.committed();
                self.with_outbox(now, |outbox, cx| outbox.committed(after_commit, cx));
            }
            Input::Delivered(id) => self.with_outbox(now, |outbox, cx| outbox.delivered(id, cx)),
            Input::DeliveryFailed { id, failure } => {
                self.with_outbox(now, |outbox, cx| outbox.failed(&id, &failure, cx));
            }
            Input::DeliveriesEdited(edits) => {
                for edit in edits {
                    self.with_outbox(now, |outbox, cx| outbox.edited(edit, cx));
                }
            }
            Input::Suspended(time) => {
                let projects = self.projects.values_mut();
                projects.for_each(|project| project.wake(time, now.instant, &mut self.rng));
                self.outbox.wake(now.instant);
            }
            Input::Command(command) => return self.execute(command, now),
        }
        CommandReply::Done
    }

    fn start_due_deliveries(&mut self, now: Now) {
        while let Some(delivery) = self.with_outbox(now, Outbox::take_due) {
            self.actions.push_back(Action::Deliver(delivery));
        }
    }

    /// Has the outbox take an input.
    fn with_outbox<T>(&mut self, now: Now, take: impl FnOnce(&mut Outbox, &mut OutboxCx<'_>) -> T) -> T {
        let Self { outbox, rng, commit_queue, diagnostics, .. } = self;
        take(outbox, &mut OutboxCx { now, rng, commit_queue, diagnostics })
    }

    fn commit(&mut self, now: Now) {
        self.record_silences(now);
        let projects = &mut self.projects;
        let gather = |enough, batch: &mut Batch| projects.gather(now, enough, batch);
        let batch = self.commit_queue.take(now, gather);
        self.actions.extend(batch.map(Action::Commit));
    }
}
