//! The cost of replicas on `PostgreSQL`, and how soon one takes over from another.
//!
//! `cargo bench --bench replicas` prints the time from the end of the active replica to the first
//! poll of the other one, in leases, and the memory, processor time and messages to the database of
//! both while nothing happens, beside a daemon with its state in a file. It takes about four
//! minutes. `-- takeover` or `cost` measures that part alone. Without `PostgreSQL` on this machine
//! it measures nothing.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on is to say where")]

#[path = "../../tests/replicas/cluster.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod cluster;
mod cost;
#[path = "../support/daemon.rs"]
#[expect(dead_code, reason = "the daemons here are those of the tests")]
mod daemon_process;
#[path = "../../tests/crash/secrets.rs"]
#[expect(dead_code, reason = "the crash tests use more of it")]
mod secrets;
#[path = "../../tests/support/mod.rs"]
pub mod support;
mod takeover;

use support::PostgresServer;

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let is_wanted = |part: &str| wanted.as_deref().is_none_or(|wanted| wanted == part);
    let Some(server) = PostgresServer::shared() else { return };

    if is_wanted("takeover") {
        takeover::measure(server);
    }
    if is_wanted("cost") {
        cost::measure(server);
    }
}

/// The middle one of some values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
