//! A state with many jobs that is moved into the database, by a command that is killed again and
//! again.
//!
//! `RESTORE_WATCH_MOVES=100` gives the long form.

use std::collections::BTreeSet;

use crate::cluster::{Cluster, project};
use crate::number;
use crate::support::postgres_server::Options;
use crate::support::state::{Query, State};
use crate::support::{ApiProxy, Folder, KEY, PostgresServer, Watch, play, receive, unused_address};

const JOBS: usize = 300;

/// Each delivery with the id and the body of its event.
const DELIVERIES: Query = Query {
    sqlite: "SELECT json_array(t.id, t.body, d.sink, d.state, d.attempts)
        FROM transitions t JOIN deliveries d ON d.transition = t.seq",
    postgres: "SELECT json_build_array(e.id, e.body, d.sink, d.state, d.attempts)
        FROM events e JOIN deliveries d ON d.event = e.seq",
};

#[test]
fn move_that_is_killed_at_any_moment_is_whole_or_not_made() {
    let Some(server) = PostgresServer::new(Options::default()) else { return };
    let plane = play(&format!("[[job]]\nid = \"rj\"\ncount = {JOBS}\ntakes = \"1s\"\n"));
    let receiver = receive([]);
    let jobs: Vec<_> = (1..=JOBS).map(|number| format!("rj-{number}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    // All deliveries to the second one become dead letters.
    let sinks = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"well\"\nurl = \"{}\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"gone\"\nurl = \"http://{}\"\nretry_schedule = [\"10ms\"]\n",
        receiver.url(),
        unused_address()
    );
    let text = format!("{}{sinks}", project(&jobs));
    let folder = Folder::new();
    let file = folder.path().join("state.db");
    watch_in_file(&text, plane.address(), &folder);
    let in_file = deliveries(&State::File(file.clone()));
    assert!(in_file.len() >= 4 * JOBS, "{} deliveries", in_file.len());

    let mut rng = fastrand::Rng::with_seed(9);
    for round in 0..number("RESTORE_WATCH_MOVES").unwrap_or(3) {
        let database = format!("moved_{round}");
        let cluster = Cluster::new(&server, &database, plane.address(), &text, &["a"]);
        let there = State::Database(&server, database);
        let from = folder.path().join(format!("copy-{round}.db"));
        std::fs::copy(&file, &from).unwrap();
        let command =
            || cluster.replicas[0].administering(&["state", "move", "--from", from.to_str().unwrap()]);
        let whole = command().env("RESTORE_WATCH_FAILPOINT", "before_arrival:1").run().took;

        while from.exists() {
            let mut moving = command().start();
            let ends = moving.ends_within(whole.mul_f64(2.0 * rng.f64()));
            let done = moving.kill();
            assert!(!ends || done.code == Some(0), "{done:?}");
            let found = deliveries(&there);
            assert!(found.is_empty() || found == in_file, "{} of {}", found.len(), in_file.len());
        }

        assert!(deliveries(&there) == in_file);
    }
}

/// Runs the program with its state in a file until all jobs have ended.
fn watch_in_file(text: &str, plane: std::net::SocketAddr, folder: &Folder) {
    let file = folder.path().join("state.db");
    let config = folder.write("a.toml", format!("{text}\n[state]\npath = \"{}\"\n", file.display()));
    let to_api = ApiProxy::start(plane);
    let watch = Watch::new(["run", "--exit-when-done", "--config", &config]);
    watch.env("KEY", KEY).env("http_proxy", &to_api.url()).run().expect(0);
}

/// Nothing as long as there are no tables.
fn deliveries(state: &State<'_>) -> BTreeSet<String> {
    state.rows(&DELIVERIES).unwrap_or_default().iter().map(ToString::to_string).collect()
}
