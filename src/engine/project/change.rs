//! Changes to what a project watches: settings, added and forgotten jobs, pauses and suspensions.
//!
//! Invariant: a change takes nothing from what is known of a job, and none gives a project more
//! requests than its rate permits.

use std::collections::BTreeSet;
use std::time::Duration;

use super::Project;
use super::jobs::{Job, Volatile};
use super::schedule::Due;
use crate::config::{JobSettings, ProjectSettings};
use crate::engine::cadence::Cadence;
use crate::engine::snapshot::{AddedJob, JobRecord};
use crate::engine::tracker::Tracker;
use crate::model::time::{Instant, Now, Recorded};
use crate::model::{JobId, Until};

/// After a suspension, the jobs are polled within this time, as far as the rate permits: machines
/// that wake up together do not ask together.
const SPREAD_AFTER_SUSPENSION: Duration = Duration::from_secs(10);

/// What came of a request to stop watching a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Forgotten {
    /// It is not watched any more, and nothing is kept of it.
    Gone,
    /// The configuration names it, so it is watched as before.
    Configured,
    /// It was not watched.
    Unknown,
}

impl Project {
    /// From now on, these settings hold. Jobs that they do not name are not watched any more,
    /// unless they were added; the records of those that leave are returned. Jobs that they name
    /// come with [`Project::watch_configured`].
    pub(in crate::engine) fn reconfigure(&mut self, settings: &ProjectSettings, now: Now) -> Vec<JobRecord> {
        let grace = settings.watch.not_found_grace;
        let time = self.server.time(now.instant);
        self.discovery.reconfigure(settings.discover.as_ref(), grace, time, now);
        self.cadence = Cadence::new(settings.cadence);
        self.watch = settings.watch;
        self.durations.reconfigure(self.watch.slow_after);
        self.gate.reconfigure(&settings.api, now.instant);
        self.key.reconfigure(&self.watch);
        if self.key.access().is_unauthorized() {
            self.try_key_now(now.instant);
        }
        let left = self.leave_unconfigured(settings, now);
        self.plan_scans(now.instant);
        left
    }

    /// Watches a job that the configuration names. If it was not watched before, `kept` is its
    /// record. Returns whether that is so.
    pub(in crate::engine) fn watch_configured(
        &mut self,
        settings: &JobSettings,
        kept: Option<JobRecord>,
        now: Now,
    ) -> bool {
        let is_new = !self.jobs.contains(&settings.id);
        if is_new {
            self.insert(settings.clone(), kept, now);
            self.discovery.policy().on_new_job();
        } else {
            self.reconfigure_job(settings.clone(), now.instant);
        }
        self.jobs.set_configured(&settings.id, true);
        is_new
    }

    /// Watches a job that was added. What the configuration says of it wins over `settings`, and
    /// what they do not say stays as it was said before.
    pub(in crate::engine) fn watch_added(
        &mut self,
        settings: JobSettings,
        kept: Option<JobRecord>,
        now: Now,
    ) {
        let id = settings.id.clone();
        let known =
            self.jobs.get(&id).map(|job| &job.added).or(kept.as_ref().map(|kept| &kept.snapshot.added));
        let before = known.cloned().flatten().unwrap_or_default();
        let added = AddedJob {
            name: settings.name.or(before.name),
            deadline: settings.deadline.or(before.deadline),
            until: settings.until.or(before.until),
            discovered: before.discovered,
        };
        let wants_index = settings.until == Some(Until::Ready);

        let settings = added.clone().settings(id.clone());
        match self.jobs.get(&id) {
            Some(job) if job.configured => {}
            Some(_) => self.reconfigure_job(settings, now.instant),
            None => {
                self.insert(settings, kept, now);
                self.discovery.policy().on_new_job();
            }
        }
        // A request by name is meant, also if the job has completed meanwhile.
        if wants_index && self.jobs.change(&id, |job| job.tracker.want_index()) {
            self.schedule_urgently(&id, now.instant);
        }
        self.jobs.change(&id, |job| {
            let is_changed = job.added.as_ref() != Some(&added);
            job.added = Some(added);
            is_changed
        });
    }

    /// A job was added by name: from now on, it does not matter that it was discovered.
    pub(in crate::engine) fn name_added(&mut self, id: &JobId) {
        self.jobs.change(id, |job| {
            let discovered = job.added.as_mut().filter(|added| added.discovered);
            discovered.map(|added| added.discovered = false).is_some()
        });
    }

    /// Stops watching a job that was added, unless the configuration names it.
    pub(in crate::engine) fn forget(&mut self, id: &JobId, now: Now) -> Forgotten {
        let Some(job) = self.jobs.get(id) else { return Forgotten::Unknown };
        if job.configured {
            self.jobs.change(id, |job| job.added.take().is_some());
            return Forgotten::Configured;
        }
        self.discovery.ignore(id, now.instant);
        self.leave(id, now);
        Forgotten::Gone
    }

    /// Stops watching all jobs. Returns their records.
    pub(in crate::engine) fn leave_all(&mut self, now: Now) -> Vec<JobRecord> {
        self.jobs.ids().iter().filter_map(|id| self.leave(id, now)).collect()
    }

    /// Asks nothing until [`Project::resume`]. What is under way may still be answered. Returns
    /// whether that is new.
    pub(in crate::engine) fn pause(&mut self, now: Now) -> bool {
        self.gate.pause(now)
    }

    /// Continues after [`Project::pause`]: each job is polled. Returns whether it was paused.
    pub(in crate::engine) fn resume(&mut self, now: Instant) -> bool {
        if !self.gate.resume(now) {
            return false;
        }
        self.unanswered_since = None;
        for id in self.jobs.ids() {
            self.retry_now(&id, now);
        }
        true
    }

    /// Nothing could be done for this time: what was due meanwhile is done now, spread out. A poll
    /// that was under way counts from now: its limit may have passed while nothing ran.
    pub(in crate::engine) fn wake(&mut self, slept: Duration, now: Instant, rng: &mut fastrand::Rng) {
        let spread = SPREAD_AFTER_SUSPENSION.min(self.cadence.slowest());
        self.unanswered_since = self.unanswered_since.map(|since| since + slept);
        self.discovery.shift_by(slept);
        self.gate.count_delays_from(now);
        self.jobs.shift_by(slept);
        self.schedule.coverage_mut().shift_by(slept);

        for id in self.jobs.ids() {
            let Some(job) = self.jobs.get(&id) else { continue };
            let earliest = job.volatile.asked_until.unwrap_or(now);
            let due = job.volatile.place.due();
            let due = due.map(|_| (now + spread.mul_f64(rng.f64())).max(earliest));
            self.reschedule(&id, due);
        }
    }

    /// Watches a job that was not watched. One of which nothing is known is due at once.
    pub(super) fn insert(&mut self, settings: JobSettings, kept: Option<JobRecord>, now: Now) {
        let id = settings.id.clone();
        // What was written by a clock that was ahead is written again by this one.
        let written_ahead = kept.as_ref().map(|kept| kept.written_at).filter(|at| *at > now.wall);
        self.written_ahead = self.written_ahead.max(written_ahead);
        let is_dirty = kept.is_none() || written_ahead.is_some();
        let added = kept.as_ref().and_then(|kept| kept.snapshot.added.clone());
        let awaited_index = kept.as_ref().is_some_and(|kept| kept.snapshot.awaits_index());
        let (tracker, due) = match kept {
            Some(JobRecord { written_at, snapshot, .. }) => {
                let record = Recorded::new(written_at, now);
                let due = snapshot.next_poll.map_or(now.instant, |at| record.due(at));
                (Tracker::from_snapshot(settings, self.watch, snapshot, record), due)
            }
            None => (Tracker::new(settings, self.watch, now), now.instant),
        };

        // After a good answer, the cadence alone decides, which may be another one now.
        let latest = now.instant + self.cadence.slowest();
        let due = if tracker.last_error().is_none() { due.min(latest) } else { due };
        let at = (!tracker.has_ended()).then_some(due);
        let job = Job { tracker, configured: false, added, volatile: Volatile::default() };
        let ends = awaited_index && job.tracker.has_ended();
        self.jobs.insert(id.clone(), job, is_dirty);
        if ends {
            self.jobs.end_silently(&id);
        }
        let pace = at.map(|at| at.since(now.instant)).unwrap_or_default();
        self.schedule(&id, Due { at, pace: pace.max(self.cadence.fastest()) });
    }

    /// Stops watching a job. An answer to a poll that is under way does not count.
    pub(super) fn leave(&mut self, id: &JobId, now: Now) -> Option<JobRecord> {
        let record = self.record(id, now);
        let mut job = self.jobs.remove(id)?;
        if job.tracker.awaits_index() || self.jobs.cancel_silent_end(id) {
            self.ends.extend(job.tracker.left(&self.name));
        }
        self.schedule.remove(id, &mut job.volatile.place);
        self.gate.clear_throttled(id);
        record
    }

    /// Tries an unauthorized key at once, by one job: it may be another one now.
    fn try_key_now(&mut self, now: Instant) {
        self.key.replace(now);
        self.gate.release(now);
        if let Some((due, first)) = self.schedule.first() {
            self.reschedule(&first, Some(due.min(now)));
        }
    }

    /// Stops watching the jobs that these settings do not name, unless they were added. Returns
    /// their records.
    fn leave_unconfigured(&mut self, settings: &ProjectSettings, now: Now) -> Vec<JobRecord> {
        let configured: BTreeSet<_> = settings.jobs.iter().map(|job| &job.id).collect();
        let mut left = Vec::new();

        for id in self.jobs.ids().into_iter().filter(|id| !configured.contains(id)) {
            self.jobs.set_configured(&id, false);
            let Some(job) = self.jobs.get(&id) else { continue };
            let index = job.tracker.facts().target_index_name.as_deref();
            let is_discovered = self.discovery.includes(index);
            if let Some(added) = job.added.clone().filter(|added| !added.discovered || is_discovered) {
                self.reconfigure_job(added.settings(id), now.instant);
            } else {
                left.extend(self.leave(&id, now));
            }
        }
        left
    }

    /// From now on, these settings hold for a job. It waits for its next poll no longer than they
    /// permit.
    fn reconfigure_job(&mut self, settings: JobSettings, now: Instant) {
        let id = settings.id.clone();
        let Some(job) = self.jobs.get(&id) else { return };
        let latest = now + self.cadence.slowest();
        let has_trouble = job.tracker.last_error().is_some();
        let due = job.volatile.place.due().map(|due| if has_trouble { due } else { due.min(latest) });
        let is_polling = job.volatile.place.is_polling();

        // Until when it is watched may have changed.
        let due = match self.jobs.reconfigure(&id, settings, self.watch) {
            Some((true, false)) => Some(now).filter(|_| !is_polling),
            Some((false, false)) => due,
            Some((_, true)) | None => None,
        };
        self.reschedule(&id, due);
    }
}

impl AddedJob {
    /// The settings of such a job.
    pub(in crate::engine) fn settings(self, id: JobId) -> JobSettings {
        JobSettings { id, name: self.name, deadline: self.deadline, until: self.until }
    }
}
