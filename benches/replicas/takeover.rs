//! How long it takes until another replica polls.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::median;
use crate::support::{CLOCK, PostgresServer, play};

/// A job that never ends.
const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

/// Takeovers of each kind.
const ROUNDS: usize = 20;

/// How an active replica ends.
#[derive(Debug, Clone, Copy)]
enum End {
    Killed,
    Stopped,
}

/// Prints the times from the end of the active replica to the first poll of the other one.
pub(crate) fn measure(server: &PostgresServer) {
    println!("the first poll of the other replica, after   median         shortest       longest");
    for (what, database, end) in [("SIGKILL", "killed", End::Killed), ("SIGTERM", "stopped", End::Stopped)] {
        let plane = play(ENDLESS);
        let mut cluster = Cluster::new(server, database, plane.address(), &project(&["rj-1"]), &["a", "b"]);
        cluster.start();

        let times: Vec<_> = (0..ROUNDS).map(|_| takeover(&mut cluster, end).as_secs_f64()).collect();

        // One that is stopped while it starts does not end in order.
        until_one_stands_by(&mut cluster);
        cluster.polls_in_turns();
        cluster.stop();
        let shortest = times.iter().copied().fold(f64::MAX, f64::min);
        let longest = times.iter().copied().fold(0.0, f64::max);
        let shown = [median(times), shortest, longest]
            .map(|time| format!("{:.2} leases", time / LEASE.as_secs_f64()))
            .join("    ");
        println!("  {what}, a lease of {LEASE:?}                    {shown}   ({ROUNDS} times)");
    }
    println!();
}

/// The time from the signal to the active replica until the other one polls.
fn takeover(cluster: &mut Cluster<'_>, end: End) -> Duration {
    let (active, other) = until_one_stands_by(cluster);
    // Any time since the last renewal is as likely as any other.
    std::thread::sleep(LEASE.mul_f64(fastrand::f64() / 3.0));

    let ended = CLOCK.now().instant;
    match end {
        End::Killed => cluster.replicas[active].kill(),
        End::Stopped => cluster.replicas[active].stop(),
    }
    let (_, polled) = cluster.until_polled(ended, |replica| replica == other);

    cluster.replicas[active].start();
    polled.since(ended)
}

/// Waits until one replica is active and the other one stands by. Gives them in this order.
fn until_one_stands_by(cluster: &mut Cluster<'_>) -> (usize, usize) {
    let active = cluster.active();
    let other = 1 - active;
    cluster.until("a standby", |cluster| cluster.replicas[other].role().as_deref() == Some("standby"));
    (active, other)
}
