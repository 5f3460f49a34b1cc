//! What a scrape shows from the start, and what it never shows.

use crate::scraped::{Samples, World, is};
use crate::support::{KEY, play, receive};

/// The label sets of a family, as they are written.
fn series<'a>(samples: &'a Samples, family: &str) -> Vec<&'a str> {
    let prefix = format!("restore_watch_{family}{{");
    samples.0.keys().filter_map(|series| series.strip_prefix(&prefix)?.strip_suffix('}')).collect()
}

#[test]
fn every_label_set_is_there_at_0_from_the_start() {
    let plane = play("");
    let receiver = receive([]);
    let world = World::new().project("a", &plane, "jobs = []").project("b", &plane, "jobs = []");
    let world = world.sink("ops", &receiver);
    let daemon = world.start();

    let samples = daemon.samples();

    // Two projects; the sink of the log, and another one.
    for (family, sets) in [
        ("restores", 2 * 11),
        ("restores_ended_total", 2 * 6),
        ("events_total", 2 * restore_watch::model::EventKind::ALL.len()),
        ("oldest_open_restore_age_seconds", 2),
        ("last_completed_timestamp_seconds", 2),
        ("last_answer_timestamp_seconds", 2),
        ("api_requests_total", 2 * 3 * 7),
        ("project_paused", 2),
        ("deliveries", 2 * 3),
        ("deliveries_ended_total", 2 * 3),
        ("delivery_attempts_total", 2 * 6),
    ] {
        assert_eq!(series(&samples, family).len(), sets, "{family}: {samples:?}");
        assert!(is(samples.sum(family), 0), "{family}: {samples:?}");
    }
    assert!(is(samples.of("api_rate_limit{project=\"a\"}"), 500));
    assert!(is(samples.sum("project_authorized"), 2));
    assert!(is(samples.of("log_lines_lost_total"), 0));
    assert!(is(samples.of("config_last_reload_successful"), 1));
    assert!(is(samples.of("restore_duration_seconds_count"), 0));
}

#[test]
fn a_scrape_has_no_secret_no_id_and_no_index() {
    let plane = play(
        "[[job]]\nid = \"rj-canary\"\nindex = \"canary-index\"\nbackup_id = \"canary-backup\"\nage = \"1h\"\ntakes = \"10m\"\n",
    );
    let receiver = receive([]);
    let world = World::new().project("a", &plane, "jobs = [\"rj-canary\"]").sink("ops", &receiver);
    let mut daemon = world.start();
    daemon.until("the end", |samples| is(samples.sum("restores_ended_total"), 1));

    for accept in ["text/plain", "application/openmetrics-text"] {
        let answer = daemon.request("GET", "/metrics", &[&format!("Accept: {accept}")]);
        for text in [&answer.head, &answer.body] {
            assert!(!text.contains("canary") && !text.contains(KEY), "{text}");
            assert!(!text.contains(&receiver.address().to_string()), "{text}");
        }
    }
}

#[test]
fn a_scrape_does_not_grow_with_the_number_of_jobs() {
    let lines = [3, 600].map(|jobs| {
        let plane = play(&format!("[[job]]\nid = \"rj\"\ncount = {jobs}\nage = \"1h\"\n"));
        let world = World::new().project("a", &plane, "discover = true");
        let mut daemon = world.start();
        let samples = daemon
            .until("all jobs", |samples| is(samples.of("restores{project=\"a\",outcome=\"open\"}"), jobs));
        assert!(samples.of("oldest_open_restore_age_seconds{project=\"a\"}") >= 3600.0);
        samples.0.into_keys().collect::<Vec<_>>()
    });

    assert_eq!(lines[0], lines[1]);
}

#[test]
fn series_follow_a_reload() {
    let plane = play("");
    let mut world = World::new().project("a", &plane, "jobs = []").project("b", &plane, "jobs = []");
    let mut daemon = world.start();
    let before = daemon.samples();

    world.rewrite(World::new().project("a", &plane, "jobs = []").project("c", &plane, "jobs = []"));
    world.reload();
    let samples = daemon.until("the new project", |samples| !series(samples, "restores").is_empty());
    let projects = series(&samples, "project_paused");
    assert_eq!(projects, ["project=\"a\"", "project=\"c\""]);
    let loaded = |samples: &Samples| samples.of("config_last_reload_success_timestamp_seconds");
    assert!(loaded(&samples) > loaded(&before));

    world.rewrite(World::new().project("a", &plane, "nonsense = 1"));
    world.reload();
    let rejected = daemon.samples();
    assert!(is(rejected.of("config_last_reload_successful"), 0));
    assert!((loaded(&rejected) - loaded(&samples)).abs() < 1e-6, "the configuration before is in force");
    assert_eq!(series(&rejected, "project_paused").len(), 2);
}
