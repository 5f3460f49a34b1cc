//! The life of one job: what its answers mean, and which events they lead to.
//!
//! Invariant: a job that ended stays ended, and what is to be emitted once is emitted once. Each
//! part below keeps its own share of that; the tracker decides in which order they are asked.

mod absence;
mod age;
mod end;
mod failure;
mod health;
mod index;
mod index_watch;
mod pace;
mod progress;
mod snapshot;
mod time_limits;
mod trouble;
mod unknown_statuses;

use std::time::Duration;

use jiff::Timestamp;

pub use index_watch::IndexWatch;
pub(super) use pace::Pacing;

use age::Age;
use end::End;
use health::Health;
use progress::ProgressWatch;
use time_limits::TimeLimits;
use unknown_statuses::UnknownStatuses;

use super::Answer;
use super::snapshot::PastRestore;
use crate::config::{JobSettings, WatchSettings};
use crate::model::time::{Instant, Now, ServerClock, before, wall_between};
use crate::model::{
    DeliveryCounts, Elapsed, EndedRestore, Event, EventId, EventKind, JobFacts, JobRef, Observation, Outcome,
    ProjectName, Reason, Status, Until,
};

/// What is known of one job.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: JobSettings,
    watch: WatchSettings,
    /// Whether the list of the API led to it. A list is watched for ends, too.
    is_discovered: bool,
    age: Age,
    status: Option<Status>,
    facts: JobFacts,
    end: Option<End>,
    /// The age of the job when the API last gave a good answer about it or its index.
    seen_at: Option<Duration>,
    index: IndexWatch,
    progress: ProgressWatch,
    time_limits: TimeLimits,
    unknown_statuses: UnknownStatuses,
    health: Health,
}

/// An event before it has an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub kind: EventKind,
    pub previous_status: Option<Status>,
    /// Why, if the status does not say it.
    pub reason: Option<Reason>,
}

/// What an observation leads to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Findings {
    /// The events to emit, in order.
    pub drafts: Vec<Draft>,
    /// A status that was never seen before and is not known.
    pub unknown_status: Option<Status>,
}

impl Tracker {
    /// A job whose watch starts at `now`.
    pub(super) fn new(settings: JobSettings, watch: WatchSettings, now: Now) -> Self {
        Self {
            settings,
            watch,
            is_discovered: false,
            age: Age::new(now.instant),
            status: None,
            facts: JobFacts::default(),
            end: None,
            seen_at: None,
            index: IndexWatch::default(),
            progress: ProgressWatch::default(),
            time_limits: TimeLimits::default(),
            unknown_statuses: UnknownStatuses::default(),
            health: Health::default(),
        }
    }

    pub(super) fn reconfigure(&mut self, settings: JobSettings, watch: WatchSettings) {
        self.settings = settings;
        self.watch = watch;
    }

    /// The list of the API led to this job.
    pub(super) fn mark_discovered(&mut self) {
        self.is_discovered = true;
    }

    /// Takes a good answer of a server with this clock. Returns what it leads to; nothing for a job
    /// that has ended.
    pub(super) fn observe(&mut self, answer: Answer, now: Now, server: ServerClock) -> Findings {
        match answer {
            Answer::Job(observation) if self.end.is_some() => self.observe_again(observation, now),
            Answer::Job(observation) => self.observe_job(observation, now, server),
            Answer::Index(observation) => self.observe_index(observation, now, server),
        }
    }

    /// The age of the job; before its start is known, the time it is watched.
    pub fn age(&self, now: Instant) -> Duration {
        self.age.at(now)
    }

    /// When it began; before its start is known, when its watch began.
    pub(super) fn began(&self) -> Instant {
        self.age.began()
    }

    /// Makes an event of a draft.
    pub(super) fn event(&self, draft: Draft, project: &ProjectName, id: EventId, now: Now) -> Event {
        let of_index = draft.kind.is_of_index();
        let status = if of_index { &self.index.state } else { &self.status };
        // Its completion is emitted with the time that the job took, and what comes after with that
        // of the whole.
        let elapsed = if draft.kind.is_terminal() && !of_index { self.took(now) } else { self.elapsed(now) };
        let detection_delay = self.detection_delay(now).filter(|_| !of_index);

        Event {
            id,
            kind: draft.kind,
            timestamp: now.wall,
            project: project.clone(),
            job: Some(self.job()),
            previous_status: draft.previous_status,
            status: status.clone(),
            elapsed,
            detection_delay_seconds: detection_delay.map(|delay| delay.as_secs_f64()),
            reason: draft.reason.map(|reason| reason.to_string()),
        }
    }

    /// The job, as events and reports show it.
    pub fn job(&self) -> JobRef {
        JobRef { id: self.settings.id.clone(), name: self.settings.name.clone(), facts: self.facts.clone() }
    }

    /// The shortest name of the job for people: its own, that of the index it makes, or its id.
    pub fn label(&self) -> &str {
        let index = self.facts.target_index_name.as_deref();
        self.settings.name.as_deref().or(index).unwrap_or(self.settings.id.as_str())
    }

    /// How long the job took, or has been taking, and its index if that is awaited: until it was
    /// seen to be ready.
    pub fn elapsed(&self, now: Now) -> Elapsed {
        if !self.is_in_index_phase() {
            return self.took(now);
        }
        match self.index.end {
            None => Elapsed::Exact(self.age(now.instant)),
            Some(end) if end.outcome == Outcome::Ready => Elapsed::Exact(end.age),
            Some(_) if self.facts.created_at.is_none() => Elapsed::Unknown,
            Some(end) => end.elapsed(),
        }
    }

    /// How long the job itself took, or has been taking: between the times that the API gave if it
    /// gave both. Else by the monotonic clock: from its start, or while it runs from that of the
    /// watch if its start is not known.
    fn took(&self, now: Now) -> Elapsed {
        let Some(end) = self.end else { return Elapsed::Exact(self.age(now.instant)) };

        match (self.facts.created_at, self.facts.completed_at) {
            (Some(created_at), Some(completed_at)) if completed_at >= created_at => {
                Elapsed::Exact(wall_between(created_at, completed_at))
            }
            (Some(_), _) => end.elapsed(),
            (None, _) => Elapsed::Unknown,
        }
    }

    /// The time until it ends, as its progress projects that, if the API reports progress.
    pub fn remaining(&self, now: Instant) -> Option<Duration> {
        let projection = self.progress.projection(now).filter(|_| self.end.is_none())?;
        Some(projection.remaining)
    }

    /// What others are expected to take by it, if it completed and the API says how long it took.
    pub(super) fn past_restore(&self) -> Option<PastRestore> {
        self.end.filter(|end| end.outcome == Outcome::Completed)?;
        PastRestore::of(&self.facts)
    }

    /// How long after its end the end was observed, if both are known.
    pub fn detection_delay(&self, now: Now) -> Option<Duration> {
        let observed_at = self.end.map_or(now, |end| end.observed_at).wall;
        self.facts.completed_at.map(|completed_at| wall_between(completed_at, observed_at))
    }

    /// How the job stands, as far as its own polls say: the key of its project may be refused.
    pub fn outcome(&self) -> Outcome {
        let phase = if self.is_in_index_phase() { self.index.end } else { self.end };
        match phase {
            Some(end) => end.outcome,
            None if self.awaits_index() && self.index.is_unauthorized() => Outcome::Unauthorized,
            None => self.health.outcome(),
        }
    }

    /// Whether nothing further can become of it: the API ended the job, and its index is not
    /// awaited, or no longer.
    pub fn has_ended(&self) -> bool {
        self.end.is_some() && !self.awaits_index()
    }

    /// Whether it is a restore that goes on, as far as known: one that the API does not know is none,
    /// and one that it does not answer about for too long may have ended.
    pub(super) fn is_open_restore(&self) -> bool {
        self.is_running() && self.health.outcome() == Outcome::Open
    }

    /// Whether the API has not ended the job, as far as known.
    pub(super) fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// Whether its own end was observed by this time.
    pub(super) fn had_ended_by(&self, at: Instant) -> bool {
        self.end.is_some_and(|end| end.observed_at.instant <= at)
    }

    /// When its end, or that of its index, was observed, if nothing further can become of it.
    pub fn ended_at(&self) -> Option<Timestamp> {
        let last = self.last_end().filter(|_| self.has_ended())?;
        Some(last.observed_at.wall)
    }

    /// The job as the history has it, if nothing further can become of it.
    pub(super) fn ended(&self, project: &ProjectName) -> Option<EndedRestore> {
        self.left(project).filter(|_| self.has_ended())
    }

    /// The job as the history has it once it is watched no longer, if its own end is known: if
    /// whether its index serves is still open then, it stays so.
    pub(super) fn left(&self, project: &ProjectName) -> Option<EndedRestore> {
        let (end, last) = self.end.zip(self.last_end())?;
        let is_of_index = last.outcome != end.outcome;
        let delay = self.detection_delay(end.observed_at).filter(|_| !is_of_index && !end.is_before_watch);
        Some(EndedRestore {
            project: project.clone(),
            job: self.job(),
            outcome: last.outcome,
            end_observed_at: last.observed_at.wall,
            elapsed: self.took(end.observed_at),
            detection_delay_seconds: delay.map(|delay| delay.as_secs_f64()),
            deliveries: DeliveryCounts::default(),
        })
    }

    /// The end that was observed last: that of its index, or its own.
    fn last_end(&self) -> Option<End> {
        self.index.end.filter(|_| self.is_in_index_phase()).or(self.end)
    }

    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    pub fn facts(&self) -> &JobFacts {
        &self.facts
    }

    /// What the configuration says of it.
    pub fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// When the API last gave a good answer.
    pub fn answered_at(&self) -> Option<Instant> {
        self.health.answered_at
    }

    /// What the last poll failed with, if it failed.
    pub fn last_error(&self) -> Option<&str> {
        self.health.last_error.as_deref()
    }

    /// An event of the job as it is now.
    fn draft(&self, kind: EventKind, reason: Option<Reason>) -> Draft {
        Draft { kind, previous_status: self.status.clone(), reason }
    }

    fn observe_job(&mut self, observation: Observation, now: Now, server: ServerClock) -> Findings {
        let end = observation.end();
        let Observation { status, facts, .. } = observation;
        let previous = self.status.replace(status.clone());
        self.health.answered(now.instant);
        // As long as nothing is known of the job, its age is the time that it is watched.
        let watched_for = self.age.at(now.instant);
        self.merge(facts, now, server);

        let mut drafts = Vec::new();
        let mut emit = |kind| {
            drafts.push(Draft { kind, previous_status: previous.clone(), reason: None });
        };
        if previous.is_none() {
            emit(EventKind::Watched);
            self.progress.count_from(&self.facts);
        }
        if self.health.recover() {
            emit(EventKind::Recovered);
        }

        let age = self.age.at(now.instant);
        let is_first = previous.is_none() && !self.is_discovered;
        let is_before_watch = is_first && self.completed_before(watched_for, now, server);
        self.end = end.map(|outcome| End { is_before_watch, ..End::new(outcome, now, age, self.seen_at) });
        self.seen_at = Some(age);
        self.index.is_wanted = self.until() == Until::Ready;
        if let Some(end) = self.end {
            end.outcome.event().into_iter().for_each(emit);
        } else {
            if previous.as_ref().is_some_and(|previous| !previous.same_as(&status)) {
                emit(EventKind::StatusChanged);
            }
            if self.progress.take_step(&self.facts) {
                emit(EventKind::Progressed);
            }
        }

        let unknown_status = self.unknown_statuses.first_sight(status).filter(|_| self.end.is_none());
        Findings { drafts, unknown_status }
    }

    /// Whether it completed longer ago than this, by the clock of its server if that is known.
    fn completed_before(&self, ago: Duration, now: Now, server: ServerClock) -> bool {
        let time = before(server.time_by(now).unwrap_or(now.wall), ago);
        self.facts.completed_at.is_some_and(|completed_at| completed_at < time)
    }

    fn merge(&mut self, facts: JobFacts, now: Now, server: ServerClock) {
        let known = &mut self.facts;
        known.backup_id = facts.backup_id.or_else(|| known.backup_id.take());
        known.target_index_name = facts.target_index_name.or_else(|| known.target_index_name.take());
        known.target_index_id = facts.target_index_id.or_else(|| known.target_index_id.take());
        known.created_at = facts.created_at.or(known.created_at);
        known.completed_at = facts.completed_at;
        known.percent_complete = facts.percent_complete;

        self.age.date(self.facts.created_at, now, server);
        self.progress.read(&self.facts, self.age.at(now.instant), now.instant);
    }
}
