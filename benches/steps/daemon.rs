//! How long a daemon that discovers restores takes to answer a question about one of them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use restore_watch::adapters::control::{Client, ExplainJob};
use restore_watch::model::{ProjectName, Reference};
use restore_watch::platform::clock::Clock;

use super::daemon_process::Daemon;
use super::plane::{Plane, listed_id};
use super::times::Times;

const PROJECTS: u64 = 200;
const RESTORES: [u64; 2] = [10_000, 100_000];

/// Requests a second of each project.
const RATE: u32 = 10;

/// Time between an answer and the next question, and for how long questions go on once all restores
/// are found.
const PAUSE: Duration = Duration::from_millis(20);
const AFTERWARDS: Duration = Duration::from_secs(15);

/// The questions between two looks at the state, which take time, too.
const QUESTIONS: usize = 25;

/// Prints how long the answers took while restores were found, while they were watched, and how
/// long the stop took.
pub(crate) fn measure(directory: &Path) {
    println!(
        "a daemon in {PROJECTS} projects that is asked about one restore every {} ms",
        PAUSE.as_millis()
    );
    Times::print_header();
    for restores in RESTORES {
        let directory = directory.join(restores.to_string());
        std::fs::create_dir(&directory).unwrap();
        discovery(&directory, restores);
    }
    println!();
}

fn discovery(directory: &Path, restores: u64) {
    let plane = Plane::start();
    plane.list(restores / PROJECTS);
    let daemon = Daemon::start(directory, &configuration(&plane, directory));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = Client::new(daemon.socket()).unwrap();
    let clock = Clock::system();
    // The last one of the last project.
    let project = Some(ProjectName::new(format!("project-{:03}", PROJECTS - 1)));
    let job = Reference::new(&listed_id(restores / PROJECTS - 1));
    let question = ExplainJob { project, job };

    let ask = |times: &mut Times| {
        let began = clock.now().instant;
        // Until it is found, the answer is that there is no such job.
        let is_known = runtime.block_on(client.explain(&question)).is_ok();
        times.add(clock.now().instant.since(began), "an answer");
        std::thread::sleep(PAUSE);
        is_known
    };

    let mut times = Times::default();
    let began = clock.now().instant;
    while !is_committed(directory, restores) {
        for _ in 0..QUESTIONS {
            ask(&mut times);
        }
    }
    let took = clock.now().instant.since(began);
    times.print(&format!("{restores} restores found and committed in {:.1} s", took.as_secs_f64()));

    let mut times = Times::default();
    let began = clock.now().instant;
    while clock.now().instant.since(began) < AFTERWARDS {
        assert!(ask(&mut times), "it is watched");
    }
    times.print(&format!("{restores} restores watched"));

    let peak = daemon.mebibytes("VmHWM");
    let took = daemon.stop();
    println!("  stopped {:.2} s after the request; memory at the most: {peak:.0} MiB", took.as_secs_f64());
}

/// Whether the state has all of them.
fn is_committed(directory: &Path, restores: u64) -> bool {
    let state = rusqlite::Connection::open(directory.join("state.db")).unwrap();
    let count: u32 = state.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).unwrap_or_default();
    u64::from(count) == restores
}

fn configuration(plane: &Plane, directory: &Path) -> String {
    let mut text = format!(
        "[api]\nendpoint = \"{}\"\nrequests_per_second = {RATE}\n\
         [state]\npath = \"{}\"\n",
        plane.url(),
        directory.join("state.db").display(),
    );
    for project in 0..PROJECTS {
        write!(
            text,
            "[[project]]\nname = \"project-{project:03}\"\napi_key = {{ env = \"PINECONE_API_KEY\" }}\n\
             discover = {{ max_jobs = 100000 }}\n",
        )
        .unwrap();
    }
    text
}
