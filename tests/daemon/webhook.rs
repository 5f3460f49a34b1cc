//! Webhooks of the daemon: at least once, under one id, whatever the receiver does meanwhile.

use restore_watch::simulate::{Received, Reply};

use crate::Daemon;
use crate::support::{done, play, receive};

/// The ids of the deliveries, without repetitions.
fn ids(received: &[Received]) -> Vec<&str> {
    let mut ids: Vec<_> =
        received.iter().map(|webhook| webhook.header("webhook-id").expect("an id")).collect();
    ids.dedup();
    ids
}

fn sink(name: &str, url: &str) -> String {
    format!("[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{url}\"\n")
}

#[test]
fn each_transition_is_retried_until_it_is_taken() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let retry = Reply::status(503).header("retry-after", "1");
    let receiver = receive([retry, Reply::status(500), Reply::drop_connection()]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink("ops", &receiver.url()));
    let done = daemon.run(&["--exit-when-done"]).run().expect(0);
    let received = receiver.received();
    assert_eq!((received.len(), ids(&received).len()), (5, 2), "{received:?}");
    assert!(received[..4].iter().all(|webhook| webhook.body == received[0].body));
    let pause = received[1].at.saturating_sub(received[0].at).as_secs_f64();
    assert!((1.0..20.0).contains(&pause), "{pause}");
    assert_eq!(done.stderr.matches("sink ops: ").count(), 3, "{}", done.stderr);
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
fn a_redirect_is_not_followed_and_only_what_is_wanted_is_posted() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let elsewhere = receive([]);
    let receiver = receive([Reply::status(307).header("location", &elsewhere.url())]);
    let daemon =
        Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(&sink("ops", &receiver.url()));
    daemon.with("events = [\"restore_job.failed\"]\n").run(&["--exit-when-done"]).run().expect(1);
    assert_eq!((receiver.count(), ids(&receiver.received()).len(), elsewhere.count()), (2, 1, 0));
}

#[test]
fn the_path_of_a_webhook_is_not_shown() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([Reply::status(500)]);
    let url = format!("{}/services/canary-of-a-path?token=canary-of-a-query", receiver.url());
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink("ops", &url));
    let done = daemon.run(&["--exit-when-done"]).env("RUST_LOG", "debug").run().expect(0).told("HTTP 500");
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    assert_eq!(receiver.received()[0].path, "/services/canary-of-a-path?token=canary-of-a-query");
}
