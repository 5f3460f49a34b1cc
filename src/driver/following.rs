//! Jobs that a daemon polls, for a wait beside it.
//!
//! Invariant: whatever becomes of the daemon, each job that has not ended is polled by it or here.

use std::time::Duration;

use tracing::warn;

use super::Driver;
use crate::control::{Following, News};
use crate::engine::{Answer, Engine, Event, Failure};
use crate::model::{JobId, ProjectName};

/// A daemon that is followed, and the project whose jobs it polls.
pub(super) struct Beside {
    following: Following,
    project: ProjectName,
}

impl Driver {
    /// Leaves the polls of jobs of this project to a daemon, for as long as it makes them. Nothing may have happened yet.
    pub fn follow(&mut self, project: ProjectName, following: Following) {
        self.change(|engine, now| {
            for job in following.jobs() {
                engine.follow(&project, job, now);
            }
        });
        self.following = Some(Beside { following, project });
    }

    /// Deals with what is new; nothing means that the daemon is gone.
    pub(super) fn heard(&mut self, news: Option<News>) {
        let Some(Beside { project, .. }) = &self.following else { return };
        let project = project.clone();
        match news {
            Some(News::Answered { job, answer, next_poll_seconds }) => {
                self.hear(project, job, Ok(answer), next_poll_seconds);
            }
            Some(News::Failed { job, class, message, next_poll_seconds }) => {
                let failure = Failure { class, retry_after: None, message };
                self.hear(project, job, Err(failure), next_poll_seconds);
            }
            Some(News::Left { job }) => {
                self.change(|engine, now| engine.unfollow(&project, &job, now));
                self.handle(Event::DeadlineReached);
            }
            Some(News::Following { .. } | News::Alive) => {}
            None => {
                self.following = None;
                if self.engine.is_following() {
                    warn!("the daemon that was followed is gone: the API is asked from here on");
                    self.change(Engine::unfollow_all);
                    self.handle(Event::DeadlineReached);
                }
            }
        }
    }

    fn hear(
        &mut self,
        project: ProjectName,
        job: JobId,
        news: Result<Answer, Failure>,
        next_poll_seconds: Option<f64>,
    ) {
        let from_now = next_poll_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let next = from_now.map(|time| self.now().instant + time);
        self.handle(Event::Heard { project, job, news, next });
    }
}

/// What is new with the daemon that is followed; never anything where none is. Dropping the future loses nothing.
pub(super) async fn next(beside: Option<&mut Beside>) -> Option<News> {
    match beside {
        Some(beside) => beside.following.next().await,
        None => std::future::pending().await,
    }
}
