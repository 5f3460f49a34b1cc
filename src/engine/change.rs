//! What people change while the engine runs: its configuration, what it watches beside that, and what it leaves alone.
//!
//! Invariant: what a change leads to is part of the next batch, and nothing comes of it before the next
//! [`Engine::step`]. A start is the change from nothing, so a restart and a reload go the same way.

use std::time::Duration;

use super::input::Diagnostic;
use super::project::{Forgotten, Project};
use super::snapshot::{JobRecord, ProjectRecord};
use super::{Engine, Plan};
use crate::config::JobSettings;
use crate::model::time::{Now, wall_between};
use crate::model::{JobId, ProjectName};

/// A wall clock that went back by less than this is not worth a line in the log: a time service does that.
const NOTABLE_STEP: Duration = Duration::from_secs(5);

/// What a change of the configuration changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reconfigured {
    /// Jobs that are watched since.
    pub added: Vec<JobId>,
    /// Jobs that are watched no more.
    pub removed: Vec<JobId>,
}

/// What became of a wish to watch a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddResult {
    /// It is watched from now on.
    New,
    /// It was watched already.
    Known,
}

impl Engine {
    /// From now on, this is what the engine is for. What is known of jobs, projects and sinks that are no more is kept,
    /// and used where they come back.
    pub fn reconfigure(&mut self, plan: Plan<'_>, now: Now) -> Reconfigured {
        let mut changed = Reconfigured::default();
        self.keep = plan.keep;
        let mut before = self.projects.take();
        for settings in plan.projects {
            let name = &settings.name;
            let mut project = if let Some(mut project) = before.remove(name) {
                let left = project.reconfigure(settings, now);
                changed.removed.extend(self.rest(left));
                project
            } else {
                let (snapshot, adaptive_rate) = self.archive.wake_project(name);
                Project::from_snapshot(settings, snapshot, adaptive_rate, now)
            };
            for id in self.archive.added(name, |snapshot| project.discovers(snapshot)) {
                let Some(kept) = self.archive.wake(name, &id) else { continue };
                let added = kept.snapshot.added.clone().unwrap_or_default();
                project.watch_added(added.settings(id.clone()), Some(kept), now);
                changed.added.push(id);
            }
            for job in &settings.jobs {
                self.commit_queue.remember_again(name, &job.id);
                let kept = self.archive.wake(name, &job.id);
                if project.watch_configured(job, kept, now) {
                    changed.added.push(job.id.clone());
                }
            }
            self.projects.insert(project);
        }
        for (name, mut project) in before {
            let left = project.leave_all(now);
            changed.removed.extend(self.rest(left));
            let snapshot = project.snapshot(now);
            let record = ProjectRecord { name: name.clone(), snapshot: snapshot.clone() };
            self.commit_queue.add(|batch| batch.projects.push(record));
            self.archive.rest_project(name, snapshot, project.adaptive_rate());
        }
        let stranded = self.archive.stranded().filter(|(name, _)| !self.projects.contains_key(name));
        let missing = stranded.map(|(name, jobs)| Diagnostic::ProjectMissing { project: name.clone(), jobs });
        self.diagnostics.extend(missing);
        self.outbox.reconfigure(plan.sinks, now, &mut self.commit_queue, &mut self.diagnostics);
        self.commit_queue.touch(now.instant);
        changed
    }

    /// Watches a job that the configuration need not name, until [`Engine::forget`]. Nothing comes of it where there is
    /// no such project.
    pub fn add(&mut self, project: &ProjectName, job: JobSettings, now: Now) -> Option<AddResult> {
        let watching = self.projects.get_mut(project)?;
        let known = watching.view(&job.id).is_some();
        self.commit_queue.remember_again(project, &job.id);
        let kept = self.archive.wake(project, &job.id);
        let id = job.id.clone();
        watching.watch_added(job, kept, now);
        watching.name_added(&id);
        Some(if known { AddResult::Known } else { AddResult::New })
    }

    /// Watches a job no more that somebody added, and forgets what is known of it. What is owed for it goes on.
    pub fn forget(&mut self, project: &ProjectName, job: &JobId, now: Now) -> Forgotten {
        let watching = self.projects.get_mut(project);
        let forgotten = watching.map_or(Forgotten::Unknown, |project| project.forget(job, now));
        let rested = forgotten == Forgotten::Unknown && self.archive.forget(project, job);
        if forgotten == Forgotten::Gone || rested {
            self.commit_queue.forget(project.clone(), job.clone());
            return Forgotten::Gone;
        }
        forgotten
    }

    /// The project that has a job: one to which somebody added it, else any.
    pub fn holder(&self, job: &JobId) -> Option<&ProjectName> {
        let holders = || self.projects.values().filter_map(|project| project.view(job));
        let added = holders().find(|view| view.is_added && !view.is_configured).map(|view| view.project);
        added.or_else(|| self.archive.holder(job)).or_else(|| holders().next().map(|view| view.project))
    }

    /// Asks nothing of a project until [`Engine::resume`], whatever restarts meanwhile. Returns whether that is new;
    /// none where there is no such project.
    pub fn pause(&mut self, project: &ProjectName, now: Now) -> Option<bool> {
        self.projects.get_mut(project).map(|project| project.pause(now))
    }

    /// Goes on with a project after [`Engine::pause`]. Returns whether it was paused; none where there is no such
    /// project.
    pub fn resume(&mut self, project: &ProjectName, now: Now) -> Option<bool> {
        self.projects.get_mut(project).map(|project| project.resume(now.instant))
    }

    /// Has what changed so far made safe at once: it is safe when [`Engine::committed_batches`] is this or more.
    pub fn promise(&mut self, now: Now) -> u64 {
        self.notice_changes(now);
        self.commit_queue.promise(now.instant)
    }

    /// How many batches are safe.
    pub fn committed_batches(&self) -> u64 {
        self.commit_queue.safe()
    }

    /// What was written by a clock that was ahead of this one is written again, so this is said once.
    pub(super) fn note_a_clock_that_went_back(&mut self, now: Now) {
        let newest = self.projects.values().map(Project::written_ahead).max().flatten();
        let newest = newest.max(self.outbox.written_ahead());
        let by = newest.map(|written_at| (written_at, wall_between(now.wall, written_at)));
        let step = by.filter(|(_, by)| *by >= NOTABLE_STEP);
        self.diagnostics.extend(step.map(|(written_at, by)| Diagnostic::ClockWentBack { written_at, by }));
    }

    /// Forgets what is over for longer than that is kept. How late it is, a server has to confirm: the clock of this machine
    /// may be far ahead, at a start above all. Nothing comes of it before that.
    pub(super) fn forget_what_is_old(&mut self, now: Now) {
        let servers = self.projects.values().filter_map(|project| project.server_now(now.instant));
        let Some(time) = servers.max().map(|time| time.min(now.wall)).or(self.commit_queue.undated(now))
        else {
            return;
        };
        self.commit_queue.prune(time.checked_sub(self.keep).ok(), now);
        let mut old = self.archive.take_old(self.keep, time);
        for project in self.projects.values_mut() {
            let name = project.name.clone();
            old.extend(project.take_old(self.keep, time, now).into_iter().map(|id| (name.clone(), id)));
        }
        for (project, id) in old {
            self.commit_queue.forget(project, id);
        }
    }

    /// Keeps what is known of jobs that are watched no more. Returns which they are.
    fn rest(&mut self, left: Vec<JobRecord>) -> Vec<JobId> {
        let ids = left.iter().map(|record| record.id.clone()).collect();
        for record in left {
            self.commit_queue.add(|batch| batch.jobs.push(record.clone()));
            self.archive.rest(record);
        }
        ids
    }
}
