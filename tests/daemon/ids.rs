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

    assert_eq!(added, format!("{LOWER} of project one is now watched\n"));
    let again = ask(&daemon, &["add", LOWER]).expect(0).stdout;

    assert_eq!(again, format!("{LOWER} of project one was already watched\n"));
    daemon.until_logged("into index docs: Pending");
    for id in [UPPER, LOWER] {
        assert!(ask(&daemon, &["status", id]).expect(0).stdout.contains("docs"), "{id}");
        assert!(ask(&daemon, &["explain", id]).expect(0).stdout.contains("docs"), "{id}");
    }
    let forgotten = ask(&daemon, &["forget", UPPER]).expect(0).stdout;

    assert_eq!(forgotten, format!("{LOWER} of project one is no longer watched\n"));
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

/// A daemon with a job that has a name and one whose id begins like its id, which were added, and
/// one more.
fn with_names() -> (crate::support::Running, restore_watch::simulate::Simulator) {
    let other = LOWER.replace("670e8400", "670e9999");
    let plane = play(&format!(
        "[[job]]\nid = \"{LOWER}\"\nindex = \"orders\"\ntakes = \"1h\"\n\
         [[job]]\nid = \"{other}\"\ntakes = \"1h\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n"
    ));
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    ask(&daemon, &["add", LOWER, "--name", "orders nightly"]).expect(0);
    ask(&daemon, &["add", &other]).expect(0);
    daemon.until_logged("into index orders: Pending");
    (daemon, plane)
}

#[test]
fn names_and_beginnings_of_ids_stand_for_jobs() {
    let (daemon, _plane) = with_names();

    for reference in ["orders nightly", "670e84", "670E84", LOWER] {
        let listed = ask(&daemon, &["status", reference, "--output", "json"]).expect(0).json();
        let ids: Vec<_> = listed["jobs"].as_array().unwrap().iter().map(|job| &job["job"]["id"]).collect();
        assert_eq!(ids, [LOWER], "{reference}");
        let explained = ask(&daemon, &["explain", reference]).expect(0).stdout;
        assert!(explained.contains(LOWER), "{explained}");
    }
    let forgotten = ask(&daemon, &["forget", "orders nightly"]).expect(0).stdout;

    assert_eq!(forgotten, format!("{LOWER} of project one is no longer watched\n"));
    assert_eq!(ask(&daemon, &["forget", "670e"]).expect(0).stdout.matches("670e9999").count(), 1);
}

#[test]
fn what_may_mean_several_jobs_is_refused_with_a_list() {
    let (daemon, _plane) = with_names();

    for command in ["status", "explain", "forget"] {
        ask(&daemon, &[command, "670e"])
            .expect(2)
            .logged("error: several ids begin with 670e")
            .logged(&format!("help: give more of the id: {LOWER} (orders nightly, open), 670e9999"));
    }
    assert_eq!(status(&daemon)["jobs"].as_array().unwrap().len(), 3, "nothing was forgotten");

    ask(&daemon, &["add", "rj-2", "--name", "orders nightly"]).expect(0);
    ask(&daemon, &["explain", "orders nightly"])
        .expect(2)
        .logged("error: 2 jobs have the name orders nightly")
        .logged("help: name one by its id: ");
    let listed = ask(&daemon, &["status", "orders nightly", "--output", "json"]).expect(0).json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 2, "a list may have both");
}

#[test]
fn forgetting_twice_forgets_no_job_of_a_longer_id() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"");
    let mut daemon = Daemon::new("").project("one", &plane, &[]).run(&[]).start();
    daemon.until_logged("watching 0 restores");
    for (short, long) in [("rj-1", "rj-10"), ("job-1", "job-10")] {
        ask(&daemon, &["add", short, long]).expect(0);
        ask(&daemon, &["forget", short]).expect(0);

        let again = ask(&daemon, &["forget", short]).expect(1).stdout;

        assert_eq!(again, format!("{short} is not watched\n"));
        ask(&daemon, &["status", long]).expect(0);
    }
    ask(&daemon, &["status", "rj-1"]).expect(3).logged("does not watch rj-1");
    ask(&daemon, &["explain", "rj-1"]).expect(3);
}

#[test]
fn name_stands_for_the_job_of_its_own_project() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"");
    let daemon = Daemon::new("").project("one", &plane, &[]).project("two", &plane, &[]);
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 0 restores");
    ask(&daemon, &["add", "rj-1", "--project", "one", "--name", "hourly"]).expect(0);
    ask(&daemon, &["add", "rj-1", "--project", "two", "--name", "nightly"]).expect(0);

    let forgotten = ask(&daemon, &["forget", "nightly"]).expect(0).stdout;

    assert_eq!(forgotten, "rj-1 of project two is no longer watched\n");
    ask(&daemon, &["status", "hourly"]).expect(0);
}

#[test]
fn unknown_job_is_to_be_added_only_if_it_looks_like_an_id() {
    let (daemon, _plane) = with_names();

    for command in ["status", "explain"] {
        ask(&daemon, &[command, "nightly"])
            .expect(3)
            .logged("error: the daemon does not watch nightly\n")
            .logged("help: `restore-watch status --all` lists the jobs with their names and ids");
        ask(&daemon, &[command, "rj-9"]).expect(3).logged("help: to have it watched: restore-watch add rj-9");
    }
    assert_eq!(ask(&daemon, &["forget", "nightly"]).expect(1).stdout, "nightly is not watched\n");
}
