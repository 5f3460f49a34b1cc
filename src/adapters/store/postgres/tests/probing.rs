//! What a check finds out of a server, and which of several hosts is used.

use std::net::TcpListener;

use super::*;

fn probe(settings: &PostgresSettings) -> Result<Probe, OpenError> {
    Postgres::at(settings).probe().unwrap()
}

#[test]
fn a_probe_changes_nothing_and_names_the_holder() {
    let Some(settings) = fresh() else { return };
    let server = PostgresServer::shared().unwrap();

    let empty = probe(&settings).unwrap();
    assert!(empty.server.starts_with("PostgreSQL 1"), "{empty:?}");
    assert_eq!((empty.has_tables, &empty.active), (false, &None));
    let name = Database::of(&settings).unwrap().name().to_owned();
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'restore_watch'";
    assert_eq!(server.psql(&name, schemas), "0");

    let opened = Postgres::at(&settings).open(None).unwrap();
    let held = probe(&settings).unwrap();
    assert_eq!((held.has_tables, held.active.as_deref()), (true, Some("a")));
    drop(opened);
    assert_eq!(probe(&settings).unwrap().active, None);

    let mut other = settings;
    other.cluster.name = "other".to_owned();
    assert_eq!(probe(&other).unwrap().active, None);
    assert_eq!(server.psql(&name, "SELECT count(*) FROM restore_watch.clusters"), "1");
}

#[test]
fn a_probe_warns_of_what_will_surprise() {
    let options =
        Options { settings: &["max_connections=8", "synchronous_commit=off"], ..Options::default() };
    let Some(server) = PostgresServer::new(options) else { return };
    let settings = settings(&server.create_database("small"));

    let durability = "is off at the PostgreSQL server: after a crash or a failover";
    let warnings = probe(&settings).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with(&format!("synchronous_commit {durability}")), "{warnings:?}");
    assert!(warnings[1].starts_with(&format!("fsync {durability}")), "{warnings:?}");

    server.psql("postgres", "ALTER ROLE watch CONNECTION LIMIT 2");
    let warnings = probe(&settings).unwrap().warnings;
    let few = "connections that the server still accepts from this role: 2; each replica uses 3";
    assert_eq!(warnings.last().map(String::as_str), Some(few), "{warnings:?}");
}

#[test]
fn a_probe_fails_as_a_start_would() {
    let Some(settings) = fresh() else { return };
    let server = PostgresServer::shared().unwrap();
    let name = Database::of(&settings).unwrap().name().to_owned();
    let role = unique("guest");
    server.psql(&name, &format!("CREATE ROLE {role} LOGIN"));
    let url = server.url(&name).replace("//watch@", &format!("//{role}@"));

    let error = probe(&super::settings(&url)).unwrap_err();

    assert_eq!(error.class, OpenErrorClass::Misconfigured);
    assert!(error.message.contains("may not make the tables: permission denied for database"), "{error}");
    let grant = format!("GRANT CREATE ON DATABASE {name} TO {role};");
    assert!(error.help.contains(&grant), "{error:?}");
    server.psql("postgres", &grant);
    assert!(!probe(&super::settings(&url)).unwrap().has_tables);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_host_is_passed_over_and_then_tried_last() {
    let Some(server) = PostgresServer::new(Options { tcp: true, ..Options::default() }) else { return };
    server.create_database("hosts");
    // Its connections are accepted by the system, and nothing answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap();
    let url = format!("postgresql://watch@{silent},127.0.0.1:{}/hosts", server.port());
    let database = Database::of(&settings(&url)).unwrap();
    assert_eq!(database.host(), silent.to_string());

    for _ in 0..2 {
        database.connect().await.map(drop).unwrap();
        assert_eq!(database.host(), format!("127.0.0.1:{}", server.port()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_host_that_can_be_written_is_used() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    server.create_database("hosts");
    let follower = server.follower();
    let host = |server: &PostgresServer| server.folder().display().to_string().replace('/', "%2F");
    let url = format!("postgresql://watch@{},{}/hosts", host(&follower), host(&server));
    let database = Database::of(&settings(&url)).unwrap();

    database.connect().await.map(drop).unwrap();
    assert_eq!(database.host(), server.folder().display().to_string());

    server.stop_fast();
    let none = database.connect().await.err().expect("none can be written").to_string();
    assert!(
        none.contains(": cannot connect: ") && none.contains(": the server takes no writes now"),
        "{none}"
    );
    follower.promote();
    database.connect().await.map(drop).unwrap();
    assert_eq!(database.host(), follower.folder().display().to_string());
}
