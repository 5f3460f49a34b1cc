//! How the daemon stops: when it is asked to, in order, and not before.

use std::time::Duration;

use restore_watch::simulate::Reply;

use crate::Daemon;
use crate::support::{done, play, receive};

#[test]
fn daemon_runs_on_after_all_jobs_ended_until_a_signal() {
    for signal in ["TERM", "INT"] {
        let plane = play(&done(&[("rj-1", "failed")]));
        let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
        daemon.until_logged(" failed within ");
        daemon.signal(signal);
        let done = daemon.finish().expect(0);
        assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
        assert!(!done.stderr.contains("all jobs ended"), "{}", done.stderr);
        assert!(done.stderr.trim_end().ends_with("stopped"), "{}", done.stderr);
        assert_eq!(plane.count(), 1, "what ended is not polled");
    }
}

#[test]
fn daemon_stops_while_a_request_hangs() {
    let plane = play("[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"hang\"");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until("a request", |_| plane.count() > 0);
    daemon.signal("TERM");
    let done = daemon.finish().expect(0);
    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
}

#[test]
fn pending_deliveries_are_sent_before_the_stop() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    let receiver = receive([Reply::status(200).after(Duration::from_secs(1))]);
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink).run(&[]).start();
    daemon.until("a webhook", |_| receiver.count() == 1);
    daemon.signal("TERM");
    let done = daemon.finish().expect(0).logged("stopping; pending deliveries: 1");
    assert!(!done.stderr.contains("still pending"), "{}", done.stderr);
}

#[test]
fn second_signal_ends_the_drain() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());

    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink).run(&[]).start();
    daemon.until("a webhook", |_| receiver.count() == 1);
    daemon.signal("TERM");
    daemon.until_logged("stopping; pending deliveries: 1");
    daemon.signal("TERM");
    let done = daemon.finish().expect(0).logged("stopped; deliveries still pending: 1");

    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
}
