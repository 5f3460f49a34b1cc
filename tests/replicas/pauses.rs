//! A replica stops at the worst places, and goes on when another one has taken over.
//!
//! `RESTORE_WATCH_PAUSES=30` gives the long form.

use std::time::Duration;

use crate::cluster::LEASE;
use crate::number;
use crate::scene::Scene;
use crate::support::PostgresServer;
use crate::world::Size;

/// Where it stops: with the lease taken and nothing read, with a batch that is not sent, after the
/// question whether the lease is still its own, and around what it records.
const PLACES: [&str; 5] = ["after_take", "before_commit", "before_post", "before_mark", "before_renewal"];

const WORLD: Size = Size { projects: 1, jobs: 20, endless: 1, span: Duration::from_secs(6) };

#[test]
fn replica_that_was_paused_changes_nothing_any_more() {
    let Some(server) = PostgresServer::shared() else { return };
    let pauses = number("RESTORE_WATCH_PAUSES").unwrap_or(1);

    std::thread::scope(|scope| {
        for place in PLACES {
            scope.spawn(move || (0..pauses).for_each(|pause| pause_at(server, place, pause)));
        }
    });
}

fn pause_at(server: &PostgresServer, place: &str, pause: usize) {
    let database = format!("{place}_{pause}");
    let mut scene = Scene::new(server, &database, WORLD, pause as u64);
    let times = if place == "after_take" { 1 } else { 2 + pause % 5 };
    let failpoint = format!("{place}:{times}:pause");

    scene.cluster.replicas[0].start_with(&[("RESTORE_WATCH_FAILPOINT", &failpoint)]);
    scene.cluster.until("a pause", |cluster| cluster.replicas[0].is_stopped());
    let stopped = crate::support::CLOCK.now().instant;
    scene.cluster.replicas[1].start();
    scene.cluster.replicas[2].start();
    let (taker, at) = scene.cluster.until_polled(stopped, |replica| replica != 0);
    scene.cluster.replicas[0].resume();
    scene.cluster.until("a standby", |cluster| cluster.replicas[0].role().as_deref() == Some("standby"));

    assert_eq!(scene.cluster.active(), taker, "{}", scene.context());
    scene.finish();
    let verdict = scene.judge();
    assert!(place == "before_post" || verdict.late == 0, "{place}: {} came late", verdict.late);
    let leases = at.since(stopped).as_secs_f64() / LEASE.as_secs_f64();
    println!("{place}: taken over after {leases:.2} leases, {} late, {}", verdict.late, verdict.counts);
}
