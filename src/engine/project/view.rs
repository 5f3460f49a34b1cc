//! A project and its jobs, for those who look.

use std::time::Duration;

use super::discovery::Finder;
use super::{Job, Project};
use crate::engine::tracker::Tracker;
use crate::model::time::{Instant, Now};
use crate::model::{Expectation, JobId, ProjectName};

/// How a project is doing.
#[derive(Debug, Clone, Copy)]
pub struct ProjectView<'a> {
    /// Its name.
    pub name: &'a ProjectName,
    /// Why its key is refused, where it is.
    pub refused: Option<&'a str>,
    /// Why its requests cannot be made as they are set up, if that is sure.
    pub misconfigured: Option<&'a str>,
    /// Since when it is paused, if it is.
    pub paused_since: Option<Now>,
    /// The rate that holds, in requests a second: the configured one, or less where its server was found to take less.
    pub requests_per_second: f64,
    /// What the server said when it was found to take less, where that holds.
    pub limited: Option<&'a str>,
    /// How long its restores took in the past, where some are known.
    pub expectation: Option<Expectation>,
    /// Whether its past is yet to be learned from the list, as far as that can be had.
    pub learns: bool,
    /// Whether its jobs are discovered.
    pub discovers: bool,
    /// Why its list cannot be read, if so.
    pub unlisted: Option<&'a str>,
    /// Since when its list cannot be read, if so, where jobs are discovered.
    pub unlisted_since: Option<Instant>,
    /// Why not all jobs that its list shows are watched, if so.
    pub left_out: Option<&'a str>,
    /// How many of its jobs have not ended.
    pub open: usize,
    /// Since when nothing that makes sense was answered, whatever was asked, if so.
    pub unanswered_since: Option<Instant>,
    /// After how long without a good answer a job is unreachable.
    pub unreachable_after: Duration,
}

/// How a job is doing, for those who look.
#[expect(clippy::struct_excessive_bools, reason = "independent of each other")]
#[derive(Debug, Clone, Copy)]
pub struct JobView<'a> {
    /// Its project.
    pub project: &'a ProjectName,
    /// Why the project's key is refused, where it is.
    pub refused: Option<&'a str>,
    /// Why nothing can be learned of it as the requests of its project are set up, if so.
    pub misconfigured: Option<&'a str>,
    /// Whether the project is paused.
    pub is_paused: bool,
    /// Whether the configuration names the job.
    pub is_listed: bool,
    /// Whether somebody added it while the daemon ran.
    pub is_added: bool,
    /// Whether it was found in the list.
    pub is_discovered: bool,
    /// What is known of it.
    pub tracker: &'a Tracker,
    /// How often it was polled.
    pub polls: u64,
    /// When it is due, which is when it is polled at the earliest; not while it is being polled.
    pub due: Option<Instant>,
}

impl Project {
    pub(in crate::engine) fn look(&self) -> ProjectView<'_> {
        ProjectView {
            name: &self.name,
            refused: self.access.refusal(),
            misconfigured: self.misconfiguration.confirmed(),
            paused_since: self.paused_since,
            requests_per_second: self.adaptive_rate.per_second(),
            limited: self.adaptive_rate.refusal(),
            expectation: self.duration_history.expectation(),
            learns: self.has_seen_one_run && self.open() > 0 && self.list.is_to_be_read(),
            discovers: self.finder.is_some(),
            unlisted: self.list_error.as_deref().filter(|_| self.list.failing_since.is_some()),
            unlisted_since: self.list.failing_since.filter(|_| self.finder.is_some()),
            left_out: self.finder.as_ref().and_then(Finder::left_out),
            open: self.open(),
            unanswered_since: self.unanswered_since,
            unreachable_after: self.watch.unreachable_after,
        }
    }

    pub(in crate::engine) fn is_refused(&self) -> bool {
        self.access.is_refused()
    }

    pub(in crate::engine) fn views(&self) -> impl Iterator<Item = JobView<'_>> {
        self.jobs.values().map(|job| self.view_of(job))
    }

    pub(in crate::engine) fn view(&self, id: &JobId) -> Option<JobView<'_>> {
        self.jobs.get(id).map(|job| self.view_of(job))
    }

    pub(super) fn view_of<'a>(&'a self, job: &'a Job) -> JobView<'a> {
        JobView {
            project: &self.name,
            refused: self.access.refusal(),
            misconfigured: self.misconfigured(job),
            is_paused: self.paused_since.is_some(),
            is_listed: job.listed,
            is_added: job.added.as_ref().is_some_and(|added| !added.discovered),
            is_discovered: job.is_found(),
            tracker: &job.tracker,
            polls: job.polls,
            due: job.due,
        }
    }

    /// When each waiting job is polled, if nothing else happens: in the order of the queue, as the rate lets them.
    pub(in crate::engine) fn forecast(&self) -> impl Iterator<Item = (&JobId, Instant)> {
        let mut adaptive_rate = self.adaptive_rate.clone();
        self.queue.keys().filter(|_| self.paused_since.is_none()).map(move |(due, id)| {
            let at = (*due).max(self.held_until).max(adaptive_rate.ready_at());
            adaptive_rate.take(at);
            (id, at)
        })
    }
}
