//! Commands on a standby, while the active replica dies.
//!
//! `RESTORE_WATCH_TAKEOVERS=100` gives the long form.

use std::time::Duration;

use crate::cluster::{Cluster, project};
use crate::number;
use crate::support::{CLOCK, PostgresServer, play};

#[test]
fn job_added_on_a_standby_is_answered_or_taken_back() {
    let Some(server) = PostgresServer::shared() else { return };
    let rounds = number("RESTORE_WATCH_TAKEOVERS").unwrap_or(3);
    let plane = play(&format!("[[job]]\nid = \"rj\"\ncount = {}\n", rounds + 1));
    let mut cluster = Cluster::new(server, "handed_over", plane.address(), &project(&["rj-1"]), &["a", "b"]);
    cluster.start();
    let mut rng = fastrand::Rng::with_seed(6);

    let (mut added, mut taken_back) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let active = cluster.active();
        let other = 1 - active;
        cluster.until("a standby", |cluster| cluster.replicas[other].role().as_deref() == Some("standby"));
        let job = format!("rj-{}", round + 2);

        let mut asking = cluster.replicas[other].asking(&["add", "--project", "one", &job]).start();
        // The moment of its death is what is tried.
        asking.ends_within(Duration::from_millis(rng.u64(..1500)));
        let killed = CLOCK.now().instant;
        cluster.replicas[active].kill();
        let done = asking.finish();
        match done.code {
            Some(0) => added.push(job),
            Some(5) => taken_back.push(job),
            _ => panic!("{done:?}\n{}", cluster.logged()),
        }
        cluster.until_polled(killed, |replica| replica == other);
        cluster.replicas[active].start();
    }

    println!("added {added:?}, taken back {taken_back:?}");
    let watched = server.psql("handed_over", "SELECT id FROM restore_watch.jobs ORDER BY id");
    let watched: Vec<_> = watched.lines().collect();
    assert!(added.iter().all(|job| watched.contains(&&**job)), "{watched:?}\n{}", cluster.logged());
    assert!(!taken_back.iter().any(|job| watched.contains(&&**job)), "{watched:?}\n{}", cluster.logged());
    cluster.stop();
}
