//! What a person does to a database in which replicas have their state: a replica neither ends nor
//! takes the lease again and again, says what is wrong, and goes on when that is mended.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::scene::Scene;
use crate::support::postgres_server::Options;
use crate::support::{CLOCK, PostgresServer, play};
use crate::world::Size;

/// Its jobs end while something is wrong, and after.
const WORLD: Size = Size { projects: 1, jobs: 20, endless: 1, span: Duration::from_secs(8) };

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

#[test]
fn rights_that_are_revoked_during_a_run_are_named() {
    let Some(server) = PostgresServer::shared() else { return };
    let mut scene = Scene::new(server, "revoked", WORLD, 11);
    scene.cluster.start();
    scene.cluster.active();

    server.psql("revoked", "REVOKE INSERT ON restore_watch.events FROM watch");
    // Each replica takes the lease once; after that it stands by, because it may not write.
    let text = "the role may not use the table events";
    let all_say = |cluster: &Cluster<'_>| cluster.replicas.iter().all(|one| one.logged().contains(text));
    scene.cluster.until("all to say so", all_say);
    let leases = scene.cluster.epoch();
    lasts(&mut scene.cluster, LEASE * 2);
    assert_eq!(scene.cluster.epoch(), leases, "{}", scene.context());
    server.psql("revoked", "GRANT INSERT ON restore_watch.events TO watch");

    scene.finish();
    println!("revoked: {}", scene.judge().counts);
}

#[test]
fn commits_wait_while_the_server_lacks_room() {
    let Some(server) = PostgresServer::shared() else { return };
    let mut scene = Scene::new(server, "no_room", WORLD, 14);
    scene.cluster.start();
    scene.cluster.active();
    let leases = scene.cluster.epoch();

    // 53100 is what a server says whose disk is full.
    let sql = "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$;
               CREATE TRIGGER refuses BEFORE INSERT ON restore_watch.events EXECUTE FUNCTION public.refuse()";
    server.psql("no_room", sql);
    says(&mut scene.cluster, "and trying again: no room");
    server.psql("no_room", "DROP TRIGGER refuses ON restore_watch.events");
    says(&mut scene.cluster, "the state can be written again");

    assert_eq!(scene.cluster.epoch(), leases, "{}", scene.context());
    scene.finish();
    println!("no room: {}", scene.judge().counts);
}

#[test]
fn role_that_may_not_log_in_for_a_while_loses_nothing() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut scene = Scene::new(&server, "no_login", WORLD, 12);
    scene.cluster.start();
    scene.cluster.active();

    server.psql("postgres", "ALTER ROLE watch NOLOGIN");
    end_sessions(&server, "no_login");
    says(&mut scene.cluster, "is not permitted to log in");
    server.psql("postgres", "ALTER ROLE watch LOGIN");

    scene.finish();
    println!("no login: {}", scene.judge().counts);
}

#[test]
fn sessions_that_are_ended_in_a_row_lose_nothing() {
    let Some(server) = PostgresServer::shared() else { return };
    let mut scene = Scene::new(server, "ended_sessions", WORLD, 13);
    scene.cluster.start();
    scene.cluster.active();

    for _ in 0..20 {
        end_sessions(server, "ended_sessions");
        lasts(&mut scene.cluster, LEASE / 20);
    }

    scene.finish();
    println!("ended sessions: {}", scene.judge().counts);
}

#[test]
fn tables_that_are_dropped_are_not_made_again() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, "dropped", plane.address(), &project(&["rj-1"]), &["a"]);
    cluster.start();
    cluster.active();
    let dump =
        server.tool("pg_dump").args(["--inserts", "--schema=restore_watch", "dropped"]).output().unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    // Commands of psql itself are none of SQL.
    let dump: Vec<_> = dump.lines().filter(|line| !line.starts_with('\\')).collect();

    server.psql("dropped", "DROP SCHEMA restore_watch CASCADE");
    says(&mut cluster, "the tables in the schema restore_watch are gone");
    lasts(&mut cluster, LEASE);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_watch'";
    assert_eq!(server.psql("dropped", schemas), "0");

    let restored = CLOCK.now().instant;
    server.psql("dropped", &dump.join("\n"));
    cluster.until_polled(restored, |_| true);
    cluster.stop();
}

#[track_caller]
fn says(cluster: &mut Cluster<'_>, text: &str) {
    cluster.until(text, |cluster| cluster.logged().contains(text));
}

/// Fails if a replica ends by itself within this time.
#[track_caller]
fn lasts(cluster: &mut Cluster<'_>, time: Duration) {
    let began = CLOCK.now().instant;
    cluster.until("the end of this time", |_| CLOCK.now().instant.since(began) > time);
}

/// Ends all sessions of this database.
fn end_sessions(server: &PostgresServer, database: &str) {
    let sql = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'");
    server.psql("postgres", &sql);
}
