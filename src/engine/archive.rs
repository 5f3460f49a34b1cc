//! What is known of projects and jobs that nobody watches.
//!
//! Invariant: whoever is watched again, after a restart or a change of the configuration, goes on with what is known
//! here, so that nothing is told twice; after the time that it is to be kept, it is forgotten.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::adaptive_rate::AdaptiveRate;
use super::snapshot::{JobRecord, JobSnapshot, ProjectRecord, ProjectSnapshot};
use crate::model::time::wall_between;
use crate::model::{JobId, ProjectName};

/// Projects and jobs that nobody watches.
#[derive(Debug, Default)]
pub(super) struct Archive {
    projects: BTreeMap<ProjectName, ProjectSnapshot>,
    jobs: BTreeMap<ProjectName, BTreeMap<JobId, JobRecord>>,
    /// What projects that were watched by this process may still ask.
    adaptive_rates: BTreeMap<ProjectName, AdaptiveRate>,
}

impl Archive {
    /// All that was kept.
    pub(super) fn new(projects: Vec<ProjectRecord>, jobs: Vec<JobRecord>) -> Self {
        let mut archive = Self::default();
        for project in projects {
            archive.projects.insert(project.name, project.snapshot);
        }
        for job in jobs {
            archive.rest(job);
        }
        archive
    }

    /// A job is watched no more.
    pub(super) fn rest(&mut self, job: JobRecord) {
        self.jobs.entry(job.project.clone()).or_default().insert(job.id.clone(), job);
    }

    /// A project is watched no more.
    pub(super) fn rest_project(
        &mut self,
        name: ProjectName,
        snapshot: ProjectSnapshot,
        adaptive_rate: AdaptiveRate,
    ) {
        self.adaptive_rates.insert(name.clone(), adaptive_rate);
        self.projects.insert(name, snapshot);
    }

    /// Takes what is known of a project that is watched again.
    pub(super) fn wake_project(
        &mut self,
        name: &ProjectName,
    ) -> (Option<ProjectSnapshot>, Option<AdaptiveRate>) {
        let snapshot = self.projects.remove(name).map(|snapshot| ProjectSnapshot {
            // Where it does not say it itself, its jobs show when something was written last.
            written_at: snapshot.written_at.or_else(|| self.last_written(name)),
            ..snapshot
        });
        (snapshot, self.adaptive_rates.remove(name))
    }

    /// When the last record of a job of this project that is here was written.
    fn last_written(&self, project: &ProjectName) -> Option<Timestamp> {
        self.jobs.get(project)?.values().map(|job| job.written_at).max()
    }

    /// Takes what is known of a job that is watched again.
    pub(super) fn wake(&mut self, project: &ProjectName, id: &JobId) -> Option<JobRecord> {
        self.jobs.get_mut(project)?.remove(id)
    }

    /// The jobs of a project that somebody added while the daemon ran, and those of the ones that were discovered that it
    /// still `discovers`.
    pub(super) fn added(
        &self,
        project: &ProjectName,
        discovers: impl Fn(&JobSnapshot) -> bool,
    ) -> Vec<JobId> {
        let added = |job: &&JobRecord| match &job.snapshot.added {
            Some(added) => !added.discovered || discovers(&job.snapshot),
            None => false,
        };
        let jobs = self.jobs.get(project).into_iter().flat_map(BTreeMap::values);
        jobs.filter(added).map(|job| job.id.clone()).collect()
    }

    /// Whether a job is here that has ended.
    pub(super) fn has_ended(&self, project: &ProjectName, id: &JobId) -> bool {
        let job = self.jobs.get(project).and_then(|jobs| jobs.get(id));
        job.is_some_and(|job| job.snapshot.end.is_some())
    }

    /// How many jobs somebody added to projects that are not watched, by project.
    pub(super) fn stranded(&self) -> impl Iterator<Item = (&ProjectName, usize)> {
        let count = |jobs: &BTreeMap<_, JobRecord>| jobs.values().filter(|job| is_wanted(job)).count();
        self.jobs.iter().map(move |(name, jobs)| (name, count(jobs))).filter(|(_, count)| *count > 0)
    }

    /// The project of a job that somebody added, if it is here.
    pub(super) fn holder(&self, id: &JobId) -> Option<&ProjectName> {
        let has =
            |jobs: &BTreeMap<JobId, JobRecord>| jobs.get(id).is_some_and(|job| job.snapshot.added.is_some());
        self.jobs.iter().find(|(_, jobs)| has(jobs)).map(|(name, _)| name)
    }

    /// Forgets a job. Returns whether it was known.
    pub(super) fn forget(&mut self, project: &ProjectName, id: &JobId) -> bool {
        self.wake(project, id).is_some()
    }

    /// Forgets the jobs that have been here for longer than `keep`, and names them. The clock that `written_at` was read from
    /// may have been far behind, so the times of the API have to agree.
    pub(super) fn take_old(&mut self, keep: Duration, now: Timestamp) -> Vec<(ProjectName, JobId)> {
        let is_long_ago = |at: Timestamp| wall_between(at, now) > keep;
        let is_old = |job: &JobRecord| {
            let listed_at = job.snapshot.facts.listed_at();
            is_long_ago(job.written_at) && listed_at.is_none_or(is_long_ago) && !is_wanted(job)
        };
        let mut old = Vec::new();
        for (project, jobs) in &mut self.jobs {
            let gone = jobs.extract_if(.., |_, job| is_old(job));
            old.extend(gone.map(|(id, _)| (project.clone(), id)));
        }
        self.jobs.retain(|_, jobs| !jobs.is_empty());
        old
    }
}

/// Whether somebody added a job and has not seen its end, which they may still want to.
fn is_wanted(job: &JobRecord) -> bool {
    job.snapshot.end.is_none() && job.snapshot.added.as_ref().is_some_and(|added| !added.discovered)
}
