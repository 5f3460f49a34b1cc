//! The same commits to `PostgreSQL` and to `SQLite`, in turn on one machine and one disk.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use restore_watch::adapters::store::{Backend, Postgres, Sqlite};
use restore_watch::config::{ClusterSettings, ConnectionString, PostgresAddress, PostgresSettings};
use restore_watch::engine::Batch;

use super::commits::time;
use super::postgres_server::{Options, PostgresServer};
use super::{batches, median};

/// How often each is measured, in turn.
const ROUNDS: usize = 9;

/// Commits of each size that are measured in a round.
const COMMITS: usize = 40;

/// Prints how long a commit takes at both, and how often it is longer at `PostgreSQL`.
pub(crate) fn measure(directory: &Path) {
    // Both wait for the disk.
    let Some(server) = PostgresServer::new(Options { fsync: true, ..Options::default() }) else { return };
    let url = server.create_database("bench");

    println!("milliseconds a commit             SQLite  PostgreSQL   ratio");
    for at_once in [1, 100] {
        let batches = batches::with_events((COMMITS + 1) * at_once, at_once);
        let (mut files, mut databases) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let name = format!("{at_once}-{round}");
            files.push(commits(&Sqlite::at(&directory.join(&name)), &batches));
            databases.push(commits(&database(&url, name), &batches));
        }
        let (file, database) = (median(&files), median(&databases));
        println!(
            "  {at_once:>3} event(s) at once           {file:>7.2}  {database:>10.2}  {:>6.2}   ({ROUNDS} rounds)",
            database / file
        );
    }
    println!();
}

/// The milliseconds of a commit.
fn commits(backend: &dyn Backend, batches: &[Arc<Batch>]) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = backend.open(None).unwrap().store;
    let (first, further) = batches.split_first().unwrap();
    runtime.block_on(store.commit(first.clone(), Vec::new())).unwrap();

    let further: Vec<_> = further.iter().take(COMMITS).collect();
    let took = time(|| {
        for batch in &further {
            runtime.block_on(store.commit(Arc::clone(batch), Vec::new())).unwrap();
        }
    });
    took.as_secs_f64() * 1000.0 / f64::from(u32::try_from(further.len()).unwrap())
}

fn database(url: &str, cluster: String) -> Postgres {
    Postgres::at(&PostgresSettings {
        address: PostgresAddress::Given(ConnectionString::parse(url, false).unwrap()),
        ca_file: None,
        allow_plaintext: false,
        cluster: ClusterSettings {
            name: cluster,
            lease: Duration::from_secs(45),
            ..ClusterSettings::default()
        },
    })
}
