//! Replicas are replaced one after the other, also by another version of the program.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::scene::Scene;
use crate::support::{CLOCK, PostgresServer, play};
use crate::world::Size;

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

const WORLD: Size = Size { projects: 1, jobs: 20, endless: 1, span: Duration::from_secs(6) };

#[test]
fn rolling_restart_loses_nothing() {
    let Some(server) = PostgresServer::shared() else { return };
    let mut scene = Scene::new(server, "rolling_restart", WORLD, 7);
    scene.cluster.start();
    let replicas = 0..scene.cluster.replicas.len();
    let answer = |cluster: &Cluster<'_>, at: usize| cluster.replicas[at].role().is_some();
    scene.cluster.until("each one", |cluster| replicas.clone().all(|at| answer(cluster, at)));
    let leases = scene.cluster.epoch();

    for at in replicas.clone() {
        scene.cluster.replicas[at].stop();
        scene.cluster.replicas[at].start();
        scene.cluster.until("its return", |cluster| answer(cluster, at));
    }

    scene.finish();
    println!("rolling restart: {}", scene.judge().counts);
    // Only the active one hands the lease on, to one that may be next.
    let taken = scene.cluster.epoch() - leases;
    assert!((1..=replicas.len()).contains(&taken), "taken {taken} times\n{}", scene.context());
}

#[test]
fn older_replica_stands_by_beside_a_newer_schema() {
    const NEWER: &str = "UPDATE restore_watch.schema_version SET version = version + 1";
    const OLDER: &str = "UPDATE restore_watch.schema_version SET version = version - 1";
    const SAYS: &str = "the state was written by a newer restore-watch";
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let names = ["a", "b", "c"];
    let mut cluster = Cluster::new(server, "newer_schema", plane.address(), &project(&["rj-1"]), &names);
    cluster.replicas[0].start();
    cluster.until_polled(CLOCK.now().instant, |_| true);
    cluster.replicas[1].start();
    cluster.until("a standby", |cluster| cluster.replicas[1].role().as_deref() == Some("standby"));

    server.psql("newer_schema", NEWER);

    cluster.until("a line that says so", |cluster| cluster.replicas[1].logged().contains(SAYS));
    cluster.replicas[2].start();
    cluster.replicas[2].finish(74);
    assert!(cluster.replicas[2].logged().contains(SAYS), "{}", cluster.logged());
    assert_eq!((cluster.active(), cluster.epoch()), (0, 1), "{}", cluster.logged());

    // No replica may take over.
    cluster.replicas[0].kill();
    let killed = CLOCK.now().instant;
    cluster.until("two leases", |_| CLOCK.now().instant.since(killed) > 2 * LEASE);
    assert_eq!(cluster.epoch(), 1, "{}", cluster.logged());
    server.psql("newer_schema", OLDER);
    cluster.until_polled(killed, |replica| replica == 1);
    cluster.polls_in_turns();
    cluster.stop();
}
