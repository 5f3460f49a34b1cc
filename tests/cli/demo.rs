//! `restore-watch demo`

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Stdio;

use serde_json::Value;

use crate::support::{Folder, PATIENCE, Watch, unused_address};

#[test]
fn demo_shows_each_outcome_within_half_a_minute() {
    let folder = Folder::new();
    let path = folder.path().join("demo.txt");
    let file = std::fs::File::create(&path).unwrap();

    let into_file = Watch::new(["demo"]).stdout(Stdio::from(file)).start();
    let piped = Watch::new(["demo"]).run().expect(0);
    let into_file = into_file.finish().expect(0);

    for done in [&piped, &into_file] {
        assert!(done.took.as_secs() < 30, "{:?}", done.took);
        assert_eq!(done.stderr, "");
    }
    is_shown(&piped.stdout);
    is_shown(&std::fs::read_to_string(path).unwrap());
}

#[test]
fn commands_that_the_demo_prints_work_without_a_key() {
    let port = unused_address().port();
    let output = Watch::new(["demo"]).run().expect(0).stdout;
    let (_, commands) = output.split_once("Next, still without a key").expect("a next step");
    let commands: Vec<_> = commands.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    // A script has no `%1` unless it controls jobs.
    let script = format!("set -em\n{}\n", commands.join("\n")).replace(":8080", &format!(":{port}"));

    // Its folder is not in `PATH`, as after `cargo run`.
    let done = Watch::program(&["bash", "-c", &script]).run().expect(0);

    assert_eq!(commands.len(), 4, "{commands:?}");
    assert!(done.stdout.contains("docs-search"), "{}", done.stdout);
}

#[test]
fn demo_with_a_page_serves_until_it_is_interrupted() {
    let mut demo = Watch::new(["demo", "--http", "127.0.0.1:0"]).start();
    demo.until("the address", |demo| demo.stdout().contains("Press Ctrl-C to end."));
    let output = demo.stdout();
    let address = output.strip_prefix("Open http://").and_then(|rest| rest.split(' ').next()).expect("first");

    demo.until("an end", |_| get(address, "/v1/history")["total"].as_u64() > Some(0));
    let status = get(address, "/v1/status");
    assert_eq!(status["projects"][0]["expected"]["restores"].as_u64().map(|past| past >= 36), Some(true));
    assert!(status["outcomes"]["open"].as_u64() > Some(0), "{status}");

    demo.signal("INT");
    let done = demo.finish().expect(0);
    assert!(done.stdout.contains(" requests were made over "), "{}", done.stdout);
}

#[test]
fn demo_is_served_to_this_machine_only() {
    let done = Watch::new(["demo", "--http", "0.0.0.0:0"]).run().expect(2);

    assert!(done.stderr.contains("name a loopback address"), "{}", done.stderr);
}

/// The answer to a request for this path.
fn get(address: &str, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// What holds for all output of the demo.
#[track_caller]
fn is_shown(output: &str) {
    for line in output.lines() {
        // Tests start the program by a path that is longer than what people type.
        let line = line.replace(env!("CARGO_BIN_EXE_restore-watch"), "restore-watch");
        assert!(line.chars().count() <= 80 || line.contains("http://"), "{line}");
        assert!(!line.contains('\u{1b}'), "{line:?}");
    }
    for text in [
        "A simulated control plane serves 7 restores",
        " completed after ",
        " failed within ",
        " was cancelled within ",
        "status `Initializing` is unknown",
        "POST restore_job.completed of ",
        "POST restore_job.failed of ",
        "POST restore_job.cancelled of ",
        "Every restore ended; one failed and one was cancelled, as scripted.",
        "7 webhooks were received",
    ] {
        assert!(output.contains(text), "{text} is not in\n{output}");
    }
    assert_eq!(output.matches(" completed after ").count(), 5, "{output}");
    assert!(!output.contains("DEBUG") && !output.contains(" % after "), "{output}");
}
