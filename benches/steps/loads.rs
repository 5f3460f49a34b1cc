//! What is done in the steps that are measured.

use std::num::NonZeroU32;
use std::time::Duration;

use restore_watch::config::{DiscoverySettings, JobSettings, ProjectSettings, Rate};
use restore_watch::engine::{Command, Input};
use restore_watch::model::ProjectName;

use super::id;
use super::times::Times;
use super::world::World;

const FOUND: usize = 100_000;
const NAMED: usize = 10_000;
const ENDS: usize = 1000;

/// How often a configuration is loaded again.
const RELOADS: usize = 5;

pub(crate) fn measure() {
    println!("the engine alone, with a log and a webhook");
    Times::print_header();
    for projects in [200, 1] {
        discovery(projects);
    }
    for projects in [50, 1] {
        ends(projects);
    }
    for projects in [50, 1] {
        reload(projects);
    }
    println!();
}

/// Restores are found by the list, then they are watched, then the daemon is stopped.
fn discovery(projects: usize) {
    let settings = (0..projects).map(|number| ProjectSettings {
        discover: Some(DiscoverySettings {
            max_jobs: u32::try_from(FOUND).unwrap(),
            ..DiscoverySettings::default()
        }),
        ..project(number, 2000.0 / projects_f64(projects))
    });
    let settings: Vec<_> = settings.collect();
    let mut world = World::new(Vec::new());
    for (number, project) in settings.iter().enumerate() {
        let of_project = (0..FOUND).filter(|job| job % projects == number).map(id);
        world.listed.insert(project.name.clone(), of_project.collect());
    }
    let plan = world.plan(settings);

    world.steps = Times::default();
    world.step(Input::Command(Command::Reconfigure(plan)), "a reload");
    let mut found = 0;
    while found < FOUND || !world.engine.deliveries().is_settled() {
        world.run_for(Duration::from_secs(1));
        found = world.engine.jobs().count();
    }
    let what = |what: &str| format!("{FOUND} restores {what}, {}", in_projects(projects));
    std::mem::take(&mut world.steps).print(&what("found and delivered"));

    world.run_for(Duration::from_secs(30));
    std::mem::take(&mut world.steps).print(&what("watched for 30 s"));

    world.step(Input::Command(Command::Stop), "the stop");
    world.run_until(|world| world.engine.deliveries().is_settled());
    world.steps.print(&what("stopped"));
}

/// Many restores end within a second.
fn ends(projects: usize) {
    let mut world = with_known_jobs(projects);

    world.ended = (0..ENDS).map(id).collect();
    let is_over =
        |world: &World| world.engine.totals().open == NAMED - ENDS && world.engine.deliveries().is_settled();
    world.run_until(is_over);
    world.steps.print(&format!("{ENDS} ends among {NAMED} jobs, {}", in_projects(projects)));
}

/// The configuration is loaded again, first as it is, then without one job.
fn reload(projects: usize) {
    let mut world = with_known_jobs(projects);

    for number in 0..RELOADS {
        let mut settings = named(projects);
        if number % 2 == 1 {
            settings[0].jobs.pop();
        }
        let plan = world.plan(settings);
        world.step(Input::Command(Command::Reconfigure(plan)), "a reload");
        world.run_for(Duration::from_secs(10));
    }
    world.steps.print(&format!("{RELOADS} reloads with {NAMED} jobs, {}", in_projects(projects)));
}

/// A world with named jobs, each of which was polled.
fn with_known_jobs(projects: usize) -> World {
    let settings = named(projects);
    let of = |project: &ProjectSettings| project.jobs.iter().map(|job| job.id.clone()).collect();
    let listed = settings.iter().map(|project| (project.name.clone(), of(project))).collect();
    let mut world = World::new(settings);
    world.listed = listed;

    let is_known = |world: &World| {
        let mut jobs = world.engine.jobs();
        world.engine.deliveries().is_settled() && jobs.all(|job| job.tracker.status().is_some())
    };
    while !is_known(&world) {
        world.run_for(Duration::from_secs(1));
    }
    world.steps = Times::default();
    world
}

/// Projects that share the named jobs and a rate.
fn named(projects: usize) -> Vec<ProjectSettings> {
    let jobs_of = |number| (0..NAMED).filter(move |job| job % projects == number);
    let named = |number| {
        let jobs = jobs_of(number).map(|job| JobSettings::new(id(job))).collect();
        ProjectSettings { jobs, ..project(number, 1000.0 / projects_f64(projects)) }
    };
    (0..projects).map(named).collect()
}

fn project(number: usize, rate: f64) -> ProjectSettings {
    let name = ProjectName::new(format!("project-{number:03}"));
    let mut project = ProjectSettings { name, ..ProjectSettings::default() };
    project.api.requests_per_second = Rate::new(rate.min(Rate::MAX)).unwrap();
    project.api.burst = NonZeroU32::new(100).unwrap();
    project
}

fn projects_f64(projects: usize) -> f64 {
    f64::from(u32::try_from(projects).unwrap())
}

fn in_projects(projects: usize) -> String {
    format!("in {projects} {}", if projects == 1 { "project" } else { "projects" })
}
