//! Webhooks of the daemon: delivered at least once under one id, whatever the receiver does.

use std::collections::BTreeMap;

use restore_watch::simulate::{Received, Reply};

use crate::Daemon;
use crate::support::{done, play, receive};

#[test]
fn each_event_is_retried_until_it_is_accepted() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"2s\"");
    let retry = Reply::status(503).header("retry-after", "1");
    let receiver = receive([retry, Reply::status(500), Reply::drop_connection()]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink("ops", &receiver.url()));

    let done = daemon.run(&["--exit-when-done"]).run().expect(0);
    let posts = receiver.received();
    assert_eq!((posts.len(), attempts(&posts).len()), (5, 2), "{posts:?}");

    let pause = posts[1].at.saturating_sub(posts[0].at).as_secs_f64();
    assert!((1.0..20.0).contains(&pause), "{pause}");

    // The attempt cut on a reused connection was repeated at once: that is no failure.
    assert_eq!(done.stderr.matches("sink ops: ").count(), 2, "{}", done.stderr);
}

#[test]
fn end_of_a_job_waits_for_no_earlier_event() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([Reply::status(503).header("retry-after", "2")]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink("ops", &receiver.url()));
    daemon.run(&["--exit-when-done"]).run().expect(0);
    let posts = receiver.received();
    let [watched, completed, again] = &posts[..] else { panic!("{posts:?}") };
    assert_eq!(watched.header("webhook-id"), again.header("webhook-id"));
    assert!(String::from_utf8_lossy(&completed.body).contains("restore_job.completed"));
    assert_eq!(attempts(&posts).len(), 2);
}

#[test]
fn one_sink_never_waits_for_another() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"500ms\"");
    let (stuck, well) = (receive([]), receive([]));
    stuck.otherwise(Reply::hang());
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
    let daemon = daemon.with(&sink("stuck", &stuck.url())).with(&sink("well", &well.url()));
    let mut daemon = daemon.run(&[]).start();
    daemon.until("both webhooks", |_| well.count() == 2 && stuck.count() == 1);
}

#[test]
fn redirect_is_not_followed_and_events_are_filtered() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let elsewhere = receive([]);
    let receiver = receive([Reply::status(307).header("location", &elsewhere.url())]);
    let daemon =
        Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(&sink("ops", &receiver.url()));
    daemon.with("events = [\"restore_job.failed\"]\n").run(&["--exit-when-done"]).run().expect(1);
    assert_eq!((receiver.count(), attempts(&receiver.received()).len(), elsewhere.count()), (2, 1, 0));
}

#[test]
fn path_of_a_webhook_is_not_shown() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([Reply::status(500)]);
    let url = format!("{}/services/canary-of-a-path?token=canary-of-a-query", receiver.url());
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink("ops", &url));
    let done = daemon.run(&["--exit-when-done"]).env("RUST_LOG", "debug").run().expect(0).logged("HTTP 500");
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    assert_eq!(receiver.received()[0].path, "/services/canary-of-a-path?token=canary-of-a-query");
}

/// The attempts at each delivery, by its id; all have the same body.
fn attempts(received: &[Received]) -> Vec<Vec<&Received>> {
    let mut attempts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for webhook in received {
        attempts.entry(webhook.header("webhook-id").expect("an id")).or_default().push(webhook);
    }
    for (id, attempts) in &attempts {
        assert!(attempts.iter().all(|webhook| webhook.body == attempts[0].body), "{id}");
    }
    attempts.into_values().collect()
}

fn sink(name: &str, url: &str) -> String {
    let schedule = "retry_schedule = [\"50ms\", \"100ms\", \"200ms\", \"400ms\"]";
    format!("[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}\"\n{schedule}\n")
}
