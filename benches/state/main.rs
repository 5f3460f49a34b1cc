//! The cost of durability: events are delivered only after their commit, and survive a restart.
//!
//! `cargo bench --bench state` prints how much later a POST begins because of the commit before it,
//! how long it takes to deliver many ends, how many commits and events a second the state takes,
//! compared with plain appends to the same disk, how long commits to a `PostgreSQL` server on this
//! machine take, if there is one, and the resources of a daemon for 10,000 jobs and as many
//! deliveries. It takes about two minutes, half of which it observes idle daemons. Memory and
//! processor time are read from /proc, and not measured without it. `-- commits` measures that part
//! alone; so do `posts`, `database` and `footprint`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

mod batches;
mod commits;
#[cfg(feature = "postgres")]
mod database;
mod footprint;
#[cfg(feature = "postgres")]
#[expect(dead_code, unreachable_pub, reason = "shared with tests that each use a part")]
#[path = "../../tests/support/postgres_server.rs"]
mod postgres_server;
mod posts;

use std::path::{Path, PathBuf};

fn main() {
    // Not the system's temporary directory, which may be in memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);

    if is_wanted("posts") {
        posts::measure(&folder(directory.path(), "posts"));
        posts::measure_volleys(&folder(directory.path(), "volleys"));
    }
    if is_wanted("commits") {
        commits::measure(&folder(directory.path(), "commits"));
    }
    #[cfg(feature = "postgres")]
    if is_wanted("database") {
        database::measure(&folder(directory.path(), "database"));
    }
    if is_wanted("footprint") {
        footprint::measure(&folder(directory.path(), "memory"));
    }
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
