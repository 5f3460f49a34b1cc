//! The password of the database, and what a dump of the database has in it.

use std::time::Duration;

use crate::scene::Scene;
use crate::secrets;
use crate::support::PostgresServer;
use crate::support::postgres_server::{Options, ROLE};
use crate::world::Size;

const WORLD: Size = Size { projects: 1, jobs: 10, endless: 0, span: Duration::from_secs(2) };

const PASSWORD: &str = "canary-of-the-database";

#[test]
fn no_secret_is_in_a_dump_or_in_a_log() {
    let options = Options { passwords: true, ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    server.psql("postgres", &format!("ALTER ROLE {ROLE} PASSWORD '{PASSWORD}'"));
    let mut scene = Scene::new(&server, "secrecy", WORLD, 7);
    for replica in &mut scene.cluster.replicas {
        let url = replica.to_database.url("secrecy").replace('@', &format!(":{PASSWORD}@"));
        replica.variables.push(("POSTGRES".to_owned(), url));
    }

    scene.cluster.start();
    scene.finish();

    // The judge searches the dump, and each replica its output and its arguments.
    scene.judge();
    secrets::none_in("the log of the server", server.logged().as_bytes());
}

#[test]
fn wrong_password_is_an_error_of_the_configuration() {
    let options = Options { passwords: true, ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    server.psql("postgres", &format!("ALTER ROLE {ROLE} PASSWORD 'another'"));
    let mut scene = Scene::new(&server, "wrong", WORLD, 7);
    let replica = &mut scene.cluster.replicas[0];
    let url = replica.to_database.url("wrong").replace('@', &format!(":{PASSWORD}@"));
    replica.variables.push(("POSTGRES".to_owned(), url));

    replica.start();

    replica.finish(78);
    assert!(replica.logged().contains("password"), "{}", replica.logged());
}
