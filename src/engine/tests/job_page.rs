//! Jobs in pages, as reports read them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MANY: [&str; 9] = ["job-0", "job-1", "job-2", "job-3", "job-4", "job-5", "job-6", "job-7", "job-8"];

/// Three projects, two of which have a job of the same id. Some jobs are being polled.
fn three_projects() -> Stage {
    Stage::new(&[named("a", &["x", "y"]), named("b", &MANY), named("c", &["x"])], vec![])
}

fn named(name: &str, jobs: &[&str]) -> ProjectSettings {
    ProjectSettings { name: ProjectName::new(name), ..project(jobs) }
}

/// All pages, with at most `limit` jobs each.
fn pages(engine: &Engine, filter: &JobFilter, limit: usize) -> Vec<(JobKey, Option<Instant>)> {
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = engine.job_page(filter, after.as_ref(), limit);
        assert!(page.jobs.len() <= limit);
        listed.extend(page.jobs.iter().map(|(view, next)| (key(view), *next)));
        after = page.end;
        if after.is_none() {
            return listed;
        }
    }
}

fn key(view: &JobView<'_>) -> JobKey {
    (view.project.clone(), view.tracker.settings().id.clone())
}

/// A filter of these names and ids; none of a kind is any.
fn filter(projects: &[&str], jobs: &[&str]) -> JobFilter {
    let projects: BTreeSet<_> = projects.iter().map(|name| ProjectName::new(*name)).collect();
    let jobs: BTreeSet<_> = jobs.iter().map(|job| id(job)).collect();
    JobFilter {
        projects: Some(projects).filter(|projects| !projects.is_empty()),
        jobs: Some(jobs).filter(|jobs| !jobs.is_empty()),
    }
}

proptest! {
    #[test]
    fn pages_together_are_all_jobs_that_are_meant(
        projects in prop::sample::subsequence(vec!["0", "a", "b", "c", "d"], 0..5),
        jobs in prop::sample::subsequence(vec!["a", "job-2", "job-3", "x", "z"], 0..5),
        limit in 1_usize..15,
    ) {
        let stage = three_projects();
        let filter = filter(&projects, &jobs);
        let forecast = stage.engine.polls().forecast();

        let listed = pages(&stage.engine, &filter, limit);

        let meant = stage.engine.jobs().map(|view| key(&view)).filter(|(project, job)| filter.includes(project, job));
        let meant: Vec<_> = meant.map(|key| { let next = forecast.get(&key).copied(); (key, next) }).collect();
        prop_assert_eq!(listed, meant);
    }
}

#[test]
fn a_job_is_found_in_each_project_that_has_it() {
    let stage = three_projects();

    let listed = pages(&stage.engine, &filter(&[], &["x"]), 100);

    let projects: Vec<_> = listed.iter().map(|((project, _), _)| project.as_str()).collect();
    assert_eq!(projects, ["a", "c"]);
}

#[test]
fn no_id_at_all_means_no_job() {
    let stage = three_projects();
    let none = JobFilter { jobs: Some(BTreeSet::new()), ..JobFilter::default() };
    assert_eq!(pages(&stage.engine, &none, 100), []);
}

#[test]
fn a_page_goes_on_where_a_job_was_that_has_left() {
    let mut stage = three_projects();
    let end = stage.engine.job_page(&JobFilter::default(), None, 5).end;
    assert_eq!(end, Some((ProjectName::new("b"), id("job-2"))));

    let without_it: Vec<_> = MANY.into_iter().filter(|job| *job != "job-2").collect();
    stage.command(Command::Reconfigure(plan(&[named("b", &without_it)], Vec::new())));

    let page = stage.engine.job_page(&JobFilter::default(), end.as_ref(), 1);
    assert_eq!(key(&page.jobs[0].0), (ProjectName::new("b"), id("job-3")));
}
