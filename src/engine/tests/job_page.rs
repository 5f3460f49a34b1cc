//! Jobs in pages, as reports read them.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::config::IndexPattern;
use crate::model::{OutcomeCounts, Reference, Resolution};

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
        listed.extend(page.jobs.iter().map(|(view, next)| (view.key(), *next)));
        after = page.end;
        if after.is_none() {
            return listed;
        }
    }
}

/// A filter of these names and ids; none of a kind is any.
fn filter(projects: &[&str], jobs: &[&str]) -> JobFilter {
    let projects: BTreeSet<_> = projects.iter().map(|name| ProjectName::new(*name)).collect();
    let jobs: BTreeSet<_> = jobs.iter().map(|job| id(job)).collect();
    JobFilter {
        projects: Some(projects).filter(|projects| !projects.is_empty()),
        jobs: Some(jobs).filter(|jobs| !jobs.is_empty()),
        ..JobFilter::default()
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

        let includes = |(project, job): &JobKey| filter.includes(project, job, None, Outcome::Open);
        let meant = stage.engine.jobs().map(|view| view.key()).filter(includes);
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
    assert_eq!(page.jobs[0].0.key(), (ProjectName::new("b"), id("job-3")));
}

/// One project with a job of each end, which end in this order, and two that run.
fn ended() -> Stage {
    let mut stage = Stage::new(&[project(&["a", "b", "c", "d", "e", "f"])], Vec::new());
    let mut running = Vec::new();
    while running.len() < 6 {
        match stage.polls.pop_front() {
            Some(poll) => running.push(poll),
            None => drop(stage.next()),
        }
    }
    for (poll, status) in
        running.into_iter().zip(["Failed", "Completed", "Failed", "Completed", "Pending", "Pending"])
    {
        let target_index_name = Some(format!("into-{}", poll.job));
        stage.answer_with(poll, status, JobFacts { target_index_name, ..JobFacts::default() });
        stage.pass(seconds(60));
    }
    stage
}

/// The ids of the jobs that are selected, looked at in parts of this size.
fn selected(stage: &Stage, filter: &JobFilter, limits: Limits, part: usize) -> (Vec<String>, OutcomeCounts) {
    let mut selection = Selection::new(limits);
    let mut after = None;
    loop {
        after = stage.engine.select(&mut selection, filter, after.as_ref(), part, stage.now);
        if after.is_none() {
            break;
        }
    }
    let page = stage.engine.selected(&selection);
    (page.jobs.iter().map(|(view, _)| view.key().1.to_string()).collect(), selection.offered())
}

#[test]
fn a_selection_has_the_newest_of_each_section_and_counts_all() {
    let stage = ended();
    for part in [1, 2, 100] {
        let limits = Limits { of_section: 1, ended_within: None, skip: None };

        let (jobs, counts) = selected(&stage, &JobFilter::default(), limits, part);

        assert_eq!(jobs.len(), 3, "{jobs:?}");
        assert!(jobs.contains(&"c".to_owned()) && jobs.contains(&"d".to_owned()), "the newest: {jobs:?}");
        assert_eq!(counts, stage.engine.totals().outcomes);
    }
}

#[test]
fn pages_of_a_selection_have_each_job_once_in_its_order() {
    let stage = ended();
    for part in [1, 2, 100] {
        let page = |skip| {
            let limits = Limits { of_section: 2, ended_within: None, skip: Some(skip) };
            selected(&stage, &JobFilter::default(), limits, part).0
        };

        // A page has no order of its own.
        assert_eq!([page(0), page(2), page(4)], [["a", "c"], ["e", "f"], ["b", "d"]], "{part}");
        assert!(page(6).is_empty());
    }
}

#[test]
fn a_selection_leaves_out_what_ended_well_long_ago() {
    let stage = ended();
    let limits = Limits { of_section: 9, ended_within: Some(seconds(200)), skip: None };

    let (jobs, counts) = selected(&stage, &JobFilter::default(), limits, 100);

    assert_eq!(jobs, ["a", "c", "d", "e", "f"]);
    assert_eq!(counts.of(Outcome::Completed), 2);
}

#[test]
fn a_filter_means_outcomes_and_indexes() {
    let stage = ended();
    let ids = |filter: &JobFilter| {
        pages(&stage.engine, filter, 2).into_iter().map(|((_, id), _)| id.to_string()).collect::<Vec<_>>()
    };
    let failed = JobFilter { outcomes: Some(BTreeSet::from([Outcome::Failed])), ..JobFilter::default() };
    let index =
        JobFilter { indexes: Some(vec![IndexPattern::parse("*-b").unwrap()]), ..JobFilter::default() };

    assert_eq!(ids(&failed), ["a", "c"]);
    assert_eq!(ids(&index), ["b"]);
}

#[test]
fn jobs_are_resolved_by_id_name_and_prefix() {
    let mut named_job = JobSettings::new(id("job-10"));
    named_job.name = Some("nightly".to_owned());
    let mut one = named("one", &["job-1", "670e8400-e29b-41d4-a716-446655440001"]);
    one.jobs.push(named_job);
    let stage = Stage::new(&[one, named("two", &["job-1"])], Vec::new());
    let resolve = |text: &str, projects: Option<&BTreeSet<ProjectName>>| {
        let keys = |views: Vec<JobView<'_>>| {
            views.iter().map(JobView::key).map(|(project, id)| format!("{project} {id}")).collect::<Vec<_>>()
        };
        match stage.engine.resolve(&Reference::new(text), projects) {
            Resolution::Found(views) => keys(views),
            Resolution::Ambiguous(views) => [vec!["ambiguous".to_owned()], keys(views)].concat(),
        }
    };

    assert_eq!(resolve("job-1", None), ["one job-1", "two job-1"]);
    assert_eq!(resolve("job-1", Some(&BTreeSet::from([ProjectName::new("two")]))), ["two job-1"]);
    assert_eq!(resolve("nightly", None), ["one job-10"]);
    assert_eq!(resolve("670E", None), ["one 670e8400-e29b-41d4-a716-446655440001"]);
    assert_eq!(resolve("job-", None), ["ambiguous", "one job-1", "one job-10", "two job-1"]);
    assert_eq!(resolve("job", None), [""; 0]);
}
