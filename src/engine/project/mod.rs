//! The jobs of one project: which is polled next, and whether the API accepts the key.
//!
//! Invariant: a job that has not ended is either in flight or in the queue; the one that is the most overdue in its own
//! intervals is polled first, so none starves; nothing is polled before the allowance lets it through or while the server
//! asked to be left alone.

mod answers;
mod change;
mod discovery;
mod explain;
mod history;
mod limit;
mod list;
mod overdue;
mod page;
mod queue;
mod setup;
mod snapshot;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::access::Access;
use super::adaptive_rate::AdaptiveRate;
use super::cadence::Cadence;
use super::duration_history::DurationHistory;
use super::misconfiguration::Misconfiguration;
use super::slow::SlowLimit;
use super::snapshot::AddedJob;
use super::tracker::{Draft, Tracker};
use crate::config::WatchSettings;
use crate::model::time::{Instant, Now, ServerClock};
use crate::model::{JobId, ProjectName};

use discovery::Finder;
use limit::Throttle;
use list::List;

pub(super) use change::Forgotten;
pub(super) use page::PageFindings;
pub use view::{JobView, ProjectView};

/// One project.
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: ProjectName,
    cadence: Cadence,
    /// How long its restores took in the past.
    duration_history: DurationHistory,
    /// From when on one is slow, by that and by the settings.
    slow: Option<SlowLimit>,
    watch: WatchSettings,
    adaptive_rate: AdaptiveRate,
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
    unanswered_since: Option<Instant>,
    /// Nothing kept its polls from being made since then, but that its server is to be left alone.
    free_since: Instant,
    /// Refusals of polls that began before then say nothing about the key that is used now.
    key_since: Option<Instant>,
    /// Set once somebody asked for a last look: polls begun earlier do not count.
    final_poll: Option<Instant>,
    /// Boxed, because a map that takes them in order stays half empty.
    jobs: BTreeMap<JobId, Box<Job>>,
    /// The jobs that wait for their next poll, by when it is due, and with the time that they were to wait.
    queue: BTreeMap<(Instant, JobId), Duration>,
    /// Those of them that are polled before all others.
    urgent: BTreeSet<(Instant, JobId)>,
    alarms: BTreeSet<(Instant, JobId)>,
    in_flight: usize,
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
    added: Option<AddedJob>,
    polls: u64,
    due: Option<Instant>,
    /// How long it was to wait when that was decided; 0 where it is to be polled before all others.
    pace: Duration,
    /// When its description last was answered well, as far as this process knows.
    described_at: Option<Instant>,
    /// Whether the row that it was found by said that it ended.
    is_found_ended: bool,
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
pub(super) enum ProjectEvent {
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
            let Some(job) = self.jobs.get_mut(&id) else { break };
            found.push((id.clone(), job.tracker.alarm(now, job.polling.is_some())));
            let due = job.due.filter(|_| !job.tracker.has_ended());
            self.changed.insert(id.clone());
            self.schedule(&id, due);
            self.see_whether_all_ended(&id, now.instant);
        }
        found
    }

    fn hold_until(&mut self, at: Instant) {
        self.held_until = self.held_until.max(at);
    }

    /// Makes a job due that waits in the queue, and forgets the troubles it had.
    fn retry_now(&mut self, id: &JobId, now: Instant) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.tracker.reset_streaks();
        self.changed.insert(id.clone());
        let due = job.due.map(|due| due.min(now));
        self.schedule(id, due);
    }

    /// Makes each job that has not ended due at once, for the last time.
    pub(super) fn request_final_poll(&mut self, now: Instant) {
        self.final_poll = Some(now);
        if self.access.is_suspected() {
            // A last look has no time to wait until the refusal can be confirmed.
            self.held_until = self.throttled.as_ref().map_or(now, |throttle| throttle.until.max(now));
        }
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
