//! The resources of a daemon for few and many jobs at one total rate, and after many refusals.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::daemon_process::{Daemon, processor_time};
use super::plane::Plane;
use super::{id, median};

const JOBS: [u32; 4] = [10, 100, 1000, 10_000];

/// No more than one for each job.
const PROJECTS: u32 = 50;

/// Polls a second, in all.
const RATE: u32 = 500;

/// How long a daemon runs before it is measured. All jobs were polled by then, whatever their
/// number.
const SETTLE: Duration = Duration::from_secs(3);

/// How often, and how long, its processor time is counted.
const WINDOWS: usize = 3;
const WINDOW: Duration = Duration::from_secs(5);

/// How often it is started and stopped.
const STARTS: usize = 3;

/// The number of refusals that is measured.
const STORM: u64 = 5000;

/// The most polls of one project in flight at once.
const AT_ONCE: u64 = 64;

pub(crate) fn measure(directory: &Path) {
    println!(
        "a daemon at {RATE} polls a second in all (medians of {STARTS} starts and {WINDOWS} windows of {} s)",
        WINDOW.as_secs()
    );
    println!(
        "  jobs   projects   processor a poll   memory    peak      ready in   stop in   polls    connections"
    );
    let mut first = None;
    let mut last = None;
    for jobs in JOBS {
        let directory = directory.join(jobs.to_string());
        std::fs::create_dir(&directory).unwrap();
        let (running, cost) = measure_one(&directory, jobs, *first.get_or_insert(f64::NAN));
        if jobs == JOBS[0] {
            first = Some(cost);
        }
        last = Some(running);
    }
    println!();
    let (plane, daemon) = last.unwrap();
    storms(&plane, daemon);
}

/// Prints the resources for this many jobs. Returns the running daemon and the microseconds of one
/// poll.
fn measure_one(directory: &Path, jobs: u32, few: f64) -> ((Plane, Daemon), f64) {
    let plane = Plane::start();
    let text = configuration(jobs, &plane, directory);
    let (mut ready, mut stopped) = (Vec::new(), Vec::new());
    for _ in 1..STARTS {
        let daemon = Daemon::start(directory, &text);
        ready.push(daemon.ready_after.as_secs_f64() * 1e3);
        std::thread::sleep(Duration::from_millis(500));
        stopped.push(daemon.stop().as_secs_f64() * 1e3);
    }
    let before = (plane.requests(), plane.connections().0);
    let daemon = Daemon::start(directory, &text);
    ready.push(daemon.ready_after.as_secs_f64() * 1e3);
    std::thread::sleep(SETTLE);
    while plane.requests() - before.0 < u64::from(jobs) {
        std::thread::sleep(Duration::from_millis(100));
    }
    let windows = (0..WINDOWS).map(|_| {
        let before = (plane.requests(), processor_time(daemon.id()));
        std::thread::sleep(WINDOW);
        let polls = f64::from(u32::try_from(plane.requests() - before.0).unwrap());
        // The token bucket leaves a little of the rate unused.
        assert!(polls > 0.85 * f64::from(RATE) * WINDOW.as_secs_f64(), "only {polls} polls");
        (processor_time(daemon.id()) - before.1) * 1e6 / polls
    });
    let cost = median(windows.collect());
    let (polls, connections) = (plane.requests() - before.0, plane.connections().0 - before.1);
    assert_eq!(plane.refused(), 0);
    assert!(!daemon.log().contains("failed") && !daemon.log().contains("ERROR"), "{}", daemon.log());
    let (memory, peak) = (daemon.mebibytes("VmRSS"), daemon.mebibytes("VmHWM"));
    println!(
        "  {jobs:<6} {:>8}   {cost:>4.0} µs ({:>4.2})     {memory:>5.1} MiB {peak:>5.1} MiB {:>6.0} ms {:>7.0} ms {polls:>7} {connections:>8}",
        PROJECTS.min(jobs),
        if few.is_nan() { 1.0 } else { cost / few },
        median(ready),
        median(stopped),
    );
    ((plane, daemon), cost)
}

/// Refuses everything, first as a server that is down, then as one that throttles, with as many
/// polls in flight as possible.
fn storms(plane: &Plane, daemon: Daemon) {
    println!("refusals, of {} jobs", JOBS[JOBS.len() - 1]);
    println!("  what             how many   memory before   at the most   after   connections");
    storm(plane, &daemon, 503, Duration::ZERO, STORM);
    plane.refuse(None);
    std::thread::sleep(Duration::from_secs(5));
    // As many as fit are in flight when the first is refused.
    let delay = Duration::from_secs(AT_ONCE * u64::from(PROJECTS) / u64::from(RATE) + 1);
    plane.delay(delay);
    std::thread::sleep(delay);
    storm(plane, &daemon, 429, delay, AT_ONCE * u64::from(PROJECTS));
    plane.delay(Duration::ZERO);
    let took = daemon.stop();
    println!("  stopped {:.0} ms after the request to stop", took.as_secs_f64() * 1e3);
}

fn storm(plane: &Plane, daemon: &Daemon, status: u16, delay: Duration, count: u64) {
    let before = (daemon.mebibytes("VmRSS"), plane.refused());
    let connections = plane.connections().0;
    plane.refuse(Some(status));
    let mut most = before.0;
    for _ in 0..300 {
        std::thread::sleep(Duration::from_millis(100));
        most = most.max(daemon.mebibytes("VmRSS"));
        if plane.refused() - before.1 >= count {
            break;
        }
    }
    std::thread::sleep(Duration::from_secs(2) + delay);
    let refused = plane.refused() - before.1;
    let after = daemon.mebibytes("VmRSS");
    let more = plane.connections().0 - connections;
    println!(
        "  {refused:>6} times {status}          {:>8.1} MiB   {most:>7.1} MiB {after:>7.1} MiB {:>6} (+{more})",
        before.0,
        plane.connections().1,
    );
    assert!(refused >= count / 2, "only {refused} were refused: {}", daemon.log());
}

/// This many jobs, in projects of one rate.
fn configuration(jobs: u32, plane: &Plane, directory: &Path) -> String {
    let projects = PROJECTS.min(jobs);
    let mut text = format!(
        "[api]\nendpoint = \"{}\"\nrequests_per_second = {}\nburst = 1\n\
         [cadence]\nmin_interval = \"10ms\"\nmax_interval = \"10ms\"\n\
         [state]\npath = \"{}\"\n",
        plane.url(),
        RATE / projects,
        directory.join("state.db").display(),
    );
    for project in 0..projects {
        let ids: Vec<_> =
            (0..jobs).filter(|job| job % projects == project).map(|job| format!("\"{}\"", id(job))).collect();
        write!(
            text,
            "[[project]]\nname = \"project-{project:02}\"\napi_key = {{ env = \"PINECONE_API_KEY\" }}\njobs = [{}]\n",
            ids.join(", ")
        )
        .unwrap();
    }
    text
}
