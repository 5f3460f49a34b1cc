//! How long ended jobs are kept.
//!
//! Invariant: an open job is never deleted by time alone, and nothing is deleted on the word of
//! this machine's clock alone, because the list would show what was deleted as a new event.

use std::time::Duration;

use jiff::Timestamp;

use super::Project;
use super::jobs::Job;
use crate::engine::context::Cx;
use crate::model::JobId;
use crate::model::time::{Instant, Now, wall_between};

impl Project {
    /// What the server's clock shows, as far as this process knows: that clock itself goes before
    /// the times in the list.
    pub(in crate::engine) fn server_now(&self, now: Instant) -> Option<Timestamp> {
        self.server.time(now).or_else(|| self.discovery.listed_time(now))
    }

    /// Removes the jobs that the configuration does not name and that ended longer than `keep` ago,
    /// both by the clock of this machine and by that of the server; if the server of this project
    /// does not say the time, that is `time`. A discovered job is removed, too, once the API has
    /// answered for that long that there is no such job. Returns which those are.
    pub(in crate::engine) fn take_old(&mut self, keep: Duration, time: Timestamp, now: Now) -> Vec<JobId> {
        let server_now = self.server_now(now.instant);
        let is_known = server_now.is_some() || !self.discovery.discovers();
        let time = server_now.unwrap_or(time).min(now.wall);
        let is_long_ago = |at: Timestamp| wall_between(at, time) > keep;
        let is_old = |job: &Job| {
            let listed_at = job.tracker.facts().listed_at();
            let ended = job.tracker.ended_at().is_some_and(is_long_ago) && listed_at.is_none_or(is_long_ago);
            let is_gone = job.is_discovered() && job.tracker.absent_for() > keep;
            !job.configured && ((is_known && ended) || is_gone)
        };

        let old: Vec<_> = self.jobs.iter().filter(|(_, job)| is_old(job)).map(|(id, _)| id.clone()).collect();
        if let Ok(before) = time.checked_sub(keep)
            && is_known
            && !old.is_empty()
        {
            self.discovery.delete_before(before);
        }
        for id in &old {
            self.leave(id, now);
        }
        old
    }

    /// Removes the discovered jobs that ended well, beyond those for which there is room: those
    /// that ended first, by the times of the API. An end up to then is not emitted any more, so a
    /// complete scan decides: of what had ended before it began, everything was emitted. A job that
    /// did not end well is kept: an exit code rests on it.
    pub(super) fn forget_surplus(&mut self, cx: &mut Cx<'_>) {
        let Some(max) = self.discovery.max_jobs() else { return };
        let Some(complete_since) = self.discovery.take_complete_since() else { return };
        if self.jobs.len() <= max {
            return;
        }
        let is_good = |job: &Job| job.tracker.has_ended() && self.view_of(job).outcome().is_success();
        let ended = self.jobs.iter().filter(|(_, job)| job.is_discovered() && is_good(job));
        let mut ended: Vec<_> =
            ended.map(|(id, job)| (job.tracker.facts().listed_at(), id.clone())).collect();
        if ended.len() <= max {
            return;
        }

        ended.sort_unstable();
        // A tenth at a time, so that not each scan sorts them all.
        ended.truncate(ended.len() - max + max / 10);
        ended.retain(|(at, _)| at.is_none_or(|at| at < complete_since));
        if let Some(last) = ended.iter().rev().find_map(|(at, _)| *at) {
            let just_after = last.checked_add(Duration::from_nanos(1)).unwrap_or(last);
            self.discovery.delete_before(just_after);
        }
        self.is_dirty = true;
        for (_, id) in ended {
            self.leave(&id, cx.now);
            cx.forget(id);
        }
    }
}
