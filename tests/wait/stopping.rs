//! A wait that is interrupted.

use std::time::Duration;

use restore_watch::simulate::Reply;

use crate::support::{Folder, Watch, done, fast, play, receive};

const CODES: [(&str, i32, &str); 2] = [("INT", 130, "interrupted"), ("TERM", 143, "terminated")];

#[test]
fn signal_reports_the_last_known_outcomes_at_once() {
    let plane = play("[[job]]\nid = \"rj-1\"\n[[job]]\nid = \"rj-2\"\ntakes = \"1s\"\nage = \"1h\"");
    for (signal, code, _) in CODES {
        let mut wait = Watch::wait(&plane, &["rj-1", "rj-2"]).start();
        wait.until("both jobs", |wait| {
            wait.stderr().contains("restore rj-2 into") && wait.stderr().contains("restore rj-1 into")
        });
        wait.signal(signal);
        let done = wait.finish().expect(code);
        assert!(done.took < Duration::from_secs(1), "{:?}", done.took);
        assert!(done.stdout.contains("Pending    "), "{}", done.stdout);
        assert!(done.stdout.contains("completed  ") && done.stdout.contains("  rj-2"), "{}", done.stdout);
        let summary = format!("1 of 2 restores completed, 1 running, interrupted by SIG{signal} after ");
        assert!(done.stdout.contains(&summary), "{}", done.stdout);
        done.logged("restore-watch: to go on: restore-watch wait rj-1 ");
    }
}

#[test]
fn signal_ends_a_wait_while_a_request_hangs() {
    let plane = play("[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"hang\"");
    for (signal, code, name) in CODES {
        let before = plane.count();
        let mut wait = Watch::wait(&plane, &["rj-1", "--output", "json"]).start();
        wait.until("a request", |_| plane.count() > before);
        wait.signal(signal);
        let done = wait.finish().expect(code);
        assert!(done.took < Duration::from_secs(1), "{:?}", done.took);
        let report = done.json();
        assert_eq!((&report["outcome"], &report["exit_code"]), (&name.into(), &code.into()));
        assert_eq!(
            (&report["jobs"][0]["outcome"], &report["jobs"][0]["status"]),
            (&"open".into(), &().into())
        );
    }
}

#[test]
fn hanging_webhook_delays_the_report_by_half_a_second() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let mut wait = Watch::wait(&plane, &["rj-1", "--webhook", &receiver.url()]).start();
    wait.until("a webhook", |_| receiver.count() > 0);
    wait.signal("TERM");
    let done = wait.finish().expect(143);
    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
    done.logged("events that the webhook did not take: 1 (no answer in time)");
}

#[test]
fn stalled_reader_does_not_hold_up_a_signal() {
    let plane = play("[[job]]\nid = \"rj\"\ncount = 300\nage = \"1h\"\ntakes = \"1s\"");
    let folder = Folder::new();
    let jobs: Vec<_> = (1..=300).map(|number| format!("\"rj-{number}\"")).collect();
    let config = folder.write("config.toml", format!("jobs = [{}]\n{}", jobs.join(", "), fast(&plane)));

    // This pipe is not read, and it holds a fraction of the output.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let mut wait = Watch::new(["wait", "--config", &config, "--output", "ndjson"])
        .on(&plane)
        .stdout(writer.into())
        .start();
    wait.until("all requests", |_| plane.count() >= 300);
    wait.until_logged("restore rj-99 into");
    wait.signal("TERM");
    let done = wait.finish().expect(143);

    assert!(done.took < Duration::from_secs(20), "{:?}", done.took);
    drop(reader);
}

#[test]
fn signal_during_the_drain_sets_the_exit_code() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let mut wait = Watch::wait(&plane, &["rj-1", "--webhook", &receiver.url(), "--", "echo", "ran"]).start();
    wait.until("a webhook", |_| receiver.count() > 0);
    wait.until_logged(" completed after ");
    wait.signal("INT");
    let done = wait.finish().expect(130);
    assert!(done.took < Duration::from_secs(3), "{:?}", done.took);
    assert!(done.stdout.starts_with("completed  ") && !done.stdout.contains("ran"), "{}", done.stdout);
}

#[test]
fn command_does_not_run_after_a_signal() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    let mut wait = Watch::wait(&plane, &["rj-1", "--", "echo", "ran"]).start();
    wait.until_logged("watching restore rj-1");
    wait.signal("INT");
    assert!(!wait.finish().expect(130).stdout.contains("ran"));
}

#[test]
fn signal_ignored_by_the_caller_stays_ignored() {
    let plane = play("[[job]]\nid = \"rj-1\"");
    for (ignored, caught, code) in [("INT", "TERM", 143), ("TERM", "INT", 130)] {
        let trap = format!("trap '' {ignored}; exec \"$@\"");
        let words = ["wait", "--min-interval", "20ms", "--max-interval", "100ms", "rj-1"];
        let mut wait = Watch::through(&["sh", "-c", &trap, "sh"], words).on(&plane).start();
        wait.until_logged("watching restore rj-1");
        wait.signal(ignored);
        let polls = plane.count();
        wait.until("further polls", |_| plane.count() > polls + 3);
        wait.signal(caught);
        wait.finish().expect(code);
    }
}
