//! Replicas whose configurations differ.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::support::{CLOCK, PostgresServer, play};

const PLANE: &str = "[[job]]\nid = \"rj-1\"\n[[job]]\nid = \"rj-2\"\n";

#[test]
fn differing_configurations_are_named_and_do_not_alternate() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(PLANE);
    let text = project(&["rj-1"]);
    let mut cluster = Cluster::new(server, "differing", plane.address(), &text, &["alpha", "beta"]);
    cluster.replicas[1].rewrite(|text| text.replace("\"rj-1\"", "\"rj-1\", \"rj-2\""));

    cluster.replicas[0].start();
    cluster.until_polled(CLOCK.now().instant, |_| true);
    cluster.replicas[1].start();
    cluster.until("a warning that names the other replica", |cluster| {
        let warns = |replica: usize, other: &str| {
            let logged = cluster.replicas[replica].logged();
            logged
                .lines()
                .any(|line| line.contains("WARN") && line.contains("configuration") && line.contains(other))
        };
        warns(0, "beta") || warns(1, "alpha")
    });

    let (leases, since) = (cluster.epoch(), CLOCK.now().instant);
    let time = 2 * LEASE + Duration::from_secs(1);
    cluster.until("more than two leases", |_| CLOCK.now().instant.since(since) > time);
    assert_eq!((cluster.epoch(), cluster.active()), (leases, 0), "{}", cluster.logged());
    cluster.polls_in_turns();
    cluster.stop();
}
