//! What is counted while a scripted world goes by.

use restore_watch::simulate::Reply;

use crate::scraped::{World, is};
use crate::support::{play, receive};

#[test]
fn a_scripted_run_is_counted() {
    let plane = play(
        "[[job]]\nid = \"rj-good\"\nage = \"1h\"\ntakes = \"10m\"\n\
         [[job]]\nid = \"rj-bad\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"failed\"\n\
         [[job]]\nid = \"rj-gone\"\nage = \"1h\"\ntakes = \"10m\"\nends = \"cancelled\"\n\
         [[job]]\nid = \"rj-open\"\nage = \"2h\"\n\
         [[fault]]\njob = \"rj-good\"\nendpoint = \"describe\"\nrequests = [1]\nkind = \"status\"\nstatus = 429\nretry_after = \"0s\"\n\
         [[fault]]\njob = \"rj-bad\"\nendpoint = \"describe\"\nrequests = [1]\nkind = \"drop\"\n",
    );
    let (well, gone) = (receive([]), receive([]));
    gone.otherwise(Reply::status(410));
    let jobs = "jobs = [\"rj-good\", \"rj-bad\", \"rj-gone\", \"rj-open\"]";
    let world = World::new().project("a", &plane, jobs).sink("well", &well).sink("gone", &gone);

    let mut daemon = world.start();
    let samples = daemon.until("all ends and all deliveries", |samples| {
        is(samples.sum("restores_ended_total"), 3) && is(samples.sum("deliveries_ended_total"), 3 * 7)
    });

    for (outcome, ended) in [("completed", 1), ("failed", 1), ("cancelled", 1), ("ready", 0)] {
        let label = format!("{{project=\"a\",outcome=\"{outcome}\"}}");
        assert!(is(samples.of(&format!("restores_ended_total{label}")), ended), "{outcome}: {samples:?}");
        assert!(is(samples.of(&format!("restores{label}")), ended), "{outcome}: {samples:?}");
    }
    assert!(is(samples.of("restores{project=\"a\",outcome=\"open\"}"), 1));
    assert!(samples.of("oldest_open_restore_age_seconds{project=\"a\"}") >= 7200.0);
    assert!(is(samples.of("restore_duration_seconds_count"), 1));
    assert!(is(samples.of("restore_duration_seconds_sum"), 600));
    let delays = samples.of("detection_delay_seconds_count");
    assert!(is(delays, 0), "it ended before it was watched");
    assert!(samples.of("last_completed_timestamp_seconds{project=\"a\"}") > 1e9);
    assert!(samples.of("last_answer_timestamp_seconds{project=\"a\"}") > 1e9);

    let event = |kind| samples.of(&format!("events_total{{project=\"a\",type=\"restore_job.{kind}\"}}"));
    assert!(is(event("watched"), 4) && is(event("failed"), 1) && is(event("overdue"), 0));

    let requests = |code| {
        samples.of(&format!(
            "api_requests_total{{project=\"a\",endpoint=\"describe_restore_job\",code=\"{code}\"}}"
        ))
    };
    assert!(is(requests("429"), 1) && is(requests("transport"), 1), "{samples:?}");
    assert!(requests("200") >= 4.0);
    assert!(samples.of("api_request_duration_seconds_count") >= 6.0);

    let ended = |sink, outcome| {
        samples.of(&format!("deliveries_ended_total{{sink=\"{sink}\",outcome=\"{outcome}\"}}"))
    };
    assert!(is(ended("well", "delivered"), 7) && is(ended("gone", "dead"), 7), "{samples:?}");
    assert!(is(samples.of("deliveries{sink=\"gone\",state=\"dead\"}"), 7));
    assert!(is(samples.of("delivery_attempts_total{sink=\"well\",result=\"delivered\"}"), 7));
    assert!(samples.of("delivery_attempts_total{sink=\"gone\",result=\"permanent\"}") >= 1.0);
}

#[test]
fn a_restore_that_waits_for_its_index_is_counted_once() {
    let plane =
        play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"200ms\"\nready_after = \"600ms\"\n");
    let world = World::new().project("a", &plane, "jobs = [{ id = \"rj-1\", until = \"ready\" }]");

    let mut daemon = world.start();
    let completed = "events_total{project=\"a\",type=\"restore_job.completed\"}";
    let between = daemon.until("its completion", |samples| is(samples.of(completed), 1));
    assert!(is(between.of("restores_ended_total{project=\"a\",outcome=\"completed\"}"), 0));
    assert!(is(between.of("oldest_open_restore_age_seconds{project=\"a\"}"), 0), "it does not run any more");

    let samples = daemon.until("its end", |samples| is(samples.sum("restores_ended_total"), 1));
    assert!(is(samples.of("restores_ended_total{project=\"a\",outcome=\"ready\"}"), 1));
    assert!(is(samples.of("restore_duration_seconds_count"), 1));
    let of_index = "api_requests_total{project=\"a\",endpoint=\"describe_index\",code=\"200\"}";
    assert!(samples.of(of_index) >= 1.0);
}

#[test]
fn what_is_dropped_by_hand_ends_as_dropped() {
    let plane = play("[[job]]\nid = \"rj-1\"\n");
    let ops = receive([]);
    ops.otherwise(Reply::status(503));
    let world = World::new().project("a", &plane, "jobs = [\"rj-1\"]").sink("ops", &ops);
    let mut daemon = world.start();
    daemon.until("a pending delivery", |samples| {
        is(samples.of("delivery_attempts_total{sink=\"ops\",result=\"transient\"}"), 1)
    });

    world.ask(&["deliveries", "drop", "--all"]).expect(0);

    let dropped = "deliveries_ended_total{sink=\"ops\",outcome=\"dropped\"}";
    let samples = daemon.until("the drop", |samples| is(samples.of(dropped), 1));
    assert!(is(samples.of("deliveries{sink=\"ops\",state=\"pending\"}"), 0));
}

#[test]
fn pages_of_discovery_are_requests() {
    let plane = play("[[job]]\nid = \"rj\"\ncount = 250\n");
    let world = World::new().project("a", &plane, "discover = true");

    let mut daemon = world.start();

    let listed = "api_requests_total{project=\"a\",endpoint=\"list_restore_jobs\",code=\"200\"}";
    daemon.until("three pages", |samples| samples.of(listed) >= 3.0);
}

#[test]
fn a_refused_key_and_a_pause_are_shown() {
    let plane = play("api_key = \"another\"\n[[job]]\nid = \"rj-1\"\n");
    let world = World::new().project("a", &plane, "jobs = [\"rj-1\"]");

    let mut daemon = world.start();

    let refused = "events_total{project=\"a\",type=\"project.unauthorized\"}";
    let samples = daemon.until("the refusal", |samples| is(samples.of(refused), 1));
    assert!(is(samples.of("project_authorized{project=\"a\"}"), 0));
    assert!(is(samples.of("restores{project=\"a\",outcome=\"unauthorized\"}"), 1));
    world.ask(&["pause", "a"]);
    assert!(is(daemon.samples().of("project_paused{project=\"a\"}"), 1));
}
