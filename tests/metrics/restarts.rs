//! What is counted goes on over kills, and never exceeds what is known.

use crate::scraped::{Samples, World, is};
use crate::support::play;

const JOBS: u32 = 40;

/// No more restores ended than there are, and none ended that is not known to have.
#[track_caller]
fn ended_at_most_what_is_known(samples: &Samples) {
    let ended = samples.sum("restores_ended_total");
    let known: f64 = samples.sum("restores");
    let open = samples.of("restores{project=\"a\",outcome=\"open\"}");

    assert!(ended <= known - open && known <= f64::from(JOBS), "{ended} of {known}, {open} open");
}

#[test]
fn ends_are_counted_once_over_kills() {
    let plane =
        play(&format!("[[job]]\nid = \"rj\"\ncount = {JOBS}\ntakes = \"200ms\"\ntakes_step = \"60ms\"\n"));
    let world = World::new().project("a", &plane, "discover = true");
    let mut before = 0.0;

    for some in [5.0, 15.0, 25.0] {
        let mut daemon = world.start();
        let first = daemon.samples();
        ended_at_most_what_is_known(&first);
        assert!(first.sum("restores_ended_total") >= before, "what was counted is counted: {first:?}");

        let samples = daemon.until("some ends", |samples| {
            ended_at_most_what_is_known(samples);
            samples.sum("restores_ended_total") >= some
        });
        before = samples.sum("restores_ended_total");
        daemon.process.kill();
    }

    let mut daemon = world.start();
    let all = daemon.until("all ends", |samples| {
        ended_at_most_what_is_known(samples);
        is(samples.sum("restores_ended_total"), JOBS)
    });
    let durations = all.of("restore_duration_seconds_count");
    assert!(durations < f64::from(JOBS), "durations begin at 0 with each process");
    assert!((all.of("detection_delay_seconds_count") - durations).abs() < 0.1, "each has a delay");
    assert!(all.sum("events_total") < f64::from(2 * JOBS), "events begin at 0 with each process");
    daemon.process.kill();

    let again = world.start().samples();
    for family in ["restores_ended_total", "last_completed_timestamp_seconds"] {
        assert!((again.sum(family) - all.sum(family)).abs() < 0.01, "{family}");
    }
    for series in ["restore_duration_seconds_count", "detection_delay_seconds_count"] {
        assert!(is(again.of(series), 0), "{series}");
    }
}
