//! The certificate of the server: of the right name and of a wrong one, by a known authority and by
//! an unknown one.

use std::time::Duration;

use crate::cluster::{Cluster, LEASE, project};
use crate::support::postgres_server::Options;
use crate::support::{CLOCK, PostgresServer, play};

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

#[test]
fn certified_server_is_used_over_tls() {
    let Some(server) = certified_for("localhost") else { return };
    let plane = play(ENDLESS);
    let mut cluster = cluster(&server, &plane, true);

    cluster.replicas[0].start();
    cluster.active();

    let sql = "SELECT bool_and(s.ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) \
               WHERE a.datname = 'over_tls'";
    assert_eq!(server.psql("postgres", sql), "t");
    cluster.stop();
}

#[test]
fn certificate_for_another_name_is_refused() {
    let Some(server) = certified_for("elsewhere.example") else { return };
    refuses(&server, true);
}

#[test]
fn certificate_by_an_unknown_authority_is_refused() {
    let Some(server) = certified_for("localhost") else { return };
    refuses(&server, false);
}

fn certified_for(name: &'static str) -> Option<PostgresServer> {
    PostgresServer::new(Options { tcp: true, certified_for: Some(name), ..Options::default() })
}

/// One replica that connects over TCP, even though that is on this machine, by TLS.
fn cluster<'a>(
    server: &'a PostgresServer,
    plane: &restore_watch::simulate::Simulator,
    knows_the_authority: bool,
) -> Cluster<'a> {
    let mut cluster = Cluster::new(server, "over_tls", plane.address(), &project(&["rj-1"]), &["a"]);
    if knows_the_authority {
        let line = format!("[state]\nca_file = \"{}\"\n", server.ca_file().display());
        cluster.replicas[0].rewrite(|text| text.replace("[state]\n", &line));
    }
    let url = format!("{}?sslmode=require", server.tcp_url("localhost", "over_tls"));
    cluster.replicas[0].variables.push(("POSTGRES".to_owned(), url));
    cluster
}

/// Fails if a replica gets as far as a session.
fn refuses(server: &PostgresServer, knows_the_authority: bool) {
    let plane = play(ENDLESS);
    let mut cluster = cluster(server, &plane, knows_the_authority);

    cluster.replicas[0].start();
    let started = CLOCK.now().instant;
    let mut has_ended = false;
    while !has_ended && CLOCK.now().instant.since(started) < LEASE {
        has_ended = cluster.replicas[0].has_ended();
        std::thread::sleep(Duration::from_millis(20));
    }

    let logged = cluster.replicas[0].logged();
    assert!(logged.contains("ERROR") || logged.contains("error: "), "{logged}");
    assert!(logged.contains("certificate"), "{logged}");
    assert_eq!(plane.count(), 0);
    let tables = "SELECT count(*) FROM information_schema.schemata WHERE schema_name = 'restore_watch'";
    assert_eq!(server.psql("over_tls", tables), "0");
    cluster.replicas[0].kill();
}
