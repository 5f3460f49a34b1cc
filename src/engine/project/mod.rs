//! One project: its parts, and the order in which an input passes them.
//!
//! Each part has its own state and invariant: [`JobTable`], [`Schedule`], [`RequestGate`],
//! [`KeyState`], [`Discovery`] and [`Durations`]. This module holds them together.
//!
//! Invariant: a job that has not ended is in flight, in the queue, or covered by scans of the list,
//! and what is the most urgent is asked for first; no request is made before the gate opens.

mod answers;
mod change;
mod coverage;
mod discovery;
mod durations;
mod explain;
mod gate;
mod jobs;
mod key;
mod list_policy;
mod names;
mod overdue;
mod pages;
mod polling;
mod retention;
mod rows;
mod schedule;
mod snapshot;
mod starts;
mod tally;
mod throttling;
mod view;

use std::time::Duration;

use jiff::Timestamp;

use super::cadence::Cadence;
use super::tracker::{Pacing, Tracker};
use crate::config::WatchSettings;
use crate::model::time::{Instant, ServerClock};
use crate::model::{EndedRestore, JobId, ProjectName};

use discovery::Discovery;
use durations::Durations;
use gate::RequestGate;
use jobs::{Job, JobTable};
use key::KeyState;
use schedule::{Due, Schedule};

pub(super) use change::Forgotten;
pub use view::{JobView, ProjectView};

#[derive(Debug)]
pub(super) struct Project {
    pub(super) name: ProjectName,
    cadence: Cadence,
    watch: WatchSettings,
    jobs: JobTable,
    schedule: Schedule,
    gate: RequestGate,
    key: KeyState,
    discovery: Discovery,
    durations: Durations,
    server: ServerClock,
    /// When a covered job was last described to check the list.
    audited_at: Instant,
    /// Start of the current period without any usable answer.
    unanswered_since: Option<Instant>,
    /// When the latest record that it continues from was written, if that is later than the clock
    /// of now.
    written_ahead: Option<Timestamp>,
    /// Restores that left and ended so without an event, for the history.
    ends: Vec<EndedRestore>,
    /// Whether a record of the project is to be written, whatever its parts say.
    is_dirty: bool,
}

/// What is asked of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// A job, or its index.
    Job(JobId),
    /// The first page of the list, or the one that this token leads to.
    Page(Option<String>),
}

impl Project {
    pub(super) fn tracker(&self, id: &JobId) -> Option<&Tracker> {
        self.jobs.get(id).map(|job| &job.tracker)
    }

    /// By what the jobs are paced.
    fn pacing(&self) -> Pacing<'_> {
        Pacing { cadence: &self.cadence, history: self.durations.history() }
    }

    /// Moves a job in the schedule. The time that it was to wait stays.
    fn reschedule(&mut self, id: &JobId, at: Option<Instant>) {
        let pace = self.jobs.get(id).map(|job| job.volatile.place.pace()).unwrap_or_default();
        self.schedule(id, Due { at, pace });
    }

    /// Schedules a job before all others.
    fn schedule_urgently(&mut self, id: &JobId, at: Instant) {
        self.schedule(id, Due { at: Some(at), pace: Duration::ZERO });
    }

    /// Moves a job in the schedule, together with its alarm.
    fn schedule(&mut self, id: &JobId, due: Due) {
        let Some((tracker, volatile)) = self.jobs.volatile_mut(id) else { return };
        let alarm = tracker.alarm_at(volatile.place.is_polling());
        let rows = volatile.rows(tracker);
        self.schedule.put(id, &mut volatile.place, due, rows, alarm);
    }

    /// Makes a job due that waits in the queue, and forgets the trouble it had.
    fn retry_now(&mut self, id: &JobId, now: Instant) {
        let Some(job) = self.jobs.get_mut(id) else { return };
        job.tracker.reset_streaks();
        let due = job.volatile.place.due().map(|due| due.min(now));
        self.reschedule(id, due);
    }

    /// If this job has ended and no other is open, a scan is to show whether that is so.
    fn check_all_ended(&mut self, id: &JobId, now: Instant) {
        let has_ended = self.tracker(id).is_none_or(Tracker::has_ended);
        if has_ended && self.open() == 0 {
            self.discovery.on_all_ended(now);
        }
    }
}
