//! Which jobs a status lists, and that it holds nothing up.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};

use restore_watch::simulate::Simulator;
use serde_json::Value;

use crate::support::{Folder, PATIENCE, Running, Watch, play};
use crate::{Daemon, ask, status};

/// More jobs than one part of a status has, and more than the buffers of a socket take.
const MANY: usize = 4000;

/// A control plane with these jobs, which run for an hour.
fn plane_of(jobs: &[&str]) -> Simulator {
    let job = |id: &&str| format!("[[job]]\nid = \"{id}\"\ntakes = \"1h\"\n");
    play(&jobs.iter().map(job).collect::<String>())
}

/// A daemon with three jobs, one of which is in two projects.
fn small() -> (Running, [Simulator; 2]) {
    let planes = [plane_of(&["rj-1", "rj-2"]), plane_of(&["rj-2"])];
    let daemon =
        Daemon::new("").project("one", &planes[0], &["rj-1", "rj-2"]).project("two", &planes[1], &["rj-2"]);
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 3 restores");
    (daemon, planes)
}

/// A daemon with [`MANY`] jobs and no deliveries: it still emits events while a test asks it.
fn large() -> (Running, Simulator) {
    let plane = play(&format!("[[job]]\nid = \"rj\"\ncount = {MANY}\ntakes = \"1h\"\n"));
    let ids: Vec<_> = (1..=MANY).map(|number| format!("rj-{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let silent = Daemon::new("").with("[[sink]]\ntype = \"log\"\nevents = []\n");
    let mut daemon = silent.project("one", &plane, &ids).run(&[]).start();
    daemon.until_logged(&format!("watching {MANY} restores"));
    (daemon, plane)
}

/// A connection that asks for this path and has read nothing yet.
fn asking(daemon: &Running, path: &str) -> UnixStream {
    let mut stream = UnixStream::connect(daemon.folder().path().join("control.sock")).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n").expect("a request");
    stream
}

/// The answer to a request for this path: its head, and its body.
fn get(daemon: &Running, path: &str) -> (String, Value) {
    let mut answer = String::new();
    asking(daemon, path).read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), serde_json::from_str(body).expect("JSON"))
}

/// The projects and ids of the jobs of a status.
fn listed(status: &Value) -> Vec<(&str, &str)> {
    let jobs = status["jobs"].as_array().expect("jobs").iter();
    jobs.map(|job| (job["project"].as_str().expect("a text"), job["job"]["id"].as_str().expect("a text")))
        .collect()
}

#[test]
fn status_lists_the_jobs_that_are_asked_for() {
    let (daemon, _planes) = small();
    for (query, jobs) in [
        ("", &[("one", "rj-1"), ("one", "rj-2"), ("two", "rj-2")][..]),
        ("?job=rj-2", &[("one", "rj-2"), ("two", "rj-2")]),
        ("?project=one", &[("one", "rj-1"), ("one", "rj-2")]),
        ("?project=one&job=rj-2", &[("one", "rj-2")]),
        ("?project=two&project=one&job=rj-1&job=rj-2", &[("one", "rj-1"), ("one", "rj-2"), ("two", "rj-2")]),
        ("?job=nope", &[]),
        ("?job=not+an+id", &[]),
        ("?later=parameter", &[("one", "rj-1"), ("one", "rj-2"), ("two", "rj-2")]),
    ] {
        let (head, status) = get(&daemon, &format!("/v1/status{query}"));

        assert!(head.starts_with("HTTP/1.0 200 ") && head.contains("application/json"), "{head}");
        assert_eq!(listed(&status), jobs, "{query}");
        assert_eq!(status["projects"].as_array().unwrap().len(), 2, "the rest is of the whole daemon");
        assert_eq!(status["projects"][0]["open"], 2);
        assert!(status["summary"].as_str().unwrap().starts_with("watching 3 restores in 2 projects"));
    }
    let (head, error) = get(&daemon, "/v1/status?project=three");
    assert!(head.starts_with("HTTP/1.0 404 "), "{head}");
    assert_eq!(error["help"], "it has: one, two");
}

#[test]
fn status_command_filters_by_job_and_project() {
    let (daemon, _planes) = small();
    let listed_by = |arguments: &[&str], code| {
        let words: Vec<_> = [&["status", "--output", "json"], arguments].concat();
        let status = ask(&daemon, &words).expect(code).json();
        listed(&status).into_iter().map(|(project, id)| format!("{project} {id}")).collect::<Vec<_>>()
    };

    assert_eq!(listed_by(&["rj-2"], 0), ["one rj-2", "two rj-2"]);
    assert_eq!(listed_by(&["rj-2", "--project", "two"], 0), ["two rj-2"]);
    assert_eq!(listed_by(&["--project", "one"], 0), ["one rj-1", "one rj-2"]);
    assert_eq!(listed_by(&["rj-1", "--project", "two"], 3), [""; 0]);
    ask(&daemon, &["status", "rj-1", "--project", "two"])
        .expect(3)
        .logged("does not watch rj-1 in the project two");
    assert_eq!(listed_by(&["no id"], 3), [""; 0]);
    ask(&daemon, &["status", "--project", "three"]).expect(2).logged("no project `three`").logged("one, two");
}

#[test]
fn answer_of_a_daemon_without_filters_is_filtered() {
    let (daemon, _planes) = small();
    let (head, whole) = get(&daemon, "/v1/status");
    let folder = Folder::new();
    let socket = folder.path().join("control.sock");
    let earlier = UnixListener::bind(&socket).unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = earlier.accept().unwrap();
        // The request is short enough to arrive at once.
        assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
        write!(stream, "{head}\r\n\r\n{whole}").unwrap();
    });

    let words =
        ["status", "rj-2", "--project", "two", "--output", "json", "--socket", &socket.to_string_lossy()];
    let status = Watch::new(words).run().expect(0).json();

    assert_eq!(listed(&status), [("two", "rj-2")]);
    serving.join().unwrap();
}

#[test]
fn status_of_many_jobs_lists_each_once_and_in_order() {
    let (daemon, _plane) = large();

    let whole = status(&daemon);
    let ids: Vec<_> = listed(&whole).into_iter().map(|(_, id)| id).collect();
    assert_eq!(ids.len(), MANY);
    assert!(ids.is_sorted_by(|a, b| a < b));
    assert_eq!((&whole["projects"][0]["open"], &whole["deliveries"]["pending"]), (&MANY.into(), &0.into()));

    let one = ask(&daemon, &["status", "rj-77", "--output", "json"]).expect(0).json();
    assert_eq!(listed(&one), [("one", "rj-77")]);
    let keys = |status: &Value| status.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&one), keys(&whole));
}

#[test]
fn short_status_of_many_jobs_lists_few_and_counts_all() {
    let (daemon, _plane) = large();

    let (_, short) = get(&daemon, "/v1/status?limit=5&ended_within=3600");
    assert_eq!(listed(&short).len(), 5);
    assert_eq!(short["outcomes"]["open"], MANY);

    let text = ask(&daemon, &["status"]).expect(0).stdout;
    assert_eq!(text.lines().filter(|line| line.contains(" rj-")).count(), 20, "{text}");
    assert!(text.contains(&format!(" {} more running: --open\n", MANY - 20)), "{text}");
    let all = ask(&daemon, &["status", "--all"]).expect(0).stdout;
    assert_eq!(all.lines().filter(|line| line.contains(" rj-")).count(), MANY);
}

#[test]
fn status_lists_by_outcome_and_index() {
    let plane = play(
        "[[job]]\nid = \"a\"\nindex = \"prod-a\"\ntakes = \"0s\"\nends = \"failed\"\n\
         [[job]]\nid = \"b\"\nindex = \"prod-b\"\ntakes = \"0s\"\n\
         [[job]]\nid = \"c\"\nindex = \"docs\"\ntakes = \"1h\"\n",
    );
    let mut daemon = Daemon::new("").project("one", &plane, &["a", "b", "c"]).run(&[]).start();
    daemon.until_logged("restore b into index prod-b completed");
    daemon.until_logged("restore a into index prod-a failed");
    daemon.until_logged("watching restore c");
    let ids = |options: &[&str]| {
        let words = [&["status", "--output", "json"], options].concat();
        let status = ask(&daemon, &words).expect(0).json();
        listed(&status).into_iter().map(|(_, id)| id.to_owned()).collect::<Vec<_>>().join(" ")
    };

    for (options, listed) in [
        (&["--failed"][..], "a"),
        (&["--open"], "c"),
        (&["--failed", "--open"], "a c"),
        (&["--index", "prod-*"], "a b"),
        (&["--index", "prod-*", "--index", "docs", "--failed"], "a"),
        (&["--all"], "a b c"),
    ] {
        assert_eq!(ids(options), listed, "{options:?}");
    }
    let (head, error) = get(&daemon, "/v1/status?outcome=fail");
    assert!(head.starts_with("HTTP/1.0 400 "), "{head}");
    assert!(error["help"].as_str().unwrap().starts_with("outcomes are open, "), "{error}");

    let status = status(&daemon);
    assert_eq!(status["outcomes"], serde_json::json!({ "open": 1, "completed": 1, "failed": 1 }));
    for time in [&status["timestamp"], &status["jobs"][0]["end_observed_at"]] {
        let time = time.as_str().unwrap();
        assert!(matches!(time.len(), 20 | 24) && time.ends_with('Z'), "milliseconds: {time}");
    }
}

#[test]
fn client_that_stops_reading_delays_no_other() {
    let (mut daemon, plane) = large();
    let mut idle: Vec<_> = (0..20).map(|_| asking(&daemon, "/v1/status")).collect();
    for stream in &mut idle {
        // The answer has begun.
        stream.read_exact(&mut [0; 9]).unwrap();
    }

    ask(&daemon, &["explain", "rj-1"]).expect(0);
    assert_eq!(listed(&status(&daemon)).len(), MANY);
    let polls = plane.count();
    daemon.until("further polls", |_| plane.count() > polls + 10);

    // One that goes on reading misses nothing.
    let mut rest = String::new();
    idle[0].read_to_string(&mut rest).unwrap();
    let (_, body) = rest.split_once("\r\n\r\n").unwrap();
    assert_eq!(listed(&serde_json::from_str(body).unwrap()).len(), MANY);
}
