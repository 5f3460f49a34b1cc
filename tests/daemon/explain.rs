//! `restore-watch explain`, of a daemon and for a wait.

use crate::support::{KEY, Watch, play};
use crate::{Daemon, ask};

#[test]
fn daemon_explains_when_and_why() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"10m\"\ntakes = \"1h\"\n\
         [[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n[[fault]]\njob = \"rj-2\"\nkind = \"status\"\nstatus = 503\n",
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]);
    let mut daemon = daemon.run(&[]).start();
    daemon.until("all are polled", |_| plane.count() > 8);
    let text = ask(&daemon, &["explain", "rj-1"]).expect(0).stdout;
    assert!(text.starts_with("docs (rj-1) of project one: Pending, 10m 0"), "{text}");
    assert!(
        text.contains("\nthe daemon polls it ") || text.contains("\nthe daemon is polling it now"),
        "{text}"
    );
    daemon.until("it waits", |daemon| {
        let text = ask(daemon, &["explain", "rj-1"]).expect(0).stdout;
        text.contains("\n  cadence  every 100ms by its age of 10m 0")
            && text.contains(
                "\n  rate     200 requests a second, 50 at once; the next request is possible now, ",
            )
    });
    daemon.until("it backs off", |daemon| {
        let explained = ask(daemon, &["explain", "rj-2", "--output", "json"]).expect(0).json();
        explained["rule"]["type"] == "backoff" && explained["last_error"] == "HTTP 503: Service Unavailable"
    });
    let explained = ask(&daemon, &["explain", "rj-1", "--output", "json"]).expect(0).json();
    assert_eq!((&explained["outcome"], &explained["status"]), (&"open".into(), &"Pending".into()));
    ask(&daemon, &["explain", "rj-3"]).expect(0);
    ask(&daemon, &["pause", "one"]).expect(0);
    daemon.until("it is paused", |daemon| {
        ask(daemon, &["explain", "rj-1"])
            .expect(0)
            .stdout
            .contains("\nthe daemon does not poll it: its project is paused\n")
    });
    ask(&daemon, &["explain", "rj-9"])
        .expect(3)
        .logged("the daemon does not watch rj-9")
        .logged("restore-watch add rj-9");
    ask(&daemon, &["explain", "rj-1", "--project", "two"]).expect(3).logged("in the project two");
}

#[test]
fn without_daemon_a_wait_is_explained() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"10m\"\ntakes = \"1h\"\n\
         [[job]]\nid = \"rj-2\"\nage = \"1h\"\ntakes = \"5m\"\nend_time = false\n",
    );
    let explain = |arguments: &[&str]| Watch::new(["explain"].iter().chain(arguments)).on(&plane).run();
    let text = explain(&["rj-1"]).expect(0).stdout;
    // The interval of 10.95 s, by a random factor of 0.9 to 1.1.
    let next = ["\na wait polls it in 9.", "\na wait polls it in 1"];
    assert!(next.iter().any(|next| text.contains(next)), "{text}");
    assert!(text.contains("cadence  every 10s by its age of 10m 0"), "{text}");

    let text = explain(&["rj-1", "--max-interval", "3s"]).expect(0).stdout;
    assert!(
        text.contains("cadence  every 3.0s by ") && text.contains("at least 1.0s, at most 3.0s"),
        "{text}"
    );

    let text = explain(&["rj-2"]).expect(0).stdout;
    assert!(text.ends_with("\nit has ended, so it is not polled again\n"), "{text}");

    let text = explain(&["rj-9"]).expect(0).stdout;
    assert!(text.starts_with("rj-9: not seen yet, ") && text.contains("HTTP 404"), "{text}");
    assert!(text.ends_with("`restore-watch list` shows the 2 restore jobs that this key sees\n"), "{text}");
    assert_eq!(plane.count(), 7, "each polls once, and one that runs or is not found lists once");
    Watch::new(["explain", "rj-1"]).run().expect(78).logged("PINECONE_API_KEY");
    Watch::new(["explain", "a b"]).env("PINECONE_API_KEY", KEY).run().expect(2);
}

#[test]
fn expectation_follows_completed_restores() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nage = \"2h\"\ntakes = \"9m\"\n[[job]]\nid = \"rj-2\"\nage = \"1h\"\ntakes = \"21m\"\n\
         [[job]]\nid = \"rj-3\"\ntakes = \"1h\"\n",
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]);
    let mut daemon = daemon.run(&[]).start();
    let words = "usually 9 min, at most 21 min (2 restores)";
    daemon.until("all are polled", |_| plane.count() > 5);
    daemon.until("two are known", |daemon| {
        ask(daemon, &["status"]).expect(0).stdout.contains(&format!("\nproject one: {words}\n"))
    });
    let status = ask(&daemon, &["status", "--output", "json"]).expect(0).json();
    assert_eq!(status["projects"][0]["expected"]["p50_seconds"], 540.0);
    daemon.until("it waits", |daemon| {
        ask(daemon, &["explain", "rj-3"])
            .expect(0)
            .stdout
            .contains(&format!("\n  expect   {words}; this one has been running for "))
    });
    let explained = ask(&daemon, &["explain", "rj-3", "--output", "json"]).expect(0).json();
    assert_eq!(explained["expected"]["restores"], 2);
}

#[test]
fn expectation_of_a_wait_without_daemon() {
    let plane =
        play("[[job]]\nid = \"rj-1\"\nage = \"2h\"\ntakes = \"9m\"\n[[job]]\nid = \"rj-2\"\nage = \"5m\"\n");
    let text = Watch::new(["explain", "rj-2"]).on(&plane).run().expect(0).stdout;
    assert!(
        text.contains("\n  expect   usually 9 min (1 restore); this one has been running for 5m 0"),
        "{text}"
    );
    assert!(text.contains(" and what 1 past restore of the project took; at least "), "{text}");
}

#[test]
fn effort_option_explains_a_wait() {
    let plane = play("[[job]]\nid = \"rj-1\"\nage = \"10m\"\ntakes = \"1h\"\n");
    for (effort, interval) in [("gentle", 21.9), ("eager", 5.48)] {
        let words = ["explain", "rj-1", "--effort", effort, "--output", "json"];
        let explained = Watch::new(words).on(&plane).run().expect(0).json();
        let found = explained["rule"]["interval_seconds"].as_f64().unwrap();
        assert!((found / interval - 1.0).abs() < 0.02, "{effort}: {found}");
    }
}
