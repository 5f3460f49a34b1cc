//! Roles that may not do what the program needs.

use crate::cluster::{Cluster, project};
use crate::support::{CLOCK, PostgresServer, play};

const ENDLESS: &str = "[[job]]\nid = \"rj-1\"\n";

#[test]
fn role_without_rights_gets_the_statement_to_run() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, "no_rights", plane.address(), &project(&["rj-1"]), &["a"]);
    server.psql("no_rights", "ALTER DATABASE no_rights OWNER TO postgres");

    cluster.replicas[0].start();

    cluster.replicas[0].finish(78);
    let logged = cluster.replicas[0].logged();
    assert!(logged.contains("GRANT "), "{logged}");
    assert_eq!(plane.count(), 0);
}

#[test]
fn database_that_does_not_exist_is_an_error() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, "unused", plane.address(), &project(&["rj-1"]), &["a"]);
    let url = cluster.replicas[0].to_database.url("no_such_database");
    cluster.replicas[0].variables.push(("POSTGRES".to_owned(), url));

    cluster.replicas[0].start();

    cluster.replicas[0].finish(78);
    assert!(cluster.replicas[0].logged().contains("no_such_database"));
}

#[test]
fn schema_of_another_program_is_left_alone() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, "elsewhere", plane.address(), &project(&["rj-1"]), &["a"]);
    let sql = "CREATE SCHEMA restore_watch AUTHORIZATION watch; CREATE TABLE restore_watch.jobs (other int)";
    server.psql("elsewhere", sql);

    cluster.replicas[0].start();

    cluster.replicas[0].finish(78);
    let columns = "SELECT string_agg(table_name || '.' || column_name, ' ') FROM information_schema.columns \
                   WHERE table_schema = 'restore_watch'";
    assert_eq!(server.psql("elsewhere", columns), "jobs.other");
}

#[test]
fn read_only_server_is_waited_for() {
    let Some(server) = PostgresServer::shared() else { return };
    let plane = play(ENDLESS);
    let mut cluster = Cluster::new(server, "read_only", plane.address(), &project(&["rj-1"]), &["a"]);
    server.psql("postgres", "ALTER DATABASE read_only SET default_transaction_read_only = on");
    cluster.replicas[0].start();
    cluster.until("a line that says so", |cluster| {
        cluster.replicas[0].logged().contains("cannot take over: ")
            && cluster.replicas[0].logged().contains("the server takes no writes now")
    });
    assert_eq!(plane.count(), 0);

    server.psql("postgres", "ALTER DATABASE read_only RESET default_transaction_read_only");

    cluster.until_polled(CLOCK.now().instant, |_| true);
    cluster.stop();
}
