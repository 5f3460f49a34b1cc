//! The driver with stuck adapters, and on a machine that is suspended or frozen.

use std::cell::Cell;
use std::sync::Arc;

use super::stuck::LONGEST_WRITE;
use super::*;
use crate::adapters::report::Reader;
use crate::adapters::store::{Body, OpenError, Pending};
use crate::config::{Endpoint, JobSettings, ProjectSettings, SecretSource, StateSettings};
use crate::engine::Edit;
use crate::model::{DeliveryId, EventKind, JobId, Payload};
use crate::simulate::{Scenario, Simulator, Timeline};

const START: &str = "2026-11-23T12:00:00Z";

/// A store whose commits do not end.
struct Stuck;

impl Store for Stuck {
    fn commit(&self, _: Arc<Batch>, _: Vec<Body>) -> Pending<()> {
        Box::pin(std::future::pending())
    }

    fn payload(&self, _: &DeliveryId) -> Pending<Payload> {
        Box::pin(std::future::pending())
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        Volatile::default().reader()
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        Box::pin(std::future::pending())
    }
}

async fn plane() -> (Simulator, Setup) {
    plane_with("", None).await
}

/// The same with these faults, and with a deadline of the job.
async fn plane_with(faults: &str, deadline: Option<Duration>) -> (Simulator, Setup) {
    let scenario = format!("[[job]]\nid = \"rj-1\"\ntakes = \"100h\"\n{faults}");
    let scenario: Scenario = scenario.parse().unwrap();
    let timeline = Timeline::start(START.parse().unwrap());
    let plane = Simulator::start(&scenario, "127.0.0.1:0".parse().unwrap(), timeline).await.unwrap();
    let mut project =
        ProjectSettings { api_key: SecretSource::Public("a-key"), ..ProjectSettings::default() };
    project.jobs.push(JobSettings { deadline, ..JobSettings::new(JobId::new("rj-1").unwrap()) });
    project.api.endpoint = Endpoint::parse(&plane.url(), false).unwrap();
    let setup = Setup::new(vec![project], &[], StateSettings::KEEP).unwrap();
    (plane, setup)
}

/// Runs a driver for this time.
async fn work(driver: &mut Driver, time: Duration) {
    watch(driver, time).await;
}

/// The same; returns the kinds of events that it committed.
async fn watch(driver: &mut Driver, time: Duration) -> Vec<EventKind> {
    let clock = driver.clock();
    let end = driver.now().instant + time;
    let mut emitted = Vec::new();
    loop {
        tokio::select! {
            turned = driver.turn() => emitted.extend(turned.unwrap().iter().map(|event| event.kind)),
            () = clock.sleep_until(Some(end)) => return emitted,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stuck_write_is_noticed_while_polls_go_on() {
    let (plane, setup) = plane().await;
    let clock = Clock::set_to(START.parse().unwrap());
    let state = State { store: Box::new(Stuck), saved: Snapshot::default(), location: None };
    let mut driver = Driver::new(setup, state, clock);
    work(&mut driver, LONGEST_WRITE.mul_f64(0.9)).await;
    assert_eq!(driver.stuck(), None);
    let polls = plane.count();
    work(&mut driver, Duration::from_secs(10)).await;
    assert_eq!(driver.stuck(), Some("a write to the state"));
    assert!(plane.count() > polls);
}

#[tokio::test(start_paused = true)]
async fn a_reload_without_a_project_forgets_its_contact() {
    let (_plane, setup) = plane().await;
    let project = ProjectName::default();
    let clock = Clock::set_to(START.parse().unwrap());
    let mut driver = Driver::new(setup, State::volatile(), clock);
    work(&mut driver, Duration::from_secs(10)).await;
    assert!(driver.contacts.of(&project).is_some());

    driver.reconfigure(Setup::new(Vec::new(), &[], StateSettings::KEEP).unwrap());

    assert!(driver.contacts.of(&project).is_none());
}

thread_local! {
    static SUSPENDED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

#[tokio::test(start_paused = true)]
async fn suspension_is_followed_by_a_poll() {
    let (plane, setup) = plane().await;
    let clock = Clock::set_to(START.parse().unwrap()).on_a_machine(|| SUSPENDED.get());
    let mut driver = Driver::new(setup, State::volatile(), clock);
    // By then, the next poll is about a minute away.
    work(&mut driver, Duration::from_hours(10)).await;
    work(&mut driver, Duration::from_secs(1)).await;
    let polls = plane.count();
    SUSPENDED.set(Duration::from_hours(5));
    let age = driver.engine().jobs().next().unwrap().tracker.age(driver.now().instant);
    assert!(age >= Duration::from_hours(15), "what was slept through is part of the age: {age:?}");
    work(&mut driver, Duration::from_secs(25)).await;
    assert!((1..=3).contains(&(plane.count() - polls)), "{}", plane.count() - polls);
    assert_eq!(driver.stuck(), None);
}

#[tokio::test(start_paused = true)]
async fn deadline_follows_the_clock_of_the_api() {
    for wrong_by in [jiff::SignedDuration::from_hours(3), jiff::SignedDuration::from_hours(-3)] {
        let (_plane, setup) = plane_with("", Some(Duration::from_hours(2))).await;
        let clock = Clock::set_to(START.parse::<jiff::Timestamp>().unwrap() + wrong_by);
        let mut driver = Driver::new(setup, State::volatile(), clock);
        let emitted = watch(&mut driver, Duration::from_mins(119)).await;
        assert_eq!(emitted, [EventKind::Watched], "the clock is off by {wrong_by}");
        let emitted = watch(&mut driver, Duration::from_mins(3)).await;
        assert_eq!(emitted, [EventKind::Overdue], "the clock is off by {wrong_by}");
    }
}

#[tokio::test(start_paused = true)]
async fn short_suspension_does_not_hide_a_freeze() {
    let fault = "[[fault]]\nfrom = \"60s\"\nto = \"90s\"\nkind = \"hang\"\n";
    let (plane, setup) = plane_with(fault, None).await;
    let clock = Clock::set_to(START.parse().unwrap()).on_a_machine(|| SUSPENDED.get());
    let mut driver = Driver::new(setup, State::volatile(), clock);
    work(&mut driver, Duration::from_secs(80)).await;
    tokio::time::advance(Duration::from_hours(1)).await;
    SUSPENDED.set(SUSPENDED.get() + Duration::from_secs(2));
    let polls = plane.count();
    assert_eq!(watch(&mut driver, Duration::from_secs(60)).await, []);
    assert!(plane.count() > polls);
}

/// The process is frozen while a poll is under way, by a debugger or a paused machine: both clocks
/// go on.
#[tokio::test(start_paused = true)]
async fn freeze_makes_no_restore_unreachable() {
    for fault in ["kind = \"hang\"", "kind = \"status\"\nstatus = 503"] {
        let fault = format!("[[fault]]\nfrom = \"60s\"\nto = \"90s\"\n{fault}\n");
        let (plane, setup) = plane_with(&fault, None).await;
        let mut driver = Driver::new(setup, State::volatile(), Clock::set_to(START.parse().unwrap()));
        work(&mut driver, Duration::from_secs(80)).await;
        tokio::time::advance(Duration::from_hours(1)).await;
        let polls = plane.count();
        assert_eq!(watch(&mut driver, Duration::from_secs(60)).await, [], "{fault}");
        assert!(plane.count() > polls);
        assert!(driver.engine().jobs().all(|job| job.tracker.last_error().is_none()), "{fault}");
    }
}
