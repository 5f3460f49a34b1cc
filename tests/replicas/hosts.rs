//! An address with several hosts: the one that can be written is used, whatever the others do.

use restore_watch::model::time::Instant;

use crate::cluster::{Cluster, project};
use crate::support::postgres_server::{Options, ROLE};
use crate::support::{CLOCK, Network, PostgresServer, play};

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

/// What precedes the port in an address of this machine.
const LOOPBACK: &str = "127.0.0.1:";

#[test]
fn host_that_accepts_and_is_silent_keeps_none_from_the_next() {
    let options = Options { tcp: true, ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(&server, "two_hosts", plane.address(), &project(&["rj-1"]), &["a"]);
    let replica = &mut cluster.replicas[0];
    let first = replica.to_database.url("two_hosts");
    let first = first.split_once(LOOPBACK).and_then(|(_, rest)| rest.split_once('/')).unwrap().0;
    let url = format!(
        "postgresql://{ROLE}@{LOOPBACK}{first},{LOOPBACK}{}/two_hosts?sslmode=disable",
        server.port()
    );
    replica.variables.push(("POSTGRES".to_owned(), url));
    replica.to_database.set(Network::Silent);

    replica.start();
    cluster.active();
    // The first one is of use again, the second one not yet.
    cluster.replicas[0].to_database.set(Network::Well);
    server.stop_fast();
    server.start();
    polls_after(&mut cluster, CLOCK.now().instant);

    // A session over the first host falls silent in the middle.
    cluster.replicas[0].kill();
    cluster.replicas[0].start();
    cluster.active();
    cluster.replicas[0].to_database.set(Network::Silent);
    let silent = CLOCK.now().instant;
    cluster.until("the loss of the lease", |cluster| cluster.logged().contains("lost the lease"));
    polls_after(&mut cluster, silent + crate::cluster::LEASE);
    cluster.replicas[0].kill();
}

#[track_caller]
fn polls_after(cluster: &mut Cluster<'_>, time: Instant) {
    cluster.until_polled(time, |_| true);
}
