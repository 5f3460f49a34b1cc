//! The database is away: for less than a lease, for longer, and again and again.
//!
//! `RESTORE_WATCH_AWAY=20` gives the long form: an absence of that many leases, and that many
//! restarts in a row.

use std::time::Duration;

use crate::cluster::LEASE;
use crate::scene::Scene;
use crate::support::postgres_server::Options;
use crate::support::{CLOCK, PostgresServer};
use crate::world::Size;
use crate::{at_once, number};

/// Its jobs end while the database is away, and after.
const WORLD: Size = Size { projects: 1, jobs: 20, endless: 1, span: Duration::from_secs(8) };

#[test]
fn absence_of_the_database_loses_nothing() {
    let leases = number("RESTORE_WATCH_AWAY").unwrap_or(2);
    let long = LEASE * u32::try_from(leases).unwrap();

    at_once([
        // Polls go on meanwhile.
        &|| absence("short_absence", LEASE / 2, true),
        &|| absence("long_absence", long, false),
    ]);
}

#[test]
fn restarts_of_the_database_in_a_row_lose_nothing() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut scene = Scene::new(&server, "restarts", WORLD, 3);
    scene.cluster.start();
    scene.cluster.active();

    for restart in 0..number("RESTORE_WATCH_AWAY").unwrap_or(5) {
        if restart % 2 == 0 {
            server.stop_fast();
        } else {
            server.stop_immediate();
        }
        server.start();
        scene.cluster.all_live();
    }

    scene.finish();
    println!("restarts in a row: {}", scene.judge().counts);
}

/// Stops the server for this time while jobs end.
fn absence(database: &str, time: Duration, keeps_the_holder: bool) {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut scene = Scene::new(&server, database, WORLD, 2);
    scene.cluster.start();
    let active = scene.cluster.active();
    let leases = scene.cluster.epoch();

    server.stop_fast();
    let left = CLOCK.now().instant;
    scene.cluster.until("the end of the absence", |_| CLOCK.now().instant.since(left) > time);
    server.start();
    let back = CLOCK.now().instant;
    let (holder, polled) = scene.cluster.until_polled(back, |_| true);

    println!("{database}: polled {:?} after the database was back", polled.since(back));
    if keeps_the_holder {
        assert_eq!((holder, scene.cluster.epoch()), (active, leases), "{}", scene.context());
    }
    scene.finish();
    println!("{database}: {}", scene.judge().counts);
}
