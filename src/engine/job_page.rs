//! A part of all jobs at a time, for reports that must not hold up the watch.
//!
//! Invariant: a page takes time for what it looks at, and for the polls that come before those of
//! its jobs in the queues of their projects, however many jobs there are elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::project::{JobView, Project};
use super::{Engine, Selection};
use crate::config::IndexPattern;
use crate::model::time::{Instant, Now};
use crate::model::{JobId, Outcome, ProjectName};

/// Which jobs are meant: those of these projects, with these ids, into such indexes and with these
/// outcomes, each if it is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub projects: Option<BTreeSet<ProjectName>>,
    pub jobs: Option<BTreeSet<JobId>>,
    pub indexes: Option<Vec<IndexPattern>>,
    pub outcomes: Option<BTreeSet<Outcome>>,
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
    /// Whether it means a job that stands like this.
    pub fn includes(
        &self,
        project: &ProjectName,
        job: &JobId,
        index: Option<&str>,
        outcome: Outcome,
    ) -> bool {
        let is_matched = |patterns: &Vec<IndexPattern>| {
            index.is_some_and(|index| patterns.iter().any(|pattern| pattern.matches(index)))
        };
        self.includes_project(project)
            && self.jobs.as_ref().is_none_or(|jobs| jobs.contains(job))
            && self.outcomes.as_ref().is_none_or(|outcomes| outcomes.contains(&outcome))
            && self.indexes.as_ref().is_none_or(is_matched)
    }

    fn includes_project(&self, project: &ProjectName) -> bool {
        self.projects.as_ref().is_none_or(|projects| projects.contains(project))
    }

    fn includes_view(&self, view: &JobView<'_>) -> bool {
        let settings = view.tracker.settings();
        let index = view.tracker.facts().target_index_name.as_deref();
        self.includes(view.project, &settings.id, index, view.outcome())
    }
}

impl Engine {
    /// The jobs that a filter means and that come after this one, in the order of [`Engine::jobs`].
    /// At most `limit` are looked at.
    pub fn job_page(&self, filter: &JobFilter, after: Option<&JobKey>, limit: usize) -> JobPage<'_> {
        let mut page = JobPage { jobs: Vec::new(), end: None };
        page.end = self.look(filter, after, limit, |project, views| page.add(project, views));
        page
    }

    /// Offers a selection the jobs that a filter means and that come after this one. Returns after
    /// which job to go on, if there may be more. At most `limit` are looked at.
    pub fn select(
        &self,
        selection: &mut Selection,
        filter: &JobFilter,
        after: Option<&JobKey>,
        limit: usize,
        now: Now,
    ) -> Option<JobKey> {
        self.look(filter, after, limit, |_, views| {
            for view in &views {
                selection.offer(view, now);
            }
        })
    }

    /// The jobs of a selection, as far as they are still watched.
    pub fn selected(&self, selection: &Selection) -> JobPage<'_> {
        let mut of_project: BTreeMap<&ProjectName, Vec<&JobId>> = BTreeMap::new();
        for (project, id) in selection.jobs() {
            of_project.entry(project).or_default().push(id);
        }

        let mut page = JobPage { jobs: Vec::new(), end: None };
        for (name, ids) in of_project {
            let Some(project) = self.projects.get(name) else { continue };
            page.add(project, ids.into_iter().filter_map(|id| project.view(id)).collect());
        }
        page
    }

    /// Hands over the jobs that a filter means and that come after this one, by project. Returns
    /// the last one that was looked at, if there may be more.
    fn look<'a>(
        &'a self,
        filter: &JobFilter,
        after: Option<&JobKey>,
        limit: usize,
        mut take: impl FnMut(&'a Project, Vec<JobView<'a>>),
    ) -> Option<JobKey> {
        let mut left = limit;
        for project in self.projects.from(after.map(|(project, _)| project)) {
            if !filter.includes_project(&project.name) {
                continue;
            }
            let after = after.filter(|(name, _)| *name == project.name).map(|(_, id)| id);
            let looked_at: Vec<_> = project.candidates(filter.jobs.as_ref(), after).take(left).collect();
            left -= looked_at.len();
            let last = looked_at.last().map(|(id, _)| (*id).clone());

            let views = looked_at.into_iter().filter_map(|(_, view)| view);
            take(project, views.filter(|view| filter.includes_view(view)).collect());
            if left == 0 {
                return last.map(|id| (project.name.clone(), id));
            }
        }
        None
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
