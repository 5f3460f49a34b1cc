//! The formats of a scrape, as other programs read them.

use crate::programs::{parse_open_metrics, promtool};
use crate::scraped::World;
use crate::support::{play, receive};

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

#[test]
fn a_scraper_gets_the_format_that_it_accepts() {
    let plane = play("");
    let world = World::new().project("a", &plane, "jobs = []");
    let daemon = world.start();

    for (accept, content_type, end) in [
        (None, "text/plain; version=0.0.4; charset=utf-8", "\n"),
        (Some("*/*"), "text/plain; version=0.0.4; charset=utf-8", "\n"),
        (Some(OPEN_METRICS), "application/openmetrics-text; version=1.0.0; charset=utf-8", "\n# EOF\n"),
    ] {
        let accept = accept.map(|accept| format!("Accept: {accept}"));
        let head: Vec<_> = accept.iter().map(String::as_str).collect();

        let answer = daemon.request("GET", "/metrics", &head);
        assert!(
            answer.head.contains(&format!("content-type: {content_type}")),
            "{accept:?}: {}",
            answer.head
        );
        assert!(answer.head.contains("vary: accept"), "{}", answer.head);
        assert!(answer.body.ends_with(end) && !answer.body.ends_with("\n\n"), "{accept:?}");

        let head = daemon.request("HEAD", "/metrics", &head);
        assert!(head.head.contains(&format!("content-type: {content_type}")), "{}", head.head);
        assert_eq!(head.body, "");
    }
    assert!(daemon.request("POST", "/metrics", &[]).head.contains(" 405 "));
}

#[test]
fn other_programs_read_a_scrape() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"10m\"\n[[job]]\nid = \"rj-2\"\nage = \"1h\"\ntakes = \"9m\"\nends = \"failed\"\n",
    );
    let receiver = receive([]);
    let world = World::new().project("prod \"eu\" \\ 1", &plane, "jobs = [\"rj-1\", \"rj-2\"]");
    let world = world.sink("ops", &receiver);
    let mut daemon = world.start();
    daemon.until("both ends", |samples| samples.sum("restores_ended_total") > 1.5);

    let text = daemon.text();
    promtool(&["check", "metrics"], &text);

    let open_metrics = daemon.request("GET", "/metrics", &[&format!("Accept: {OPEN_METRICS}")]).body;
    parse_open_metrics(&open_metrics);
}
