//! How fast a daemon polls without a limit, compared with a load generator.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::daemon_process::{Daemon, processor_time};
use super::plane::Plane;
use super::{id, median};

const PROJECTS: u32 = 32;

/// The most polls of the daemon in flight, and connections of the load generator.
const AT_ONCE: u32 = 256;

/// How often each is measured, in turn, and for how long after how long.
const ROUNDS: usize = 3;
const WARM_UP: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(2);

/// Requests a second, and microseconds of processor time of one.
type Measured = (f64, f64);

/// Prints polls a second and the processor time of one, of a daemon and of wrk, against one server.
pub(crate) fn measure(directory: &Path) {
    println!(
        "a daemon at the highest rates, {AT_ONCE} jobs in {PROJECTS} projects, beside wrk with as many connections"
    );
    if Command::new("wrk").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        println!("  not measured: there is no wrk\n");
        return;
    }
    let plane = Plane::start();
    let text = configuration(&plane, directory);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let daemon = Daemon::start(directory, &text);
        ours.push(watch(&plane, daemon.id()));
        assert!(!daemon.log().contains("failed") && !daemon.log().contains("ERROR"), "{}", daemon.log());
        daemon.stop();
        let mut wrk = wrk(&plane);
        theirs.push(watch(&plane, wrk.id()));
        assert!(wrk.wait().unwrap().success());
    }
    assert_eq!(plane.refused(), 0);
    println!("  medians of {ROUNDS} rounds in turn   requests a second   processor a request");
    let show = |what: &str, measured: &[Measured]| {
        let rate = median(measured.iter().map(|(rate, _)| *rate).collect());
        let cost = median(measured.iter().map(|(_, cost)| *cost).collect());
        println!("  {what:<28} {rate:>17.0} {cost:>18.1} µs");
    };
    show("the daemon", &ours);
    show("wrk", &theirs);
    let ratio = |pick: fn(&Measured) -> f64| {
        median(ours.iter().zip(&theirs).map(|(ours, theirs)| pick(ours) / pick(theirs)).collect())
    };
    println!("  {:<28} {:>17.2} {:>18.2}\n", "ratio, round by round", ratio(|it| it.0), ratio(|it| it.1));
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

fn wrk(plane: &Plane) -> Child {
    Command::new("wrk")
        .args(["--threads", "1", "--connections", &AT_ONCE.to_string(), "--duration", "4s"])
        .args(["--header", "Api-Key: any", "--header", "X-Pinecone-Api-Version: 2026-04"])
        .args(["--header", "Accept: application/json"])
        .arg(format!("{}/restore-jobs/{}", plane.url(), id(1)))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn configuration(plane: &Plane, directory: &Path) -> String {
    let mut text = format!(
        "[api]\nendpoint = \"{}\"\nrequests_per_second = 1000\nburst = 1000\n\
         [cadence]\nmin_interval = \"10ms\"\nmax_interval = \"10ms\"\n\
         [state]\npath = \"{}\"\n",
        plane.url(),
        directory.join("state.db").display(),
    );
    for project in 0..PROJECTS {
        let ids = (0..AT_ONCE).filter(|job| job % PROJECTS == project).map(|job| format!("\"{}\"", id(job)));
        write!(
            text,
            "[[project]]\nname = \"project-{project:02}\"\napi_key = {{ env = \"PINECONE_API_KEY\" }}\njobs = [{}]\n",
            ids.collect::<Vec<_>>().join(", ")
        )
        .unwrap();
    }
    text
}
