//! `--webhook`: each event as a POST.

use std::collections::BTreeMap;

use restore_watch::simulate::{Received, Reply};

use crate::support::{Watch, done, play, receive};

#[test]
fn each_event_is_posted_in_order() {
    let plane = play(&done(&[("rj-1", "failed")]));
    let receiver = receive([]);
    let url = format!("{}/hook?token=t", receiver.url());

    let lines =
        Watch::wait(&plane, &["rj-1", "--webhook", &url, "--output", "ndjson"]).run().expect(1).json_lines();
    let posts = receiver.received();
    assert_eq!(kinds(&posts), ["restore_job.watched", "restore_job.failed"]);

    for (webhook, line) in posts.iter().zip(&lines) {
        assert_eq!((webhook.method.as_str(), webhook.path.as_str()), ("POST", "/hook?token=t"));
        assert_eq!(webhook.header("content-type"), Some("application/json"));
        assert_eq!(webhook.header("webhook-id"), line["id"].as_str());
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&webhook.body).unwrap(), *line);
        assert_eq!(webhook.header("api-key"), None);
    }
}

#[test]
fn failed_post_is_repeated_with_the_same_id_and_body() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([Reply::status(503), Reply::drop_connection()]);
    let wait = Watch::wait(&plane, &["rj-1", "--webhook", &receiver.url()]).env("RUST_LOG", "info");

    wait.run().expect(0).logged("; next attempt in ");
    let posts = receiver.received();
    let mut kinds_of_posts = kinds(&posts);
    kinds_of_posts.sort_unstable();
    kinds_of_posts.dedup();

    assert_eq!((posts.len(), kinds_of_posts.len()), (4, 2), "{posts:?}");
    let mut by_id: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for webhook in &posts {
        by_id.entry(webhook.header("webhook-id").expect("an id")).or_default().push(&webhook.body);
    }
    assert_eq!(by_id.len(), 2);
    assert!(by_id.values().all(|bodies| bodies.iter().all(|body| *body == bodies[0])));
}

#[test]
fn redirects_are_not_followed() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let elsewhere = receive([]);
    let redirects =
        [301, 302, 307, 308].map(|status| Reply::status(status).header("location", &elsewhere.url()));
    let receiver = receive(redirects.into_iter().take(1));
    Watch::wait(&plane, &["rj-1", "--webhook", &receiver.url()]).run().expect(0);
    assert_eq!((elsewhere.count(), receiver.count()), (0, 3));
}

#[test]
fn unreachable_webhook_changes_no_exit_code() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::status(410));
    Watch::wait(&plane, &["rj-1", "--webhook", &receiver.url()])
        .run()
        .expect(0)
        .logged("sink webhook is disabled: HTTP 410; nothing more is sent to it");
    assert_eq!(receiver.count(), 1, "nothing more is sent to it");
}

#[test]
fn undelivered_events_are_reported_with_the_reason() {
    let plane = play("[[job]]\nid = \"open\"");
    let receiver = receive([]);
    receiver.otherwise(Reply::status(501));
    let mut wait = Watch::wait(&plane, &["open", "--webhook", &receiver.url()]).start();
    wait.until("two attempts", |_| receiver.count() >= 2);

    wait.signal("TERM");

    let done = wait.finish().expect(143);
    done.logged("events that the webhook did not take: 1 (").logged("(HTTP 501)");
}

#[test]
fn refused_webhook_addresses_are_not_shown() {
    let plane = play(&done(&[("rj-1", "completed")]));
    for url in ["http://hooks.example/canary", "ftp://127.0.0.1/canary", "canary", "https://"] {
        let done =
            Watch::wait(&plane, &["rj-1", "--webhook", url]).run().expect(2).logged("the URL of --webhook ");
        assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    }
    assert_eq!(plane.count(), 0);
}

fn kinds(received: &[Received]) -> Vec<String> {
    let kind = |webhook: &Received| {
        let body: serde_json::Value = serde_json::from_slice(&webhook.body).expect("JSON");
        body["type"].as_str().expect("a type").to_owned()
    };
    received.iter().map(kind).collect()
}
