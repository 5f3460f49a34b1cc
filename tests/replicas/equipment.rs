//! What the other tests rely on: the server, its pauses and its ends.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::postgres_server::Options;
use crate::support::{PATIENCE, Pgbouncer, PostgresServer};

#[test]
fn databases_of_the_shared_server_are_apart() {
    let Some(server) = PostgresServer::shared() else { return };

    let url = server.create_database("apart_a");
    server.create_database("apart_b");
    server.psql("apart_a", "CREATE TABLE t (n int)");

    assert_eq!(server.psql("apart_a", "SELECT count(*) FROM t"), "0");
    assert!(server.try_psql("apart_b", "SELECT count(*) FROM t").unwrap_err().contains("does not exist"));
    let asked = server.tool("psql").args([&url, "-Atc", "SELECT current_user"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "watch\n");
}

#[test]
fn server_keeps_its_data_over_each_kind_of_stop() {
    let Some(server) = PostgresServer::new(Options { fsync: true, ..Options::default() }) else { return };
    server.psql("postgres", "CREATE TABLE t (n int)");

    for stop in [PostgresServer::stop_immediate, PostgresServer::stop_fast] {
        server.psql("postgres", "INSERT INTO t VALUES (1)");
        stop(&server);
        assert!(server.try_psql("postgres", "SELECT 1").is_err());
        server.start();
    }

    assert_eq!(server.psql("postgres", "SELECT count(*) FROM t"), "2");
}

#[test]
fn paused_server_answers_only_once_it_is_resumed() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let mut client = server.tool("psql");
    // It waits in the server, and the pause is longer than that.
    client.args(["-d", "postgres", "-Atc", "SELECT pg_sleep(0.1)"]).stdout(Stdio::piped());

    server.pause();
    let mut client = client.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(client.try_wait().unwrap().is_none());
    server.resume();

    assert!(client.wait().unwrap().success());
}

#[test]
fn certificate_is_held_against_the_name() {
    let options = Options { tcp: true, passwords: true, ..Options::default() };
    for (name, connects) in [("localhost", true), ("elsewhere.example", false)] {
        let Some(server) = PostgresServer::new(Options { certified_for: Some(name), ..options }) else {
            return;
        };
        server.psql("postgres", "ALTER ROLE watch PASSWORD 'secret'");
        let url = format!("{}?sslmode=verify-full", server.tcp_url("localhost", "postgres"));

        let mut client = server.tool("psql");
        client.env("PGSSLROOTCERT", server.ca_file()).env("PGPASSWORD", "secret");
        let done = client.args([&url, "-Atc", "SELECT 1"]).output().unwrap();

        assert_eq!(done.status.success(), connects, "{name}: {done:?}");
    }
}

#[test]
fn pgbouncer_passes_queries_on() {
    let Some(server) = PostgresServer::shared() else { return };
    server.create_database("pooled");
    let Some(pooler) = Pgbouncer::start(server) else { return };

    let done = server.tool("psql").args([&pooler.url("pooled"), "-Atc", "SELECT 1"]).output().unwrap();

    assert_eq!(String::from_utf8_lossy(&done.stdout), "1\n", "{done:?}");
}

#[test]
fn server_ends_when_its_tests_are_killed() {
    const INNER: &str = "RESTORE_WATCH_HOLD_A_SERVER";
    if std::env::var_os(INNER).is_some() {
        let server = PostgresServer::new(Options::default()).unwrap();
        println!("\nfolder {}", server.folder().display());
        loop {
            std::thread::park();
        }
    }
    if PostgresServer::shared().is_none() {
        return;
    }
    let mut tests = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "equipment::server_ends_when_its_tests_are_killed", "--nocapture"])
        .env(INNER, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tests.stdout.take().unwrap()).lines();
    let folder = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("folder ").map(str::to_owned));
    let folder = PathBuf::from(folder.unwrap());
    let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let server = Path::new("/proc").join(pid.lines().next().unwrap());
    assert!(server.exists());

    tests.kill().unwrap();
    tests.wait().unwrap();

    // A process that ended stays until its new parent asks for it.
    let runs = || std::fs::read(server.join("cmdline")).is_ok_and(|words| !words.is_empty());
    let mut waited = Duration::ZERO;
    while runs() || folder.exists() {
        assert!(waited < PATIENCE, "{} is still there", folder.display());
        std::thread::sleep(Duration::from_millis(10));
        waited += Duration::from_millis(10);
    }
}
