//! The jobs of one project: which is polled next, and whether the API accepts the key.
//!
//! Invariant: a job that has not ended is either in flight, in the queue or polled by somebody else; the one that is the
//! most overdue in its own intervals is polled first, so none starves; nothing is polled before the allowance lets it through or while the server asked to be left alone.

mod change;
mod discover;
mod explain;
mod follow;
mod history;
mod limit;
mod list;
mod memory;
mod overdue;
mod page;
mod queue;
mod setup;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::access::{Access, Refusal};
use super::allowance::Allowance;
use super::cadence::Cadence;
use super::event::{Answer, Failure, FailureClass};
use super::experience::Experience;
use super::memory::Added;
use super::misconfiguration::Misconfiguration;
use super::slow::SlowLimit;
use super::time::{Instant, Now, ServerClock};
use super::tracker::{Draft, Findings, Tracker};
use crate::config::WatchSettings;
use crate::model::{JobId, ProjectName};

use discover::Finder;
use follow::Followed;
use limit::Throttle;
use list::List;

pub use change::Forgotten;
pub(super) use page::PageNews;
pub use view::{JobView, ProjectView};

/// How long a first refusal is left alone at least before it is confirmed, unless jobs are polled more often.
const CONFIRM_AFTER: Duration = Duration::from_secs(1);

/// How many times as long as one of the API a refusal without a body of the API counts as trouble that passes.
const BLOCKED: u32 = 12;

/// One project.
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: ProjectName,
    cadence: Cadence,
    /// How long its restores took in the past.
    experience: Experience,
    /// From when on one is slow, by that and by the settings.
    slow: Option<SlowLimit>,
    watch: WatchSettings,
    allowance: Allowance,
    /// Whether it was said that its server takes less than is configured.
    is_cut_told: bool,
    access: Access,
    misconfiguration: Misconfiguration,
    /// What time it is at its server.
    server: ServerClock,
    /// No poll before this time.
    held_until: Instant,
    /// How often in a row the server limited the project, and when it last did. What it says to polls that were under
    /// way by then is no further time, and ends no row.
    throttles: u32,
    last_throttle: Option<Instant>,
    /// Until when it is left alone for that, and what the server said.
    throttled: Option<Throttle>,
    /// The jobs that were not polled since, and have or had no trouble but that.
    starved: BTreeSet<JobId>,
    /// Since when somebody has it paused: nothing is asked, and nothing is made of the silence.
    paused_since: Option<Now>,
    /// Without any answer that makes sense since then.
    silent_since: Option<Instant>,
    /// Nothing kept its polls from being made since then, but that its server is to be left alone.
    free_since: Instant,
    /// Refusals of polls that began before then say nothing about the key that is used now.
    key_since: Option<Instant>,
    /// Set once somebody asked for a last look: polls begun earlier do not count.
    last_look: Option<Instant>,
    /// Boxed, because a map that takes them in order stays half empty.
    jobs: BTreeMap<JobId, Box<Job>>,
    /// The jobs that wait for their next poll, by when it is due, and with the time that they were to wait.
    queue: BTreeMap<(Instant, JobId), Duration>,
    /// Those of them that are polled before all others.
    urgent: BTreeSet<(Instant, JobId)>,
    alarms: BTreeSet<(Instant, JobId)>,
    in_flight: usize,
    /// The jobs that somebody else polls.
    followed: BTreeMap<JobId, Followed>,
    list: List,
    /// What the last page failed with, and whether it was said that none can be had.
    list_error: Option<String>,
    is_list_lost: bool,
    /// What is to be found in the list, if anything.
    finder: Option<Finder>,
    /// Whether a good answer said that some job runs.
    has_seen_one_run: bool,
    /// When the latest record that it goes on from was written, if that is later than the clock of now.
    written_ahead: Option<Timestamp>,
    /// The jobs of which something changed that is not yet made safe, and whether that is so of the project itself.
    changed: BTreeSet<JobId>,
    is_changed: bool,
}

/// One job and its place in the schedule.
#[derive(Debug)]
struct Job {
    tracker: Tracker,
    /// Whether the configuration names it, and what somebody who added it said of it.
    listed: bool,
    added: Option<Added>,
    polls: u64,
    due: Option<Instant>,
    /// How long it was to wait when that was decided; 0 where it is to be polled before all others.
    pace: Duration,
    /// When its description last was answered well, as far as this process knows.
    described_at: Option<Instant>,
    /// The page of the list on which it was seen last.
    page: Option<usize>,
    alarm: Option<Instant>,
    /// Until when the server asked that it be left alone.
    asked_until: Option<Instant>,
    /// The poll under way.
    polling: Option<Polling>,
}

/// A poll under way.
#[derive(Debug, Clone, Copy)]
struct Polling {
    since: Instant,
    generation: u64,
}

/// What to ask for next.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    /// This job.
    Job(JobId),
    /// A page of the list; of so many, where it is the first.
    Page { of: usize },
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// This job, or its index.
    Job(JobId),
    /// The first page of the list, or the one that this token leads to.
    Page(Option<String>),
}

/// What a failed or good poll says about the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProjectNews {
    /// The key is refused, for this reason.
    Unauthorized(String),
    /// The key is accepted again.
    Recovered,
}

impl Project {
    /// What time alone brought about, per job.
    pub(super) fn take_alarms(&mut self, now: Now) -> Vec<(JobId, Vec<Draft>)> {
        let mut found = Vec::new();
        while self.is_listening() && self.alarms.first().is_some_and(|(at, _)| *at <= now.instant) {
            let Some((_, id)) = self.alarms.first().cloned() else { break };
            let is_followed = self.followed.contains_key(&id);
            if self.doubt(&id, now.instant) {
                continue;
            }
            let Some(job) = self.jobs.get_mut(&id) else { break };
            let in_flight = is_followed || job.polling.is_some();
            found.push((id.clone(), job.tracker.alarm(now, in_flight)));
            let due = job.due.filter(|_| !job.tracker.has_ended());
            self.changed.insert(id.clone());
            self.schedule(&id, due);
            self.see_whether_all_ended(&id, now.instant);
        }
        found
    }

    /// Takes the end of a poll. Returns when it began; nothing for an answer that comes too late to count.
    pub(super) fn finish_poll(&mut self, id: &JobId, generation: u64) -> Option<Instant> {
        let job = self.jobs.get_mut(id)?;
        let polling = job.polling.take_if(|polling| polling.generation == generation)?;
        self.in_flight -= 1;
        self.changed.insert(id.clone());
        Some(polling.since)
    }

    /// Takes a good answer.
    pub(super) fn observe(
        &mut self,
        id: &JobId,
        began: Instant,
        answer: Answer,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> (Findings, Option<ProjectNews>) {
        self.silent_since = None;
        self.misconfiguration.end();
        self.starved.remove(id);
        self.take_well(began, now.instant);
        let news = self.accept(now.instant);
        let Some(job) = self.jobs.get_mut(id) else { return (Findings::default(), news) };
        let asked_for_index = job.tracker.followed_index().is_some();
        job.described_at = Some(now.instant);
        let mut findings = job.tracker.observe(answer, now, self.server);
        findings.drafts.extend(job.tracker.slow(now.instant, self.slow.as_ref()));
        self.has_seen_one_run |= job.tracker.is_running();
        if let Some((from, to)) = job.tracker.lasted() {
            self.learn(from, to);
        }
        let Some(job) = self.jobs.get_mut(id) else { return (findings, news) };
        if !asked_for_index && job.tracker.followed_index().is_some() {
            // The index is looked at as soon as it matters, also by those who look for the last time.
            self.schedule_by(id, Some(now.instant), Duration::ZERO);
            return (findings, news);
        }
        let interval = job.tracker.next_interval(now.instant, &self.cadence, &self.experience, rng);
        let due =
            (!job.tracker.has_ended()).then(|| job.due_after(interval, self.slow.as_ref(), now.instant));
        self.schedule_after(id, began, due, now.instant);
        self.see_whether_all_ended(id, now.instant);
        (findings, news)
    }

    /// A restore of the project ran from then to then.
    fn learn(&mut self, from: Timestamp, to: Timestamp) {
        if self.experience.learn(from, to) {
            self.is_changed = true;
            self.slow = SlowLimit::find(self.watch.slow_after, &self.experience);
        }
    }

    /// Takes a failed poll.
    pub(super) fn fail(
        &mut self,
        id: &JobId,
        began: Instant,
        failure: &Failure,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> (Vec<Draft>, Option<ProjectNews>) {
        let pause = failure.pause(now);
        let mut drafts = Vec::new();
        let clocks = now;
        let now = now.instant;
        self.judge_setup(began, failure, now);
        self.silent_since = match failure.class {
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Blocked => self.silent_since.or(Some(now)),
            FailureClass::Refused | FailureClass::NotFound | FailureClass::Permanent | FailureClass::Gone => {
                None
            }
        };
        let news = match failure.class {
            class if class.is_refusal() && self.key_since.is_some_and(|since| began < since) => None,
            // Says nothing about the key until the job is refused, too.
            class if class.is_refusal() && self.is_of_index(id) && !self.access.is_refused() => {
                drafts.extend(self.refuse_index(id, failure, now));
                None
            }
            FailureClass::Refused | FailureClass::Blocked => self.refuse(began, failure, now),
            // The API looked the job up, so it took the key.
            FailureClass::NotFound => self.accept(now),
            FailureClass::Throttled
            | FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Permanent
            | FailureClass::Gone => {
                self.shrug(now);
                None
            }
        };
        let was_starved = self.starved.remove(id);
        match failure.class {
            FailureClass::Throttled => self.throttle(began, pause, &failure.message, now, rng),
            FailureClass::NotFound => self.take_well(began, now),
            // It says nothing about what the server takes.
            FailureClass::Transient
            | FailureClass::Misconfigured
            | FailureClass::Refused
            | FailureClass::Blocked
            | FailureClass::Permanent
            | FailureClass::Gone => self.allowance.failed(now),
        }
        let Some(job) = self.jobs.get_mut(id) else { return (Vec::new(), news) };
        let asked = !pause.is_zero() && failure.class != FailureClass::Throttled;
        job.asked_until = asked.then(|| now + pause);
        if failure.class == FailureClass::Throttled && (was_starved || job.tracker.last_error().is_none()) {
            self.starved.insert(id.clone());
        }
        let delay = job.tracker.fail(failure, began, now, &self.cadence, &self.experience, rng);
        if self.access.is_accepted() && self.paused_since.is_none() {
            drafts.extend(job.tracker.alarm(clocks, false));
        }
        // The verdict on lasting trouble rests on a fresh answer where one can be had.
        let verdict = job.tracker.trouble_at().unwrap_or(now + delay);
        let mut due = (now + delay).min(verdict).max(now + pause);
        if self.access.is_suspected() {
            // Another job is polled first, if there is one; else this one, as soon as that can confirm the refusal.
            let alone = self.queue.is_empty();
            due = if alone { self.held_until } else { due.max(self.held_until + CONFIRM_AFTER) };
            due = due.max(now + pause);
        }
        let due = (!job.tracker.has_ended()).then_some(due);
        if job.tracker.is_doubted() && self.last_look.is_some() {
            // The last look goes on until it is clear what is refused.
            self.schedule(id, Some(now));
        } else {
            self.schedule_after(id, began, due, now);
        }
        self.see_whether_all_ended(id, now);
        (drafts, news)
    }

    /// Whether it is the index of this job that is asked for.
    fn is_of_index(&self, id: &JobId) -> bool {
        self.tracker(id).is_some_and(|tracker| tracker.followed_index().is_some())
    }

    fn refuse_index(&mut self, id: &JobId, failure: &Failure, now: Instant) -> Option<Draft> {
        // A last look has no time to lose.
        let apart = self.refusals_apart(failure.class).filter(|_| self.last_look.is_none());
        self.jobs.get_mut(id)?.tracker.refuse_index(&failure.message, apart.unwrap_or_default(), now)
    }

    /// How far apart two refusals are at least, of which the second is of this class, so that the key counts as refused.
    fn refusals_apart(&self, class: FailureClass) -> Option<Duration> {
        let grace = self.watch.unauthorized_grace;
        match class {
            FailureClass::Refused => Some(grace),
            FailureClass::Blocked => Some(grace.saturating_mul(BLOCKED)),
            _ => None,
        }
    }

    /// Takes a refusal of the key by a poll that began at `began`.
    fn refuse(&mut self, began: Instant, failure: &Failure, now: Instant) -> Option<ProjectNews> {
        let (reason, apart) = (&failure.message, self.refusals_apart(failure.class).unwrap_or_default());
        let refusal = self.access.refuse(began, apart, reason, now);
        match refusal {
            Refusal::First | Refusal::Early => self.confirm_soon(now),
            Refusal::Same => {}
            Refusal::Confirmed | Refusal::Again => self.hold_until(now + self.cadence.slowest()),
        }
        self.is_changed |= refusal == Refusal::Confirmed;
        (refusal == Refusal::Confirmed).then(|| ProjectNews::Unauthorized(reason.to_owned()))
    }

    /// Has the key tried again soon; by another job, if there is one, because that tells a refused key from a job that
    /// alone is refused.
    fn confirm_soon(&mut self, now: Instant) {
        let again = now + self.watch.unauthorized_grace.max(self.cadence.fastest().min(CONFIRM_AFTER));
        self.hold_until(again);
        if let Some((due, other)) = self.first() {
            self.schedule(&other, Some(due.min(again)));
        }
    }

    /// Where this job has ended and no other goes on, whoever looks for jobs looks whether that is so.
    fn see_whether_all_ended(&mut self, id: &JobId, now: Instant) {
        let has_ended = self.tracker(id).is_none_or(Tracker::has_ended);
        if has_ended
            && self.open() == 0
            && let Some(finder) = &mut self.finder
        {
            finder.all_ended(now);
        }
    }

    /// Takes an answer that shows that the key is accepted. Where it was refused, every job is looked at again.
    fn accept(&mut self, now: Instant) -> Option<ProjectNews> {
        if !self.access.accept() {
            return None;
        }
        self.held_until = now;
        self.free_since = now;
        self.is_changed = true;
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.retry_now(&id, now);
        }
        Some(ProjectNews::Recovered)
    }

    /// Takes a failure that says nothing about the key.
    fn shrug(&mut self, now: Instant) {
        self.access.interrupt();
        if self.access.is_refused() {
            self.hold_until(now + self.cadence.slowest());
        }
    }

    fn hold_until(&mut self, at: Instant) {
        self.held_until = self.held_until.max(at);
    }

    /// Makes a job due that waits in the queue, and forgets the troubles it had.
    fn retry_now(&mut self, id: &JobId, now: Instant) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.tracker.excuse_trouble();
        self.changed.insert(id.clone());
        let due = job.due.map(|due| due.min(now));
        self.schedule(id, due);
    }

    /// Makes each job that has not ended due at once, for the last time.
    pub(super) fn look_once_more(&mut self, now: Instant) {
        self.last_look = Some(now);
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            let due = self.jobs.get(&id).and_then(|job| job.due);
            if due.is_some() {
                self.schedule_by(&id, Some(now), Duration::ZERO);
            }
        }
    }

    /// Ends all polling. Polls under way are answered in vain.
    pub(super) fn stop(&mut self) {
        self.queue.clear();
        self.urgent.clear();
        self.list.stop();
        self.alarms.clear();
        self.in_flight = 0;
        for job in self.jobs.values_mut() {
            job.due = None;
            job.alarm = None;
            job.polling = None;
        }
    }

    pub(super) fn tracker(&self, id: &JobId) -> Option<&Tracker> {
        self.jobs.get(id).map(|job| &job.tracker)
    }
}
