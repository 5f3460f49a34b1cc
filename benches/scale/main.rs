//! The cost of many jobs, and whether one of many costs more than one of few.
//!
//! `cargo bench --bench scale` prints what one poll costs the engine alone, and then what a daemon
//! needs for up to 10,000 jobs in 50 projects, at one total rate whatever their number, what
//! thousands of refusals leave behind, and how fast it polls without a limit, compared with a loop
//! of bare `reqwest` and with `wrk`. It takes about four minutes. Memory and processor time are read from /proc: without one, only
//! the engine is measured. `cargo bench --bench scale engine` prints one part: `engine`,
//! `generator` or `daemon`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod bare;
mod daemon;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "no daemon is asked anything here")]
mod daemon_process;
mod engine;
mod generator;
#[path = "../support/plane.rs"]
#[expect(dead_code, reason = "nothing is listed here")]
mod plane;

use std::path::Path;

use uuid::Uuid;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if bare::runs(&arguments) {
        return;
    }

    // With the name of a part, only that is measured.
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == part);
    if wants("engine") {
        engine::measure();
    }
    if !Path::new("/proc/self/stat").exists() {
        println!("a daemon: not measured, because there is no /proc");
        return;
    }
    // Not the system's temporary directory, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    if wants("generator") {
        generator::measure(directory.path());
    }
    if wants("daemon") {
        daemon::measure(directory.path());
    }
}

/// The id of a job, of the form that the API documents; one after the other, they are far apart.
fn id(number: u32) -> String {
    Uuid::from_u128(u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C6B_5A1D_42E7)).to_string()
}

/// The value below which half of the values lie.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
