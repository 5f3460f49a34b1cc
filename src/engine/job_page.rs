//! A part of all jobs at a time, for reports that must not hold up the watch.
//!
//! Invariant: a page takes time for what it looks at, and for the polls that come before those of
//! its jobs in the queues of their projects, however many jobs there are elsewhere.

use std::collections::BTreeSet;

use super::Engine;
use super::project::{JobView, Project};
use crate::model::time::Instant;
use crate::model::{JobId, ProjectName};

/// Which jobs are meant: those of these projects and with these ids, each if it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub projects: Option<BTreeSet<ProjectName>>,
    pub jobs: Option<BTreeSet<JobId>>,
}

/// A place in the order of [`Engine::jobs`].
pub type JobKey = (ProjectName, JobId);

/// Some of the jobs that a filter means.
#[derive(Debug)]
pub struct JobPage<'a> {
    /// The jobs, and when each is polled if nothing else happens; none if it waits for no poll.
    pub jobs: Vec<(JobView<'a>, Option<Instant>)>,
    /// After which job the next page begins; none if this is the last one.
    pub end: Option<JobKey>,
}

impl JobFilter {
    /// Whether it means this job.
    pub fn includes(&self, project: &ProjectName, job: &JobId) -> bool {
        self.includes_project(project) && self.jobs.as_ref().is_none_or(|jobs| jobs.contains(job))
    }

    fn includes_project(&self, project: &ProjectName) -> bool {
        self.projects.as_ref().is_none_or(|projects| projects.contains(project))
    }
}

impl Engine {
    /// The jobs that a filter means and that come after this one, in the order of [`Engine::jobs`].
    /// At most `limit` are looked at.
    pub fn job_page(&self, filter: &JobFilter, after: Option<&JobKey>, limit: usize) -> JobPage<'_> {
        let mut page = JobPage { jobs: Vec::new(), end: None };
        let mut left = limit;

        for project in self.projects.from(after.map(|(project, _)| project)) {
            if !filter.includes_project(&project.name) {
                continue;
            }
            let after = after.filter(|(name, _)| *name == project.name).map(|(_, id)| id);
            let looked_at: Vec<_> = project.candidates(filter.jobs.as_ref(), after).take(left).collect();
            left -= looked_at.len();
            let last = looked_at.last().map(|(id, _)| (*id).clone());

            page.add(project, looked_at.into_iter().filter_map(|(_, view)| view).collect());
            if left == 0 {
                page.end = last.map(|id| (project.name.clone(), id));
                break;
            }
        }
        page
    }
}

impl<'a> JobPage<'a> {
    /// Adds jobs of one project.
    fn add(&mut self, project: &'a Project, views: Vec<JobView<'a>>) {
        let id = |view: &JobView<'a>| &view.tracker.settings().id;
        let waiting = views.iter().filter_map(|view| Some((view.due?, id(view)))).collect();
        let polls = project.forecast_of(waiting);
        self.jobs.extend(views.into_iter().map(|view| (view, polls.get(id(&view)).copied())));
    }
}
