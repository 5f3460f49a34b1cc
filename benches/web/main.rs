//! What the HTTP listener costs: whether clients that read nothing delay polls, and how long answers
//! take with few and many jobs.
//!
//! `cargo bench --bench web` runs a daemon on a control plane that is no bottleneck. It takes about
//! five minutes; `cargo bench --bench web stalled` prints one part: `stalled` or `answers`.
//!
//! Under `cargo test` it runs both parts once, as small as they can be, and prints nothing.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod answers;
mod client;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "not all of it is measured here")]
mod daemon_process;
#[path = "../support/plane.rs"]
#[expect(dead_code, reason = "nothing is refused here")]
mod plane;
mod stalled;

use std::path::Path;

use restore_watch::platform::process;

fn main() {
    process::allow_many_files();
    // Not the system's temporary directory, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();

    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // Cargo passes `--bench` to benches only.
    if !arguments.iter().any(|argument| argument == "--bench") {
        stalled::check(&within(directory.path(), "stalled"));
        answers::check(&within(directory.path(), "answers"));
        return;
    }

    // With the name of a part, only that is measured.
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == part);
    if wants("stalled") {
        stalled::measure(&within(directory.path(), "stalled"));
    }
    if wants("answers") {
        answers::measure(&within(directory.path(), "answers"));
    }
}

/// A new directory.
fn within(directory: &Path, name: &str) -> std::path::PathBuf {
    let directory = directory.join(name);
    std::fs::create_dir(&directory).unwrap();
    directory
}

/// The value below which this part of the values lies.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    let place = (values.len() as f64 * part) as usize;
    values[place.min(values.len() - 1)]
}
