//! The engine in a simulated world, compared with a simple model: errors, throttling, hangs,
//! unknown statuses, vanishing jobs, clock jumps, slow sinks, and a process that is killed at any
//! moment.

mod world;

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::config::{DiscoverySettings, Rate};
use world::{DEADLINE, STATE, Script, Trouble, World};

fn scripts() -> impl Strategy<Value = Vec<Script>> {
    let end = prop_oneof![Just("Completed"), Just("failed"), Just("CANCELLED"), Just("Exploded")];
    let index = prop::option::of((0_u64..600, any::<bool>()));
    let script = (0_u64..40, 0_u64..7000, end, any::<bool>(), any::<bool>(), index).prop_map(
        |(appears, takes, end, odd, progress, index)| Script { appears, takes, end, odd, progress, index },
    );
    prop::collection::vec(script, 1..25)
}

fn trouble() -> impl Strategy<Value = Trouble> {
    let jumps = prop::collection::vec((0_u64..7000, -90_000_i64..90_000), 0..3);
    (0.0..0.4, 0.0..0.2, 0.0..0.1, 0.0..0.1, 0.0..0.1, 0.0..0.5, jumps).prop_map(
        |(transient, throttled, hang, vanish, refused, sink, jumps)| Trouble {
            transient,
            throttled,
            hang,
            vanish,
            refused,
            sink,
            jumps,
            kills: Vec::new(),
            clocks: Vec::new(),
            changes: Vec::new(),
            sleeps: Vec::new(),
        },
    )
}

/// Kills at random times, most of them early.
fn kills() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let early = (0_u64..120_000, 0_u64..3);
    let late = (0_u64..9_000_000, 0_u64..900);
    (prop::collection::vec(early, 0..12), prop::collection::vec(late, 0..12)).prop_map(|(early, late)| {
        let mut kills: Vec<_> = early.into_iter().chain(late).collect();
        kills.sort_unstable();
        kills
    })
}

/// Clock errors of the processes: none, a time zone, a month, decades.
fn clocks() -> impl Strategy<Value = Vec<i64>> {
    let year = 365 * 86_400;
    let steps = [0, 3600, -3600, 31 * 86_400, -31 * 86_400, 12 * year, -56 * year];
    prop::collection::vec(prop::sample::select(steps.to_vec()), 0..6)
}

/// Reloads and suspensions, most of them early.
fn disturbances() -> impl Strategy<Value = (Vec<u64>, Vec<(u64, u64)>)> {
    let changes = prop::collection::vec(prop_oneof![0_u64..120_000, 0_u64..9_000_000], 0..12);
    let sleeps = prop::collection::vec((0_u64..7000, 1_u64..20_000), 0..4);
    (changes, sleeps).prop_map(|(mut changes, mut sleeps)| {
        changes.sort_unstable();
        sleeps.sort_unstable();
        (changes, sleeps)
    })
}

/// A project that names the first job and those that are watched until their index is ready, and
/// discovers the others.
fn discovered(scripts: &[Script], rate: f64, burst: u32) -> ProjectSettings {
    let mut project = watched(scripts, rate, burst);
    let mut number = 0;
    project.jobs.retain(|job| {
        number += 1;
        number == 1 || job.until.is_some()
    });
    project.discover = Some(DiscoverySettings::default());
    project
}

fn watched(scripts: &[Script], rate: f64, burst: u32) -> ProjectSettings {
    let ids: Vec<_> = (0..scripts.len()).map(|n| format!("job-{n}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let mut project = project(&ids);
    for (job, script) in project.jobs.iter_mut().zip(scripts) {
        job.until = script.index.map(|_| Until::Ready);
        job.deadline = Some(DEADLINE);
    }
    project.api.requests_per_second = Rate::new(rate).unwrap();
    project.api.burst = NonZeroU32::new(burst).unwrap();
    project
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_comes_to_its_end(
        scripts in scripts(),
        trouble in trouble(),
        kills in kills(),
        clocks in clocks(),
        (changes, sleeps) in disturbances(),
        seed in any::<u64>(),
        rate in 0.5..5.0,
        burst in 1_u32..6,
        discovers in any::<bool>(),
    ) {
        let trouble = Trouble { kills, clocks, changes, sleeps, ..trouble };
        let mut world = World::new(scripts.clone(), trouble, seed, &["one", "two", STATE]);
        let settings = if discovers { discovered } else { watched };
        let settings = settings(&scripts, rate, burst);
        let engine = world.run(&settings);

        // Every job ended as the world says, and its end was emitted once.
        prop_assert!(engine.deliveries().is_settled());
        let dead_letters = world.disk.dead_letters();
        let superseded = world.disk.superseded();
        prop_assert!(superseded.iter().all(|(_, sink)| sink.as_str() == STATE));
        prop_assert_eq!(engine.deliveries().dead_letters(), dead_letters.len());
        for (number, script) in scripts.iter().enumerate() {
            let job = id(&format!("job-{number}"));
            let of_job = |event: &&Arc<Event>| event.job.as_ref().is_some_and(|of| of.id == job);
            let story: Vec<_> = world.disk.events.iter().filter(of_job).map(|event| event.kind).collect();
            let ends: Vec<_> = story.iter().copied().filter(|kind| kind.is_terminal()).collect();
            let ended = Instant::after_start(seconds(script.appears + script.takes));
            let is_named = settings.jobs.iter().any(|settings| settings.id == job);
            if !is_named && story.is_empty() {
                // History: a restore that ended before the baseline, or began before it and has no
                // end time; or one that a clock that is hours ahead takes for history.
                let began = Instant::after_start(seconds(script.appears));
                let known_at = world.baseline_at.map(|at| at + seconds(60));
                let is_wrong = world.trouble.jumps.iter().any(|(_, by)| *by > 0);
                let is_history = |at| ended <= at || (script.end == "failed" && began <= at) || is_wrong;
                prop_assert!(known_at.is_none_or(is_history), "{:?} is lost", job);
                continue;
            }
            let expected = match (script.end, script.index) {
                ("Completed", None) => vec![EventKind::Completed],
                ("Completed", Some((_, false))) => vec![EventKind::Completed, EventKind::IndexNotReady],
                // An index that is not found for long enough counts as not ready.
                ("Completed", Some(_)) if ends.last() == Some(&EventKind::IndexNotReady) => {
                    let last = world.disk.events.iter().rfind(|event| of_job(event)).unwrap();
                    prop_assert_eq!(last.reason.as_deref(), Some("NotFound"));
                    vec![EventKind::Completed, EventKind::IndexNotReady]
                }
                ("Completed", Some(_)) => vec![EventKind::Completed, EventKind::IndexReady],
                ("failed", _) => vec![EventKind::Failed],
                ("CANCELLED", _) => vec![EventKind::Cancelled],
                _ => vec![EventKind::Unrecognised],
            };
            prop_assert_eq!((&ends, story.last()), (&expected, expected.last()), "{:?}", story);
            prop_assert_eq!(story.iter().filter(|kind| **kind == EventKind::Watched).count(), 1);

            // The history has what the last event reported.
            let last = world.disk.events.iter().rfind(|event| of_job(event) && event.kind.is_terminal()).unwrap();
            let rows: Vec<_> = world.disk.history().into_iter().filter(|row| row.job.id == job).collect();
            prop_assert_eq!(rows.len(), 1);
            prop_assert_eq!(rows[0].outcome.event(), Some(last.kind));
            prop_assert_eq!((&rows[0].project, Some(&rows[0].job)), (&last.project, last.job.as_ref()));
            prop_assert_eq!(rows[0].end_observed_at, last.timestamp);
            // How long the restore itself took, and no delay of an end before the watch.
            let own = world.disk.events.iter().find(|event| of_job(event) && event.kind.is_terminal()).unwrap();
            prop_assert_eq!(rows[0].elapsed, own.elapsed);
            let delay = rows[0].detection_delay_seconds;
            prop_assert!(delay.is_none() || delay == last.detection_delay_seconds);

            // Each sink got each end at least once, always the same event, unless the delivery is a
            // dead letter.
            let events = || world.disk.events.iter().filter(of_job);
            for (sink, taken) in &world.taken {
                for end in events().filter(|event| event.kind.is_terminal()) {
                    let copies: Vec<_> = taken.iter().filter(|event| event.id == end.id).collect();
                    let pending = DeliveryId { event: end.id, sink: sink.clone() };
                    prop_assert!(!copies.is_empty() || dead_letters.contains(&pending));
                    prop_assert!(copies.iter().all(|copy| **copy == *end));
                }
                // First arrivals are in the order of the events; only ends may come earlier.
                let mut first_arrivals: Vec<_> = Vec::new();
                for event in taken.iter().filter(of_job).filter(|event| !event.kind.is_terminal()) {
                    if !first_arrivals.contains(&event.id) {
                        first_arrivals.push(event.id);
                    }
                }
                if dead_letters.is_empty() {
                    let before = events().filter(|event| !event.kind.is_terminal());
                    let is_sent = |event: &EventId| !superseded.contains(&(*event, sink.clone()));
                    let order: Vec<_> = before.map(|event| event.id).filter(is_sent).collect();
                    first_arrivals.retain(is_sent);
                    prop_assert_eq!(first_arrivals, order);
                }
                // A receiver that keeps the present state is left with the right one.
                if sink.as_str() == STATE && dead_letters.is_empty() {
                    let left_with = taken.iter().rfind(of_job).map(|event| event.id);
                    prop_assert_eq!(left_with, Some(last.id));
                }
            }
        }

        // No window has more polls than the rate allows: of any number of polls in a row, up to a
        // few hundred.
        for n in 2_u32..400 {
            for window in world.polls.iter().flat_map(|polls| polls.windows(n as usize)) {
                let allowed = f64::from(burst) + window[window.len() - 1].since(window[0]).as_secs_f64() * rate;
                prop_assert!(f64::from(n) <= allowed + 1e-9);
            }
        }
    }

    #[test]
    fn same_inputs_give_the_same_actions(scripts in scripts(), trouble in trouble(), seed in any::<u64>()) {
        let run = || {
            let mut world = World::new(scripts.clone(), trouble.clone(), seed, &["one"]);
            world.run(&watched(&scripts, 2.0, 4));
            world.log
        };
        prop_assert_eq!(run(), run());
    }
}

/// Without faults, an end is noticed within the interval of that age.
#[test]
fn without_trouble_ends_are_noticed_in_time() {
    let calm = Trouble {
        transient: 0.0,
        throttled: 0.0,
        hang: 0.0,
        vanish: 0.0,
        refused: 0.0,
        sink: 0.0,
        jumps: Vec::new(),
        kills: Vec::new(),
        clocks: Vec::new(),
        changes: Vec::new(),
        sleeps: Vec::new(),
    };
    for takes in [6, 106, 600, 3600, 18_000] {
        let script = Script { appears: 0, takes, end: "Completed", odd: false, progress: false, index: None };
        let mut world = World::new(vec![script.clone()], calm.clone(), takes, &["one"]);
        world.run(&watched(&[script], 2.0, 4));
        let delay = world.disk.events.last().unwrap().detection_delay_seconds.unwrap();
        #[expect(clippy::cast_precision_loss, reason = "hours in seconds")]
        let interval = (0.2 * takes as f64).sqrt().clamp(1.0, 60.0) * 1.1;
        assert!(delay <= interval + 1.0, "{delay} s after {takes} s");
    }
}
