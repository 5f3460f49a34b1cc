//! The jobs of a project, and which of them have changes to commit.
//!
//! Invariant: what a record keeps of a job changes only through this table, which marks the job as
//! dirty. The exceptions are methods of their own, and each says why no record is due. A tracker
//! changes only through this table, too, so that [`JobTable::recount`] knows which jobs to count
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::time::Duration;

use super::names::Names;
use super::schedule::Place;
use super::starts::Starts;
use super::tally::{Counted, Tally};
use crate::config::{JobSettings, WatchSettings};
use crate::engine::snapshot::AddedJob;
use crate::engine::tracker::Tracker;
use crate::model::JobId;
use crate::model::time::Instant;

/// The time of the last answer about a job is recorded again after this time, if the list says
/// nothing else that is new: scans repeat much sooner.
const REFRESHED_WITHIN: Duration = Duration::from_secs(30);

/// All jobs of a project, ended ones included.
#[derive(Debug, Default)]
pub(super) struct JobTable {
    /// Boxed, because a map that is filled in order stays half empty.
    jobs: BTreeMap<JobId, Box<Job>>,
    dirty: BTreeSet<JobId>,
    names: Names,
    tally: Tally,
    /// When the open restores of the tally began.
    open_starts: Starts,
    /// Jobs that may have changed since they were counted.
    uncounted: Vec<JobId>,
    /// Jobs that ended by a change of their settings, so that no event reports it.
    ended_silently: Vec<JobId>,
}

#[derive(Debug)]
pub(super) struct Job {
    pub(super) tracker: Tracker,
    /// Whether the configuration names it.
    pub(super) configured: bool,
    /// What was said of it when it was added while the daemon ran, or discovered.
    pub(super) added: Option<AddedJob>,
    pub(super) volatile: Volatile,
}

/// What no record of a job is written for. Only `place` is part of a record, as the time of the
/// next poll, and a restart that finds an earlier one just polls sooner.
#[derive(Debug, Default)]
pub(super) struct Volatile {
    pub(super) place: Place,
    pub(super) polls: u64,
    /// Until when the server asked that the job be left alone.
    pub(super) asked_until: Option<Instant>,
    /// When its description last was answered well, as far as this process knows.
    pub(super) described_at: Option<Instant>,
    /// When an answer last marked the job as dirty by its time alone.
    refreshed_at: Option<Instant>,
    /// Whether the row by which it was discovered said that it ended.
    pub(super) was_listed_as_ended: bool,
    /// What the tally of the project has of it.
    counted: Option<Counted>,
}

impl JobTable {
    pub(super) fn get(&self, id: &JobId) -> Option<&Job> {
        self.jobs.get(id).map(AsRef::as_ref)
    }

    pub(super) fn contains(&self, id: &JobId) -> bool {
        self.jobs.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn ids(&self) -> Vec<JobId> {
        self.jobs.keys().cloned().collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&JobId, &Job)> {
        self.jobs.iter().map(|(id, job)| (id, job.as_ref()))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().map(AsRef::as_ref)
    }

    /// The jobs whose ids are in a range.
    pub(super) fn range(&self, ids: (Bound<&JobId>, Bound<&JobId>)) -> impl Iterator<Item = (&JobId, &Job)> {
        self.jobs.range::<JobId, _>(ids).map(|(id, job)| (id, job.as_ref()))
    }

    /// The id of a job as the table has it, if it has the job.
    pub(super) fn entry(&self, id: &JobId) -> Option<&JobId> {
        self.jobs.get_key_value(id).map(|(id, _)| id)
    }

    /// The jobs of this name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &JobId> {
        self.names.of(name)
    }

    /// A job to change; it is marked as dirty.
    pub(super) fn get_mut(&mut self, id: &JobId) -> Option<&mut Job> {
        let job = self.jobs.get_mut(id)?;
        self.dirty.insert(id.clone());
        self.uncounted.push(id.clone());
        Some(job)
    }

    /// A job to change by an answer; it is marked as dirty. If all but the time of the answer
    /// `is_known`, it is only now and then: a restart then polls it sooner than was planned.
    pub(super) fn refresh(&mut self, id: &JobId, is_known: bool, now: Instant) -> Option<&mut Job> {
        let job = self.jobs.get_mut(id)?;
        let is_recorded = job.volatile.refreshed_at.is_some_and(|at| now.since(at) < REFRESHED_WITHIN);
        self.uncounted.push(id.clone());
        if !(is_known && is_recorded) {
            job.volatile.refreshed_at = Some(now);
            self.dirty.insert(id.clone());
        }
        Some(job)
    }

    /// Marks a job as dirty.
    pub(super) fn mark(&mut self, id: &JobId) {
        self.dirty.insert(id.clone());
    }

    /// Changes a job and marks it as dirty if `change` returns that it did. Returns the same.
    pub(super) fn change(&mut self, id: &JobId, change: impl FnOnce(&mut Job) -> bool) -> bool {
        let is_changed = self.jobs.get_mut(id).is_some_and(|job| change(job));
        if is_changed {
            self.dirty.insert(id.clone());
        }
        self.uncounted.push(id.clone());
        is_changed
    }

    /// A job's volatile part, to change.
    pub(super) fn volatile_mut(&mut self, id: &JobId) -> Option<(&Tracker, &mut Volatile)> {
        self.jobs.get_mut(id).map(|job| (&job.tracker, &mut job.volatile))
    }

    pub(super) fn all_volatile_mut(&mut self) -> impl Iterator<Item = &mut Volatile> {
        self.jobs.values_mut().map(|job| &mut job.volatile)
    }

    /// Adds a job, or replaces the one of this id.
    pub(super) fn insert(&mut self, id: JobId, job: Job, is_dirty: bool) {
        if is_dirty {
            self.dirty.insert(id.clone());
        }
        self.uncounted.push(id.clone());
        let replaced = self.jobs.remove(&id);
        self.leaves(&id, replaced.as_deref());
        self.names.add(job.tracker.settings().name.as_deref(), &id);
        self.jobs.insert(id, Box::new(job));
    }

    pub(super) fn remove(&mut self, id: &JobId) -> Option<Box<Job>> {
        self.dirty.remove(id);
        let removed = self.jobs.remove(id);
        self.leaves(id, removed.as_deref());
        removed
    }

    /// How many jobs are in which condition, as of the last [`JobTable::recount`].
    pub(super) fn tally(&self) -> Tally {
        debug_assert!(self.uncounted.is_empty(), "the tally is read before it is brought up to date");
        self.tally
    }

    /// When the oldest open restore began, as of the last [`JobTable::recount`].
    pub(super) fn oldest_open(&self) -> Option<Instant> {
        debug_assert!(self.uncounted.is_empty(), "the starts are read before they are brought up to date");
        self.open_starts.oldest()
    }

    /// Brings the tally up to date: counts the jobs that may have changed since the last time.
    pub(super) fn recount(&mut self) {
        for id in self.uncounted.drain(..) {
            let Some(job) = self.jobs.get_mut(&id) else { continue };
            let counted = Counted::of(job);
            let before = job.volatile.counted.replace(counted);
            if before == Some(counted) {
                continue;
            }
            if let Some(before) = before {
                self.tally -= before;
                self.open_starts.remove(before.open_since());
            }
            self.tally += counted;
            self.open_starts.add(counted.open_since());
        }
    }

    /// Takes a job that leaves out of the tally and of the names.
    fn leaves(&mut self, id: &JobId, job: Option<&Job>) {
        let Some(job) = job else { return };
        self.names.remove(job.tracker.settings().name.as_deref(), id);
        if let Some(counted) = job.volatile.counted {
            self.tally -= counted;
            self.open_starts.remove(counted.open_since());
        }
    }

    pub(super) fn is_dirty(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// How many jobs have changes to commit.
    pub(super) fn dirty(&self) -> usize {
        self.dirty.len()
    }

    /// The jobs that changed since this was asked last.
    pub(super) fn take_dirty(&mut self) -> BTreeSet<JobId> {
        std::mem::take(&mut self.dirty)
    }

    /// Whether the configuration names a job, which is no part of a record.
    pub(super) fn set_configured(&mut self, id: &JobId, configured: bool) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.configured = configured;
        }
    }

    /// A job has other settings, which are no part of a record. If it is open again, trouble up to
    /// now does not count, because it was not watched. Returns whether it had ended, and whether it
    /// has by these settings.
    pub(super) fn reconfigure(
        &mut self,
        id: &JobId,
        settings: JobSettings,
        watch: WatchSettings,
    ) -> Option<(bool, bool)> {
        let tracker = &mut self.jobs.get_mut(id)?.tracker;
        self.uncounted.push(id.clone());
        let before = tracker.has_ended();
        self.names.remove(tracker.settings().name.as_deref(), id);
        self.names.add(settings.name.as_deref(), id);
        tracker.reconfigure(settings, watch);
        let after = tracker.has_ended();
        if before && !after {
            tracker.reset_streaks();
        }
        if !before && after {
            self.end_silently(id);
        }
        Some((before, after))
    }

    /// A job has ended by its settings: its index is awaited no longer. It is marked as dirty.
    pub(super) fn end_silently(&mut self, id: &JobId) {
        self.dirty.insert(id.clone());
        self.ended_silently.push(id.clone());
    }

    /// Takes back [`JobTable::end_silently`]. Returns whether that was said.
    pub(super) fn cancel_silent_end(&mut self, id: &JobId) -> bool {
        self.ended_silently.extract_if(.., |ended| ended == id).count() > 0
    }

    /// The jobs that ended by their settings since this was asked last.
    pub(super) fn take_ended_silently(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.ended_silently)
    }

    /// A job cannot be polled from `at` on, because the server limits requests, for this reason.
    /// The record of the project says so. Returns whether the job had no other trouble.
    pub(super) fn throttle(&mut self, id: &JobId, at: Instant, reason: &str) -> bool {
        let Some(job) = self.jobs.get_mut(id) else { return false };
        let had_no_trouble = job.tracker.last_error().is_none();
        job.tracker.mark_throttled(at, reason);
        self.uncounted.push(id.clone());
        had_no_trouble
    }

    /// Undoes [`JobTable::throttle`].
    pub(super) fn end_throttle(&mut self, id: &JobId) {
        if let Some(job) = self.jobs.get_mut(id) {
            job.tracker.reset_streaks();
            self.uncounted.push(id.clone());
        }
    }

    /// The time in which nothing could be done is no part of any trouble; a restart does not count
    /// it, either.
    pub(super) fn shift_by(&mut self, time: Duration) {
        for job in self.jobs.values_mut() {
            job.tracker.shift_by(time);
            job.volatile.place.shift_by(time);
        }
    }
}

impl Job {
    /// Whether it was discovered, and is named nowhere.
    pub(super) fn is_discovered(&self) -> bool {
        self.added.as_ref().is_some_and(|added| added.discovered)
    }

    /// Whether it ended, or the list says so and it was not described since.
    pub(super) fn is_over(&self) -> bool {
        let is_listed_as_ended = self.volatile.was_listed_as_ended && self.volatile.described_at.is_none();
        self.tracker.has_ended() || is_listed_as_ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Now;
    use crate::model::{Outcome, Until};

    fn table() -> (JobTable, JobId) {
        let id = JobId::new("rj-1").unwrap();
        let mut table = JobTable::default();
        table.insert(id.clone(), job(&id), false);
        (table, id)
    }

    fn job(id: &JobId) -> Job {
        let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let tracker = Tracker::new(JobSettings::new(id.clone()), WatchSettings::default(), now);
        Job { tracker, configured: true, added: None, volatile: Volatile::default() }
    }

    #[test]
    fn access_for_a_change_marks_the_job() {
        let (mut table, id) = table();
        assert!(!table.is_dirty());

        table.get_mut(&id).unwrap().configured = false;

        assert_eq!(table.take_dirty(), BTreeSet::from([id]));
        assert!(!table.is_dirty());
    }

    #[test]
    fn a_change_that_changes_nothing_marks_nothing() {
        let (mut table, id) = table();

        assert!(!table.change(&id, |job| job.added.take().is_some()));
        assert!(!table.is_dirty());
        assert!(table.change(&id, |_| true));
        assert!(table.is_dirty());
    }

    #[test]
    fn volatile_changes_mark_nothing() {
        let (mut table, id) = table();

        table.volatile_mut(&id).unwrap().1.polls += 1;
        assert!(table.throttle(&id, Instant::default(), "429"));
        assert!(!table.throttle(&id, Instant::default(), "429"));

        assert!(!table.is_dirty());
    }

    #[test]
    fn a_removed_job_is_not_dirty() {
        let (mut table, id) = table();
        table.get_mut(&id);

        assert!(table.remove(&id).is_some());

        assert!(!table.is_dirty() && table.remove(&id).is_none());
    }

    #[test]
    fn jobs_are_found_by_the_names_that_they_have_now() {
        let (mut table, id) = table();
        let named = |name: &str| JobSettings { name: Some(name.to_owned()), ..JobSettings::new(id.clone()) };
        let found = |table: &JobTable, name| table.named(name).cloned().collect::<Vec<_>>();

        table.reconfigure(&id, named("nightly"), WatchSettings::default());
        assert_eq!(found(&table, "nightly").len(), 1);

        table.reconfigure(&id, named("weekly"), WatchSettings::default());
        assert_eq!((found(&table, "nightly").len(), found(&table, "weekly").len()), (0, 1));

        table.insert(id.clone(), job(&id), false);
        assert_eq!(found(&table, "weekly"), []);

        table.reconfigure(&id, named("weekly"), WatchSettings::default());
        table.remove(&id);
        assert_eq!(found(&table, "weekly"), []);
    }

    #[test]
    fn the_tally_counts_what_changed_came_and_left() {
        let (mut table, id) = table();
        let ready = JobSettings { until: Some(Until::Ready), ..JobSettings::new(id.clone()) };
        table.reconfigure(&id, ready, WatchSettings::default());

        table.recount();
        assert_eq!((table.tally().may_turn_to_index, table.tally().outcomes.of(Outcome::Open)), (1, 1));

        table.insert(id.clone(), job(&id), false);
        table.recount();
        assert_eq!(
            (table.tally().may_turn_to_index, table.tally().outcomes.of(Outcome::Open)),
            (0, 1),
            "the new one is not watched for its index"
        );

        assert_eq!(table.oldest_open(), Some(Instant::default()));

        table.remove(&id);
        table.recount();
        assert_eq!((table.tally(), table.oldest_open()), (Tally::default(), None));
    }
}
