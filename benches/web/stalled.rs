//! The time between two polls of a job, with and without clients that read nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use super::client::{self, Crowd};
use super::daemon_process::Daemon;
use super::plane::{Plane, listed_id};
use super::quantile;

/// How large a measurement is.
struct Size {
    /// Jobs that never change, and whose polls are measured.
    steady: u64,
    /// Jobs of which each poll makes an event, which goes to all clients.
    changing: u64,
    streams: usize,
    half_open: usize,
    window: Duration,
    pairs: usize,
}

const FULL: Size = Size {
    steady: 40,
    changing: 10,
    streams: 64,
    half_open: 1000,
    window: Duration::from_secs(10),
    pairs: 7,
};

const SMALL: Size =
    Size { steady: 2, changing: 1, streams: 2, half_open: 3, window: Duration::from_millis(300), pairs: 1 };

/// The time between two polls of a job, as configured.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is printed of the times between two polls.
const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("longest", 1.0)];

/// Prints the times, and their ratio.
pub(crate) fn measure(directory: &Path) {
    let Size { steady, changing, streams, half_open, window, pairs } = FULL;
    println!(
        "the time between two polls of a job, of {steady} every {} ms (medians of {pairs} pairs of windows of {} s)",
        INTERVAL.as_millis(),
        window.as_secs()
    );
    println!("{changing} further jobs emit an event with each poll");
    println!(
        "the daemon holds as many connections as it has places for: a new one takes the place of the one that waited longest"
    );
    let [alone, crowded] = run(directory, &FULL);

    println!(
        "            alone   with {streams} streams that are not read and {half_open} half-open connections   ratio"
    );
    for (name, part) in QUANTILES {
        let median = |windows: &[Vec<f64>]| {
            let mut of_windows: Vec<_> =
                windows.iter().map(|gaps| quantile(&mut gaps.clone(), part)).collect();
            quantile(&mut of_windows, 0.5)
        };
        let (without, with) = (median(&alone), median(&crowded));
        println!("  {name:<7} {without:>6.1} ms {with:>56.1} ms {:>17.3}", with / without);
    }
    println!();
}

/// Runs it once, to see that it does.
pub(crate) fn check(directory: &Path) {
    let windows = run(directory, &SMALL);
    let are_polls_apart = |gaps: &Vec<f64>| gaps.iter().any(|gap| *gap > 1.0);
    assert!(windows.iter().flatten().all(are_polls_apart), "{windows:?}");
}

/// The times between two polls of a job in milliseconds, of each window: without clients, and with.
fn run(directory: &Path, size: &Size) -> [Vec<Vec<f64>>; 2] {
    let plane = Plane::start();
    plane.change_from(size.steady);
    let daemon =
        Daemon::start_with(directory, &configuration(&plane, size, directory), &["--http", "127.0.0.1:0"]);
    let address = client::address(&daemon);
    // Until all were polled.
    std::thread::sleep(size.window.min(Duration::from_secs(3)));

    let mut windows = [Vec::new(), Vec::new()];
    for _ in 0..size.pairs {
        plane.record();
        windows[0].push(gaps(&plane, size));

        // Its arrival counts, too.
        plane.record();
        let mut crowd = Crowd::new();
        crowd.add(size.streams, address, &format!("GET /v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n"));
        crowd.add(size.half_open, address, &format!("GET / HTTP/1.1\r\nHost: {address}\r\n"));
        windows[1].push(gaps(&plane, size));
        drop(crowd);
        // The daemon closes what was closed.
        std::thread::sleep(size.window / 5);
    }

    assert!(!daemon.log().contains("ERROR"), "{}", daemon.log());
    daemon.stop();
    windows
}

/// The times between two polls of each job that does not change, in milliseconds, from the start of
/// the record until a window is over.
fn gaps(plane: &Plane, size: &Size) -> Vec<f64> {
    std::thread::sleep(size.window);
    let mut last = BTreeMap::new();
    let mut gaps = Vec::new();
    for (job, at) in plane.recorded() {
        if job < size.steady
            && let Some(before) = last.insert(job, at)
        {
            gaps.push(at.since(before).as_secs_f64() * 1e3);
        }
    }
    gaps
}

fn configuration(plane: &Plane, size: &Size, directory: &Path) -> String {
    let mut text = format!(
        "jobs = [{}]\n[api]\nendpoint = \"{}\"\nrequests_per_second = 1000\nburst = 100\n",
        (0..size.steady + size.changing)
            .map(|number| format!("\"{}\"", listed_id(number)))
            .collect::<Vec<_>>()
            .join(", "),
        plane.url(),
    );
    write!(
        text,
        "[cadence]\nmin_interval = \"{0}ms\"\nmax_interval = \"{0}ms\"\n[state]\npath = \"{1}\"\n\
         [[sink]]\ntype = \"log\"\nevents = []\n",
        INTERVAL.as_millis(),
        directory.join("state.db").display()
    )
    .unwrap();
    text
}
