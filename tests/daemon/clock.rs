//! The wall clock is set while the daemon watches.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use restore_watch::platform::clock::Clock;
use restore_watch::simulate::Simulator;
use serde_json::Value;

use crate::Daemon;
use crate::log::events;
use crate::support::{Folder, KEY, Running, Watch, library_of_clocks, play};

/// How many polls are measured before the clock is set, and after.
const WINDOW: usize = 40;

/// The time between two polls of the steady project, without its jitter of a tenth.
const INTERVAL: Duration = Duration::from_millis(50);

/// Events of an unfinished job.
const PROGRESS: [&str; 2] = ["restore_job.status_changed", "restore_job.progressed"];

#[test]
fn no_history_is_emitted_with_the_clock_a_month_behind() {
    starts_with_history("-30d");
}

#[test]
fn no_history_is_emitted_with_the_clock_a_month_ahead() {
    starts_with_history("+31d");
}

#[test]
fn clock_set_a_day_ahead_disturbs_no_poll() {
    set("+1d", 24);
}

#[test]
fn clock_set_a_day_back_disturbs_no_poll() {
    set("-1d", -24);
}

/// How long the next [`WINDOW`] requests take to arrive, as the server sees it.
#[track_caller]
fn window(daemon: &mut Running, plane: &Simulator) -> Duration {
    let first = plane.count();
    daemon.until("its polls", |_| plane.count() > first + WINDOW);
    let requests = plane.requests();
    requests[first + WINDOW].at.saturating_sub(requests[first].at)
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Sets the clock by `jump`, in faketime's notation, which is `hours`.
fn set(jump: &str, hours: i64) {
    let Some(library) = library_of_clocks() else { return };
    let steady =
        play("[[job]]\nid = \"rj-ends\"\ntakes = \"10s\"\n[[job]]\nid = \"rj-endless\"\ntakes = \"9d\"");
    let free = play("[[job]]\nid = \"rj-free\"\ntakes = \"9d\"");
    let folder = Folder::new();
    let offset = folder.write("offset", "+0d");
    let project = |name: &str, plane: &Simulator, jobs: &[&str], bounds: &str| {
        format!(
            "[[project]]\nname = \"{name}\"\napi_key = {{ env = \"KEY\" }}\njobs = {jobs:?}\n[project.api]\n\
             endpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n[project.cadence]\n{bounds}\n",
            plane.url()
        )
    };
    let fixed = "min_interval = \"50ms\"\nmax_interval = \"50ms\"";
    // Polled by the age of the job: every two minutes at a day, at once when new.
    let by_age = "min_interval = \"50ms\"\nmax_interval = \"1h\"";
    let mut daemon = Daemon::new(project("steady", &steady, &["rj-ends", "rj-endless"], fixed))
        .with(&project("free", &free, &["rj-free"], by_age))
        .with("[[sink]]\ntype = \"log\"\nformat = \"json\"\n")
        .run(&[])
        .env("LD_PRELOAD", &library)
        .env("FAKETIME_TIMESTAMP_FILE", &offset)
        .env("FAKETIME_NO_CACHE", "1")
        .env("DONT_FAKE_MONOTONIC", "1")
        .start();
    for job in ["rj-ends", "rj-endless", "rj-free"] {
        daemon.until_logged(&format!("watching restore {job} "));
    }

    let before = window(&mut daemon, &steady);
    // In one step: faketime reads the file at every call of the clock.
    std::fs::rename(folder.write("next", jump), &offset).expect("a file");
    let free_until_then = free.count();
    let after = window(&mut daemon, &steady);
    let free_meanwhile = free.count() - free_until_then;
    println!("{jump}: {WINDOW} polls took {before:?}, then {after:?}; beside them {free_meanwhile}");

    // The window has polls of two jobs, each on its own schedule.
    let least = INTERVAL.mul_f64(0.9) * u32::try_from(WINDOW / 2 - 2).expect("a small number");
    assert!(after >= least, "{WINDOW} polls within {after:?}, which is a burst");
    assert!(after <= before * 4 + Duration::from_secs(5), "{WINDOW} polls took {before:?}, then {after:?}");
    assert!(free_meanwhile <= WINDOW / 4, "{free_meanwhile} polls of a job whose age is none");
    daemon.until("a poll of a job by its age", |_| free.count() > free_until_then + 1);

    daemon.until_logged("restore rj-ends into ");
    daemon.until_logged("restore_job.completed");
    // A repeated event would be emitted by then.
    window(&mut daemon, &steady);
    daemon.signal("TERM");
    let log = daemon.finish().expect(0).stderr;
    let events = events(&log);
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for event in &events {
        kinds.entry(text(event, "/job/id")).or_default().push(text(event, "/type"));
    }
    for kinds in kinds.values_mut() {
        kinds.retain(|kind| !PROGRESS.contains(kind));
    }
    let watched = || vec!["restore_job.watched"];
    let ended = vec!["restore_job.watched", "restore_job.completed"];
    assert_eq!(
        kinds,
        BTreeMap::from([("rj-ends", ended), ("rj-endless", watched()), ("rj-free", watched())]),
        "{log}"
    );
    // The clock was set before the end; otherwise this test shows nothing.
    let end = events.iter().find(|event| text(event, "/type") == "restore_job.completed");
    let emitted_at: Timestamp = text(end.expect("an end"), "/timestamp").parse().expect("a time");
    let off = emitted_at.duration_since(Clock::system().now().wall);
    assert!((off - SignedDuration::from_hours(hours)).abs() < SignedDuration::from_hours(1), "{off:?}");
}

/// Restores that ended before the start, under a clock that is a month off.
fn starts_with_history(jump: &str) {
    let Some(library) = library_of_clocks() else { return };
    let plane = play(
        "[[job]]\nid = \"old\"\ncount = 20\nage = \"10h\"\ntakes = \"10m\"\ntakes_step = \"20m\"\n\
         [[job]]\nid = \"bad\"\nage = \"5h\"\ntakes = \"1m\"\nends = \"failed\"\n\
         [[job]]\nid = \"quick\"\nindex = \"docs\"\nappears = \"3s\"\ntakes = \"1ms\"\n",
    );
    let project = format!(
        "discover = true\n[api]\nendpoint = \"{}\"\nrequests_per_second = 200\nburst = 50\n[cadence]\n\
         min_interval = \"50ms\"\nmax_interval = \"200ms\"\n",
        plane.url()
    );
    let clock = |watch: Watch| {
        let watch = watch.env("LD_PRELOAD", &library).env("FAKETIME", jump);
        watch.env("DONT_FAKE_MONOTONIC", "1").env("PINECONE_API_KEY", KEY)
    };
    let mut daemon = clock(Daemon::new(project).run(&[])).start();
    daemon.until_logged("restore quick into index docs completed");
    daemon.signal("TERM");
    let log = daemon.finish().expect(0).stderr;
    assert!(!log.contains("restore old") && !log.contains("restore bad"), "{log}");
    let pending = ["--all-pending", "--not-found-grace", "500ms"];
    let done = clock(Watch::wait(&plane, &pending)).run().expect(0);
    assert_eq!(done.stdout, "no unfinished restores\n");
}
