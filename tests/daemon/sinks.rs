//! A sink that takes nothing: said in the log and in the status, until it takes deliveries again.

use restore_watch::simulate::{Receiver, Reply};
use serde_json::Value;

use crate::support::state::is_on_postgres;
use crate::support::{Folder, Running, done, play, receive};
use crate::{Daemon, ask, committed, status};

/// A receiver that answers as Slack does to a format that is not its own.
fn refusing() -> Receiver {
    let receiver = receive([]);
    receiver.otherwise(Reply::status(400).body("invalid_payload"));
    receiver
}

fn sink(receiver: &Receiver, schedule: &[&str]) -> String {
    let url = receiver.url();
    format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{url}\"\nretry_schedule = {schedule:?}\n")
}

/// The status of the sink `ops`.
fn ops(status: &Value) -> &Value {
    let sinks = status["sinks"].as_array().expect("sinks");
    sinks.iter().find(|sink| sink["name"] == "ops").expect("the sink ops")
}

fn headline(daemon: &Running) -> String {
    status(daemon)["summary"].as_str().expect("a text").to_owned()
}

#[test]
fn refusing_receiver_is_trouble_until_it_takes_deliveries() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let receiver = refusing();
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink(&receiver, &["100ms"; 50]));

    let mut daemon = daemon.run(&[]).start();
    for line in [
        "ERROR sink ops has taken nothing with these settings, and its receiver refuses the body; check its `format` (HTTP 400: invalid_payload)",
        "INFO sink ops: attempt 1 to deliver restore_job.watched of ",
        "WARN sink ops: attempt 2 to deliver restore_job.watched of ",
    ] {
        daemon.until_logged(line);
    }

    let known = status(&daemon);
    let trouble = known["trouble"].as_str().expect("trouble");
    assert!(trouble.starts_with("sink ops has taken nothing since "), "{trouble}");
    assert!(trouble.ends_with(" (HTTP 400: invalid_payload)"), "{trouble}");
    assert_eq!(ops(&known)["last_error"], "HTTP 400: invalid_payload");
    assert!(ops(&known)["failing_since"].is_string(), "{known}");
    assert!(ask(&daemon, &["status"]).expect(0).stdout.contains(trouble));

    receiver.otherwise(Reply::status(200));
    daemon.until_logged("INFO sink ops takes deliveries again, after ");
    let known = status(&daemon);
    assert_eq!((&known["trouble"], &ops(&known)["failing_since"]), (&Value::Null, &Value::Null));
}

#[test]
fn dead_letters_are_in_the_status_over_a_restart() {
    let plane = play(&(done(&[("rj-1", "completed")]) + "[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n"));
    let receiver = refusing();
    let folder = Folder::new();
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    let start = || {
        let daemon =
            Daemon::new(format!("[state]\npath = \"{state}\"\n")).project("one", &plane, &["rj-1", "rj-2"]);
        daemon.with(&sink(&receiver, &["10ms"])).run(&[]).start()
    };

    let mut daemon = start();
    daemon.until_logged("watching 2 restores");
    daemon.until("three dead letters", |daemon| ops(&status(daemon))["dead"] == 3);
    daemon.until("their commit", |daemon| committed(daemon, "dead") == 3);
    daemon.kill();
    let mut daemon = start();
    daemon.until_logged("dead letters: 3");
    daemon.until_logged("watching 1 restore");

    let known = status(&daemon);
    assert_eq!((&known["deliveries"]["dead"], &known["deliveries"]["pending"]), (&3.into(), &0.into()));
    assert!(headline(&daemon).contains("; 3 dead letters (restore-watch deliveries)"));
    assert!(known["trouble"].as_str().expect("trouble").contains("sink ops has taken nothing since "));

    ask(&daemon, &["deliveries", "drop", "--dead", "--state-file", &state]).expect(0);
    daemon.until("no dead letter", |daemon| !headline(daemon).contains("dead letter"));
    assert_eq!(status(&daemon)["trouble"], Value::Null, "nothing is left that it should take");
}

#[test]
fn disabled_sink_is_one_line_in_the_log() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed"), ("rj-3", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::status(410));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]);

    let done = daemon.with(&sink(&receiver, &["10ms"])).run(&["--exit-when-done"]).run().expect(1);

    assert_eq!(done.stderr.matches("sink ops").count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains("ERROR sink ops is disabled: HTTP 410; "), "{}", done.stderr);
}

#[test]
fn rejected_delivery_is_sent_again_after_the_mend() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let (receiver, folder) = (receive([]), Folder::new());
    receiver.otherwise(Reply::status(401).body("no such token"));
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    let daemon = Daemon::new(format!("[state]\npath = \"{state}\"\n")).project("one", &plane, &["rj-1"]);
    let mut daemon = daemon.with(&sink(&receiver, &["10ms"])).run(&[]).start();
    daemon.until_logged("watching 1 restore");
    daemon.until("a dead letter", |daemon| ops(&status(daemon))["dead"] == 1);
    daemon.until("its commit", |daemon| committed(daemon, "dead") == 1);

    let id = post_id(&receiver);
    let named = if is_on_postgres() { String::new() } else { format!(" --state-file {state}") };
    daemon.until_logged(&format!(
        "(rj-1) after attempt 2: HTTP 401: no such token; its receiver \
         refuses the credentials; check the token in its `url`, which may be revoked, then send it again: \
         restore-watch deliveries retry {id}{named}"
    ));
    receiver.otherwise(Reply::status(200));
    ask(&daemon, &["deliveries", "retry", &id, "--state-file", &state]).expect(0);

    daemon.until_logged("INFO sink ops takes deliveries again, after ");
    let known = status(&daemon);
    assert_eq!((&known["trouble"], &ops(&known)["dead"]), (&Value::Null, &0.into()));
    let posts = receiver.received();
    assert!(posts.len() == 3 && posts.iter().all(|post| post.body == posts[0].body), "{posts:?}");
}

/// The id of the event that was posted first.
fn post_id(receiver: &Receiver) -> String {
    let event: Value = serde_json::from_slice(&receiver.received()[0].body).expect("JSON");
    event["id"].as_str().expect("an id").to_owned()
}
