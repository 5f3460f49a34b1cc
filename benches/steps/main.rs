//! The longest step of the loop: while one input is handled, nothing else is.
//!
//! `cargo bench --bench steps` runs the engine with many jobs in a world of virtual time, in which
//! requests, commits and deliveries take as long as they do elsewhere, and prints how long its
//! steps took by a real clock. Then it has a daemon discover as many restores, and asks it about
//! one of them all the time. It takes about three minutes; `cargo bench --bench steps engine`
//! prints one part: `engine` or `daemon`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod daemon;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "not all of it is measured here")]
mod daemon_process;
mod loads;
#[path = "../support/plane.rs"]
#[expect(dead_code, reason = "it refuses nothing here")]
mod plane;
mod times;
mod world;

use std::path::Path;

use restore_watch::model::JobId;
use uuid::Uuid;

fn main() {
    // With the name of a part, only that is measured.
    let wanted: Vec<_> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("engine") {
        loads::measure();
    }
    if !wants("daemon") {
        return;
    }
    if !Path::new("/proc/self/stat").exists() {
        println!("a daemon: not measured, because there is no /proc");
        return;
    }
    // Not the system's temporary directory, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    daemon::measure(directory.path());
}

/// The id of a job, of the form that the API documents; one after the other, they are far apart.
fn id(number: usize) -> JobId {
    let bits = (number as u128).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C6B_5A1D_42E7);
    JobId::new(Uuid::from_u128(bits).to_string()).unwrap()
}
