//! All projects, and which of them have something to do or to keep.
//!
//! Invariant: whoever gets at a project in order to change it has it looked at again. So an event costs a look at the
//! projects that it is about, and not at all of them.

use std::collections::{BTreeMap, BTreeSet};

use super::input::Batch;
use super::project::Project;
use crate::model::ProjectName;
use crate::model::time::{Instant, Now};

/// The projects, by name.
#[derive(Debug, Default)]
pub(super) struct Projects {
    all: BTreeMap<ProjectName, Entry>,
    /// Those that may have changed since they were looked at.
    touched: Vec<ProjectName>,
    /// When those have something to do that have, as far as they were looked at.
    agenda: BTreeSet<(Instant, ProjectName)>,
    /// Those of which something is not yet made safe, as far as they were looked at.
    uncommitted: BTreeSet<ProjectName>,
}

#[derive(Debug)]
struct Entry {
    project: Project,
    /// Its place on the agenda.
    deadline: Option<Instant>,
}

impl Projects {
    /// One to look at.
    pub(super) fn get(&self, name: &ProjectName) -> Option<&Project> {
        self.all.get(name).map(|entry| &entry.project)
    }

    /// One to change.
    pub(super) fn get_mut(&mut self, name: &ProjectName) -> Option<&mut Project> {
        let entry = self.all.get_mut(name)?;
        if self.touched.last() != Some(name) {
            self.touched.push(name.clone());
        }
        Some(&mut entry.project)
    }

    /// All of them, to look at.
    pub(super) fn values(&self) -> impl Iterator<Item = &Project> {
        self.all.values().map(|entry| &entry.project)
    }

    /// All of them, to change.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Project> {
        self.touched = self.all.keys().cloned().collect();
        self.all.values_mut().map(|entry| &mut entry.project)
    }

    /// Whether there is one of this name.
    pub(super) fn contains_key(&self, name: &ProjectName) -> bool {
        self.all.contains_key(name)
    }

    /// One more.
    pub(super) fn insert(&mut self, project: Project) {
        let name = project.name.clone();
        self.touched.push(name.clone());
        self.all.insert(name, Entry { project, deadline: None });
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> BTreeMap<ProjectName, Project> {
        let all = std::mem::take(self).all;
        all.into_iter().map(|(name, entry)| (name, entry.project)).collect()
    }

    /// Those that have something to do at `now`, by name.
    pub(super) fn due(&mut self, now: Instant) -> BTreeSet<ProjectName> {
        self.look();
        self.agenda.iter().take_while(|(at, _)| *at <= now).map(|(_, name)| name.clone()).collect()
    }

    /// When the first has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        if self.touched.is_empty() {
            self.agenda.first().map(|(at, _)| *at)
        } else {
            self.values().filter_map(Project::next_deadline).min()
        }
    }

    /// Whether something of them is not yet made safe.
    pub(super) fn have_changed(&mut self) -> bool {
        self.look();
        !self.uncommitted.is_empty()
    }

    /// Adds what changed to the batch that makes it safe.
    pub(super) fn gather(&mut self, now: Now, batch: &mut Batch) {
        self.look();
        for name in std::mem::take(&mut self.uncommitted) {
            if let Some(entry) = self.all.get_mut(&name) {
                entry.project.gather(now, batch);
            }
        }
    }

    /// Looks again at those that may have changed.
    pub(super) fn look(&mut self) {
        for name in std::mem::take(&mut self.touched) {
            let Some(entry) = self.all.get_mut(&name) else { continue };
            if entry.project.has_changed() {
                self.uncommitted.insert(name.clone());
            } else {
                self.uncommitted.remove(&name);
            }
            let deadline = entry.project.next_deadline();
            if entry.deadline != deadline {
                if let Some(old) = std::mem::replace(&mut entry.deadline, deadline) {
                    self.agenda.remove(&(old, name.clone()));
                }
                self.agenda.extend(deadline.map(|at| (at, name)));
            }
        }
    }
}
