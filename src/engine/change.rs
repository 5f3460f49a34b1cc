//! What commands change: the configuration, the watched jobs beside it, pauses, the end of polling.
//!
//! Invariant: a change is part of the next batch. A start is the change from nothing, so a restart
//! and a reload take the same path.

use std::time::Duration;

use super::Engine;
use super::action::{BatchEnd, Prune};
use super::diagnostic::Diagnostic;
use super::input::{Command, CommandReply, Plan, Reconfigured};
use super::project::{Forgotten, Project};
use super::snapshot::{JobRecord, ProjectRecord};
use crate::config::JobSettings;
use crate::model::time::{Now, wall_between};
use crate::model::{JobId, ProjectName};

/// Smaller steps back of the wall clock are not reported: a time service makes them.
const SMALLEST_REPORTED_STEP: Duration = Duration::from_secs(5);

impl Engine {
    pub(super) fn execute(&mut self, command: Command, now: Now) -> CommandReply {
        match command {
            Command::Reconfigure(plan) => CommandReply::Reconfigured(self.reconfigure(plan, now)),
            Command::Add(project, job) => self.add(&project, job, now),
            Command::Forget(project, job) => self.forget(project, job, now),
            Command::Pause(project) => {
                let paused = self.projects.get_mut(&project).map(|project| project.pause(now));
                reply_of_pause(paused)
            }
            Command::Resume(project) => {
                let resumed = self.projects.get_mut(&project).map(|project| project.resume(now.instant));
                reply_of_pause(resumed)
            }
            Command::Silence(new) => self.set_silence(new, now),
            Command::EndSilence(id) => self.end_silence(id),
            Command::Commit => {
                self.notice_changes(now);
                self.commit_queue.hurry(now.instant);
                CommandReply::Done
            }
            Command::HoldCommits => {
                self.commit_queue.hold();
                CommandReply::Done
            }
            Command::Answer(answers) => {
                self.notice_changes(now);
                self.commit_queue.answer(answers, now.instant);
                CommandReply::Done
            }
            Command::ReadList(project) => match self.projects.get_mut(&project) {
                Some(project) => {
                    project.read_list();
                    CommandReply::Done
                }
                None => CommandReply::UnknownProject,
            },
            Command::FinalPoll => {
                self.projects.values_mut().for_each(|project| project.request_final_poll(now.instant));
                CommandReply::Done
            }
            Command::Stop => {
                self.stop(now);
                CommandReply::Done
            }
        }
    }

    /// Follows this plan from now on. Jobs, projects and sinks that it does not have go to the
    /// archive.
    pub(super) fn reconfigure(&mut self, plan: Plan, now: Now) -> Reconfigured {
        let mut changed = Reconfigured::default();
        self.keep = plan.keep;

        let mut before = self.projects.take();
        for settings in &plan.projects {
            let name = &settings.name;
            let mut project = if let Some(mut project) = before.remove(name) {
                let left = project.reconfigure(settings, now);
                changed.removed.extend(self.archive_jobs(left));
                project
            } else {
                let (snapshot, adaptive_rate) = self.archive.restore_project(name);
                Project::from_snapshot(settings, snapshot, adaptive_rate, now)
            };
            for id in self.archive.added(name, |snapshot| project.discovers(snapshot)) {
                let Some(kept) = self.archive.restore(name, &id) else { continue };
                let added = kept.snapshot.added.clone().unwrap_or_default();
                project.watch_added(added.settings(id.clone()), Some(kept), now);
                changed.added.push(id);
            }
            for job in &settings.jobs {
                self.commit_queue.cancel_forget(name, &job.id);
                let kept = self.archive.restore(name, &job.id);
                if project.watch_configured(job, kept, now) {
                    changed.added.push(job.id.clone());
                }
            }
            self.projects.insert(project);
        }

        for (name, project) in before {
            changed.removed.extend(self.archive_project(name, project, now));
        }
        let stranded = self.archive.stranded().filter(|(name, _)| !self.projects.contains_key(name));
        let missing = stranded.map(|(name, jobs)| Diagnostic::ProjectMissing { project: name.clone(), jobs });
        self.diagnostics.extend(missing);

        self.with_outbox(now, |outbox, cx| outbox.reconfigure(plan.sinks, cx));
        self.commit_queue.touch(now.instant);
        changed
    }

    fn add(&mut self, project: &ProjectName, job: JobSettings, now: Now) -> CommandReply {
        let Some(watching) = self.projects.get_mut(project) else { return CommandReply::UnknownProject };
        let is_known = watching.view(&job.id).is_some();
        self.commit_queue.cancel_forget(project, &job.id);
        let kept = self.archive.restore(project, &job.id);
        let id = job.id.clone();
        watching.watch_added(job, kept, now);
        watching.name_added(&id);
        if is_known { CommandReply::Unchanged } else { CommandReply::Done }
    }

    fn forget(&mut self, project: ProjectName, job: JobId, now: Now) -> CommandReply {
        let watching = self.projects.get_mut(&project);
        let forgotten = watching.map_or(Forgotten::Unknown, |project| project.forget(&job, now));
        match forgotten {
            Forgotten::Configured => CommandReply::Configured,
            Forgotten::Unknown if !self.archive.forget(&project, &job) => CommandReply::UnknownJob,
            Forgotten::Unknown | Forgotten::Gone => {
                self.commit_queue.forget(project, job);
                CommandReply::Done
            }
        }
    }

    /// Reports a state that was written by a clock that was ahead of this one. All of it is written
    /// again, so this is reported once.
    pub(super) fn clock_that_went_back(&self, now: Now) -> Option<Diagnostic> {
        let newest = self.projects.values().map(Project::written_ahead).max().flatten();
        let written_at = newest.max(self.outbox.written_ahead())?;
        let by = wall_between(now.wall, written_at);
        (by >= SMALLEST_REPORTED_STEP).then_some(Diagnostic::ClockWentBack { written_at, by })
    }

    /// Deletes old records, once a day. A server has to confirm the time: the clock of this machine
    /// may be far ahead, above all after a boot. Nothing is deleted before that.
    pub(super) fn prune_old_records(&mut self, now: Now) {
        if !self.commit_queue.may_prune(now) {
            return;
        }
        let servers = self.projects.values().filter_map(|project| project.server_now(now.instant));
        let confirmed = servers.max().map(|time| time.min(now.wall));
        let Some(time) = confirmed.or(self.commit_queue.unconfirmed_time(now)) else { return };

        let prune = Prune {
            deliveries_before: time.checked_sub(self.keep.records).ok(),
            history_before: time.checked_sub(self.keep.history).ok(),
        };
        self.commit_queue.prune(prune, now);
        let mut old = self.archive.take_old(self.keep.records, time);
        for project in self.projects.values_mut() {
            let name = project.name.clone();
            old.extend(
                project.take_old(self.keep.records, time, now).into_iter().map(|id| (name.clone(), id)),
            );
        }
        for (project, id) in old {
            self.commit_queue.forget(project, id);
        }
    }

    /// Archives a project and its jobs. Returns which jobs these are.
    fn archive_project(&mut self, name: ProjectName, mut project: Project, now: Now) -> Vec<JobId> {
        let left = project.leave_all(now);
        let removed = self.archive_jobs(left);
        let snapshot = project.snapshot(now);
        let record = ProjectRecord { name: name.clone(), snapshot: snapshot.clone() };
        self.commit_queue.add(|batch| {
            batch.projects.push(record);
            batch.ends.extend(project.take_ends().map(BatchEnd::without_event));
        });
        self.archive.archive_project(name, snapshot, project.adaptive_rate());
        removed
    }

    /// Archives jobs that are no longer watched. Returns which jobs these are.
    fn archive_jobs(&mut self, left: Vec<JobRecord>) -> Vec<JobId> {
        let ids = left.iter().map(|record| record.id.clone()).collect();
        for record in left {
            self.commit_queue.add(|batch| batch.jobs.push(record.clone()));
            self.archive.archive(record);
        }
        ids
    }
}

/// The reply to a pause or its end; `changed` is none if there is no such project.
fn reply_of_pause(changed: Option<bool>) -> CommandReply {
    match changed {
        None => CommandReply::UnknownProject,
        Some(true) => CommandReply::Done,
        Some(false) => CommandReply::Unchanged,
    }
}
