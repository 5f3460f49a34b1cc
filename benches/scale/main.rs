//! What many jobs cost, and whether one of many costs more than one of few.
//!
//! `cargo bench --bench scale` prints what one poll costs the engine alone, and then what a daemon needs for up to 10,000
//! jobs in 50 projects, at one total rate whatever their number, and what thousands of refusals leave behind. It takes
//! about two minutes and a half. Memory and processor time are read from /proc: without one, only the engine is measured.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod daemon;
#[path = "../support/daemon.rs"]
mod daemon_process;
mod engine;
#[path = "../support/plane.rs"]
mod plane;

use std::path::Path;

fn main() {
    // With the word of a part, only that is measured.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("engine") {
        engine::measure();
    }
    if !wants("daemon") {
        return;
    }
    if Path::new("/proc/self/stat").exists() {
        // Not a temporary directory of the system, which may live in memory.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        daemon::measure(directory.path());
    } else {
        println!("a daemon: not measured, because there is no /proc");
    }
}

/// The value below which half of the values lie.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
