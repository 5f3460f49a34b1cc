//! Alerts for `PagerDuty`, on a receiver that enforces the limits of its Events API v2.

use restore_watch::simulate::{Received, Receiver, Reply};
use serde_json::{Value, json};

use crate::support::{Folder, Running, done, play, receive, replay};
use crate::{Daemon, ask, status};

/// Of the length that `PagerDuty` demands.
const ROUTING_KEY: &str = "0123456789abcdef0123456789canary";

/// A receiver that answers as `PagerDuty` does, after these replies.
fn pagerduty(replies: Vec<Reply>) -> Receiver {
    let receiver = receive(replies);
    receiver.decide(|post| match violation(post) {
        None => Reply::status(202).body(r#"{"status":"success","message":"Event processed"}"#),
        Some(error) => {
            let body =
                json!({ "status": "invalid event", "message": "Event object is invalid", "errors": [error] });
            Reply::status(400).body(body.to_string())
        }
    });
    receiver
}

/// What `PagerDuty` refuses of a request, if anything.
fn violation(post: &Received) -> Option<String> {
    let Ok(body) = serde_json::from_slice::<Value>(&post.body) else { return Some("no JSON".to_owned()) };
    let length = |value: &Value| value.as_str().map(|text| text.chars().count());
    let one_of = |value: &Value, words: &[&str]| value.as_str().is_some_and(|word| words.contains(&word));
    let payload = &body["payload"];

    let faults = [
        ("path", post.path != "/v2/enqueue"),
        ("size", post.body.len() > 512_000),
        (
            "Length of 'routing_key' is incorrect (should be 32 characters)",
            length(&body["routing_key"]) != Some(32),
        ),
        ("event_action", !one_of(&body["event_action"], &["trigger", "acknowledge", "resolve"])),
        ("dedup_key", length(&body["dedup_key"]).is_none_or(|length| length > 255)),
        ("summary", length(&payload["summary"]).is_none_or(|length| !(1..=1024).contains(&length))),
        ("source", length(&payload["source"]).is_none_or(|length| length == 0)),
        ("severity", !one_of(&payload["severity"], &["critical", "error", "warning", "info"])),
    ];
    faults.iter().find(|(_, is_there)| *is_there).map(|(name, _)| (*name).to_owned())
}

fn sink(receiver: &Receiver) -> String {
    let (url, schedule) = (receiver.url(), ["10ms"; 9]);
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

#[test]
fn resolution_finds_its_alert_over_a_restart() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let receiver = pagerduty(vec![Reply::status(429), Reply::status(429)]);
    let folder = Folder::new();
    let state = folder.path().join("state.db").to_string_lossy().into_owned();
    let endpoint = plane.url();
    let start = |routing_key: &str| -> Running {
        let text = format!(
            "[state]\npath = \"{state}\"\n[[project]]\nname = \"one\"\napi_key = {{ env = \"KEY\" }}\n\
             jobs = [{{ id = \"rj-1\", deadline = \"1s\" }}]\n[project.api]\nendpoint = \"{endpoint}\"\n\
             [project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"100ms\"\n"
        );
        let daemon = Daemon::new(text).with(&sink(&receiver));
        daemon.run(&[]).env("ROUTING_KEY", routing_key).start()
    };

    let mut daemon = start(ROUTING_KEY);
    daemon.until("the alert, at its third attempt", |_| receiver.count() == 3);
    daemon.until("its end", |daemon| status(daemon)["deliveries"]["pending"] == 0);
    daemon.kill();
    let _plane = replay(plane, &done(&[("rj-1", "completed")]));
    let mut daemon = start(ROUTING_KEY);
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
    daemon.until_logged("(rj-1) after 1 attempt: HTTP 400: {");

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
