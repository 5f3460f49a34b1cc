//! Pings to a dead-man monitor while polling works.

use restore_watch::simulate::{Receiver, Reply};

use crate::support::{play, receive};
use crate::{Daemon, ask, status};

#[test]
fn monitor_is_pinged_while_polling_works() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let monitor = receive([]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&heartbeat(&monitor));

    let mut daemon = daemon.run(&[]).start();
    daemon.until("three pings", |_| monitor.count() >= 3);

    let pings = monitor.received();
    assert!(
        pings.iter().all(|ping| ping.path == "/ping/CanaryOfTheMonitor" && ping.method == "GET"),
        "{pings:?}"
    );

    // A failing monitor is logged once, without its address.
    monitor.otherwise(Reply::status(500));
    daemon.until_logged("the heartbeat could not be sent: http://127.0.0.1:");

    let asked = monitor.count();
    daemon.until("further attempts", |_| monitor.count() > asked + 3);

    monitor.otherwise(Reply::status(200));
    daemon.until_logged("the heartbeat is sent again");
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;

    assert_eq!(logged.matches("could not be sent").count(), 1, "{logged}");
    assert!(!logged.contains("CanaryOfTheMonitor"), "{logged}");
}

#[test]
fn no_monitor_ping_while_api_unreachable() {
    // A job with a misspelt id, and an outage.
    let plane = play(
        "[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[fault]]\nfrom = \"3s\"\nkind = \"status\"\nstatus = 503\n",
    );
    let monitor = receive([]);
    let daemon = Daemon::new("[watch]\nnot_found_grace = \"100ms\"\nunreachable_after = \"500ms\"\n");
    let daemon = daemon.project("one", &plane, &["rj-1", "rj-typo"]).with(&heartbeat(&monitor));

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 2 restores");
    daemon
        .until("the misspelt id is not found", |daemon| status(daemon)["jobs"][1]["outcome"] == "not_found");

    let sent = monitor.count();
    daemon.until("a ping: the API works", |_| monitor.count() > sent);
    daemon.until_logged("no heartbeat is sent, because the API of the project one cannot be reached");
}

#[test]
fn reloads_do_not_hold_back_a_monitor_ping() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let monitor = receive([]);
    let slow = heartbeat(&monitor).replace("50ms", "1s");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&slow).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    daemon.until("two pings, with reloads all the time", |daemon| {
        ask(daemon, &["reload"]).expect(0);
        monitor.count() >= 2
    });
}

#[test]
fn no_monitor_ping_while_the_key_is_refused() {
    let plane = play("api_key = \"another-key\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let monitor = receive([]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&heartbeat(&monitor));

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("no heartbeat is sent, because the key of the project one is refused");

    let sent = monitor.count();
    let asked = plane.count();
    daemon.until("the key is tried again", |_| plane.count() > asked + 3);

    assert_eq!(monitor.count(), sent);
    // A paused project holds back no ping: its pause is wanted.
    ask(&daemon, &["pause", "one"]).expect(0);
    daemon.until("a ping", |_| monitor.count() > sent);
}

#[test]
fn unexpected_answer_of_the_monitor_is_a_failure() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let monitor = receive([]);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&heartbeat(&monitor));

    let mut daemon = daemon.run(&[]).start();
    for (answer, said) in [
        ("OK (not found)", "the monitor answered `OK (not found)`"),
        ("<!DOCTYPE html><title>Log in</title>", "a page of HTML in place of an answer"),
        ("OK (/ping/CanaryOfTheMonitor)", "the monitor answered `OK (***)`"),
    ] {
        monitor.otherwise(Reply::status(200).body(answer));
        daemon.until_logged(said);
    }

    monitor.otherwise(Reply::status(302).header("location", "/login?next=/ping/CanaryOfTheMonitor"));
    daemon.until_logged("HTTP 302, a redirect to http://127.0.0.1:");

    monitor.otherwise(Reply::status(200).body("OK"));
    daemon.until_logged("the heartbeat is sent again");
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;

    assert!(!logged.contains("CanaryOfTheMonitor"), "{logged}");
}

#[test]
fn sink_in_trouble_holds_pings_back_if_it_counts() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let (monitor, receiver) = (receive([]), receive([]));
    receiver.otherwise(Reply::status(400).body("invalid_payload"));
    let counting = heartbeat(&monitor) + "count_sinks = true\n" + &sink(&receiver);
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&counting);

    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("no heartbeat is sent, because sink ops has taken nothing since ");
    receiver.otherwise(Reply::status(200));

    daemon.until_logged("the heartbeat is sent again");
}

#[test]
fn sink_in_trouble_holds_no_ping_back_by_default() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let (monitor, receiver) = (receive([]), receive([]));
    receiver.otherwise(Reply::status(400).body("invalid_payload"));
    let usual = heartbeat(&monitor) + &sink(&receiver);
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&usual).run(&[]).start();
    daemon.until_logged("watching 1 restore");
    daemon.until("trouble", |daemon| !status(daemon)["trouble"].is_null());

    let sent = monitor.count();

    daemon.until("further pings", |_| monitor.count() > sent + 2);
}

/// A webhook that is attempted ten times a second.
fn sink(receiver: &Receiver) -> String {
    let (url, schedule) = (receiver.url(), ["100ms"; 50]);
    format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{url}\"\nretry_schedule = {schedule:?}\n")
}

fn heartbeat(monitor: &Receiver) -> String {
    format!("[heartbeat]\nurl = \"{}/ping/CanaryOfTheMonitor\"\ninterval = \"50ms\"\n", monitor.url())
}
