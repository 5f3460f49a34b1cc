//! Kills with another wall clock time at each start.
//!
//! Invariant: the verdict uses only what the receivers got. Times in the state come from wrong
//! clocks, and records that seem old by them may be deleted.
//!
//! `RESTORE_WATCH_STEPS=1000` gives the long form. About two thirds of the jobs are discovered, the
//! others are configured.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use restore_watch::model::EventKind;
use restore_watch::platform::clock::Clock;
use serde_json::Value;

use crate::kills::{number, until_active};
use crate::ledger::Ledger;
use crate::stage::{Stage, start};
use crate::support::{Folder, library_of_clocks};
use crate::world::Size;

/// How many starts the short form has.
const FEW: usize = 20;

/// The world of one round.
const ROUND: Size = Size { projects: 2, jobs: 40, endless: 0, span: Duration::from_secs(15) };

/// The failpoints at which every third process kills itself.
const PLACES: [&str; 4] = ["before_commit", "after_commit", "after_post", "before_mark"];

/// How long a process may take to reach a failpoint before it is killed anyway.
const PATIENCE: Duration = Duration::from_secs(3);

/// The time limit from a start to the first polls. The intervals are at most half a second; the
/// rest is for a busy machine.
const SOON: Duration = Duration::from_secs(20);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A minute after the epoch, where a clock without a battery starts, and just beyond 32 bits.
const ABSOLUTE: [i64; 2] = [60, (1 << 31) + 60];

#[test]
fn wrong_clock_at_a_start_loses_and_repeats_no_event() {
    let Some(library) = library_of_clocks() else { return };
    let starts = number("RESTORE_WATCH_STEPS").map_or(FEW, |steps| usize::try_from(steps).expect("a count"));
    let seed = number("RESTORE_WATCH_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("RESTORE_WATCH_SEED={seed} RESTORE_WATCH_STEPS={starts}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut done, mut rounds, mut events, mut slowest) = (0, 0, 0, Duration::ZERO);

    while done < starts {
        let mut stage = Stage::that_discovers(true, ROUND, rng.u64(..));
        let wrong = WrongClock::of(&mut stage, &library);
        let clock = Clock::system();
        let mut log = Vec::new();
        while !stage.world.is_over() && done < starts {
            let is_first = log.is_empty();
            log.push(if is_first { 0 } else { wrong.step(&mut rng) });
            let polls = stage.world.requests();
            let began = clock.now().instant;
            // Jobs that ended before the first complete scan are history, so the first process gets
            // that far.
            if done % 3 == 1 && !is_first {
                let arrival = format!("{}:{}", PLACES[rng.usize(..PLACES.len())], rng.u32(1..20));
                let mut daemon = start(stage.daemon(&[]).env("RESTORE_WATCH_FAILPOINT", &arrival));
                until_active(&mut daemon);
                daemon.ends_within(PATIENCE);
                stage.ended(&daemon.kill());
            } else {
                let mut daemon = start(stage.daemon(&[]));
                let wanted = if is_first { stage.world.jobs().len() / 2 } else { 1 };
                daemon.until("its polls", |_| stage.world.requests() >= polls + wanted);
                let soon = clock.now().instant.since(began);
                slowest = slowest.max(soon);
                assert!(soon <= SOON, "polled after {soon:?} with clocks {log:?}\n{}", stage.context());
                daemon.ends_within(Duration::from_millis(rng.u64(..400)));
                if rng.bool() {
                    // As a time service does.
                    log.push(wrong.step(&mut rng));
                    daemon.ends_within(Duration::from_millis(rng.u64(..400)));
                }
                stage.ended(&daemon.kill());
            }
            done += 1;
        }
        println!("clocks off by {log:?} s");
        wrong.step(&mut rng);
        stage.finish();
        events += judge(&stage);
        rounds += 1;
    }
    println!("{done} starts in {rounds} rounds: {events} events once each; polled after {slowest:?} at most");
}

/// The wall clock of the processes of a stage.
struct WrongClock {
    folder: Folder,
    path: String,
    clock: Clock,
}

impl WrongClock {
    /// A clock that is right at first, for this stage.
    fn of(stage: &mut Stage, library: &str) -> Self {
        let folder = Folder::new();
        let path = folder.write("offset", "+0");
        let variables = [
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", &path),
            ("FAKETIME_NO_CACHE", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ];
        stage.environment = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { folder, path, clock: Clock::system() }
    }

    /// Sets it to another time, also for a running process. Returns the offset in seconds.
    fn step(&self, rng: &mut fastrand::Rng) -> i64 {
        let now = self.clock.now().wall.as_second();
        let [epoch, end_of_32_bits] = ABSOLUTE.map(|second| second - now);
        let by = [0, HOUR, -HOUR, 31 * DAY, -31 * DAY, epoch, end_of_32_bits];
        let by = by[rng.usize(..by.len())];
        // In one step: faketime reads the file at every call of the clock.
        std::fs::rename(self.folder.write("next", format!("{by:+}")), &self.path).expect("a file");
        by
    }
}

/// Checks the requests to the sinks that get every event and never give up. Returns the number of
/// events.
fn judge(stage: &Stage) -> usize {
    let mut ids = 0;
    for ledger in stage.ledgers.iter().filter(|ledger| ledger.sink.gets_all_events()) {
        let name = ledger.sink.name;
        let mut emitted = emitted(ledger, stage);
        for job in stage.world.jobs() {
            for kind in [Some(EventKind::Watched), job.ends, job.index].into_iter().flatten() {
                let found = emitted.remove(&(job.id.clone(), kind)).unwrap_or_default();
                assert_eq!(found.len(), 1, "{name}: {} {kind}: {found:?}\n{}", job.id, stage.context());
                ids += 1;
            }
        }
        emitted.retain(|(_, kind), _| !matches!(kind, EventKind::Progressed | EventKind::StatusChanged));
        assert!(emitted.is_empty(), "{name}: {emitted:?}\n{}", stage.context());
    }
    ids
}

/// The ids under which each event was accepted; all requests with one id have one body.
fn emitted(ledger: &Ledger, stage: &Stage) -> BTreeMap<(String, EventKind), BTreeSet<String>> {
    let mut bodies = BTreeMap::new();
    let mut emitted: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for post in ledger.posts() {
        let first = bodies.entry(post.id.clone()).or_insert_with(|| post.body.clone());
        assert_eq!(*first, post.body, "{} has two bodies\n{}", post.id, stage.context());
        let body: Value = serde_json::from_slice(&post.body).expect("JSON");
        let text = |pointer| body.pointer(pointer).and_then(Value::as_str);
        let kind = text("/type").and_then(EventKind::parse).expect("a kind");
        let job = text("/job/id").expect("a job").to_owned();
        let ids = emitted.entry((job, kind)).or_default();
        if post.taken {
            ids.insert(post.id);
        }
    }
    emitted
}
