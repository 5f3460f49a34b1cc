//! Batches as the engine of a daemon makes them, of a given size.

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use restore_watch::config::{EventFilter, JobSettings, ProjectSettings, Rate, Route, StateSettings};
use restore_watch::engine::snapshot::Snapshot;
use restore_watch::engine::{Action, Answer, Batch, DeliveryPolicy, Engine, Input, Plan, PollId, SinkPlan};
use restore_watch::model::time::Now;
use restore_watch::model::{JobFacts, JobId, Observation, SinkName, Status};
use restore_watch::platform::clock::Clock;
use uuid::Uuid;

/// The first batch records all jobs; each further one holds the first event of `at_once` of them, a
/// pending delivery of each, and their records.
pub(crate) fn with_events(jobs: usize, at_once: usize) -> Vec<Arc<Batch>> {
    let settings = (1..=jobs).map(|number| JobSettings::new(job_id(number))).collect();
    let mut project = ProjectSettings { jobs: settings, ..ProjectSettings::default() };
    project.api.requests_per_second = Rate::new(Rate::MAX).unwrap();
    project.api.burst = NonZeroU32::new(1000).unwrap();
    let sink = SinkPlan {
        name: SinkName::new("webhook"),
        route: Route::new(EventFilter::all()),
        hours: None,
        is_log: false,
        policy: DeliveryPolicy::retry(Vec::new()),
        fingerprint: 1,
        former_fingerprint: None,
    };
    let mut now = Clock::system().now();
    let keep = StateSettings::KEEP;
    let plan = Plan { projects: vec![project], sinks: vec![sink], keep };
    let mut engine = Engine::from_snapshot(plan, Snapshot::default(), 7, now);

    let mut polls = VecDeque::new();
    let mut batches = Vec::new();
    let mut step = |event, now, polls: &mut VecDeque<PollId>| {
        engine.handle(event, now);
        while let Some(action) = engine.poll_action() {
            match action {
                Action::Poll(poll) => polls.push_back(poll),
                Action::Commit(batch) => batches.push(Arc::new(batch)),
                Action::FetchPage(..)
                | Action::PollIndex(..)
                | Action::Deliver(_)
                | Action::Diagnostic(_) => {}
            }
        }
    };
    step(Input::Timeout, now, &mut polls);
    for number in 1..=jobs {
        now = later(now, Duration::from_millis(2));
        let poll = polls.pop_front().expect("a poll that is under way");
        let observation = observation(&poll.job, now);
        step(Input::PollAnswered { poll, answer: Answer::Job(observation) }, now, &mut polls);
        if number % at_once == 0 {
            step(Input::Committed, now, &mut polls);
        }
    }
    batches
}

/// The id of a job, of the form that the API documents.
pub(crate) fn job_id(number: usize) -> JobId {
    JobId::new(uuid(1, number)).unwrap()
}

fn uuid(kind: u128, number: usize) -> String {
    Uuid::from_u128((kind << 64) | number as u128).to_string()
}

fn observation(id: &JobId, now: Now) -> Observation {
    let number = id.as_str()[24..].parse().unwrap_or_default();
    let facts = JobFacts {
        backup_id: Some(uuid(2, number)),
        target_index_name: Some(format!("index-{number}")),
        target_index_id: Some(uuid(3, number)),
        created_at: now.wall.checked_sub(Duration::from_hours(1)).ok(),
        completed_at: None,
        percent_complete: Some(0.0),
    };
    Observation { id: id.clone(), status: Status::Pending, facts }
}

fn later(now: Now, by: Duration) -> Now {
    Now { instant: now.instant + by, wall: now.wall.checked_add(by).unwrap() }
}
