//! Read-only views of an engine that belong together: its polls, its deliveries, its totals.

use std::collections::BTreeMap;
use std::time::Duration;

use super::commit_queue::CommitQueue;
use super::outbox::Outbox;
use super::project::Project;
use super::projects::Projects;
use crate::model::time::Instant;
use crate::model::{JobId, OutcomeCounts, ProjectName};

/// How many jobs and projects are in which condition. Counting them visits no single job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// All jobs.
    pub jobs: usize,
    /// Jobs that ended.
    pub ended: usize,
    /// Jobs by outcome.
    pub outcomes: OutcomeCounts,
    /// Jobs that have not ended and are polled.
    pub open: usize,
    /// The same without those of projects whose key is unauthorized.
    pub undecided: usize,
    /// Projects whose requests fail because of the local setup.
    pub misconfigured: usize,
}

impl Totals {
    pub(super) fn of(projects: &Projects) -> Self {
        let mut totals = Self::default();
        for project in projects.values().map(Project::totals) {
            totals.jobs += project.jobs;
            totals.ended += project.ended;
            totals.outcomes += project.outcomes;
            totals.open += project.open;
            totals.undecided += project.undecided;
            totals.misconfigured += project.misconfigured;
        }
        totals
    }
}

/// The polls to come, if nothing else happens.
#[derive(Debug, Clone, Copy)]
pub struct Polls<'a> {
    pub(super) projects: &'a Projects,
}

impl Polls<'_> {
    /// When the next one begins.
    pub fn next_at(&self) -> Option<Instant> {
        self.projects.values().filter_map(Project::next_poll).min()
    }

    /// When each job is polled next; those that ended or are being polled are left out.
    pub fn forecast(&self) -> BTreeMap<(ProjectName, JobId), Instant> {
        let of_project = |project: &'_ Project| {
            let name = project.name.clone();
            project.forecast().map(|((_, job), at)| ((name.clone(), job.clone()), at)).collect::<Vec<_>>()
        };
        self.projects.values().flat_map(of_project).collect()
    }

    /// How long it takes at the present rates to poll each job that has not ended once, from `now`
    /// on.
    pub fn round_takes(&self, now: Instant) -> Duration {
        self.projects.values().map(|project| project.round_takes(now)).max().unwrap_or_default()
    }

    /// How many polls of a project have not begun although they may, far longer than they should
    /// wait.
    pub fn overdue(&self, project: &ProjectName, now: Instant) -> usize {
        self.projects.get(project).map_or(0, |project| project.overdue_polls(now))
    }

    /// Whether one is under way, or begins until `at`.
    pub fn busy_until(&self, at: Instant) -> bool {
        self.projects.values().any(|project| project.polls_until(at))
    }
}

/// The deliveries of all sinks, and the commits that they depend on.
#[derive(Debug, Clone, Copy)]
pub struct Deliveries<'a> {
    pub(super) outbox: &'a Outbox,
    pub(super) commit_queue: &'a CommitQueue,
}

impl Deliveries<'_> {
    /// How many are pending, those of events included that are not committed yet.
    pub fn pending(&self) -> usize {
        self.commit_queue.pending() + self.outbox.pending()
    }

    /// How many are dead letters, whether their sink is configured or not.
    pub fn dead_letters(&self) -> usize {
        self.outbox.dead_letters()
    }

    /// How many are pending for a job, whether their sink is configured or not, without those of
    /// events that are not committed yet.
    pub fn pending_of(&self, project: &ProjectName, job: &JobId) -> usize {
        self.outbox.pending_of(project, job)
    }

    /// Why the last attempt at a pending delivery failed, of any that failed.
    pub fn last_error(&self) -> Option<&str> {
        self.outbox.last_error()
    }

    /// Whether a commit or a delivery is under way, or one begins until `at`.
    pub fn busy_until(&self, at: Instant) -> bool {
        self.commit_queue.busy_until(at) || self.outbox.busy_until(at)
    }

    /// Whether every event is committed and every delivery is finished, which is committed, too.
    pub fn is_settled(&self) -> bool {
        !self.commit_queue.has_urgent_changes() && self.outbox.pending() == 0
    }

    /// The same but for deliveries that wait for the hours of their sink.
    pub fn is_settled_but_held(&self) -> bool {
        !self.commit_queue.has_urgent_changes() && self.outbox.pending() == self.outbox.held()
    }
}
