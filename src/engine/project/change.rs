//! What people change about a project while it is watched.
//!
//! Invariant: a change takes nothing from what is known of a job, and none gives a project more requests than its rate.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::discovery::Finder;
use super::{Job, Project};
use crate::config::{JobSettings, ProjectSettings};
use crate::engine::cadence::Cadence;
use crate::engine::slow::SlowLimit;
use crate::engine::snapshot::{AddedJob, JobRecord};
use crate::engine::tracker::Tracker;
use crate::model::time::{Instant, Now, Recorded, wall_between};
use crate::model::{JobId, Until};

/// After a suspension, the jobs are looked at within this time, as far as the rate allows: machines that wake up
/// together do not ask together.
const WAKING: Duration = Duration::from_secs(10);

/// What became of a wish to watch a job no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Forgotten {
    /// It is watched no more, and nothing is kept of it.
    Gone,
    /// The configuration names it, so it is watched as before.
    Listed,
    /// It was not watched.
    Unknown,
}

impl Project {
    /// From now on, these settings hold. Jobs that they do not name are watched no more, unless somebody added them;
    /// returned is what is known of those. Jobs that they name come with [`Project::watch`].
    pub(in crate::engine) fn reconfigure(&mut self, settings: &ProjectSettings, now: Now) -> Vec<JobRecord> {
        match (&mut self.finder, &settings.discover) {
            (Some(finder), Some(discovery)) => {
                let time = self.server.time(now.instant).or(finder.listed_time(now.instant));
                finder.reconfigure(discovery, time, now);
            }
            (finder, discovery) => {
                self.is_changed |= finder.is_some() != discovery.is_some();
                *finder = discovery
                    .clone()
                    .map(|discovery| Finder::new(discovery, None, settings.watch.not_found_grace, now));
            }
        }
        self.cadence = Cadence::new(settings.cadence);
        self.watch = settings.watch;
        self.slow = SlowLimit::find(self.watch.slow_after, &self.duration_history);
        self.adaptive_rate.reconfigure(settings.api.requests_per_second, settings.api.burst, now.instant);
        // What is wrong may be what changed.
        self.misconfiguration.end();
        if self.access.is_refused() {
            self.try_the_key(now.instant);
        }
        let listed: BTreeSet<_> = settings.jobs.iter().map(|job| &job.id).collect();
        let unlisted: Vec<_> = self.jobs.keys().filter(|id| !listed.contains(id)).cloned().collect();
        let mut left = Vec::new();
        for id in unlisted {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            job.listed = false;
            let index = job.tracker.facts().target_index_name.as_deref();
            let is_found = self.finder.as_ref().is_some_and(|finder| finder.includes(index));
            if let Some(added) = job.added.clone().filter(|added| !added.discovered || is_found) {
                let settings = added.settings(id.clone());
                self.reconfigure_job(settings, now.instant);
            } else {
                left.extend(self.leave(&id, now));
            }
        }
        left
    }

    /// Tries a refused key at once, by one job: it may be another one now.
    fn try_the_key(&mut self, now: Instant) {
        self.key_since = Some(now);
        let throttled = self.throttled.as_ref().map_or(now, |throttle| throttle.until);
        self.held_until = now.max(throttled);
        if let Some((due, first)) = self.first() {
            self.schedule(&first, Some(due.min(now)));
        }
    }

    /// Watches a job that the configuration names. Where it was not watched before, `kept` is what is known of it.
    /// Returns whether that is so.
    pub(in crate::engine) fn watch_listed(
        &mut self,
        settings: &JobSettings,
        kept: Option<JobRecord>,
        now: Now,
    ) -> bool {
        let is_new = !self.jobs.contains_key(&settings.id);
        if is_new {
            self.insert(settings.clone(), kept, now);
        } else {
            self.reconfigure_job(settings.clone(), now.instant);
        }
        if let Some(job) = self.jobs.get_mut(&settings.id) {
            job.listed = true;
        }
        is_new
    }

    /// Watches a job that somebody added. What the configuration says of it wins over `settings`, and what they do not say
    /// stays as it was said before.
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
            Some(job) if job.listed => {}
            Some(_) => self.reconfigure_job(settings, now.instant),
            None => self.insert(settings, kept, now),
        }
        // Whoever asks for it by name means it, also where the job has completed meanwhile.
        if wants_index && self.jobs.get_mut(&id).is_some_and(|job| job.tracker.want_index()) {
            self.changed.insert(id.clone());
            self.schedule_by(&id, Some(now.instant), Duration::ZERO);
        }
        if let Some(job) = self.jobs.get_mut(&id)
            && job.added.as_ref() != Some(&added)
        {
            job.added = Some(added);
            self.changed.insert(id);
        }
    }

    /// Somebody named a job that was added, so it is theirs, whoever found it.
    pub(in crate::engine) fn name_added(&mut self, id: &JobId) {
        let added = self.jobs.get_mut(id).and_then(|job| job.added.as_mut());
        if let Some(added) = added.filter(|added| added.discovered) {
            added.discovered = false;
            self.changed.insert(id.clone());
        }
    }

    /// Watches a job that somebody added no more, unless the configuration names it.
    pub(in crate::engine) fn forget(&mut self, id: &JobId, now: Now) -> Forgotten {
        let Some(job) = self.jobs.get_mut(id) else { return Forgotten::Unknown };
        if job.listed {
            if job.added.take().is_some() {
                self.changed.insert(id.clone());
            }
            return Forgotten::Listed;
        }
        if let Some(finder) = &mut self.finder {
            finder.forget(id.clone(), now.instant);
            self.is_changed = true;
        }
        self.leave(id, now);
        Forgotten::Gone
    }

    /// Watches no job any more; returned is what is known of them.
    pub(in crate::engine) fn leave_all(&mut self, now: Now) -> Vec<JobRecord> {
        let ids: Vec<_> = self.jobs.keys().cloned().collect();
        ids.iter().filter_map(|id| self.leave(id, now)).collect()
    }

    /// What time it is at the server, as far as this process knows: its own clock goes before the times in its list.
    pub(in crate::engine) fn server_now(&self, now: Instant) -> Option<Timestamp> {
        self.server.time(now).or_else(|| self.finder.as_ref()?.listed_time(now))
    }

    /// The jobs that the configuration does not name and that ended so long ago, both by the clock of this machine and by
    /// that of the server: what is deleted on the word of one clock, the list would show as an event. An open job is never old;
    /// one that was found is deleted once the API has answered for so long that there is no such job. Where this project's
    /// server does not say the time, it is `time`.
    pub(in crate::engine) fn take_old(&mut self, keep: Duration, time: Timestamp, now: Now) -> Vec<JobId> {
        let server_now = self.server_now(now.instant);
        let is_known = server_now.is_some() || self.finder.is_none();
        let time = server_now.unwrap_or(time).min(now.wall);
        let is_long_ago = |at: Timestamp| wall_between(at, time) > keep;
        let is_old = |job: &Job| {
            let listed_at = job.tracker.facts().listed_at();
            let ended = job.tracker.ended_at().is_some_and(is_long_ago) && listed_at.is_none_or(is_long_ago);
            !job.listed && ((is_known && ended) || (job.is_found() && job.tracker.absent_for() > keep))
        };
        let old: Vec<_> = self.jobs.iter().filter(|(_, job)| is_old(job)).map(|(id, _)| id.clone()).collect();
        if let Some((finder, before)) = self.finder.as_mut().zip(time.checked_sub(keep).ok())
            && is_known
            && !old.is_empty()
        {
            finder.delete_before(before);
            self.is_changed = true;
        }
        for id in &old {
            self.leave(id, now);
        }
        old
    }

    /// The jobs that were found and ended well, beyond those for which there is room: those that ended first, by the times
    /// of the API. An end up to then is not emitted any more, so a complete scan decides: of what had ended before it began,
    /// all was emitted. One that did not end well is kept: an exit code rests on it.
    pub(in crate::engine) fn take_surplus(&mut self, now: Now) -> Vec<JobId> {
        let Some(finder) = &mut self.finder else { return Vec::new() };
        let max = finder.max_jobs();
        let Some(complete_since) = finder.take_complete_since() else { return Vec::new() };
        if self.jobs.len() <= max {
            return Vec::new();
        }
        let is_good = |job: &Job| job.tracker.has_ended() && self.view_of(job).outcome().is_success();
        let ended = self.jobs.iter().filter(|(_, job)| job.is_found() && is_good(job));
        let mut ended: Vec<_> =
            ended.map(|(id, job)| (job.tracker.facts().listed_at(), id.clone())).collect();
        if ended.len() <= max {
            return Vec::new();
        }
        ended.sort_unstable();
        // A tenth at a time, so that not each scan sorts them all.
        ended.truncate(ended.len() - max + max / 10);
        ended.retain(|(at, _)| at.is_none_or(|at| at < complete_since));
        if let (Some(last), Some(finder)) = (ended.iter().rev().find_map(|(at, _)| *at), &mut self.finder) {
            finder.delete_before(last.checked_add(Duration::from_nanos(1)).unwrap_or(last));
        }
        self.is_changed = true;
        let old: Vec<_> = ended.into_iter().map(|(_, id)| id).collect();
        for id in &old {
            self.leave(id, now);
        }
        old
    }

    /// Asks nothing until [`Project::resume`]. What is under way may still be answered. Returns whether that is new.
    pub(in crate::engine) fn pause(&mut self, now: Now) -> bool {
        let is_new = self.paused_since.is_none();
        self.paused_since.get_or_insert(now);
        self.is_changed |= is_new;
        is_new
    }

    /// Goes on after [`Project::pause`]: each job is looked at. Returns whether it was paused.
    pub(in crate::engine) fn resume(&mut self, now: Instant) -> bool {
        if self.paused_since.take().is_none() {
            return false;
        }
        self.is_changed = true;
        self.unanswered_since = None;
        self.free_since = now;
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            self.retry_now(&id, now);
        }
        true
    }

    /// Nothing could be done for so long: what was due meanwhile is done now, spread out. A poll that was under way counts
    /// from now: its limit may have passed while nothing ran.
    pub(in crate::engine) fn wake(&mut self, slept: Duration, now: Instant, rng: &mut fastrand::Rng) {
        let spread = WAKING.min(self.cadence.slowest());
        self.unanswered_since = self.unanswered_since.map(|since| since + slept);
        self.list.excuse(slept);
        self.free_since = now;
        for id in self.jobs.keys().cloned().collect::<Vec<_>>() {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            job.tracker.shift_by(slept);
            if let Some(polling) = &mut job.polling {
                polling.since = polling.since + slept;
            }
            let may_be = job.asked_until.unwrap_or(now);
            let due = job.due.map(|_| (now + spread.mul_f64(rng.f64())).max(may_be));
            self.schedule(&id, due);
        }
    }

    /// Watches a job that was not watched. One of which nothing is known is due at once.
    pub(super) fn insert(&mut self, settings: JobSettings, kept: Option<JobRecord>, now: Now) {
        let id = settings.id.clone();
        // What was written by a clock that was ahead is written again by this one.
        let written_ahead = kept.as_ref().map(|kept| kept.written_at).filter(|at| *at > now.wall);
        self.written_ahead = self.written_ahead.max(written_ahead);
        if kept.is_none() || written_ahead.is_some() {
            self.changed.insert(id.clone());
        }
        let added = kept.as_ref().and_then(|kept| kept.snapshot.added.clone());
        let (tracker, due) = match kept {
            Some(JobRecord { written_at, snapshot, .. }) => {
                let record = Recorded::new(written_at, now);
                let due = snapshot.next_poll.map_or(now.instant, |at| record.due(at));
                (Tracker::from_snapshot(settings, self.watch, snapshot, record), due)
            }
            None => (Tracker::new(settings, self.watch, now), now.instant),
        };
        // After a good answer, nothing but the cadence decides, which may be another one now.
        let latest = now.instant + self.cadence.slowest();
        let due = if tracker.last_error().is_none() { due.min(latest) } else { due };
        let due = (!tracker.has_ended()).then_some(due);
        let job = Job {
            tracker,
            listed: false,
            added,
            polls: 0,
            due: None,
            pace: Duration::ZERO,
            described_at: None,
            is_found_ended: false,
            page: None,
            alarm: None,
            asked_until: None,
            polling: None,
        };
        self.jobs.insert(id.clone(), Box::new(job));
        let pace = due.map(|due| due.since(now.instant)).unwrap_or_default();
        self.schedule_by(&id, due, pace.max(self.cadence.fastest()));
    }

    /// From now on, these settings hold for a job. It waits for its next poll no longer than they allow.
    fn reconfigure_job(&mut self, settings: JobSettings, now: Instant) {
        let id = settings.id.clone();
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let latest = now + self.cadence.slowest();
        let fine = job.tracker.last_error().is_none();
        let due = job.due.map(|due| if fine { due.min(latest) } else { due });
        let had_ended = job.tracker.has_ended();
        job.tracker.reconfigure(settings, self.watch);
        // Until when it is watched may have changed.
        let due = match (had_ended, job.tracker.has_ended()) {
            (true, false) => {
                // Nobody watched in between.
                job.tracker.reset_streaks();
                Some(now).filter(|_| job.polling.is_none())
            }
            (_, true) => None,
            (false, false) => due,
        };
        self.schedule(&id, due);
    }

    /// Watches a job no more. An answer to a poll that is under way comes too late.
    fn leave(&mut self, id: &JobId, now: Now) -> Option<JobRecord> {
        let record = self.record(id, now);
        self.schedule(id, None);
        let job = self.jobs.remove(id)?;
        if let Some(alarm) = job.alarm {
            self.alarms.remove(&(alarm, id.clone()));
        }
        self.in_flight -= usize::from(job.polling.is_some());
        self.changed.remove(id);
        self.starved.remove(id);
        record
    }
}

impl AddedJob {
    /// The settings of such a job.
    pub(in crate::engine) fn settings(self, id: JobId) -> JobSettings {
        JobSettings { id, name: self.name, deadline: self.deadline, until: self.until }
    }
}
