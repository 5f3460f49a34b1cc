//! What the other tests rely on: the proxy before the server, and its cuts.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::cluster::project;
use crate::support::{
    ApiProxy, Cut, Folder, KEY, Network, PATIENCE, PostgresProxy, PostgresServer, Watch, play,
};

#[test]
fn proxy_counts_messages_by_type() {
    let Some((server, proxy)) = stage("counted") else { return };

    let done = run(&mut client(server, &proxy, "counted", "SELECT 41 + 1"));

    assert_eq!(String::from_utf8_lossy(&done.stdout), "42\n", "{done:?}");
    let messages = proxy.messages();
    assert_eq!((messages[0].kind, &*messages[0].text), ('Q', "SELECT 41 + 1"));
    let counts: Vec<_> = proxy.counts().remove(0).into_iter().collect();
    assert_eq!(counts, [('Q', 1), ('X', 1)]);
}

#[test]
fn cut_before_the_answer_comes_after_the_effect() {
    let Some((server, proxy)) = stage("before_answer") else { return };

    for number in 1..=20 {
        proxy.cut_next(Cut::BeforeAnswer, "INSERT");
        let done = run(&mut client(server, &proxy, "before_answer", "INSERT INTO t VALUES (1)"));
        assert!(!done.status.success(), "{done:?}");
        assert_eq!(proxy.cuts(), number);
        assert_eq!(server.psql("before_answer", "SELECT count(*) FROM t"), number.to_string());
    }
}

#[test]
fn cut_within_a_message_has_no_effect() {
    let Some((server, proxy)) = stage("within") else { return };

    for length in [1, 100_000] {
        proxy.cut_next(Cut::WithinMessage, "INSERT");
        let sql = format!("INSERT INTO t VALUES (length('{}'))", "x".repeat(length));
        let done = run(&mut client(server, &proxy, "within", &sql));
        assert!(!done.status.success(), "{done:?}");
    }

    assert_eq!(proxy.cuts(), 2);
    assert_eq!(server.psql("within", "SELECT count(*) FROM t"), "0");
    let done = run(&mut client(server, &proxy, "within", "INSERT INTO t VALUES (1)"));
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn refusing_network_refuses_until_it_is_well() {
    let Some((server, proxy)) = stage("refused") else { return };
    let mut ask = client(server, &proxy, "refused", "SELECT 1");

    proxy.set(Network::Refuses);
    let mut waited = Duration::ZERO;
    while run(&mut ask).status.success() {
        assert!(waited < PATIENCE, "it listens");
        std::thread::sleep(Duration::from_millis(5));
        waited += Duration::from_millis(5);
    }
    let refused = run(&mut ask);
    proxy.set(Network::Well);

    assert!(String::from_utf8_lossy(&refused.stderr).contains("Connection refused"), "{refused:?}");
    while !run(&mut ask).status.success() {
        assert!(waited < PATIENCE, "it does not listen");
        std::thread::sleep(Duration::from_millis(5));
        waited += Duration::from_millis(5);
    }
}

#[test]
fn silent_network_answers_once_it_is_well() {
    let Some((server, proxy)) = stage("silent") else { return };
    let mut ask = client(server, &proxy, "silent", "SELECT 1");

    proxy.set(Network::Silent);
    let mut asking = ask.stdout(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(asking.try_wait().unwrap().is_none());
    proxy.set(Network::Slow(Duration::from_millis(20)));

    assert!(asking.wait().unwrap().success());
}

#[test]
fn proxy_before_the_control_plane_sees_each_poll() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1s\"\n");
    let (proxy, folder) = (ApiProxy::start(plane.address()), Folder::new());
    let config = folder.write("a.toml", project(&["rj-1"]));

    let watch = Watch::new(["run", "--exit-when-done", "--config", &config]).env("KEY", KEY);
    let state = folder.path().to_string_lossy().into_owned();
    watch.env("http_proxy", &proxy.url()).env("STATE_DIRECTORY", &state).run().expect(0);

    assert!(plane.count() > 3);
    assert_eq!(proxy.polls().len(), plane.count());
}

/// The shared server with a database of this name that has a table, and a proxy before it.
fn stage(database: &str) -> Option<(&'static PostgresServer, PostgresProxy)> {
    let server = PostgresServer::shared()?;
    server.create_database(database);
    server.psql(database, "CREATE TABLE t (n int); GRANT ALL ON t TO watch");
    Some((server, PostgresProxy::start(server)))
}

fn client(server: &PostgresServer, proxy: &PostgresProxy, database: &str, sql: &str) -> Command {
    let mut psql = server.tool("psql");
    psql.args([&proxy.url(database), "-Atc", sql]);
    psql
}

fn run(client: &mut Command) -> Output {
    client.output().unwrap()
}
