//! How long answers take with few and many jobs.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::client;
use super::daemon_process::Daemon;
use super::plane::{Plane, listed_id};
use super::{quantile, within};

/// How many jobs run, and how many ended.
const JOBS: [(u64, u64); 4] = [(100, 0), (1000, 0), (10_000, 0), (1000, 10_000)];

/// What is asked for.
const PATHS: [&str; 4] = ["/metrics", "/v1/status?limit=20", "/v1/history?limit=100", "/"];

/// How often each is asked for.
const REQUESTS: usize = 200;

/// How long all jobs may take to be polled.
const PATIENCE: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(100);

/// Prints how long answers took.
pub(crate) fn measure(directory: &Path) {
    println!("an answer of the HTTP listener ({REQUESTS} requests, each on a connection of its own)");
    println!("  open    ended   path                        p50       p99       length");
    for (open, ended) in JOBS {
        let directory = within(directory, &format!("{open}-{ended}"));
        let (daemon, _plane) = watching(&directory, open, ended);
        for path in PATHS {
            let answers = answers(&daemon, path, REQUESTS);
            let Some((mut times, bytes)) = answers else {
                println!("  {open:<7} {ended:<7} {path:<24} not measured: this program has nothing there");
                continue;
            };
            let (half, most) = (quantile(&mut times, 0.5), quantile(&mut times, 0.99));
            println!("  {open:<7} {ended:<7} {path:<24} {half:>6.2} ms {most:>6.2} ms {bytes:>9} bytes");
        }
        daemon.stop();
    }
    println!();
}

/// Runs it once, to see that it does.
pub(crate) fn check(directory: &Path) {
    let (daemon, _plane) = watching(directory, 2, 3);
    let (times, bytes) = answers(&daemon, "/v1/status?limit=20", 1).expect("a status");
    assert!(times.len() == 1 && bytes > 0);
    daemon.stop();
}

/// A daemon that knows of these numbers of jobs how they stand.
fn watching(directory: &Path, open: u64, ended: u64) -> (Daemon, Plane) {
    let plane = Plane::start();
    plane.end(ended);
    let ids: Vec<_> = (0..open + ended).map(|number| format!("\"{}\"", listed_id(number))).collect();
    let config = format!(
        "jobs = [{}]\n[api]\nendpoint = \"{}\"\nrequests_per_second = 1000\nburst = 100\n\
         [state]\npath = \"{}\"\n[[sink]]\ntype = \"log\"\nevents = []\n",
        ids.join(", "),
        plane.url(),
        directory.join("state.db").display(),
    );
    let daemon = Daemon::start_with(directory, &config, &["--http", "127.0.0.1:0"]);

    let address = client::address(&daemon);
    let tries = PATIENCE.as_millis() / PAUSE.as_millis();
    let is_known = (0..tries).any(|_| {
        std::thread::sleep(PAUSE);
        let (_, status, _) = client::get(address, "/v1/status?limit=0");
        let status: Value = serde_json::from_str(&status).unwrap();
        plane.requests() >= open + ended && status["projects"][0]["ended"] == ended
    });
    assert!(is_known, "not all jobs were polled: {}", daemon.log());
    (daemon, plane)
}

/// How long this number of answers took, in milliseconds, and the length of one; none if there is nothing
/// at this path.
fn answers(daemon: &Daemon, path: &str, count: usize) -> Option<(Vec<f64>, usize)> {
    let address = client::address(daemon);
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..count {
        let (status, body, took) = client::get(address, path);
        if status == 404 {
            return None;
        }
        assert_eq!(status, 200, "{body}");
        times.push(took.as_secs_f64() * 1e3);
        length = body.len();
    }
    Some((times, length))
}
