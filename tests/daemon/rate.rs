//! The request rate, as the server sees it.

use crate::support::{KEY, play};
use crate::{Daemon, ask};

#[test]
fn rate_is_kept_in_every_window() {
    let (rate, burst) = (20.0, 3.0);
    // How much a busy machine may delay a request on its way to the server.
    let jitter = 0.1;
    let plane = play("[[job]]\nid = \"rj\"\ncount = 25\ntakes = \"2s\"");
    let jobs: Vec<_> = (1..=25).map(|number| format!("rj-{number}")).collect();
    let daemon = Daemon::new(format!(
        "jobs = {jobs:?}\n[api]\nendpoint = \"{}\"\nrequests_per_second = {rate}\nburst = {burst}\n\
         [cadence]\nmin_interval = \"10ms\"\nmax_interval = \"10ms\"\n",
        plane.url()
    ));
    daemon.run(&["--exit-when-done"]).env("PINECONE_API_KEY", KEY).run().expect(0);

    let requests: Vec<_> = plane.requests().iter().map(|request| request.at.as_secs_f64()).collect();
    assert!(requests.len() >= 50, "all are polled, at first and at the end: {}", requests.len());
    for (from, start) in requests.iter().enumerate() {
        let mut allowed = 0.0;
        for end in &requests[from..] {
            allowed += 1.0;
            let most = burst + rate * (end - start + jitter);
            assert!(allowed <= most, "{allowed} requests within {} s", end - start);
        }
    }
    assert!(plane.connections() <= 8, "connections are used again: {}", plane.connections());
}

#[test]
fn rate_is_reduced_after_429_and_explained() {
    let plane = play(
        "[[job]]\nid = \"rj\"\ncount = 3\ntakes = \"1h\"\n\
         [[fault]]\nrequests = [10]\nkind = \"status\"\nstatus = 429\nretry_after = \"1s\"\n",
    );
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2", "rj-3"]).run(&[]).start();
    daemon.until_logged("rate limit for project one reduced from 200/s to 140/s (HTTP 429");
    daemon.until("it is asked again", |_| plane.count() > 20);
    let status = ask(&daemon, &["status", "--output", "json"]).expect(0).json();

    let project = &status["projects"][0];
    let rate = project["requests_per_second"].as_f64().unwrap();
    assert!((140.0..160.0).contains(&rate), "{project}");
    assert!(project["limited"].as_str().unwrap().starts_with("HTTP 429"), "{project}");

    let text = ask(&daemon, &["status"]).expect(0).stdout;
    assert!(text.contains("\nproject one: polled 14"), "{text}");

    daemon.until("it waits", |daemon| {
        let text = ask(daemon, &["explain", "rj-1"]).expect(0).stdout;
        text.contains(" requests a second, one at a time, because the server refused more: HTTP 429")
            && text.contains("; recovers gradually to the configured 200 a second, 50 at once; the next request is possible ")
    });
    assert_eq!(
        daemon.stderr().matches("rate limit for project one reduced").count(),
        1,
        "{}",
        daemon.stderr()
    );
}
