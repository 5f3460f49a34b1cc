//! Job ids as people and programs write them, at the control socket and in the configuration.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::support::play;
use crate::{Daemon, ask, status};

const LOWER: &str = "670e8400-e29b-41d4-a716-446655440001";
const UPPER: &str = "670E8400-E29B-41D4-A716-446655440001";

#[test]
fn uuid_in_upper_case_is_found_by_every_command() {
    let plane = play(&format!("[[job]]\nid = \"{LOWER}\"\nindex = \"docs\"\ntakes = \"1h\"\n"));
    let mut daemon = Daemon::new("").project("one", &plane, &[]).run(&[]).start();
    daemon.until_logged("watching 0 restores");
    let added = ask(&daemon, &["add", UPPER]).expect(0).stdout;

    assert_eq!(added, format!("{LOWER} of project one is watched from now on\n"));
    let again = ask(&daemon, &["add", LOWER]).expect(0).stdout;

    assert_eq!(again, format!("{LOWER} of project one was watched already\n"));
    daemon.until_logged("into index docs: Pending");
    for id in [UPPER, LOWER] {
        assert!(ask(&daemon, &["status", id]).expect(0).stdout.contains("docs"), "{id}");
        assert!(ask(&daemon, &["explain", id]).expect(0).stdout.contains("docs"), "{id}");
    }
    let forgotten = ask(&daemon, &["forget", UPPER]).expect(0).stdout;

    assert_eq!(forgotten, format!("{LOWER} of project one is watched no more\n"));
}

#[test]
fn list_row_matches_the_configured_job_in_either_case() {
    let plane = play(&format!("[[job]]\nid = \"{LOWER}\"\nindex = \"docs\"\nage = \"1m\"\ntakes = \"1h\"\n"));
    let daemon = Daemon::new("discover = { indexes = [\"*\"] }\n").project("default", &plane, &[UPPER]);
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("into index docs: Pending");
    let asked = plane.count();
    daemon.until("another scan", |_| plane.count() > asked + 10);
    let jobs = status(&daemon)["jobs"].clone();
    let ids: Vec<_> = jobs.as_array().unwrap().iter().map(|job| &job["job"]["id"]).collect();
    assert_eq!(ids, [LOWER], "{jobs}");
}

#[test]
fn invalid_id_is_refused_at_the_socket_and_in_arguments() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    ask(&daemon, &["add", "null"]).expect(2).logged("`null` is no restore job id");
    ask(&daemon, &["add", "\"rj-2\""]).expect(2).logged("jq -r");
    ask(&daemon, &["forget", "rj-1\u{200b}"]).expect(2).logged("U+200B (zero width space)");
    ask(&daemon, &["status", "rj-1\u{202e}"]).expect(3).logged("does not watch rj-1\\u{202e}");
    // Ids that an earlier version accepted can still be queried.
    assert_eq!(ask(&daemon, &["forget", "null"]).expect(1).stdout, "null is not watched\n");

    let socket = daemon.folder().path().join("control.sock");
    for (id, why) in
        [("null", "`null` is no restore job id"), ("'rj-2'", "not in quotes"), ("${JOB}", "NAME")]
    {
        let body = format!("{{\"jobs\": [{{\"id\": \"{id}\"}}]}}");
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(
            stream,
            "POST /v1/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(why), "{answer}");
    }
}
