//! All that can be seen of a daemon.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::words::Search;
use super::world::World;
use crate::ask;
use crate::support::state::{is_on_postgres, kept};
use crate::support::{PATIENCE, Running};

/// The id before that of every event.
const BEFORE_ALL: &str = "00000000-0000-7000-8000-000000000000";

/// The commands that ask the daemon.
const ASKED: &[&[&str]] = &[
    &["status"],
    &["status", "--output", "json"],
    &["deliveries", "--all"],
    &["deliveries", "--all", "--output", "json"],
    &["history"],
    &["history", "--output", "json"],
    &["stats"],
    &["explain", "rj-2"],
    &["explain", "rj-2", "--output", "json"],
    &["explain", "rj-3"],
    &["silence"],
    &["silence", "--index", "docs", "--for", "1h", "--comment", "a test"],
    &["silence", "--output", "json"],
    &["notify-test"],
    &["notify-test", "--output", "json"],
    &["pause", "refused"],
    &["resume", "refused"],
];

/// The commands that read the configuration and the secrets themselves.
const READING: &[&[&str]] = &[
    &["check"],
    &["check", "--secrets"],
    &["check", "--online"],
    &["notify-test"],
    &["notify-test", "--print"],
    &["notify-test", "--print", "--event", "restore_job.completed"],
];

/// What the control socket is asked for.
const CONTROL: &[(&str, &str)] = &[
    ("GET /v1/status", ""),
    ("GET /v1/daemon", ""),
    ("GET /v1/history", ""),
    ("GET /v1/silences", ""),
    ("POST /v1/explain", r#"{"job": "rj-2"}"#),
    ("POST /v1/explain", r#"{"job": "rj-3"}"#),
    ("POST /v1/sinks/test", r#"{"sinks": []}"#),
    ("POST /v1/sinks/test", "no JSON"),
];

/// What the listener is asked for.
const LISTENER: &[&str] = &[
    "/",
    "/metrics",
    "/v1/status",
    "/v1/history",
    "/livez?verbose",
    "/readyz?verbose",
    "/v1/durations.svg?project=one",
    "/nothing",
];

/// Fails if any output has a secret in it. `token` is that of the listener.
pub(super) fn search(search: &Search, world: &World, daemon: &Running, token: &str) {
    let folder = daemon.folder().path();
    for words in ASKED {
        let done = ask(daemon, words);
        assert!(done.stdout.len() + done.stderr.len() > 10, "{words:?} prints nothing");
        search.none_in(&format!("{words:?}"), (done.stdout + &done.stderr).as_bytes());
    }
    for words in READING {
        let done = world.command(daemon, words).run();
        assert!(done.stdout.len() > 10, "{words:?} prints nothing: {}", done.stderr);
        search.none_in(&format!("{words:?}"), (done.stdout + &done.stderr).as_bytes());
    }

    for (request, body) in CONTROL {
        let answer = answer(&folder.join("control.sock"), request, "", body);
        assert!(answer.starts_with("HTTP/1.1 "), "{request}: {answer}");
        search.none_in(request, answer.as_bytes());
    }
    let known = format!("Authorization: Bearer {token}\r\n");
    for path in LISTENER {
        for (header, is_known) in [(&*known, true), ("", false)] {
            let answer = answer(&folder.join("http.sock"), &format!("GET {path}"), header, "");
            assert_eq!(answer.starts_with("HTTP/1.1 401"), !is_known, "{path}: {answer}");
            search.none_in(path, answer.as_bytes());
        }
    }
    search.none_in("/v1/events", events(&folder.join("http.sock"), &known).as_bytes());
    search.none_in("the command line", &std::fs::read(format!("/proc/{}/cmdline", daemon.id())).expect("it"));
    search_files(search, folder);
}

/// Fails if a file that the daemon or its command wrote has a secret in it.
pub(super) fn search_files(search: &Search, folder: &Path) {
    let files = files_below(folder);
    let of_state = (!is_on_postgres()).then_some("state/state.db");
    for wanted in of_state.into_iter().chain(["command.printed"]) {
        assert!(files.iter().any(|path| path.ends_with(wanted)), "{wanted} is not among {files:?}");
    }
    if is_on_postgres() {
        for (name, bytes) in kept(&folder.join("state/state.db")) {
            search.none_in(&name, &bytes);
        }
    }
    for path in files {
        // A file of the state, or of a command that is running, may be gone.
        if let Ok(content) = std::fs::read(&path) {
            search.none_in(&path.display().to_string(), &content);
        }
    }
}

/// The files below a folder but those of the test: they hold the secrets.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        match entry.file_type() {
            _ if ["secrets", "credentials", "config.toml"].iter().any(|own| name == *own) => {}
            Ok(kind) if kind.is_dir() => found.extend(files_below(&path)),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
    found
}

/// The answer to a request over a Unix socket.
fn answer(socket: &Path, request: &str, header: &str, body: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let length = body.len();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\n{header}Content-Type: application/json\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .expect("it is sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The events of the listener, from the first one until that of the refused key.
fn events(socket: &Path, known: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    write!(
        stream,
        "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n{known}Last-Event-ID: {BEFORE_ALL}\r\n\r\n"
    )
    .expect("it is sent");
    let (mut events, mut buffer) = (String::new(), [0; 4096]);
    while !events.contains("project.unauthorized") {
        let length = stream.read(&mut buffer).expect("events");
        assert!(length > 0, "the events end: {events}");
        events += &String::from_utf8_lossy(&buffer[..length]);
    }
    events
}
