//! Holds all projects, and an index of which of them have something to do or to commit.
//!
//! Invariant: a project that was borrowed mutably is indexed again before the index is read. So an
//! input costs work for the projects that it concerns, and not for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::action::Batch;
use super::project::Project;
use crate::model::ProjectName;
use crate::model::time::{Instant, Now};

/// The projects, by name.
#[derive(Debug, Default)]
pub(super) struct Projects {
    all: BTreeMap<ProjectName, Entry>,
    /// Projects that may have changed since they were indexed.
    touched: Vec<ProjectName>,
    /// The next deadline of each project that has one.
    deadlines: BTreeSet<(Instant, ProjectName)>,
    /// Projects with changes that are not committed, in the order in which they changed.
    dirty: BTreeSet<(u64, ProjectName)>,
    /// Numbers the places in that order.
    changes: u64,
    /// How many jobs of all projects have such changes.
    dirty_jobs: usize,
}

#[derive(Debug)]
struct Entry {
    project: Project,
    /// Its place among the deadlines.
    deadline: Option<Instant>,
    /// Its place among the dirty projects.
    dirty: Option<u64>,
    /// How many of the dirty jobs are its own.
    dirty_jobs: usize,
}

impl Projects {
    pub(super) fn get(&self, name: &ProjectName) -> Option<&Project> {
        self.all.get(name).map(|entry| &entry.project)
    }

    /// A project to change.
    pub(super) fn get_mut(&mut self, name: &ProjectName) -> Option<&mut Project> {
        let entry = self.all.get_mut(name)?;
        if self.touched.last() != Some(name) {
            self.touched.push(name.clone());
        }
        Some(&mut entry.project)
    }

    /// All projects, to read.
    pub(super) fn values(&self) -> impl Iterator<Item = &Project> {
        self.all.values().map(|entry| &entry.project)
    }

    /// The projects from this one on, to read; all without one.
    pub(super) fn from(&self, first: Option<&ProjectName>) -> impl Iterator<Item = &Project> {
        let first = first.map_or(Bound::Unbounded, Bound::Included);
        self.all.range::<ProjectName, _>((first, Bound::Unbounded)).map(|(_, entry)| &entry.project)
    }

    /// All projects, to change.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Project> {
        self.touched = self.all.keys().cloned().collect();
        self.all.values_mut().map(|entry| &mut entry.project)
    }

    /// Whether there is a project of this name.
    pub(super) fn contains_key(&self, name: &ProjectName) -> bool {
        self.all.contains_key(name)
    }

    pub(super) fn insert(&mut self, project: Project) {
        let name = project.name.clone();
        self.touched.push(name.clone());
        self.all.insert(name, Entry { project, deadline: None, dirty: None, dirty_jobs: 0 });
    }

    /// Takes all projects out.
    pub(super) fn take(&mut self) -> BTreeMap<ProjectName, Project> {
        let all = std::mem::take(self).all;
        all.into_iter().map(|(name, entry)| (name, entry.project)).collect()
    }

    /// The projects that have something to do at `now`, by name.
    pub(super) fn due(&mut self, now: Instant) -> BTreeSet<ProjectName> {
        self.reindex();
        self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect()
    }

    /// When the first project has something to do, as of the last [`Projects::reindex`].
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        debug_assert!(self.touched.is_empty(), "the index is read before it is brought up to date");
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Whether a project has changes that are not committed.
    pub(super) fn have_changed(&mut self) -> bool {
        self.reindex();
        !self.dirty.is_empty()
    }

    /// How many jobs have changes that are not committed, as of the last [`Projects::reindex`].
    pub(super) fn dirty_jobs(&self) -> usize {
        self.dirty_jobs
    }

    /// Adds what changed to the batch that commits it: of the projects of its events and deleted
    /// jobs, because these would be emitted again without the states that belong to them; then of
    /// others, until there are `enough` jobs in it. Returns whether that is all.
    pub(super) fn gather(&mut self, now: Now, enough: usize, batch: &mut Batch) -> bool {
        debug_assert!(self.touched.is_empty(), "a change would be left out");
        let of_events = batch.entries.iter().map(|entry| &entry.event.project);
        let concerned = of_events.chain(batch.forgotten.iter().map(|(project, _)| project));
        for name in concerned.cloned().collect::<BTreeSet<_>>() {
            if let Some(place) = self.all.get(&name).and_then(|entry| entry.dirty) {
                self.dirty.remove(&(place, name.clone()));
                self.gather_project(&name, now, batch);
            }
        }

        while batch.jobs.len() < enough
            && let Some((_, name)) = self.dirty.pop_first()
        {
            self.gather_project(&name, now, batch);
        }
        self.dirty.is_empty()
    }

    fn gather_project(&mut self, name: &ProjectName, now: Now, batch: &mut Batch) {
        if let Some(entry) = self.all.get_mut(name) {
            entry.project.gather(now, batch);
            entry.dirty = None;
            self.dirty_jobs -= std::mem::take(&mut entry.dirty_jobs);
        }
    }

    /// Brings the index up to date.
    pub(super) fn reindex(&mut self) {
        for name in self.touched.drain(..) {
            let Some(entry) = self.all.get_mut(&name) else { continue };
            entry.project.recount();
            match (entry.dirty, entry.project.has_changed()) {
                (None, true) => {
                    self.changes += 1;
                    entry.dirty = Some(self.changes);
                    self.dirty.insert((self.changes, name.clone()));
                }
                (Some(place), false) => {
                    entry.dirty = None;
                    self.dirty.remove(&(place, name.clone()));
                }
                (None, false) | (Some(_), true) => {}
            }

            let dirty_jobs = entry.project.dirty_jobs();
            self.dirty_jobs = self.dirty_jobs - entry.dirty_jobs + dirty_jobs;
            entry.dirty_jobs = dirty_jobs;

            let deadline = entry.project.next_deadline();
            if entry.deadline != deadline {
                if let Some(old) = std::mem::replace(&mut entry.deadline, deadline) {
                    self.deadlines.remove(&(old, name.clone()));
                }
                self.deadlines.extend(deadline.map(|at| (at, name)));
            }
        }
    }
}
