//! The request rate, as the server sees it.

use crate::Daemon;
use crate::support::{KEY, play};

#[test]
fn no_window_has_more_requests_than_the_rate_allows() {
    let (rate, burst) = (20.0, 3.0);
    // How much later than the one before it a request may reach the server, on a machine that is busy.
    let jitter = 0.1;
    let plane = play("[[job]]\nid = \"rj\"\ncount = 40\ntakes = \"3s\"");
    let jobs: Vec<_> = (1..=40).map(|number| format!("rj-{number}")).collect();
    let daemon = Daemon::new(format!(
        "jobs = {jobs:?}\n[api]\nendpoint = \"{}\"\nrequests_per_second = {rate}\nburst = {burst}\n\
         [cadence]\nmin_interval = \"10ms\"\nmax_interval = \"10ms\"\n",
        plane.url()
    ));
    daemon.run(&["--exit-when-done"]).env("PINECONE_API_KEY", KEY).run().expect(0);

    let requests: Vec<_> = plane.requests().iter().map(|request| request.at.as_secs_f64()).collect();
    assert!(requests.len() >= 80, "all are polled, at first and at the end: {}", requests.len());
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
