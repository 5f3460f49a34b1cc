//! Jobs that somebody else polls, who tells what came of it.
//!
//! Invariant: a job that is followed is not polled here, and no lasting trouble is told of it: it is polled first. What is
//! heard of it changes what is known of the job alone: the rate and the key of somebody else are not those of this project.

use std::time::Duration;

use super::Project;
use crate::engine::event::{Answer, Failure};
use crate::engine::time::{Instant, Now};
use crate::engine::tracker::Findings;
use crate::model::JobId;

/// How long after its time the news of a poll may come: polls take their time, and wait for their turn.
const QUIET: Duration = Duration::from_mins(1);

/// What is known of the polls that somebody else makes of a job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Followed {
    /// When the next one is made, as they said.
    pub(super) next: Option<Instant>,
    /// Without news until then, the job is polled here: whatever keeps them from it need not keep others.
    pub(super) quiet_at: Instant,
}

impl Followed {
    fn new(next: Option<Instant>, now: Instant) -> Self {
        Self { next, quiet_at: next.unwrap_or(now).max(now) + QUIET }
    }
}

/// How long a poll of one's own may take, once the polls of somebody else speak of lasting trouble.
const SECOND_OPINION: Duration = Duration::from_secs(10);

impl Project {
    /// From now on, somebody else polls this job.
    pub(in crate::engine) fn follow(&mut self, id: &JobId, now: Instant) {
        let Some(job) = self.jobs.get(id) else { return };
        if !job.tracker.has_ended() && job.polling.is_none() {
            self.followed.insert(id.clone(), Followed::new(None, now));
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

    /// Where trouble with a job that somebody else polls has lasted, or nothing is heard of it, it is polled here, and what
    /// comes of that decides. Returns whether that is so.
    pub(in crate::engine) fn doubt(&mut self, id: &JobId, now: Instant) -> bool {
        let Some(followed) = self.followed.get(id) else { return false };
        let Some(job) = self.jobs.get_mut(id) else { return false };
        if let Some(at) = job.tracker.trouble_at().filter(|at| *at <= now) {
            job.tracker.excuse(now.since(at) + SECOND_OPINION);
        } else if followed.quiet_at > now {
            return false;
        }
        self.unfollow(id, now);
        true
    }

    /// Makes a job due that waits for its next poll and has no trouble.
    pub(in crate::engine) fn hasten(&mut self, id: &JobId, now: Instant) {
        let waits =
            self.jobs.get(id).filter(|job| job.tracker.last_error().is_none()).and_then(|job| job.due);
        if waits.is_some_and(|due| due > now) {
            self.schedule(id, Some(now));
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
        *expected = Followed::new(next, now.instant);
        let Some(job) = self.jobs.get_mut(id) else { return Findings::default() };
        let findings = match news {
            Ok(answer) => {
                let mut findings = job.tracker.observe(answer, now, self.server);
                findings.drafts.extend(job.tracker.slow(now.instant, self.slow.as_ref()));
                findings
            }
            Err(failure) => {
                // When it is asked again is for somebody else to decide.
                job.tracker.fail(&failure, now.instant, now.instant, &self.cadence, &self.experience, rng);
                Findings { drafts: job.tracker.alarm(now, true), unknown_status: None }
            }
        };
        if self.doubt(id, now.instant) {
            return findings;
        }
        let Some(job) = self.jobs.get(id) else { return findings };
        if job.tracker.has_ended() {
            self.followed.remove(id);
        }
        self.changed.insert(id.clone());
        self.schedule(id, None);
        findings
    }
}
