//! What the HTTP listener publishes for programs: events, the history and the status.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::Value;

use crate::Daemon;
use crate::support::{Folder, KEY, PATIENCE, Running, Watch, done, play};

/// Restores that end one after the other, within two seconds.
const JOBS: usize = 40;

const PAUSE: Duration = Duration::from_millis(100);

/// The id before that of every event.
const BEFORE_ALL: &str = "00000000-0000-7000-8000-000000000000";

/// A daemon that listens, on the files of a folder.
struct Listening {
    process: Running,
    address: String,
}

impl Listening {
    fn start(files: &Folder) -> Self {
        let config = files.path().join("config.toml");
        let watch = Watch::new(["run", "--http", "127.0.0.1:0", "--config", &config.to_string_lossy()]);
        let state = files.path().join("state");
        let watch = watch.env("KEY", KEY).env("STATE_DIRECTORY", &state.to_string_lossy());
        let mut process = watch.start();
        process.until_logged("listening on http://");
        process.until_logged("watching ");
        let log = process.stderr();
        let (_, rest) = log.split_once("listening on http://").expect("an address");
        Self { process, address: rest.split_whitespace().next().expect("an address").to_owned() }
    }

    /// A connection that asks for this path.
    fn asking(&self, path: &str, headers: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n{headers}\r\n", self.address).expect("a request");
        BufReader::new(stream)
    }

    /// The answer to a request for this path: the line with its status, and its body.
    fn get(&self, path: &str) -> (String, Value) {
        let mut answer = String::new();
        self.asking(path, "").read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let status = head.lines().next().expect("a status").to_owned();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
    }

    /// Up to this many events after this one.
    fn events_after(&self, last: &str, count: usize) -> Vec<Value> {
        let reader = self.asking("/v1/events", &format!("Last-Event-ID: {last}\r\n"));
        let mut events = Vec::new();
        let mut id = String::new();
        for line in reader.lines() {
            let line = line.expect("a line");
            if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).expect("JSON");
                assert_eq!(event["id"], *id);
                events.push(event);
            }
            // What has arrived beyond these is lost with the connection.
            if events.len() == count {
                break;
            }
        }
        events
    }

    /// Stops it; a stream ends with it.
    fn stop(mut self) {
        self.process.signal("TERM");
        self.process.finish().expect(0);
    }
}

fn files(jobs: &str, ids: &[&str]) -> (Folder, restore_watch::simulate::Simulator) {
    let plane = play(jobs);
    let files = Folder::new();
    files.write("config.toml", &Daemon::new("").project("one", &plane, ids).text);
    (files, plane)
}

fn id(event: &Value) -> &str {
    event["id"].as_str().expect("an id")
}

#[test]
fn events_go_on_over_cut_connections_and_a_restart() {
    let job = |at: usize| format!("[[job]]\nid = \"rj-{at}\"\ntakes = \"{}ms\"\n", 50 * at);
    let ids: Vec<_> = (1..=JOBS).map(|at| format!("rj-{at}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let (files, _plane) = files(&(1..=JOBS).map(job).collect::<String>(), &ids);

    let mut daemon = Listening::start(&files);
    let mut received: Vec<Value> = Vec::new();
    // An event when each is watched, and one when it completed; those that ended before the first
    // poll have both, too.
    for (connection, count) in [3, 1, 20, 7, 1, 2 * JOBS].into_iter().enumerate() {
        if connection == 3 {
            daemon.stop();
            daemon = Listening::start(&files);
        }
        let last = received.last().map_or(BEFORE_ALL, id).to_owned();
        received.extend(daemon.events_after(&last, count.min(2 * JOBS - received.len())));
    }

    let emitted = daemon.events_after(BEFORE_ALL, 2 * JOBS);
    assert_eq!(received, emitted);
    let completed = emitted.iter().filter(|event| event["type"] == "restore_job.completed");
    assert_eq!(completed.count(), JOBS);
    let schema = schema("transition");
    for event in &emitted {
        accepts(&schema, event);
    }
}

#[test]
fn a_stop_ends_streams_at_once() {
    let (files, _plane) = files("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n", &["rj-1"]);
    let daemon = Listening::start(&files);
    let mut stream = daemon.asking("/v1/events", "");
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        stream.read_line(&mut line).expect("a head");
    }

    daemon.stop();

    // It may be cut in the middle, but it ends.
    let mut rest = String::new();
    drop(stream.read_to_string(&mut rest));
    assert!(rest.starts_with("retry: "), "{rest}");
}

#[test]
fn a_client_that_leaves_frees_its_place_at_once() {
    let (files, _plane) = files("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n", &["rj-1"]);
    let daemon = Listening::start(&files);
    let follow = || {
        let mut stream = daemon.asking("/v1/events", "");
        let mut status = String::new();
        stream.read_line(&mut status).expect("a status");
        (status.contains(" 200 "), stream)
    };
    let mut streams = Vec::new();
    while let (true, stream) = follow() {
        streams.push(stream);
    }
    assert_eq!(streams.len(), 64);

    streams.pop();

    // Before a ping would notice.
    let is_free = (0..100).any(|_| {
        std::thread::sleep(PAUSE);
        follow().0
    });
    assert!(is_free);
    daemon.stop();
}

#[test]
fn answers_match_their_schemas_and_name_no_path() {
    let jobs = done(&[("good", "completed"), ("bad", "failed")]);
    let (files, plane) =
        files(&format!("{jobs}[[job]]\nid = \"open\"\n"), &["good", "bad", "open", "unheard-of"]);
    let mut daemon = Listening::start(&files);
    daemon.process.until_logged("restore bad");
    daemon.process.until_logged("restore good");

    for query in ["", "?limit=1", "?outcome=failed&project=one"] {
        let (status, answer) = daemon.get(&format!("/v1/status{query}"));

        assert_eq!(status, "HTTP/1.0 200 OK");
        accepts(&schema("status"), &answer);
        assert!(answer["config"].is_null() && answer["state"].is_null(), "{answer}");
        let folder = files.path().to_string_lossy().into_owned();
        assert!(!answer.to_string().contains(&folder) && !answer.to_string().contains(KEY), "{answer}");
    }
    let (_, failed) = daemon.get("/v1/status?outcome=failed");
    assert_eq!(failed["jobs"][0]["job"]["id"], "bad");
    let (_, history) = daemon.get("/v1/history");
    assert!(history["restores"].is_array() && history["total"].is_number(), "{history}");
    drop(plane);
}

#[test]
fn queries_that_are_not_understood_are_refused() {
    let (files, _plane) = files("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n", &["rj-1"]);
    let daemon = Listening::start(&files);

    for (path, error, help) in [
        ("/v1/status?outcome=fail", "invalid value of `outcome`: fail", "outcomes are open, "),
        ("/v1/history?since=yesterday", "invalid value of `since`: yesterday", "2026-11-23"),
        ("/v1/history?limit=1001", "invalid value of `limit`: 1001", "up to 1000"),
        ("/v1/events?after=7", "the parameter `after` is no id of an event: 7", "last event"),
    ] {
        let (status, answer) = daemon.get(path);

        assert_eq!(status, "HTTP/1.0 400 Bad Request");
        for (key, text) in [("error", error), ("help", help)] {
            assert!(answer[key].as_str().expect(key).contains(text), "{answer}");
        }
    }
}

/// What the program publishes.
fn schema(what: &str) -> Validator {
    let schema = Watch::new(["schema", what]).run().expect(0).json();
    jsonschema::meta::validate(&schema).expect("a schema");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema")
}

#[track_caller]
fn accepts(validator: &Validator, value: &Value) {
    let faults: Vec<_> = validator.iter_errors(value).map(|fault| format!("{fault}")).collect();
    assert!(faults.is_empty(), "{faults:?}\n{value:#}");
}
