//! How long it takes until another replica polls.
//!
//! `RESTORE_WATCH_TAKEOVERS=100` gives the long form, which holds the times against their bounds.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::support::{CLOCK, Network, PostgresServer, play};
use crate::{at_once, number};

/// A job that never ends.
const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

/// How an active replica goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Killed,
    /// It does not reach the database.
    Cut(Network),
    Stopped,
}

#[test]
fn standby_takes_over_however_the_active_replica_goes() {
    at_once([
        &|| takeovers("killed", &[Leaving::Killed], 2),
        &|| takeovers("cut_off", &[Leaving::Cut(Network::Silent), Leaving::Cut(Network::Refuses)], 2),
        &|| takeovers("stopped", &[Leaving::Stopped], 4),
    ]);
}

/// Has the active one of two replicas leave, `few` times or as often as the environment says.
fn takeovers(database: &str, ways: &[Leaving], few: usize) {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, database, plane.address(), &project(&["rj-1"]), &["a", "b"]);
    cluster.start();
    let many = number("RESTORE_WATCH_TAKEOVERS");

    let mut times = Vec::new();
    for round in 0..many.unwrap_or(few) {
        let time = takeover(&mut cluster, ways[round % ways.len()]);
        times.push(time.as_secs_f64() / LEASE.as_secs_f64());
    }

    cluster.polls_in_turns();
    cluster.stop();
    times.sort_by(f64::total_cmp);
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!("{database}: {} takeovers, {median:.2} leases in the median, {longest:.2} at most", times.len());
    if ways == [Leaving::Killed] {
        // Its last sign of life was a third of a lease ago at most.
        assert!(times[0] > 0.5, "taken from one that may live: {times:?}");
    }
    if many.is_some() {
        let bounds = if ways == [Leaving::Stopped] { (0.5, 1.0) } else { (1.15, 1.5) };
        assert!(median <= bounds.0 && longest <= bounds.1, "{times:?}");
    }
}

/// The time from when the active replica begins to leave until the other one polls.
fn takeover(cluster: &mut Cluster<'_>, leaving: Leaving) -> Duration {
    let active = cluster.active();
    let other = 1 - active;
    cluster.until("a standby", |cluster| cluster.replicas[other].role().as_deref() == Some("standby"));

    let left = CLOCK.now().instant;
    match leaving {
        Leaving::Killed => cluster.replicas[active].kill(),
        Leaving::Cut(network) => cluster.replicas[active].to_database.set(network),
        Leaving::Stopped => {
            cluster.replicas[active].ask_to_stop();
            cluster.replicas[active].finish(0);
        }
    }
    let (_, polled) = cluster.until_polled(left, |replica| replica == other);

    cluster.replicas[active].to_database.set(Network::Well);
    cluster.replicas[active].start();
    polled.since(left)
}
