//! The life of one job: what an answer means and what must be told.
//!
//! Invariant: a job that ended stays ended, and each thing told once is told once.

mod index;
mod memory;

use std::time::Duration;

use super::cadence::{Cadence, Progress, Projection};
use super::event::{Answer, Failure, FailureClass};
use super::explain::{Rule, Since};
use super::retry::Backoff;
use super::standing::{Ending, Standing};
use super::time::{Instant, Now, earliest, wall_between};
use jiff::Timestamp;

pub use index::IndexWatch;

use crate::config::{JobSettings, WatchSettings};
use crate::model::{
    JobFacts, JobRef, Observation, ProjectName, Status, Transition, TransitionId, TransitionKind,
};

/// How many unknown statuses of one job are remembered, so that each is warned of once. A server that makes up ever
/// new ones is warned of this often.
const UNKNOWN_STATUSES: usize = 16;

/// Progress is told each time it moved by this many points.
const PROGRESS_STEP: f64 = 10.0;

/// What is known of one job.
#[derive(Debug, Clone)]
pub struct Tracker {
    settings: JobSettings,
    watch: WatchSettings,
    watched_since: Now,
    /// The age of the job at `watched_since`. Kept as a duration, so that a jump of the wall clock leaves it alone.
    head_start: Option<Duration>,
    status: Option<Status>,
    facts: JobFacts,
    end: Option<End>,
    index: IndexWatch,
    progress: Progress,
    progress_told: f64,
    /// The deadline that passed and was told; no shorter one is told after it.
    overdue_told: Option<Duration>,
    unknown_statuses: Vec<String>,
    /// Answered with 404 since then, never having been seen.
    missing: Streak,
    /// Without any good answer since then.
    unreachable: Streak,
    failures: u32,
    last_error: Option<String>,
    /// When the last poll that failed did, as far as this process knows.
    failed_at: Option<Instant>,
    last_was_not_found: bool,
    /// When the API last gave a good answer.
    answered_at: Option<Instant>,
}

/// How a job ended, and what the clocks showed when that was observed.
#[derive(Debug, Clone, Copy)]
struct End {
    how: Ending,
    observed_at: Now,
}

/// Trouble that is told once it has lasted.
#[derive(Debug, Clone, Copy, Default)]
struct Streak {
    since: Option<Instant>,
    told: bool,
}

impl Streak {
    /// Trouble again at `now`; it counts from its first time.
    fn extend(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// When it has lasted `limit` and is still to be told.
    fn due(&self, limit: Duration) -> Option<Instant> {
        self.since.filter(|_| !self.told).map(|since| since + limit)
    }
}

/// What the trouble of a job is, if it has any: by the last failed poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// What is asked for was never seen, and the API says there is no such job, or no such index.
    Missing,
    /// It was seen, and the API says there is no such job: which is not always so.
    Lost,
    /// There is no good answer.
    Unreachable,
}

/// Something to tell, before it has an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// What happened.
    pub kind: TransitionKind,
    /// The status before.
    pub previous_status: Option<Status>,
    /// Why, where the status does not say it.
    pub reason: Option<String>,
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
            watched_since: now,
            head_start: None,
            status: None,
            facts: JobFacts::default(),
            end: None,
            index: IndexWatch::default(),
            progress: Progress::default(),
            progress_told: 0.0,
            overdue_told: None,
            unknown_statuses: Vec::new(),
            missing: Streak::default(),
            unreachable: Streak::default(),
            failures: 0,
            last_error: None,
            failed_at: None,
            last_was_not_found: false,
            answered_at: None,
        }
    }

    /// From now on, these settings hold.
    pub(super) fn reconfigure(&mut self, settings: JobSettings, watch: WatchSettings) {
        self.settings = settings;
        self.watch = watch;
    }

    /// Takes a good answer. Returns what it leads to; nothing for a job that has ended.
    pub(super) fn observe(&mut self, answer: Answer, now: Now) -> Findings {
        match answer {
            Answer::Job(observation) if self.end.is_some() => {
                self.observe_again(observation.facts.target_index_name, now)
            }
            Answer::Job(observation) => self.observe_job(observation, now),
            Answer::Index(observation) => self.observe_index(observation, now),
        }
    }

    fn observe_job(&mut self, observation: Observation, now: Now) -> Findings {
        let mut findings = Findings::default();
        self.answered_at = Some(now.instant);
        let Observation { status, facts, .. } = observation;
        let previous = self.status.replace(status.clone());
        self.merge(facts, now);

        let mut tell = |kind| {
            findings.drafts.push(Draft { kind, previous_status: previous.clone(), reason: None });
        };
        if previous.is_none() {
            tell(TransitionKind::Watched);
            self.progress_told = self.facts.percent_complete.unwrap_or(0.0);
        }
        if self.missing.told || self.unreachable.told {
            tell(TransitionKind::Recovered);
        }
        self.end = end_of(&status, &self.facts).map(|how| End { how, observed_at: now });
        if let Some(end) = self.end {
            tell(end.how.into());
        } else {
            if previous.as_ref().is_some_and(|previous| !previous.same_as(&status)) {
                tell(TransitionKind::StatusChanged);
            }
            if self.progress_is_worth_telling() {
                tell(TransitionKind::Progressed);
            }
        }
        self.forget_trouble();
        findings.unknown_status = self.first_sight_of_unknown(status).filter(|_| self.end.is_none());
        findings
    }

    /// Takes the failure of a poll that began at `began`. Returns how long to wait for the next one; lasting trouble is
    /// found by [`Tracker::alarm`]. There is no good answer from the start of a poll on, not only from its failure.
    pub(super) fn fail(
        &mut self,
        failure: &Failure,
        began: Instant,
        now: Instant,
        cadence: &Cadence,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        self.last_error = Some(failure.message.clone());
        self.failed_at = Some(now);
        self.last_was_not_found = failure.class == FailureClass::NotFound;
        if self.trouble() == Trouble::Missing {
            // An answer, if not a good one: the API works. So this is no streak of it being out of reach, and the job
            // is polled by the cadence, for it may appear at any moment.
            self.missing.extend(now);
            self.unreachable.since = None;
            self.failures = 0;
            if self.missing.told {
                return cadence.slowest();
            }
            let missing_for = now.since(self.missing.since.unwrap_or(now));
            return cadence.interval(missing_for, None, rng);
        }
        self.unreachable.extend(began);
        self.failures = self.failures.saturating_add(1);
        if self.trouble() == Trouble::Lost && self.unreachable.told {
            return cadence.slowest();
        }
        Backoff::POLL.delay(self.failures, Duration::ZERO, rng)
    }

    /// Finds what time alone brings about: lasting trouble and a passed deadline. Trouble is not judged while
    /// `in_flight`, because the answer may end it.
    pub(super) fn alarm(&mut self, at: Now, in_flight: bool) -> Vec<Draft> {
        let now = at.instant;
        let mut drafts = Vec::new();
        if !in_flight
            && self.follows_index()
            && self.trouble() != Trouble::Unreachable
            && self.trouble_at().is_some_and(|at| at <= now)
        {
            let (state, reason) = (self.index.state.clone(), self.last_error.clone());
            drafts.push(self.decide(false, state, reason, at));
        }
        let mut tell = |kind, reason| {
            drafts.push(Draft { kind, previous_status: self.status.clone(), reason });
        };
        if self.overdue_at().is_some_and(|at| at <= now) {
            self.overdue_told = self.settings.deadline;
            tell(TransitionKind::Overdue, None);
        }
        if !in_flight && self.trouble_at().is_some_and(|at| at <= now) {
            let (kind, streak) = match self.trouble() {
                Trouble::Missing => (TransitionKind::NotFound, &mut self.missing),
                Trouble::Lost => (TransitionKind::NotFound, &mut self.unreachable),
                Trouble::Unreachable => (TransitionKind::Unreachable, &mut self.unreachable),
            };
            streak.told = true;
            tell(kind, self.last_error.clone());
        }
        drafts
    }

    /// When [`Tracker::alarm`] next has something to find.
    pub(super) fn alarm_at(&self, in_flight: bool) -> Option<Instant> {
        let trouble = if in_flight { None } else { self.trouble_at() };
        earliest([trouble, self.overdue_at()])
    }

    /// When lasting trouble is told, if nothing good comes before.
    pub(super) fn trouble_at(&self) -> Option<Instant> {
        match self.trouble() {
            _ if self.has_ended() => None,
            Trouble::Missing => self.missing.due(self.watch.not_found_grace),
            Trouble::Lost | Trouble::Unreachable => self.unreachable.due(self.watch.unreachable_after),
        }
    }

    fn trouble(&self) -> Trouble {
        let was_seen = if self.follows_index() { self.index.state.is_some() } else { self.status.is_some() };
        match (was_seen, self.last_was_not_found) {
            (false, true) => Trouble::Missing,
            (true, true) => Trouble::Lost,
            (_, false) => Trouble::Unreachable,
        }
    }

    fn overdue_at(&self) -> Option<Instant> {
        let is_news = |deadline: &Duration| self.overdue_told.is_none_or(|told| *deadline > told);
        let deadline = self.settings.deadline.filter(is_news).filter(|_| !self.has_ended())?;
        Some(self.watched_since.instant + deadline.saturating_sub(self.head_start.unwrap_or_default()))
    }

    /// No poll can be made from `at` on, because the server asked to be left alone: without a good answer from then on,
    /// the job is in trouble like one whose poll failed.
    pub(super) fn starve(&mut self, at: Instant, reason: &str) {
        self.unreachable.extend(at);
        self.last_error = Some(reason.to_owned());
        self.last_was_not_found = false;
    }

    /// Trouble up to now does not count: the project's key was refused, which says nothing about the job.
    pub(super) fn excuse_trouble(&mut self) {
        self.failures = 0;
        self.missing.since = None;
        self.unreachable.since = None;
    }

    /// The time in which nobody could watch is no part of any trouble.
    pub(super) fn excuse(&mut self, time: Duration) {
        for streak in [&mut self.missing, &mut self.unreachable] {
            streak.since = streak.since.map(|since| since + time);
        }
    }

    /// The time until the next poll after a good answer.
    pub(super) fn next_interval(&self, now: Instant, cadence: &Cadence, rng: &mut fastrand::Rng) -> Duration {
        let (_, age, projection) = self.pace(now);
        cadence.interval(age, projection, rng)
    }

    /// By what the interval after a good answer is measured: since when, for how long, and what progress promises.
    fn pace(&self, now: Instant) -> (Since, Duration, Option<Projection>) {
        match self.end {
            // Another wait, with a start of its own.
            Some(end) => (Since::Completion, now.since(end.observed_at.instant), None),
            None => (Since::Start, self.age(now), self.progress.projection(now)),
        }
    }

    /// The rule by which the next poll is due, see [`Tracker::fail`] and [`Tracker::next_interval`].
    pub(super) fn rule(&self, cadence: &Cadence, now: Instant) -> Rule {
        let timed = |since, age: Duration, projection: Option<Projection>| Rule::Cadence {
            since,
            age_seconds: age.as_secs_f64(),
            interval_seconds: cadence.usual(age, projection).as_secs_f64(),
            min_seconds: cadence.fastest().as_secs_f64(),
            max_seconds: cadence.slowest().as_secs_f64(),
            projected_seconds: projection.map(|projection| projection.remaining.as_secs_f64()),
        };
        let slow = Rule::Slow { interval_seconds: cadence.slowest().as_secs_f64() };
        match (self.trouble(), self.answered_at) {
            (Trouble::Missing, _) if self.missing.told => slow,
            (Trouble::Lost, _) if self.unreachable.told => slow,
            (Trouble::Missing, _) => {
                let since = self.missing.since.unwrap_or(now);
                timed(Since::FirstNotFound, self.failed_at.unwrap_or(now).since(since), None)
            }
            _ if self.failures > 0 => Rule::Backoff {
                failures: self.failures,
                ceiling_seconds: Backoff::POLL.ceiling(self.failures).as_secs_f64(),
            },
            // Its index was never asked for.
            (_, Some(at)) if self.end.is_some_and(|end| end.observed_at.instant == at) => Rule::First,
            (_, Some(at)) => {
                let (since, age, projection) = self.pace(at);
                timed(since, age, projection)
            }
            (_, None) => Rule::First,
        }
    }

    /// The age of the job; before its start is known, the time it is watched.
    pub fn age(&self, now: Instant) -> Duration {
        now.since(self.watched_since.instant).saturating_add(self.head_start.unwrap_or_default())
    }

    /// Makes a transition of a draft.
    pub(super) fn transition(
        &self,
        draft: Draft,
        project: &ProjectName,
        id: TransitionId,
        now: Now,
    ) -> Transition {
        let of_index = draft.kind.is_of_index();
        let status = if of_index { &self.index.state } else { &self.status };
        // That it completed is told with the time that it took, and what comes after with that of the whole.
        let elapsed = if draft.kind.is_terminal() && !of_index { self.took(now) } else { self.elapsed(now) };
        let detection_delay = self.detection_delay(now).filter(|_| !of_index);
        Transition {
            id,
            kind: draft.kind,
            timestamp: now.wall,
            project: project.clone(),
            job: Some(self.job()),
            previous_status: draft.previous_status,
            status: status.clone(),
            elapsed_seconds: Some(elapsed.as_secs_f64()),
            detection_delay_seconds: detection_delay.map(|delay| delay.as_secs_f64()),
            reason: draft.reason,
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
            Some(verdict) if self.is_in_second_half() => self.age(verdict.observed_at.instant),
            None if self.is_in_second_half() => self.age(now.instant),
            _ => self.took(now),
        }
    }

    /// How long the job itself took, or has been taking.
    fn took(&self, now: Now) -> Duration {
        match (self.end, self.facts.created_at, self.facts.completed_at) {
            (Some(_), Some(created_at), Some(completed_at)) => wall_between(created_at, completed_at),
            (Some(end), _, _) => self.age(end.observed_at.instant),
            (None, _, _) => self.age(now.instant),
        }
    }

    /// How long after its end the end was observed, where both are known.
    pub fn detection_delay(&self, now: Now) -> Option<Duration> {
        let observed_at = self.end.map_or(now, |end| end.observed_at).wall;
        self.facts.completed_at.map(|completed_at| wall_between(completed_at, observed_at))
    }

    /// How the job stands.
    pub fn standing(&self) -> Standing {
        match (self.end, self.index.verdict) {
            (Some(_), Some(verdict)) if self.is_in_second_half() => {
                if verdict.is_ready {
                    Standing::Ready
                } else {
                    Standing::NotReady
                }
            }
            (Some(end), _) if !self.is_in_second_half() => Standing::Ended(end.how),
            _ if self.missing.told => Standing::Missing,
            _ if self.unreachable.told && self.trouble() == Trouble::Lost => Standing::Missing,
            _ if self.unreachable.told => Standing::Unreachable,
            _ => Standing::Open,
        }
    }

    /// Whether nothing further can become of it: the API ended the job, and its index is not followed, or no longer.
    pub fn has_ended(&self) -> bool {
        self.end.is_some() && !self.follows_index()
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

    /// Whether it said that there is no such thing.
    pub fn last_was_not_found(&self) -> bool {
        self.last_was_not_found
    }

    fn merge(&mut self, facts: JobFacts, now: Now) {
        let known = &mut self.facts;
        known.backup_id = facts.backup_id.or_else(|| known.backup_id.take());
        known.target_index_name = facts.target_index_name.or_else(|| known.target_index_name.take());
        known.target_index_id = facts.target_index_id.or_else(|| known.target_index_id.take());
        known.created_at = facts.created_at.or(known.created_at);
        known.completed_at = facts.completed_at;
        known.percent_complete = facts.percent_complete;
        if let Some(created_at) = known.created_at {
            let watched = now.instant.since(self.watched_since.instant);
            self.head_start.get_or_insert(wall_between(created_at, now.wall).saturating_sub(watched));
        }
        let age = self.age(now.instant);
        if let Some(percent) = self.facts.intermediate_progress() {
            self.progress.read(percent, age, now.instant);
        }
    }

    fn progress_is_worth_telling(&mut self) -> bool {
        let moved = self.facts.percent_complete.is_some_and(|now| now >= self.progress_told + PROGRESS_STEP);
        if moved {
            self.progress_told = self.facts.percent_complete.unwrap_or(self.progress_told);
        }
        moved
    }

    fn forget_trouble(&mut self) {
        self.missing = Streak::default();
        self.unreachable = Streak::default();
        self.failures = 0;
        self.last_error = None;
        self.last_was_not_found = false;
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

/// How a job with this status and these facts ended, if it ended.
fn end_of(status: &Status, facts: &JobFacts) -> Option<Ending> {
    match status {
        Status::Completed => Some(Ending::Completed),
        Status::Failed => Some(Ending::Failed),
        Status::Cancelled => Some(Ending::Cancelled),
        Status::Other(_) => facts.completed_at.map(|_| Ending::Unrecognised),
        Status::Pending => None,
    }
}
