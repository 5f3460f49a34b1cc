//! Failures of one project are logged once and delay no other project.

use crate::Daemon;
use crate::support::{KEY, done, play};

#[test]
fn refused_key_and_its_recovery_are_logged_once() {
    let plane = play(&format!(
        "api_key = \"{KEY}\"\nrevoked = [{{ from = \"0s\", to = \"2s\" }}]\n{}",
        done(&[("rj-1", "completed"), ("rj-2", "completed")])
    ));
    let daemon = Daemon::new("[watch]\nunauthorized_grace = \"100ms\"\n");
    let daemon = daemon.project("one", &plane, &["rj-1", "rj-2"]);

    let done = daemon.run(&["--exit-when-done"]).run().expect(0);
    for (line, times) in [
        ("ERROR project one: the API refuses the key or its permission: HTTP 401: Invalid API key", 1),
        (" INFO project one: the API key is accepted again", 1),
        ("cannot be found", 0),
        (" completed after ", 2),
    ] {
        assert_eq!(done.stderr.matches(line).count(), times, "{line}: {}", done.stderr);
    }

    let refused = plane.requests().iter().filter(|request| request.answered == Some(401)).count();
    assert!((2..=40).contains(&refused), "slowly: {refused}");
}

#[test]
fn retry_after_pauses_that_project_alone() {
    let asked = |form: &str| {
        play(&format!(
            "[[job]]\nid = \"rj\"\ncount = 3\ntakes = \"4s\"\n\
             [[fault]]\nrequests = [10]\nkind = \"status\"\nstatus = 429\nretry_after = \"2s\"\n{form}"
        ))
    };
    let (seconds, date) = (asked(""), asked("retry_after_date = true"));
    let free = play("[[job]]\nid = \"rj\"\ncount = 3\ntakes = \"4s\"");
    let jobs = ["rj-1", "rj-2", "rj-3"];
    let daemon = Daemon::new("").project("seconds", &seconds, &jobs).project("date", &date, &jobs);
    daemon.project("free", &free, &jobs).run(&["--exit-when-done"]).run().expect(0);

    for plane in [&seconds, &date] {
        let requests = plane.requests();
        let throttled = requests.iter().position(|request| request.answered == Some(429)).expect("a 429");
        let from = requests[throttled].at;
        // Requests in flight when the answer came do not count: there are three jobs.
        let next =
            requests[throttled + 1..].iter().map(|request| request.at.saturating_sub(from).as_secs_f64());
        let next: Vec<_> = next.collect();
        assert!(next.iter().filter(|after| **after < 2.0).count() <= 2, "{next:?}");
        assert!(next.iter().any(|after| *after >= 2.0), "{next:?}");
    }
    let busy =
        free.requests().iter().filter(|request| (1.0..3.0).contains(&request.at.as_secs_f64())).count();
    assert!(busy >= 10, "{busy}");
}

#[test]
fn hanging_or_closed_endpoint_delays_no_other() {
    let hangs = play("[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"hang\"");
    let good = play("[[job]]\nid = \"rj-1\"\ntakes = \"500ms\"");
    let closed = play("");
    let daemon = Daemon::new("").project("hangs", &hangs, &["rj-1"]).project("closed", &closed, &["rj-1"]);
    drop(closed);
    let mut daemon = daemon.project("good", &good, &["rj-1"]).run(&[]).start();
    daemon.until_logged(" completed after ");
}

#[test]
fn lasting_failure_and_its_end_are_logged_once() {
    let plane = play(
        "[[job]]\nid = \"out\"\nage = \"1h\"\ntakes = \"1h\"\n[[job]]\nid = \"late\"\nappears = \"3s\"\nage = \"1h\"\n\
         takes = \"1h\"\n[[fault]]\njob = \"out\"\nto = \"3s\"\nkind = \"status\"\nstatus = 502\nbody = \"html\"",
    );
    let daemon = Daemon::new("[watch]\nnot_found_grace = \"300ms\"\nunreachable_after = \"300ms\"\n");

    let done = daemon.project("one", &plane, &["out", "late"]).run(&["--exit-when-done"]).run().expect(0);
    for line in [
        " WARN no good answer about restore out for too long: HTTP 502: an HTML page",
        " WARN restore late cannot be found: HTTP 404: Restore job late not found.",
        " INFO good answers about restore out into index ",
        " INFO good answers about restore late into index ",
    ] {
        assert_eq!(done.stderr.matches(line).count(), 1, "{line}: {}", done.stderr);
    }
}

#[test]
fn unknown_status_is_logged_once() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\ntakes = \"1500ms\"\npending_status = \"Thinking\"\n\
         statuses = [{ at = \"400ms\", status = \"Pending\" }, { at = \"800ms\", status = \"THINKING\" }]",
    );
    let done = Daemon::new("").project("one", &plane, &["rj-1"]).run(&["--exit-when-done"]).run().expect(0);
    assert!(done.stderr.matches("is unknown; still watching").count() <= 1, "{}", done.stderr);
    done.logged("completed after");
}
