//! How fast a daemon polls without a limit, compared with a loop of bare `reqwest` and, if there is
//! one, with a load generator.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::daemon_process::{Daemon, processor_time};
use super::plane::Plane;
use super::{bare, id, median};

const PROJECTS: u32 = 32;

/// How many requests the others have in flight, which never wait.
const AT_ONCE: u32 = 256;

/// How many jobs the daemon polls. From an answer about a job to its next poll, it waits for the
/// shortest interval that there is, so that it needs more jobs than requests in flight: this many
/// for as many at about 20,000 requests a second, by Little's law.
const JOBS: u32 = 448;
const INTERVAL: Duration = Duration::from_millis(10);

/// How often each is measured, in turn, and for how long after how long.
const ROUNDS: usize = 5;
const WARM_UP: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(2);

/// What a poll is to cost at most, in requests of the bare loop.
const GOAL: f64 = 1.5;

/// Where the bench fails: if it costs more in every round, because other work on the machine moves
/// the ratio of single ones. Requests run on a thread of their server, and their answers are
/// decided on in the loop, which the bare loop does not pay for.
const LIMIT: f64 = 3.0;

/// Requests a second, and microseconds of processor time of one.
type Measured = (f64, f64);

/// Prints requests a second and the processor time of one, of a daemon and of the others, against
/// one server.
pub(crate) fn measure(directory: &Path) {
    println!(
        "a daemon at the highest rates, {JOBS} jobs in {PROJECTS} projects, beside others with as many requests in flight"
    );
    let has_wrk =
        Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    let plane = Plane::start();
    let text = configuration(&plane, directory);
    let (mut ours, mut bare, mut wrk) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let daemon = Daemon::start(directory, &text);
        ours.push(watch(&plane, daemon.id()));
        assert!(!daemon.log().contains("failed") && !daemon.log().contains("ERROR"), "{}", daemon.log());
        daemon.stop();
        bare.push(of_child(&plane, bare::start(&plane, AT_ONCE)));
        if has_wrk {
            wrk.push(of_child(&plane, start_wrk(&plane)));
        }
    }
    assert_eq!(plane.refused(), 0);

    println!(
        "  medians of {ROUNDS} rounds in turn   requests a second   in flight   processor a request   the daemon's / it, by round"
    );
    // By Little's law: the other jobs wait for their next poll.
    let waiting = |rate: f64| rate * INTERVAL.as_secs_f64();
    show("the daemon", &ours, &ours, |rate| f64::from(JOBS) - waiting(rate));
    let least = show("a loop of bare reqwest", &bare, &ours, |_| f64::from(AT_ONCE));
    if has_wrk {
        show("wrk", &wrk, &ours, |_| f64::from(AT_ONCE));
    } else {
        println!("  wrk: not measured, because there is none");
    }
    println!("  goal: at most {GOAL} times the processor time of the bare loop\n");
    assert!(least <= LIMIT, "a poll costs {least:.2} requests of the bare loop at least");
}

/// Prints what was measured of one, and how many requests it had in flight at this rate. Returns
/// the least processor time of the daemon in that of it.
fn show(what: &str, measured: &[Measured], ours: &[Measured], in_flight: impl Fn(f64) -> f64) -> f64 {
    let rate = median(measured.iter().map(|(rate, _)| *rate).collect());
    let cost = median(measured.iter().map(|(_, cost)| *cost).collect());
    let ratios: Vec<_> = ours.iter().zip(measured).map(|(ours, it)| ours.1 / it.1).collect();
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "  {what:<28} {rate:>17.0} {:>11.0} {cost:>18.1} µs {:>10.2} ({least:.2} to {most:.2})",
        in_flight(rate),
        median(ratios),
    );
    least
}

/// Measures a process, and ends it.
fn of_child(plane: &Plane, mut process: Child) -> Measured {
    let measured = watch(plane, process.id());
    process.kill().unwrap();
    process.wait().unwrap();
    measured
}

/// The requests and the processor time of a process that is alone with the server.
fn watch(plane: &Plane, process: u32) -> Measured {
    std::thread::sleep(WARM_UP);
    let before = (plane.requests(), processor_time(process));
    std::thread::sleep(WINDOW);
    let requests = f64::from(u32::try_from(plane.requests() - before.0).unwrap());
    let processor = processor_time(process) - before.1;
    (requests / WINDOW.as_secs_f64(), processor * 1e6 / requests)
}

fn start_wrk(plane: &Plane) -> Child {
    Command::new("wrk")
        .args(["--threads", "1", "--connections", &AT_ONCE.to_string(), "--duration", "60s"])
        .args(["--header", "Api-Key: any", "--header", "X-Pinecone-Api-Version: 2026-04"])
        .args(["--header", "Accept: application/json"])
        .arg(format!("{}/restore-jobs/{}", plane.url(), id(1)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn configuration(plane: &Plane, directory: &Path) -> String {
    let interval = format!("{}ms", INTERVAL.as_millis());
    let mut text = format!(
        "[api]\nendpoint = \"{}\"\nrequests_per_second = 1000\nburst = 1000\n\
         [cadence]\nmin_interval = \"{interval}\"\nmax_interval = \"{interval}\"\n\
         [state]\npath = \"{}\"\n",
        plane.url(),
        directory.join("state.db").display(),
    );
    for project in 0..PROJECTS {
        let ids = (0..JOBS).filter(|job| job % PROJECTS == project).map(|job| format!("\"{}\"", id(job)));
        write!(
            text,
            "[[project]]\nname = \"project-{project:02}\"\napi_key = {{ env = \"PINECONE_API_KEY\" }}\njobs = [{}]\n",
            ids.collect::<Vec<_>>().join(", ")
        )
        .unwrap();
    }
    text
}
