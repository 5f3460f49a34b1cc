//! The cost of durability: events are delivered only after their commit, and survive a restart.
//!
//! `cargo bench --bench state` prints how much later a POST begins because of the commit before it,
//! how long it takes to deliver many ends, how many commits and events a second the state takes,
//! compared with plain appends to the same disk, and the resources of a daemon for 10,000 jobs and
//! as many deliveries. It takes about two minutes, half of which it observes idle daemons. Memory
//! and processor time are read from /proc, and not measured without it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod batches;
mod commits;
mod footprint;
mod posts;

use std::path::{Path, PathBuf};

fn main() {
    // Not the system's temporary directory, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    posts::measure(&folder(directory.path(), "posts"));
    posts::measure_volleys(&folder(directory.path(), "volleys"));
    commits::measure(&folder(directory.path(), "commits"));
    footprint::measure(&folder(directory.path(), "memory"));
}

fn folder(within: &Path, name: &str) -> PathBuf {
    let path = within.join(name);
    std::fs::create_dir(&path).unwrap();
    path
}

/// The value below which this part of the values lies, by the nearest rank.
fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank among so many values"
    )]
    let rank = (values.len() as f64 * part).ceil() as usize;
    values[rank.max(1) - 1]
}

fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}
