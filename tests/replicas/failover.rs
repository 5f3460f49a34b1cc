//! The server fails, and the one that followed it takes its place: with all commits, or without the
//! last ones.

use std::time::Duration;

use crate::at_once;
use crate::oracle::Emission;
use crate::scene::Scene;
use crate::support::PostgresServer;
use crate::support::postgres_server::{Options, ROLE};
use crate::world::Size;

const WORLD: Size = Size { projects: 1, jobs: 30, endless: 1, span: Duration::from_secs(6) };

#[test]
fn failover_loses_no_end() {
    at_once([
        // And repeats nothing.
        &|| failover("synchronous", Emission::Once),
        &|| failover("asynchronous", Emission::Again),
    ]);
}

fn failover(database: &str, emission: Emission) {
    let Some(first) = PostgresServer::new(Options::default()) else { return };
    let second = first.follower();
    if emission == Emission::Once {
        first.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        first.psql("postgres", "SELECT pg_reload_conf()");
    }
    let mut scene = Scene::new(&first, database, WORLD, 8);
    let socket = |server: &PostgresServer| {
        format!("{}:{}", server.folder().display().to_string().replace('/', "%2F"), server.port())
    };
    let url = format!("postgresql://{ROLE}@{},{}/{database}", socket(&first), socket(&second));
    for replica in &mut scene.cluster.replicas {
        replica.variables.push(("POSTGRES".to_owned(), url.clone()));
    }
    scene.cluster.start();
    scene.cluster.active();

    if emission == Emission::Again {
        // What is committed from now on is lost.
        second.pause();
        let events = "SELECT count(*) FROM restore_watch.events";
        let before = first.psql(database, events);
        scene.cluster.until("further events", |cluster| cluster.server.psql(database, events) != before);
    }
    first.stop_immediate();
    second.resume();
    second.promote();

    scene.cluster.server = &second;
    scene.finish();
    println!("{database} failover: {}", scene.judge_as(emission).counts);
}

#[test]
fn follower_has_what_was_committed_before() {
    let Some(first) = PostgresServer::new(Options::default()) else { return };
    first.psql("postgres", "CREATE TABLE t (n int)");
    let second = first.follower();

    first.stop_immediate();
    second.promote();

    second.psql("postgres", "INSERT INTO t VALUES (1)");
}
