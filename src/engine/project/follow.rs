//! Jobs that somebody else polls, who tells what came of it.
//!
//! Invariant: a job that is followed is not polled here. What is heard of it changes what is known of the job alone: the
//! rate and the key of somebody else are not those of this project.

use super::Project;
use crate::engine::event::{Answer, Failure};
use crate::engine::time::{Instant, Now};
use crate::engine::tracker::{Draft, Findings};
use crate::model::JobId;

impl Project {
    /// From now on, somebody else polls this job.
    pub(in crate::engine) fn follow(&mut self, id: &JobId) {
        let Some(job) = self.jobs.get(id) else { return };
        if !job.tracker.has_ended() && job.polling.is_none() {
            self.followed.insert(id.clone(), None);
            self.schedule(id, None);
        }
    }

    /// From now on, nobody else polls this job: it is due.
    pub(in crate::engine) fn unfollow(&mut self, id: &JobId, now: Instant) {
        if self.followed.remove(id).is_some() {
            let has_ended = self.jobs.get(id).is_none_or(|job| job.tracker.has_ended());
            self.schedule(id, (!has_ended).then_some(now));
        }
    }

    /// The jobs that somebody else polls.
    pub(in crate::engine) fn followed(&self) -> impl Iterator<Item = &JobId> {
        self.followed.keys()
    }

    /// Takes what somebody else was answered, who asks again at `next`.
    pub(in crate::engine) fn hear(
        &mut self,
        id: &JobId,
        news: Result<Answer, Failure>,
        next: Option<Instant>,
        now: Now,
        rng: &mut fastrand::Rng,
    ) -> Findings {
        let Some(expected) = self.followed.get_mut(id) else { return Findings::default() };
        *expected = next;
        let Some(job) = self.jobs.get_mut(id) else { return Findings::default() };
        let findings = match news {
            Ok(answer) => job.tracker.observe(answer, now),
            Err(failure) => {
                // When it is asked again is for somebody else to decide.
                job.tracker.fail(&failure, now.instant, now.instant, &self.cadence, rng);
                let drafts: Vec<Draft> = job.tracker.alarm(now, false);
                Findings { drafts, unknown_status: None }
            }
        };
        if job.tracker.has_ended() {
            self.followed.remove(id);
        }
        self.changed.insert(id.clone());
        self.schedule(id, None);
        findings
    }
}
