//! The pure heart: decides when to poll, what an answer means, what must be told and what is still owed.
//!
//! Invariant: no clock, no global randomness, no I/O, no runtime. The same events at the same times with the same seed
//! give the same actions, so every behaviour can be written as a table and every accident replayed.
//!
//! ```
//! use restore_watch::config::{JobSettings, ProjectSettings};
//! use restore_watch::engine::{Action, Engine, Event, Plan, memory::Saved, time::{Instant, Now}};
//! use restore_watch::model::JobId;
//!
//! let mut project = ProjectSettings::default();
//! project.jobs.push(JobSettings::new(JobId::new("rj-1")?));
//! let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse()? };
//! let plan = Plan { projects: &[project], sinks: Vec::new(), keep: std::time::Duration::MAX };
//! let mut engine = Engine::recall(plan, Saved::default(), 1, now);
//! let mut actions = Vec::new();
//! engine.step(Event::DeadlineReached, now, &mut actions);
//! assert!(matches!(&actions[..], [Action::Poll(poll), Action::Commit(_)] if poll.job.as_str() == "rj-1"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
mod allowance;
mod cadence;
mod change;
mod event;
mod experience;
mod explain;
mod hazard;
mod journal;
pub mod limiter;
pub mod memory;
mod misconfiguration;
mod outbox;
mod project;
mod projects;
mod resting;
pub mod retry;
mod slow;
mod standing;
pub mod time;
mod tracker;
mod verdict;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

pub use change::{Added, Reconfigured};
pub use event::{
    Action, Answer, Batch, BatchEntry, Delivery, DeliveryId, DeliveryUpdate, Edit, Event, Failure,
    FailureClass, Fate, ListId, ListPage, Note, PollId,
};
pub use explain::{Explanation, Hold, Later, LearnedRate, RateReport, Rule, Since, Turn};
pub use outbox::{DeliveryPolicy, SinkPlan, SinkView};
pub use project::{Forgotten, JobView, ProjectView};
pub use standing::{Ending, Search, Standing};
pub use tracker::{IndexWatch, Tracker};
pub use verdict::{Condition, Outcome};

use jiff::Timestamp;
use journal::Journal;
use memory::Saved;
use outbox::Outbox;
use project::{PageNews, Project, ProjectNews, Request};
use projects::Projects;
use resting::Resting;
use time::{Instant, Now, earliest};
use tracker::{Draft, Findings};

use crate::config::{JobSettings, ProjectSettings};
use crate::model::{JobId, ProjectName, Transition, TransitionId, TransitionKind};

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
    resting: Resting,
    outbox: Outbox,
    journal: Journal,
    /// Counts the polls.
    polls: u64,
    keep: Duration,
    /// What is to be said about the last change of the configuration.
    notes: Vec<Note>,
    rng: fastrand::Rng,
}

impl Engine {
    /// An engine that goes on from `now` where the one stood whose batches made up `saved`; from nothing where that is
    /// the default. `seed` decides all its jitter and the random part of its ids.
    pub fn recall(plan: Plan<'_>, saved: Saved, seed: u64, now: Now) -> Self {
        let Saved { projects, jobs, sinks, deliveries } = saved;
        let mut engine = Self {
            projects: Projects::default(),
            resting: Resting::new(projects, jobs),
            outbox: Outbox::recall(sinks, deliveries, now),
            journal: Journal::new(now.instant),
            polls: 0,
            keep: plan.keep,
            notes: Vec::new(),
            rng: fastrand::Rng::with_seed(seed),
        };
        engine.reconfigure(plan, now);
        engine.note_a_clock_that_went_back(now);
        engine
    }

    /// Takes an event and appends what is to be done to `actions`.
    pub fn step(&mut self, event: Event, now: Now, actions: &mut Vec<Action>) {
        let mut notes = std::mem::take(&mut self.notes);
        match event {
            Event::DeadlineReached => {}
            Event::Answered { poll, answer } => self.answered(&poll, answer, now, &mut notes),
            Event::PollFailed { poll, failure } => self.poll_failed(&poll, &failure, now, &mut notes),
            Event::Listed { list, page } => self.listed(&list, page, now, &mut notes),
            Event::ListFailed { list, is_of_token, failure } => {
                self.list_failed(&list, is_of_token, &failure, now, &mut notes);
            }
            Event::Committed => {
                let pledges = self.journal.committed();
                self.outbox.committed(pledges, now, &mut self.journal, &mut notes);
            }
            Event::Delivered(id) => self.outbox.delivered(id, now, &mut self.journal),
            Event::DeliveryFailed { id, failure } => {
                self.outbox.failed(id, &failure, now, &mut self.rng, &mut self.journal, &mut notes);
            }
            Event::Edited(edits) => {
                for edit in edits {
                    self.outbox.edited(edit, now, &mut self.journal, &mut notes);
                }
            }
            Event::LastLookRequested => {
                self.projects.values_mut().for_each(|project| project.look_once_more(now.instant));
            }
            Event::Slept(time) => {
                let projects = self.projects.values_mut();
                projects.for_each(|project| project.wake(time, now.instant, &mut self.rng));
            }
            Event::StopRequested => self.stop(now),
        }
        self.catch_up(now, actions);
        while let Some(delivery) = self.outbox.take_due(now, &mut self.journal, &mut notes) {
            actions.push(Action::Deliver(delivery));
        }
        self.notice_changes(now);
        if self.journal.may_prune(now) {
            self.forget_what_is_old(now);
        }
        let projects = &mut self.projects;
        let batch = self.journal.take(now, |batch| projects.gather(now, batch));
        self.projects.look();
        actions.extend(batch.map(Action::Commit));
        actions.extend(notes.into_iter().map(Action::Note));
    }

    /// An answer of the API of a project says that it is `time` there, whatever else it says. To be reported before the
    /// event of that answer.
    pub fn server_time(&mut self, project: &ProjectName, time: Timestamp, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.set_server_time(time, now.instant);
        }
    }

    /// When [`Event::DeadlineReached`] is to be reported next; none when only other events can bring anything about.
    pub fn next_deadline(&self) -> Option<Instant> {
        earliest([self.projects.next_deadline(), self.outbox.next_deadline(), self.journal.next_deadline()])
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
    pub fn search(&self, now: Instant) -> Search {
        self.projects.values().map(|project| project.search(now)).max().unwrap_or(Search::Over)
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
    pub fn owed(&self) -> usize {
        self.journal.owed() + self.outbox.owed()
    }

    /// How many deliveries are owed for each job for which some are, beside those that are not yet handed out because
    /// what they tell is not yet safe.
    pub fn owed_by_job(&self) -> BTreeMap<(&ProjectName, &JobId), usize> {
        self.outbox.owed_by_job()
    }

    /// Whether every transition is safe, every delivery made or given up, and that is safe, too.
    pub fn is_settled(&self) -> bool {
        !self.journal.is_busy() && self.outbox.owed() == 0
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
        self.journal.writes_until(at) || self.outbox.tells_until(at)
    }

    fn answered(&mut self, poll: &PollId, answer: Answer, now: Now, notes: &mut Vec<Note>) {
        let Some(project) = self.projects.get_mut(&poll.project) else { return };
        let Some(began) = project.finish_poll(&poll.job, poll.generation) else { return };
        let (findings, news) = project.observe(&poll.job, began, answer, now, &mut self.rng);
        notes.extend(project.take_rate_note());
        notes.extend(project.take_setup_note());
        self.tell_project(&poll.project, news, now);
        self.tell_findings(&poll.project, &poll.job, findings, now, notes);
    }

    fn tell_findings(
        &mut self,
        project: &ProjectName,
        job: &JobId,
        findings: Findings,
        now: Now,
        notes: &mut Vec<Note>,
    ) {
        let tracker = self.projects.get(project).and_then(|project| project.tracker(job));
        if let (Some(status), Some(tracker)) = (findings.unknown_status, tracker) {
            let JobSettings { id, name, .. } = tracker.settings();
            let title = name.clone().unwrap_or_else(|| id.to_string());
            notes.push(Note::UnknownStatus { project: project.clone(), job: job.clone(), title, status });
        }
        self.tell_job(project, job, findings.drafts, now);
    }

    fn poll_failed(&mut self, poll: &PollId, failure: &Failure, now: Now, notes: &mut Vec<Note>) {
        let Some(project) = self.projects.get_mut(&poll.project) else { return };
        let Some(began) = project.finish_poll(&poll.job, poll.generation) else { return };
        let (drafts, news) = project.fail(&poll.job, began, failure, now, &mut self.rng);
        notes.extend(project.take_rate_note());
        notes.extend(project.take_setup_note());
        self.tell_project(&poll.project, news, now);
        self.tell_job(&poll.project, &poll.job, drafts, now);
    }

    fn listed(&mut self, list: &ListId, page: ListPage, now: Now, notes: &mut Vec<Note>) {
        let Some(project) = self.projects.get_mut(&list.project) else { return };
        let Some(began) = project.finish_page(list.generation) else { return };
        let PageNews { mut rows, found, project: news } =
            project.take_page(began, page, self.keep, now, &mut self.rng);
        for row in found {
            // What was told of it was told before its watch ended.
            if !self.resting.has_ended(&list.project, &row.id) {
                self.journal.remember_again(&list.project, &row.id);
                let kept = self.resting.wake(&list.project, &row.id);
                rows.extend(project.discover(row, kept, began, now, &mut self.rng));
            }
        }
        notes.extend(project.take_rate_note());
        notes.extend(project.take_setup_note());
        notes.extend(project.take_list_note(now.instant));
        notes.extend(project.take_left_out_note());
        for id in project.take_surplus(now) {
            self.journal.forget(list.project.clone(), id);
        }
        self.tell_project(&list.project, news, now);
        for (job, findings) in rows {
            self.tell_findings(&list.project, &job, findings, now, notes);
        }
    }

    fn list_failed(
        &mut self,
        list: &ListId,
        is_of_token: bool,
        failure: &Failure,
        now: Now,
        notes: &mut Vec<Note>,
    ) {
        let Some(project) = self.projects.get_mut(&list.project) else { return };
        let Some(began) = project.finish_page(list.generation) else { return };
        let news = project.fail_page(began, is_of_token, failure, now, &mut self.rng);
        notes.extend(project.take_rate_note());
        notes.extend(project.take_setup_note());
        notes.extend(project.take_list_note(now.instant));
        self.tell_project(&list.project, news, now);
    }

    /// Has everything made safe that there is, and ends all polling. What is known of the jobs is gathered before that:
    /// it says when they are polled next.
    fn stop(&mut self, now: Now) {
        self.notice_changes(now);
        self.journal.hurry(now.instant);
        let projects = &mut self.projects;
        self.journal.add(|batch| projects.gather(now, batch));
        self.projects.values_mut().for_each(Project::stop);
    }

    fn notice_changes(&mut self, now: Now) {
        if self.projects.have_changed() {
            self.journal.touch(now.instant);
        }
    }

    /// Starts the polls that are due, then looks for what time alone brought about: a job that can be polled now is
    /// judged by the answer.
    fn catch_up(&mut self, now: Now, actions: &mut Vec<Action>) {
        let mut alarms = Vec::new();
        for name in self.projects.due(now.instant) {
            let Some(project) = self.projects.get_mut(&name) else { continue };
            while let Some(request) = project.take_due(now.instant, self.polls + 1) {
                self.polls += 1;
                let job = match request {
                    Request::Job(job) => job,
                    Request::Page(token) => {
                        let list = ListId { project: name.clone(), generation: self.polls };
                        actions.push(Action::List(list, token));
                        continue;
                    }
                };
                let index = project.tracker(&job).and_then(Tracker::followed_index).map(str::to_owned);
                let poll = PollId { project: name.clone(), job, generation: self.polls };
                actions.push(match index {
                    Some(index) => Action::PollIndex(poll, index),
                    None => Action::Poll(poll),
                });
            }
            let found = project.take_alarms(now);
            alarms.extend(found.into_iter().map(|(job, drafts)| (name.clone(), job, drafts)));
        }
        for (project, job, drafts) in alarms {
            self.tell_job(&project, &job, drafts, now);
        }
    }

    fn tell_job(&mut self, project: &ProjectName, job: &JobId, drafts: Vec<Draft>, now: Now) {
        for draft in drafts {
            let id = self.new_id(now);
            let tracker = self.projects.get(project).and_then(|project| project.tracker(job));
            let transition = tracker.map(|tracker| tracker.transition(draft, project, id, now));
            if let Some(transition) = transition {
                self.tell(transition);
            }
        }
    }

    fn tell_project(&mut self, project: &ProjectName, news: Option<ProjectNews>, now: Now) {
        let (kind, reason) = match news {
            None => return,
            Some(ProjectNews::Unauthorized(reason)) => (TransitionKind::ProjectUnauthorized, Some(reason)),
            Some(ProjectNews::Recovered) => (TransitionKind::ProjectRecovered, None),
        };
        let id = self.new_id(now);
        let told = Transition::of_project(id, kind, now.wall, project.clone());
        self.tell(Transition { reason, ..told });
    }

    fn tell(&mut self, transition: Transition) {
        let owed_to = self.outbox.wanted_by(transition.kind);
        self.journal.tell(transition, owed_to);
    }

    fn new_id(&mut self, now: Now) -> TransitionId {
        let mut random = [0; 10];
        self.rng.fill(&mut random);
        TransitionId::from_parts(now.wall, random)
    }
}
