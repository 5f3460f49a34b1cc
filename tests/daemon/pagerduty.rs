//! Alerts for `PagerDuty`, on a receiver that enforces the limits of its Events API v2.

use restore_watch::simulate::{Received, Receiver, Reply};
use serde_json::Value;

use crate::services::judges::{self, PAGERDUTY_KEY as ROUTING_KEY};
use crate::support::{Folder, Watch, done, play, receive, replay};
use crate::{Daemon, ask, committed, status};

/// A receiver that answers as `PagerDuty` does, after these replies.
fn pagerduty(replies: Vec<Reply>) -> Receiver {
    let receiver = receive(replies);
    receiver.decide(verdict);
    receiver
}

fn verdict(post: &Received) -> Reply {
    let (status, body) = judges::pagerduty(post);
    Reply::status(status).body(body)
}

fn sink(receiver: &Receiver) -> String {
    with_schedule(receiver, &["10ms"; 9])
}

fn with_schedule(receiver: &Receiver, schedule: &[&str]) -> String {
    let url = receiver.url();
    format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"pages\"\nformat = \"pagerduty\"\nurl = \"{url}/v2/enqueue\"\n\
         routing_key = {{ env = \"ROUTING_KEY\" }}\nretry_schedule = {schedule:?}\n"
    )
}

/// The parts of each alert that say what becomes of it.
fn alerts(receiver: &Receiver) -> Vec<(String, String, String)> {
    let alert = |post: &Received| {
        let body: Value = serde_json::from_slice(&post.body).expect("JSON");
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        (text(&body["event_action"]), text(&body["dedup_key"]), text(&body["payload"]["severity"]))
    };
    receiver.received().iter().map(alert).collect()
}

/// A daemon with its state in `folder`, for which rj-1 is overdue after a second.
fn soon_overdue(folder: &Folder, endpoint: &str, sink: &str) -> Watch {
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    let text = format!(
        "[state]\npath = \"{state}\"\n[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\n\
         jobs = [{{ id = \"rj-1\", deadline = \"1s\" }}]\n[project.api]\nendpoint = \"{endpoint}\"\n\
         [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n"
    );
    Daemon::new(text).with(sink).run(&[]).env("ROUTING_KEY", ROUTING_KEY)
}

#[test]
fn nothing_follows_the_resolution_of_a_restore() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"3s\"\n");
    let (receiver, folder) = (pagerduty(Vec::new()), Folder::new());
    receiver.decide(|_| Reply::status(503));
    let mut schedule = ["1s"; 50];
    schedule[0] = "100ms";
    let daemon = || soon_overdue(&folder, &plane.url(), &with_schedule(&receiver, &schedule));
    let is = |wanted: &'static str| move |(action, ..): &(String, String, String)| action == wanted;

    // The receiver is down while the restore is overdue, and when it completes.
    let mut down = daemon().start();
    down.until("the end", |_| alerts(&receiver).iter().any(is("resolve")));
    down.until("both to wait", |daemon| status(daemon)["deliveries"]["pending"] == 2);
    assert!(alerts(&receiver).iter().any(is("trigger")));
    down.kill();
    // It is up again, and takes the end; that is not committed.
    let refused = receiver.count();
    receiver.decide(verdict);
    daemon().env("RESTORE_WATCH_FAILPOINT", "after_post:1").run();
    let mut up = daemon().start();
    up.until("the end, once more", |_| receiver.count() == refused + 2);
    up.until("its commit", |daemon| committed(daemon, "pending") == 0);

    let taken = alerts(&receiver).split_off(refused);
    assert!(taken.len() == 2 && taken.iter().all(is("resolve")), "{taken:?}");
    let listed = ask(&up, &["deliveries", "--state", "dropped", "--output", "json"]).stdout;
    assert!(listed.contains("restore_job.overdue"), "{listed}");
    assert!(listed.contains("superseded by the end of its restore"), "{listed}");
    assert_eq!(status(&up)["deliveries"]["dead"], 0);
}

#[test]
fn resolution_finds_its_alert_over_a_restart() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let receiver = pagerduty(vec![Reply::status(429), Reply::status(429)]);
    let folder = Folder::new();
    let endpoint = plane.url();
    let start = || soon_overdue(&folder, &endpoint, &sink(&receiver)).start();

    let mut daemon = start();
    daemon.until("the alert, at its third attempt", |_| receiver.count() == 3);
    daemon.until("its committed end", |daemon| committed(daemon, "pending") == 0);
    daemon.kill();
    let _plane = replay(plane, &done(&[("rj-1", "completed")]));
    let mut daemon = start();
    daemon.until("the resolution", |_| receiver.count() == 4);
    daemon.until("its end", |daemon| status(daemon)["deliveries"]["pending"] == 0);

    let alert = |action: &str, severity: &str| {
        (action.to_owned(), "restore one rj-1".to_owned(), severity.to_owned())
    };
    let triggered = alert("trigger", "warning");
    assert_eq!(
        alerts(&receiver),
        [triggered.clone(), triggered.clone(), triggered, alert("resolve", "info")]
    );
    let posts = receiver.received();
    assert!(posts[..3].iter().all(|post| post.body == posts[0].body), "{posts:?}");
    let known = status(&daemon);
    assert_eq!((&known["trouble"], &known["deliveries"]["dead"]), (&Value::Null, &0.into()));
}

#[test]
fn refused_alert_is_a_dead_letter_at_once_and_asks_for_the_key() {
    let plane = play(&(done(&[("rj-1", "failed")]) + "[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n"));
    let refusal = format!("{{\"status\":\"invalid key\",\"errors\":[\"{ROUTING_KEY}\"]}}");
    let receiver = pagerduty(vec![Reply::status(400).body(refusal)]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(&sink(&receiver));

    let mut daemon = daemon.run(&[]).env("ROUTING_KEY", ROUTING_KEY).env("RUST_LOG", "debug").start();
    daemon.until_logged("(rj-1) after attempt 1: HTTP 400: {");

    assert_eq!(receiver.count(), 1);
    assert!(!status(&daemon)["trouble"].is_null());
    let listed = ask(&daemon, &["deliveries", "--all", "--output", "json"]);
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;
    assert!(!logged.contains("canary") && !listed.stdout.contains("canary"), "{logged}");
    let advice =
        "has taken nothing with these settings, and PagerDuty refuses the alert; check `routing_key`";
    assert!(logged.contains(advice) && logged.contains("invalid key"), "{logged}");
}

#[test]
fn another_service_at_the_address_takes_no_alert() {
    let plane = play(&(done(&[("rj-1", "failed")]) + "[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n"));
    let receiver = pagerduty(vec![Reply::status(200).body("<html>")]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(&sink(&receiver));

    let mut daemon = daemon.run(&[]).env("ROUTING_KEY", ROUTING_KEY).start();
    daemon.until("the next attempt", |_| receiver.count() == 2);

    daemon.signal("TERM");
    daemon.finish().expect(0).logged("(HTTP 200: not accepted by PagerDuty)");
}

#[test]
fn bad_routing_key_is_refused_before_it_is_used() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let receiver = pagerduty(Vec::new());
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink(&receiver));

    let done = daemon.run(&[]).env("ROUTING_KEY", " canary").run().expect(78);

    assert!(
        done.stderr.contains("sink pages: routing key: the integration key from environment variable"),
        "{}",
        done.stderr
    );
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
}
