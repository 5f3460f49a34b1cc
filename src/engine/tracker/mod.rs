//! The life of one job: what an answer means and what must be told.
//!
//! Invariant: a job that ended stays ended, and each thing told once is told once.

mod index;
mod pace;
mod snapshot;
mod trouble;

use std::time::Duration;

use jiff::Timestamp;

pub use index::IndexWatch;

use trouble::{Streak, Trouble};

use super::cadence::Progress;
use super::input::Answer;
use super::retry::Backoff;
use super::standing::{Ending, Standing};
use crate::model::time::{Instant, Now, ServerClock, before, wall_between};

use crate::config::{JobSettings, WatchSettings};
use crate::model::{
    Event, EventId, EventKind, JobFacts, JobRef, Observation, ProjectName, Reason, Status, Until,
};

/// How many unknown statuses of one job are remembered, so that each is warned of once. A server that makes up ever
/// new ones is warned of this often.
const UNKNOWN_STATUSES: usize = 16;

/// Progress is told each time it moved by this many points.
const PROGRESS_STEP: f64 = 10.0;

/// How far the age of a job may be from what an answer says before it is put right: answers take their time.
const SLACK: Duration = Duration::from_secs(5);

/// What is known of one job.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: JobSettings,
    watch: WatchSettings,
    /// From when on its age counts, by the monotonic clock: its start, or that of the watch where its start is not known.
    began: Instant,
    /// The same by the clock of its server, where that is known. A process that starts finds `began` by it, because no
    /// clock of this machine says how much time passed in between.
    started_at: Option<Timestamp>,
    /// Whether an answer that this process had says how old it is.
    is_dated: bool,
    status: Option<Status>,
    facts: JobFacts,
    end: Option<End>,
    index: IndexWatch,
    progress: Progress,
    progress_told: f64,
    /// The deadline that passed and was told; no shorter one is told after it.
    overdue_told: Option<Duration>,
    slow_told: bool,
    unknown_statuses: Vec<String>,
    /// Answered with 404, and nothing else, since then: of a job that was never seen, and of an index.
    missing: Streak,
    /// Without a good answer since then. The 404s of a job that was never seen are no part of it: it may not be there yet.
    unreachable: Streak,
    failures: u32,
    /// By what the poll after the last failed one is due, as far as this process knows.
    backoff: Backoff,
    last_error: Option<String>,
    /// When the last poll that failed did, as far as this process knows.
    failed_at: Option<Instant>,
    last_was_not_found: bool,
    /// When the API last gave a good answer.
    answered_at: Option<Instant>,
    /// For how long it has answered that there is no such job, and when it last did. Only the time between two such answers
    /// counts.
    gone_for: Duration,
    gone_at: Option<Instant>,
}

/// How a job ended, and what the clocks showed when that was observed.
#[derive(Debug, Clone, Copy)]
struct End {
    how: Ending,
    observed_at: Now,
    /// The age of the job then.
    age: Duration,
}

/// Something to tell, before it has an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// What happened.
    pub kind: EventKind,
    /// The status before.
    pub previous_status: Option<Status>,
    /// Why, where the status does not say it.
    pub reason: Option<Reason>,
}

/// What an observation leads to.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Findings {
    /// What is to be told, in order.
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
            began: now.instant,
            started_at: None,
            is_dated: false,
            status: None,
            facts: JobFacts::default(),
            end: None,
            index: IndexWatch::default(),
            progress: Progress::default(),
            progress_told: 0.0,
            overdue_told: None,
            slow_told: false,
            unknown_statuses: Vec::new(),
            missing: Streak::default(),
            unreachable: Streak::default(),
            failures: 0,
            backoff: Backoff::POLL,
            last_error: None,
            failed_at: None,
            last_was_not_found: false,
            answered_at: None,
            gone_for: Duration::ZERO,
            gone_at: None,
        }
    }

    /// From now on, these settings hold.
    pub(super) fn reconfigure(&mut self, settings: JobSettings, watch: WatchSettings) {
        self.settings = settings;
        self.watch = watch;
    }

    /// Takes a good answer of a server with this clock. Returns what it leads to; nothing for a job that has ended.
    pub(super) fn observe(&mut self, answer: Answer, now: Now, server: ServerClock) -> Findings {
        match answer {
            Answer::Job(observation) if self.end.is_some() => self.observe_again(observation, now),
            Answer::Job(observation) => self.observe_job(observation, now, server),
            Answer::Index(observation) => self.observe_index(observation, now, server),
        }
    }

    fn observe_job(&mut self, observation: Observation, now: Now, server: ServerClock) -> Findings {
        let mut findings = Findings::default();
        self.answered_at = Some(now.instant);
        let Observation { status, facts, .. } = observation;
        let previous = self.status.replace(status.clone());
        self.merge(facts, now, server);

        let mut tell = |kind| {
            findings.drafts.push(Draft { kind, previous_status: previous.clone(), reason: None });
        };
        if previous.is_none() {
            tell(EventKind::Watched);
            self.progress_told = self.facts.percent_complete.unwrap_or(0.0);
        }
        if self.missing.told || self.unreachable.told {
            tell(EventKind::Recovered);
        }
        self.end = Ending::of(&status, &self.facts).map(|how| End {
            how,
            observed_at: now,
            age: self.age(now.instant),
        });
        self.index.is_wanted = self.until() == Until::Ready;
        if let Some(end) = self.end {
            tell(end.how.into());
        } else {
            if previous.as_ref().is_some_and(|previous| !previous.same_as(&status)) {
                tell(EventKind::StatusChanged);
            }
            if self.progress_is_worth_telling() {
                tell(EventKind::Progressed);
            }
        }
        self.forget_trouble();
        findings.unknown_status = self.first_sight_of_unknown(status).filter(|_| self.end.is_none());
        findings
    }

    /// The age of the job; before its start is known, the time it is watched.
    pub fn age(&self, now: Instant) -> Duration {
        now.since(self.began)
    }

    /// Makes a transition of a draft.
    pub(super) fn event(&self, draft: Draft, project: &ProjectName, id: EventId, now: Now) -> Event {
        let of_index = draft.kind.is_of_index();
        let status = if of_index { &self.index.state } else { &self.status };
        // That it completed is told with the time that it took, and what comes after with that of the whole.
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
            elapsed_seconds: Some(elapsed.as_secs_f64()),
            detection_delay_seconds: detection_delay.map(|delay| delay.as_secs_f64()),
            reason: draft.reason.map(|reason| reason.to_string()),
        }
    }

    /// The job, as transitions and reports show it.
    pub fn job(&self) -> JobRef {
        JobRef { id: self.settings.id.clone(), name: self.settings.name.clone(), facts: self.facts.clone() }
    }

    /// The shortest thing people call the job: its name, the index it makes, or its id.
    pub fn label(&self) -> &str {
        let index = self.facts.target_index_name.as_deref();
        self.settings.name.as_deref().or(index).unwrap_or(self.settings.id.as_str())
    }

    /// How long the job took, or has been taking, and its index where that is followed. Between the times that the API
    /// gave where it gave both and no index is followed; else by the monotonic clock, from its start, or from that of the
    /// watch where its start is not known.
    pub fn elapsed(&self, now: Now) -> Duration {
        match self.index.verdict {
            Some(verdict) if self.is_in_second_half() => verdict.age,
            None if self.is_in_second_half() => self.age(now.instant),
            _ => self.took(now),
        }
    }

    /// How long the job itself took, or has been taking.
    fn took(&self, now: Now) -> Duration {
        match (self.end, self.facts.created_at, self.facts.completed_at) {
            (Some(_), Some(created_at), Some(completed_at)) => wall_between(created_at, completed_at),
            (Some(end), _, _) => end.age,
            (None, _, _) => self.age(now.instant),
        }
    }

    /// From when to when it ran, where it completed and the API says so.
    pub(super) fn lasted(&self) -> Option<(Timestamp, Timestamp)> {
        self.end.filter(|end| end.how == Ending::Completed)?;
        self.facts.created_at.zip(self.facts.completed_at)
    }

    /// How long after its end the end was observed, where both are known.
    pub fn detection_delay(&self, now: Now) -> Option<Duration> {
        let observed_at = self.end.map_or(now, |end| end.observed_at).wall;
        self.facts.completed_at.map(|completed_at| wall_between(completed_at, observed_at))
    }

    /// How the job stands.
    pub fn standing(&self) -> Standing {
        if self.is_in_second_half() {
            return match self.index.verdict {
                Some(verdict) if verdict.is_ready => Standing::Ready,
                Some(_) => Standing::NotReady,
                None if self.index.is_refused() => Standing::Refused,
                None if self.unreachable.told => Standing::Unreachable,
                None => Standing::Open,
            };
        }
        match self.end {
            Some(end) => Standing::Ended(end.how),
            None if self.missing.told => Standing::Missing,
            None if self.unreachable.told && self.trouble() == Trouble::Lost => Standing::Missing,
            None if self.unreachable.told => Standing::Unreachable,
            None => Standing::Open,
        }
    }

    /// Whether nothing further can become of it: the API ended the job, and its index is not followed, or no longer.
    pub fn has_ended(&self) -> bool {
        self.end.is_some() && !self.follows_index()
    }

    /// Whether the API has not ended the job, as far as known.
    pub(super) fn is_running(&self) -> bool {
        self.end.is_none()
    }

    /// When that was observed, if it is so.
    pub fn ended_at(&self) -> Option<Timestamp> {
        let end = self.end.filter(|_| self.has_ended())?;
        let verdict = self.index.verdict.filter(|_| self.is_in_second_half());
        Some(verdict.map_or(end.observed_at, |verdict| verdict.observed_at).wall)
    }

    /// The last known status.
    pub fn status(&self) -> Option<&Status> {
        self.status.as_ref()
    }

    /// The last known facts.
    pub fn facts(&self) -> &JobFacts {
        &self.facts
    }

    /// What was asked for.
    pub fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// When the API last gave a good answer.
    pub fn answered_at(&self) -> Option<Instant> {
        self.answered_at
    }

    /// What the last poll failed with, where it failed.
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn merge(&mut self, facts: JobFacts, now: Now, server: ServerClock) {
        let known = &mut self.facts;
        known.backup_id = facts.backup_id.or_else(|| known.backup_id.take());
        known.target_index_name = facts.target_index_name.or_else(|| known.target_index_name.take());
        known.target_index_id = facts.target_index_id.or_else(|| known.target_index_id.take());
        known.created_at = facts.created_at.or(known.created_at);
        known.completed_at = facts.completed_at;
        known.percent_complete = facts.percent_complete;
        self.date(now, server);
        let age = self.age(now.instant);
        if let Some(percent) = self.facts.intermediate_progress() {
            self.progress.read(percent, age, now.instant);
        }
    }

    /// Finds how old the job is by the clock of its server, with each answer: that clock alone goes on while no process
    /// runs, or this one is frozen. Where the server does not say the time, this machine's clock does for a job of which
    /// nothing is known yet.
    fn date(&mut self, now: Now, server: ServerClock) {
        let time = server.time_by(now);
        let by_server = time.map(|time| before(time, self.age(now.instant)));
        let is_known = self.started_at.is_some();
        self.started_at = self.facts.created_at.or(self.started_at).or(by_server);
        let time = time.or((!is_known).then_some(now.wall));
        let Some((started_at, time)) = self.started_at.zip(time) else { return };
        let age = wall_between(started_at, time);
        if !self.is_dated || age.abs_diff(self.age(now.instant)) > SLACK {
            self.began = now.instant.back(age);
            self.is_dated = true;
        }
    }

    fn progress_is_worth_telling(&mut self) -> bool {
        let moved = self.facts.percent_complete.is_some_and(|now| now >= self.progress_told + PROGRESS_STEP);
        if moved {
            self.progress_told = self.facts.percent_complete.unwrap_or(self.progress_told);
        }
        moved
    }

    fn first_sight_of_unknown(&mut self, status: Status) -> Option<Status> {
        let Status::Other(text) = &status else { return None };
        let text = text.to_lowercase();
        if self.unknown_statuses.contains(&text) || self.unknown_statuses.len() >= UNKNOWN_STATUSES {
            return None;
        }
        self.unknown_statuses.push(text);
        Some(status)
    }
}
