//! How many commits and events the state takes in a second.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use restore_watch::adapters::store::{Backend as _, Sqlite};
use restore_watch::engine::Batch;
use restore_watch::platform::clock::Clock;
use rusqlite::Connection;

use super::{batches, median};

/// How often each is measured, in turn.
const ROUNDS: usize = 9;

/// Commits of one event each, and appends.
const SINGLE: usize = 200;

/// Events in larger commits.
const MANY: usize = 2000;
const AT_ONCE: usize = 100;

/// Prints commits and events a second, compared with appends of as many bytes, each followed by
/// fsync.
pub(crate) fn measure(directory: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let commits = |path: &Path, batches: &[Arc<Batch>]| {
        let store = Sqlite::at(path).open(None).unwrap().store;
        let (first, further) = batches.split_first().unwrap();
        runtime.block_on(store.commit(first.clone(), Vec::new())).unwrap();
        time(|| {
            for batch in further {
                runtime.block_on(store.commit(batch.clone(), Vec::new())).unwrap();
            }
        })
    };
    let (single, many) = (batches::with_events(SINGLE, 1), batches::with_events(MANY, AT_ONCE));
    commits(&directory.join("size"), &single);
    let length = written(&directory.join("size")) / SINGLE;
    let (mut singles, mut events, mut appends) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let path = |what: &str| directory.join(format!("{what}-{round}"));
        singles.push(per_second(SINGLE, commits(&path("single"), &single)));
        appends.push(per_second(SINGLE, append(&path("append"), length)));
        events.push(per_second(MANY, commits(&path("many"), &many)));
    }
    println!("a second                         median   lowest  highest");
    let print = |what: &str, values: &[f64]| {
        let (low, high) =
            values.iter().fold((f64::MAX, 0.0_f64), |(low, high), value| (low.min(*value), high.max(*value)));
        println!("  {what:<28}  {:>7.0}  {low:>7.0}  {high:>7.0}   ({ROUNDS} rounds)", median(values));
    };
    print("commits of 1 event", &singles);
    print(&format!("appends of {length} bytes, fsync"), &appends);
    print(&format!("events, {AT_ONCE} a commit"), &events);
    println!();
}

/// The bytes of all jobs and events in a state.
fn written(state: &Path) -> usize {
    let sql = "SELECT (SELECT sum(length(memory)) FROM jobs) + (SELECT sum(length(body)) FROM transitions)";
    let bytes: u32 = Connection::open(state).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    bytes as usize
}

/// Appends a line of this length for each of the commits that are measured.
fn append(path: &Path, length: usize) -> Duration {
    let mut file = File::create(path).unwrap();
    let line = vec![b'x'; length];
    time(|| {
        for _ in 0..SINGLE {
            file.write_all(&line).unwrap();
            file.sync_all().unwrap();
        }
    })
}

pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let clock = Clock::system();
    let began = clock.now().instant;
    work();
    clock.now().instant.since(began)
}

fn per_second(count: usize, took: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64()
}
