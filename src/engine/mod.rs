//! The pure heart: decides when to poll, what an answer means, what must be told and what is still pending.
//!
//! Invariant: no clock, no global randomness, no I/O, no runtime. The same events at the same times with the same seed
//! give the same actions, so every behaviour can be written as a table and every accident replayed.
//!
//! ```
//! use restore_watch::config::{JobSettings, ProjectSettings};
//! use restore_watch::engine::{Action, Engine, Input, Plan, memory::Snapshot, time::{Instant, Now}};
//! use restore_watch::model::JobId;
//!
//! let mut project = ProjectSettings::default();
//! project.jobs.push(JobSettings::new(JobId::new("rj-1")?));
//! let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse()? };
//! let plan = Plan { projects: &[project], sinks: Vec::new(), keep: std::time::Duration::MAX };
//! let mut engine = Engine::recall(plan, Snapshot::default(), 1, now);
//! let mut actions = Vec::new();
//! engine.step(Input::TimeoutReached, now, &mut actions);
//! assert!(matches!(&actions[..], [Action::Poll(poll), Action::Commit(_)] if poll.job.as_str() == "rj-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod adaptive_rate;
mod archive;
mod cadence;
mod change;
mod commit_queue;
mod duration_history;
mod explain;
mod handlers;
mod hazard;
mod input;
mod misconfiguration;
mod outbox;
mod project;
mod projects;
pub mod retry;
mod slow;
pub mod snapshot;
mod standing;
pub mod token_bucket;
mod tracker;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use change::{AddResult, Reconfigured};
pub use explain::{CadenceRule, Explanation, Hold, HoldReason, RateLimit, Rule, Since, Turn, Wait};
pub use input::{
    Action, Answer, Batch, BatchEntry, Delivery, DeliveryId, DeliveryState, DeliveryUpdate, Diagnostic, Edit,
    Failure, FailureClass, Input, ListId, ListPage, PollId,
};
pub use outbox::{DeliveryPolicy, SinkPlan, SinkView};
pub use project::{Forgotten, JobView, ProjectView};
pub use standing::{DiscoveryState, Ending, Standing};
pub use tracker::{IndexWatch, Tracker};
pub use verdict::{Condition, Outcome};

use archive::Archive;
use commit_queue::CommitQueue;
use jiff::Timestamp;
use outbox::Outbox;
use project::Project;
use projects::Projects;
use snapshot::Snapshot;

use crate::config::ProjectSettings;
use crate::model::time::{Instant, Now, earliest};
use crate::model::{JobId, ProjectName};

/// What an engine is for.
#[derive(Debug)]
pub struct Plan<'a> {
    /// What it watches.
    pub projects: &'a [ProjectSettings],
    /// Whom it tells.
    pub sinks: Vec<SinkPlan>,
    /// How long jobs that nobody watches any more, and what was delivered, are kept.
    pub keep: Duration,
}

/// The state machine over all projects, jobs and deliveries.
#[derive(Debug)]
pub struct Engine {
    projects: Projects,
    archive: Archive,
    outbox: Outbox,
    commit_queue: CommitQueue,
    /// Counts the polls.
    polls: u64,
    keep: Duration,
    /// What is to be said about the last change of the configuration.
    diagnostics: Vec<Diagnostic>,
    rng: fastrand::Rng,
}

impl Engine {
    /// An engine that goes on from `now` where the one stood whose batches made up `saved`; from nothing where that is
    /// the default. `seed` decides all its jitter and the random part of its ids.
    pub fn from_snapshot(plan: Plan<'_>, saved: Snapshot, seed: u64, now: Now) -> Self {
        let Snapshot { projects, jobs, sinks, deliveries } = saved;
        let mut engine = Self {
            projects: Projects::default(),
            archive: Archive::new(projects, jobs),
            outbox: Outbox::from_snapshot(sinks, deliveries, now),
            commit_queue: CommitQueue::new(now.instant),
            polls: 0,
            keep: plan.keep,
            diagnostics: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
        };
        engine.reconfigure(plan, now);
        engine.note_a_clock_that_went_back(now);
        engine
    }

    /// Takes an event and appends what is to be done to `actions`.
    pub fn step(&mut self, input: Input, now: Now, actions: &mut Vec<Action>) {
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        match input {
            Input::TimeoutReached => {}
            Input::Answered { poll, answer } => self.answered(&poll, answer, now, &mut diagnostics),
            Input::PollFailed { poll, failure } => self.poll_failed(&poll, &failure, now, &mut diagnostics),
            Input::Listed { list, page } => self.listed(&list, page, now, &mut diagnostics),
            Input::ListFailed { list, is_of_token, failure } => {
                self.list_failed(&list, is_of_token, &failure, now, &mut diagnostics);
            }
            Input::Committed => {
                let after_commit = self.commit_queue.committed();
                self.outbox.committed(after_commit, now, &mut self.commit_queue, &mut diagnostics);
            }
            Input::Delivered(id) => self.outbox.delivered(id, now, &mut self.commit_queue),
            Input::DeliveryFailed { id, failure } => {
                self.outbox.failed(
                    id,
                    &failure,
                    now,
                    &mut self.rng,
                    &mut self.commit_queue,
                    &mut diagnostics,
                );
            }
            Input::DeliveriesEdited(edits) => {
                for edit in edits {
                    self.outbox.edited(edit, now, &mut self.commit_queue, &mut diagnostics);
                }
            }
            Input::FinalPollRequested => {
                self.projects.values_mut().for_each(|project| project.request_final_poll(now.instant));
            }
            Input::Suspended(time) => {
                let projects = self.projects.values_mut();
                projects.for_each(|project| project.wake(time, now.instant, &mut self.rng));
            }
            Input::StopRequested => self.stop(now),
        }
        self.catch_up(now, actions);
        while let Some(delivery) = self.outbox.take_due(now, &mut self.commit_queue, &mut diagnostics) {
            actions.push(Action::Deliver(delivery));
        }
        self.notice_changes(now);
        if self.commit_queue.may_prune(now) {
            self.forget_what_is_old(now);
        }
        let projects = &mut self.projects;
        let batch = self.commit_queue.take(now, |batch| projects.gather(now, batch));
        self.projects.look();
        actions.extend(batch.map(Action::Commit));
        actions.extend(diagnostics.into_iter().map(Action::Diagnostic));
    }

    /// An answer of the API of a project says that it is `time` there, whatever else it says. To be reported before the
    /// event of that answer.
    pub fn server_time(&mut self, project: &ProjectName, time: Timestamp, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.set_server_time(time, now.instant);
        }
    }

    /// When [`Input::TimeoutReached`] is to be reported next; none when only other events can bring anything about.
    pub fn next_deadline(&self) -> Option<Instant> {
        earliest([
            self.projects.next_deadline(),
            self.outbox.next_deadline(),
            self.commit_queue.next_deadline(),
        ])
    }

    /// All projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = ProjectView<'_>> {
        self.projects.values().map(Project::look)
    }

    /// The sinks that the configuration has, and others to which something is owed, by name.
    pub fn sinks(&self) -> impl Iterator<Item = SinkView<'_>> {
        self.outbox.views()
    }

    /// All jobs, ended ones included, by project and id.
    pub fn jobs(&self) -> impl Iterator<Item = JobView<'_>> {
        self.projects.values().flat_map(Project::views)
    }

    /// One job.
    pub fn job(&self, project: &ProjectName, job: &JobId) -> Option<JobView<'_>> {
        self.projects.get(project)?.view(job)
    }

    /// How each job stands, in the order of [`Engine::jobs`].
    pub fn outcomes(&self) -> Vec<Outcome> {
        self.jobs().map(|job| Outcome::of(&job)).collect()
    }

    /// How it stands with the search for jobs that nobody named, in all projects.
    pub fn search(&self, now: Instant) -> DiscoveryState {
        self.projects.values().map(|project| project.search(now)).max().unwrap_or(DiscoveryState::Over)
    }

    /// How many jobs have not ended, whatever their trouble; those of projects whose key is refused are left out. To
    /// count them takes no look at each.
    pub fn undecided(&self) -> usize {
        self.projects.values().filter(|project| !project.is_refused()).map(Project::open).sum()
    }

    /// In how many projects no request can be made as they are set up.
    pub fn misconfigured(&self) -> usize {
        self.projects.values().filter(|project| project.is_misconfigured()).count()
    }

    /// Whether every job has ended.
    pub fn has_ended(&self) -> bool {
        self.projects.values().all(|project| project.open() == 0)
    }

    /// How many deliveries are owed.
    pub fn pending(&self) -> usize {
        self.commit_queue.pending() + self.outbox.pending()
    }

    /// How many deliveries are owed for each job for which some are, beside those that are not yet handed out because
    /// what they tell is not yet safe.
    pub fn pending_by_job(&self) -> BTreeMap<(&ProjectName, &JobId), usize> {
        self.outbox.pending_by_job()
    }

    /// Whether every transition is safe, every delivery made or given up, and that is safe, too.
    pub fn is_settled(&self) -> bool {
        !self.commit_queue.is_busy() && self.outbox.pending() == 0
    }

    /// When each job is polled next, if nothing else happens; those that ended or are being polled are left out.
    pub fn forecast(&self) -> BTreeMap<(ProjectName, JobId), Instant> {
        let of_project = |project: &'_ Project| {
            let name = project.name.clone();
            project.forecast().map(|(job, at)| ((name.clone(), job.clone()), at)).collect::<Vec<_>>()
        };
        self.projects.values().flat_map(of_project).collect()
    }

    /// When the next poll begins, if nothing else happens.
    pub fn next_poll(&self) -> Option<Instant> {
        self.projects.values().filter_map(Project::next_poll).min()
    }

    /// How long it takes at the rates that hold to poll each job that has not ended once, from `now` on.
    pub fn round_takes(&self, now: Instant) -> Duration {
        self.projects.values().map(|project| project.round_takes(now)).max().unwrap_or_default()
    }

    /// How many polls of a project are not made although they may be, for far longer than they are to wait.
    pub fn overdue_polls(&self, project: &ProjectName, now: Instant) -> usize {
        self.projects.get(project).map_or(0, |project| project.overdue_polls(now))
    }

    /// Whether a poll is under way, or one begins until `at`.
    pub fn polls_until(&self, at: Instant) -> bool {
        self.projects.values().any(|project| project.polls_until(at))
    }

    /// Whether a commit or a delivery is under way, or one begins until `at`.
    pub fn tells_until(&self, at: Instant) -> bool {
        self.commit_queue.writes_until(at) || self.outbox.tells_until(at)
    }
}
