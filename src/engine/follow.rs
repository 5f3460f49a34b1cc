//! Jobs that another process polls: its daemon, for a wait beside it.
//!
//! Invariant: whatever becomes of the other process, a job that has not ended is polled by one of both.

use super::Engine;
use super::event::{Answer, Failure, Note};
use super::time::{Instant, Now};
use crate::model::{JobId, ProjectName};

impl Engine {
    /// Polls a job no more, because somebody else does, until [`Engine::unfollow`]. What comes of their polls is told by
    /// [`Event::Heard`](super::Event::Heard).
    pub fn follow(&mut self, project: &ProjectName, job: &JobId, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.follow(job, now.instant);
        }
    }

    /// Polls a job again, at once.
    pub fn unfollow(&mut self, project: &ProjectName, job: &JobId, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.unfollow(job, now.instant);
        }
    }

    /// Polls all jobs again, at once.
    pub fn unfollow_all(&mut self, now: Now) {
        for project in self.projects.values_mut() {
            for job in project.followed().cloned().collect::<Vec<_>>() {
                project.unfollow(&job, now.instant);
            }
        }
    }

    /// Polls a job as soon as the rate allows, if it waits for a poll and the last one was answered well.
    pub fn hasten(&mut self, project: &ProjectName, job: &JobId, now: Now) {
        if let Some(project) = self.projects.get_mut(project) {
            project.hasten(job, now.instant);
        }
    }

    /// Whether somebody else polls a job.
    pub fn is_following(&self) -> bool {
        self.projects.values().any(|project| project.followed().next().is_some())
    }

    pub(super) fn heard(
        &mut self,
        (name, job): (&ProjectName, &JobId),
        news: Result<Answer, Failure>,
        next: Option<Instant>,
        now: Now,
        notes: &mut Vec<Note>,
    ) {
        let Some(project) = self.projects.get_mut(name) else { return };
        if news.as_ref().is_err_and(|failure| failure.class.is_of_the_asker()) {
            // Another process has another key and other settings.
            project.unfollow(job, now.instant);
            return;
        }
        let findings = project.hear(job, news, next, now, &mut self.rng);
        self.tell_findings(name, job, findings, now, notes);
    }
}
