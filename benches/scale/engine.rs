//! What one poll costs the engine alone: no network, no disk, and a clock that jumps to the next
//! deadline.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::daemon_process::mebibytes;
use super::{id, median};
use restore_watch::config::{EventFilter, JobSettings, ProjectSettings, Rate, Route, StateSettings};
use restore_watch::engine::snapshot::Snapshot;
use restore_watch::engine::{
    Action, Answer, DeliveryPolicy, Engine, Failure, FailureClass, Input, ListPage, Plan, PollId, SinkPlan,
};
use restore_watch::model::time::{Instant, Now};
use restore_watch::model::{JobFacts, JobId, Observation, ProjectName, SinkName, Status};
use restore_watch::platform::clock::Clock;

const JOBS: [u32; 4] = [10, 100, 1000, 10_000];
const PROJECTS: [u32; 2] = [1, 50];

/// Of how many jobs the memory and the start are measured.
const SIZES: [u32; 2] = [10_000, 100_000];

/// How often each is measured, in turn, and over so many polls.
const ROUNDS: usize = 7;
const POLLS: u32 = 2000;

/// What happens around a poll.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Load {
    /// 500 polls a second in all: many go into one commit.
    Busy,
    /// A poll in about seven seconds in all: each has a commit of its own.
    Quiet,
    /// The same, and every other job has ended: its duration is learned, and the next poll of one
    /// that runs is paced by what is known then.
    Ending,
    /// As many polls at once as there can be.
    Volley,
}

/// Prints what one poll costs, what one of many refusals at once costs, and what many jobs take.
pub(crate) fn measure() {
    // First, while no memory was freed that could be used again.
    sizes();
    polls();
    refusals();
}

/// Prints the memory of an engine, and how long it takes until all of its jobs are in one batch.
fn sizes() {
    if !Path::new("/proc/self/status").exists() {
        return;
    }
    println!("the engine alone, memory and start");
    println!("  jobs   projects   memory a job   until its first commit");
    let projects = PROJECTS[PROJECTS.len() - 1];
    let clock = Clock::system();
    let worlds = SIZES.map(|jobs| {
        let before = (mebibytes(std::process::id(), "VmRSS"), clock.now().instant);
        let world = World::new(jobs, projects, Load::Busy);
        let took = clock.now().instant.since(before.1);
        let kibibytes = (mebibytes(std::process::id(), "VmRSS") - before.0) * 1024.0 / f64::from(jobs);
        println!("  {jobs:<7} {projects:>7} {kibibytes:>10.2} KiB {:>19.0} ms", took.as_secs_f64() * 1e3);
        world
    });
    drop(worlds);
    println!();
}

/// Prints microseconds a poll, from the step that requests it to the one that acknowledges its
/// commit.
fn polls() {
    println!(
        "the engine alone, microseconds a poll (medians of {ROUNDS} runs of {POLLS} polls, and the ratio to 10 jobs)"
    );
    println!("  jobs   projects   500 a second          one at a time, and   the same, and");
    println!("                                          its commit           half of the jobs end");
    let places: Vec<_> = PROJECTS.iter().flat_map(|projects| JOBS.map(|jobs| (jobs, *projects))).collect();
    let loads = [Load::Busy, Load::Quiet, Load::Ending];
    let mut costs = vec![[const { Vec::new() }; 3]; places.len()];
    for _ in 0..ROUNDS {
        for (costs, (jobs, projects)) in costs.iter_mut().zip(&places) {
            for (costs, load) in costs.iter_mut().zip(loads) {
                costs.push(cost(*jobs, *projects, load));
            }
        }
    }
    let costs: Vec<_> = costs.into_iter().map(|costs| costs.map(median)).collect();
    for (place, (jobs, projects)) in places.iter().enumerate() {
        let first = &costs[place - place % JOBS.len()];
        let columns = costs[place]
            .iter()
            .zip(first)
            .map(|(cost, first)| format!("{cost:>8.2} ({:>4.2})", cost / first));
        println!("  {jobs:<6} {:>8}   {}", projects.min(jobs), columns.collect::<Vec<_>>().join("      "));
    }
    println!();
}

/// Prints microseconds a refusal if all polls of a project in flight are answered with 429.
fn refusals() {
    println!(
        "64 polls of one project are refused at once, microseconds a refusal (medians of {ROUNDS} runs)"
    );
    for jobs in JOBS {
        let clock = Clock::system();
        let costs = (0..ROUNDS).map(|_| {
            let mut world = World::new(jobs, 1, Load::Volley);
            let polls = std::mem::take(&mut world.polls);
            let count = u32::try_from(polls.len()).unwrap();
            assert_eq!(count, jobs.min(64));
            let began = clock.now().instant;
            for poll in polls {
                let failure = Failure {
                    class: FailureClass::Throttled,
                    retry_after: None,
                    message: "HTTP 429: Too many requests. Please retry later.".to_owned(),
                };
                world.step(Input::PollFailed { poll, failure });
            }
            clock.now().instant.since(began).as_secs_f64() * 1e6 / f64::from(count)
        });
        println!("  {jobs:<6} {:>17.1}", median(costs.collect()));
    }
    println!();
}

/// Microseconds a poll.
fn cost(jobs: u32, projects: u32, load: Load) -> f64 {
    let clock = Clock::system();
    let mut took = Duration::ZERO;
    let mut polls = 0;
    while polls < POLLS {
        let mut world = World::new(jobs, projects.min(jobs), load);
        // Each job can end once. Otherwise the first polls of all jobs are not counted.
        let count = if load == Load::Ending { jobs.min(POLLS) } else { POLLS };
        let began = clock.now().instant;
        (0..count).for_each(|_| world.poll());
        took += clock.now().instant.since(began);
        polls += count;
        assert!(load == Load::Busy || world.commits >= count, "{} commits, {count} polls", world.commits);
    }
    took.as_secs_f64() * 1e6 / f64::from(polls)
}

struct World {
    engine: Engine,
    now: Now,
    load: Load,
    polls: VecDeque<PollId>,
    commits: u32,
}

impl World {
    /// Every job is known and committed.
    fn new(jobs: u32, projects: u32, load: Load) -> Self {
        let (total, burst) = match load {
            Load::Busy => (500.0, 1),
            Load::Quiet | Load::Ending => (0.15, 1),
            Load::Volley => (500.0, 100),
        };
        let projects: Vec<_> =
            (0..projects).map(|number| project(number, projects, jobs, (total, burst))).collect();
        let sink = SinkPlan {
            name: SinkName::new("webhook"),
            route: Route::new(EventFilter::all()),
            hours: None,
            is_log: false,
            policy: DeliveryPolicy::retry(Vec::new()),
            fingerprint: 1,
            former_fingerprint: None,
        };
        let plan = Plan { projects, sinks: vec![sink], keep: StateSettings::KEEP };
        let now = Now { instant: Instant::default(), wall: "2026-11-23T12:00:00Z".parse().unwrap() };
        let engine = Engine::from_snapshot(plan, Snapshot::default(), 7, now);
        let mut world = Self { engine, now, load, polls: VecDeque::new(), commits: 0 };
        world.step(Input::Timeout);
        world.commits = 0;
        world
    }

    /// Begins and answers one poll, and commits its result if the commit is due before the next
    /// poll.
    fn poll(&mut self) {
        while self.polls.is_empty() {
            self.go_on();
        }
        let poll = self.polls.pop_front().unwrap();
        let answer = Answer::Job(observation(&poll.job, self.load));
        let commits = self.commits;
        self.step(Input::PollAnswered { poll, answer });
        while self.load != Load::Busy && self.commits == commits {
            self.go_on();
        }
    }

    fn go_on(&mut self) {
        let next = self.engine.poll_timeout().unwrap();
        let wait = next.since(self.now.instant);
        self.now =
            Now { instant: next.max(self.now.instant), wall: self.now.wall.checked_add(wait).unwrap() };
        self.step(Input::Timeout);
    }

    /// What the driver does with an input if the disk and all receivers take no time.
    fn step(&mut self, event: Input) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            self.engine.handle(event, self.now);
            std::hint::black_box(self.engine.poll_timeout());
            while let Some(action) = self.engine.poll_action() {
                match action {
                    Action::Poll(poll) => self.polls.push_back(poll),
                    Action::Commit(batch) => {
                        self.commits += 1;
                        drop(batch);
                        events.push(Input::Committed);
                    }
                    Action::Deliver(delivery) => events.push(Input::Delivered(delivery.id)),
                    Action::Diagnostic(_) => {}
                    // An empty list: polls are measured.
                    Action::FetchPage(list, _) => {
                        let page = ListPage::default();
                        events.push(Input::PageFetched { list, page });
                    }
                    other @ Action::PollIndex(..) => panic!("{other:?}"),
                }
            }
        }
    }
}

/// One of `projects` projects, which have `jobs` jobs and this rate in all.
fn project(number: u32, projects: u32, jobs: u32, (total, burst): (f64, u32)) -> ProjectSettings {
    let own = (0..jobs)
        .filter(|job| job % projects == number)
        .map(|job| JobSettings::new(JobId::new(id(job)).unwrap()));
    let mut project = ProjectSettings {
        name: ProjectName::new(format!("project-{number:02}")),
        jobs: own.collect(),
        ..ProjectSettings::default()
    };
    project.api.requests_per_second = Rate::new(total / f64::from(projects)).unwrap();
    project.api.burst = NonZeroU32::new(burst).unwrap();
    // Whatever their number, one job is always due.
    project.cadence.min_interval = Duration::from_millis(10);
    project.cadence.max_interval = Duration::from_millis(10);
    // Waiting behind many jobs says nothing about the API.
    project.watch.unreachable_after = Duration::from_hours(365 * 24);
    project
}

fn observation(id: &JobId, load: Load) -> Observation {
    let number = i64::from_str_radix(&id.as_str()[..8], 16).unwrap();
    let has_ended = load == Load::Ending && number % 2 == 0;
    // Durations of up to an hour, each another one, because one is learned once.
    let created_at: Timestamp = "2026-11-23T11:00:00Z".parse().unwrap();
    let completed_at = created_at + SignedDuration::from_millis(1 + number % 3_600_000);
    let facts = JobFacts {
        backup_id: Some("5f3cd4f7-2f6b-4b8e-9a26-0e2fd42dcd22".to_owned()),
        target_index_name: Some("products".to_owned()),
        target_index_id: Some("e0c3c0e0-9f4f-4f4f-8e0e-3c3a3b7f1d55".to_owned()),
        created_at: Some(created_at),
        completed_at: has_ended.then_some(completed_at),
        percent_complete: None,
    };
    let status = if has_ended { Status::Completed } else { Status::Pending };
    Observation { id: id.clone(), status, facts }
}
