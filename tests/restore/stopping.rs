//! Signals before, during and after the request that starts the restore: what is known is said.

use std::time::Duration;

use crate::stage::{SOON, Stage};

const CODES: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

#[test]
fn signal_before_the_request_started_nothing() {
    // The rate limit refuses the first request for an hour.
    let throttled =
        "[[fault]]\nendpoint = \"create\"\nkind = \"status\"\nstatus = 429\nretry_after = \"1h\"\n";
    for (signal, code) in CODES {
        let stage = Stage::new(throttled);
        let mut running = stage.restore(&["--unreachable-after", "2h"]).start();
        running.until_logged("nothing was started yet");
        running.signal(signal);
        running.finish().expect(code).logged("; nothing was started\n");
        assert_eq!(stage.posts().len(), 1);
    }
}

#[test]
fn signal_during_the_request_waits_briefly_for_its_answer() {
    let late = format!("{SOON}[[fault]]\nendpoint = \"create\"\nkind = \"late\"\ndelay = \"700ms\"\n");
    for (signal, code) in CODES {
        let stage = Stage::new(&late);
        let mut running = stage.restore(&["--json"]).start();
        running.until("the request", |_| !stage.posts().is_empty());
        running.signal(signal);
        let done = running.finish().expect(code).logged("; the restore goes on\n");
        let done = done.logged("to wait for it: restore-watch wait rj-1 --config ");
        assert_eq!(done.json()["restore_job_id"], "rj-1");
        assert_eq!(stage.posts().len(), 1);
    }
}

#[test]
fn signal_during_a_request_that_hangs_leaves_it_open() {
    let stage = Stage::new(&format!("{SOON}[[fault]]\nendpoint = \"create\"\nkind = \"hang\"\n"));
    let mut running = stage.restore(&[]).start();
    running.until("the request", |_| !stage.posts().is_empty());
    running.signal("INT");
    let done = running.finish().expect(130).logged("whether the restore was started is not known");
    assert!(done.took < Duration::from_secs(5), "{:?}", done.took);
    done.logged("`restore-watch list --index docs --config ");

    // A second signal does not wait for the answer.
    let stage = Stage::new(&format!("{SOON}[[fault]]\nendpoint = \"create\"\nkind = \"hang\"\n"));
    let mut running = stage.restore(&[]).start();
    running.until("the request", |_| !stage.posts().is_empty());
    running.signal("INT");
    running.signal("TERM");
    running.finish().expect(130);
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn signal_during_the_search_leaves_it_open() {
    let drop = "[[fault]]\nendpoint = \"create\"\nkind = \"drop\"\naccepted = false\n";
    let stage = Stage::new(drop);
    let mut running = stage.restore(&[]).start();
    running.until_logged("looking for it");
    running.signal("TERM");
    running.finish().expect(143).logged("whether the restore was started is not known");
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn job_is_named_before_the_pause_that_the_rate_asks_for() {
    let stage = Stage::at_rate(SOON, "0.01");
    let mut running = stage.restore(&["--json"]).start();
    running.until("the first line", |running| running.stdout().ends_with('\n'));
    running.signal("TERM");
    let done = running.finish().expect(143).logged("; the restore goes on\n");
    assert_eq!(done.json()["restore_job_id"], "rj-1");
    assert_eq!((stage.posts().len(), stage.plane.count()), (1, 1), "nothing else was asked yet");
}

#[test]
fn signal_during_the_wait_reports_like_a_wait() {
    let stage = Stage::new("[restore]\nid = \"rj-1\"\n");
    let mut running = stage.restore(&[]).start();
    running.until_logged("watching restore rj-1 into index docs");
    running.signal("INT");
    let done = running.finish().expect(130).logged("to go on: restore-watch wait rj-1 --config ");
    assert!(done.stdout.starts_with("Pending  docs  rj-1"), "{}", done.stdout);
    assert_eq!(stage.posts().len(), 1);
}
