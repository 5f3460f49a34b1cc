//! Keeps what is known of projects and jobs that are no longer configured.
//!
//! Invariant: a job or project that is watched again, after a restart or a reload, continues from
//! what is here, so no event is emitted twice. Records are deleted once they are older than the
//! configured time.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::adaptive_rate::AdaptiveRate;
use super::snapshot::{JobRecord, JobSnapshot, ProjectRecord, ProjectSnapshot};
use crate::model::time::wall_between;
use crate::model::{EndedRestore, JobId, ProjectName};

/// Projects and jobs that are not watched.
#[derive(Debug, Default)]
pub(super) struct Archive {
    projects: BTreeMap<ProjectName, ProjectSnapshot>,
    jobs: BTreeMap<ProjectName, BTreeMap<JobId, JobRecord>>,
    /// The rates of projects that this process watched before.
    adaptive_rates: BTreeMap<ProjectName, AdaptiveRate>,
}

impl Archive {
    /// An archive with these records.
    pub(super) fn new(projects: Vec<ProjectRecord>, jobs: Vec<JobRecord>) -> Self {
        let mut archive = Self::default();
        for project in projects {
            archive.projects.insert(project.name, project.snapshot);
        }
        for job in jobs {
            archive.archive(job);
        }
        archive
    }

    pub(super) fn archive(&mut self, job: JobRecord) {
        self.jobs.entry(job.project.clone()).or_default().insert(job.id.clone(), job);
    }

    /// Adds a project, without its jobs.
    pub(super) fn archive_project(
        &mut self,
        name: ProjectName,
        snapshot: ProjectSnapshot,
        adaptive_rate: AdaptiveRate,
    ) {
        self.adaptive_rates.insert(name.clone(), adaptive_rate);
        self.projects.insert(name, snapshot);
    }

    /// Takes out a project that is watched again.
    pub(super) fn restore_project(
        &mut self,
        name: &ProjectName,
    ) -> (Option<ProjectSnapshot>, Option<AdaptiveRate>) {
        let snapshot = self.projects.remove(name).map(|snapshot| ProjectSnapshot {
            // If the snapshot does not say when it was written, its jobs show the latest time.
            written_at: snapshot.written_at.or_else(|| self.last_written(name)),
            ..snapshot
        });
        (snapshot, self.adaptive_rates.remove(name))
    }

    /// When the latest record of a job of this project was written.
    fn last_written(&self, project: &ProjectName) -> Option<Timestamp> {
        self.jobs.get(project)?.values().map(|job| job.written_at).max()
    }

    /// Takes out a job that is watched again.
    pub(super) fn restore(&mut self, project: &ProjectName, id: &JobId) -> Option<JobRecord> {
        self.jobs.get_mut(project)?.remove(id)
    }

    /// The jobs that were added to a project by command, and those discovered ones that its present
    /// settings discover, too.
    pub(super) fn added(
        &self,
        project: &ProjectName,
        discovers: impl Fn(&JobSnapshot) -> bool,
    ) -> Vec<JobId> {
        let is_added = |job: &&JobRecord| match &job.snapshot.added {
            Some(added) => !added.discovered || discovers(&job.snapshot),
            None => false,
        };
        let jobs = self.jobs.get(project).into_iter().flat_map(BTreeMap::values);
        jobs.filter(is_added).map(|job| job.id.clone()).collect()
    }

    /// Whether a job is here that has ended.
    pub(super) fn has_ended(&self, project: &ProjectName, id: &JobId) -> bool {
        let job = self.jobs.get(project).and_then(|jobs| jobs.get(id));
        job.is_some_and(|job| job.snapshot.end.is_some())
    }

    /// The restores whose index was awaited: whether that serves stays open.
    pub(super) fn left(&self) -> impl Iterator<Item = EndedRestore> {
        self.jobs.values().flat_map(BTreeMap::values).filter_map(JobRecord::left)
    }

    /// How many unfinished jobs were added by command to projects that are not watched, by project.
    pub(super) fn stranded(&self) -> impl Iterator<Item = (&ProjectName, usize)> {
        let count = |jobs: &BTreeMap<_, JobRecord>| jobs.values().filter(|job| is_awaited(job)).count();
        self.jobs.iter().map(move |(name, jobs)| (name, count(jobs))).filter(|(_, count)| *count > 0)
    }

    /// The project that a job was added to, if the job is here; if a project is given, that one if it
    /// has the job, however it came to it.
    pub(super) fn holder(&self, id: &JobId, project: Option<&ProjectName>) -> Option<&ProjectName> {
        let is_added =
            |jobs: &BTreeMap<JobId, JobRecord>| jobs.get(id).is_some_and(|job| job.snapshot.added.is_some());
        let found = match project {
            Some(name) => self.jobs.get_key_value(name).filter(|(_, jobs)| jobs.contains_key(id)),
            None => self.jobs.iter().find(|(_, jobs)| is_added(jobs)),
        };
        found.map(|(name, _)| name)
    }

    /// Deletes a job. Returns whether it was here.
    pub(super) fn forget(&mut self, project: &ProjectName, id: &JobId) -> bool {
        self.restore(project, id).is_some()
    }

    /// Deletes the jobs that have been here for longer than `keep`, and returns their ids.
    /// `written_at` may come from a clock that was far behind, so the times of the API must be as
    /// old.
    pub(super) fn take_old(&mut self, keep: Duration, now: Timestamp) -> Vec<(ProjectName, JobId)> {
        let is_long_ago = |at: Timestamp| wall_between(at, now) > keep;
        let is_old = |job: &JobRecord| {
            let listed_at = job.snapshot.facts.listed_at();
            is_long_ago(job.written_at) && listed_at.is_none_or(is_long_ago) && !is_awaited(job)
        };

        let mut old = Vec::new();
        for (project, jobs) in &mut self.jobs {
            let deleted = jobs.extract_if(.., |_, job| is_old(job));
            old.extend(deleted.map(|(id, _)| (project.clone(), id)));
        }
        self.jobs.retain(|_, jobs| !jobs.is_empty());
        old
    }
}

/// Whether a job was added by command and its end is not known, so that it may still be wanted.
fn is_awaited(job: &JobRecord) -> bool {
    job.snapshot.end.is_none() && job.snapshot.added.as_ref().is_some_and(|added| !added.discovered)
}
