//! Three replicas under faults of every kind, again and again.
//!
//! Invariant: the world is active at each fault: a round ends with its world, and the next one
//! begins with a new database.
//!
//! `RESTORE_WATCH_FAULTS=1000` gives the long form, `RESTORE_WATCH_SEED` the plan that a failure
//! printed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::faults::{Fault, Faults};
use crate::number;
use crate::oracle::Counts;
use crate::scene::{Scene, Verdict};
use crate::support::PostgresServer;
use crate::support::postgres_server::{Installation, Options};
use crate::world::Size;

/// How many faults the short form has.
const FEW: usize = 40;

/// How many clusters run in parallel, each on a server of its own; most of the time they are idle.
const LANES: usize = 4;

/// The world of one round.
const ROUND: Size = Size { projects: 1, jobs: 40, endless: 0, span: Duration::from_secs(20) };

#[test]
fn nothing_is_lost_whatever_happens_to_replicas() {
    if Installation::find().is_none() {
        return;
    }
    let faults = number("RESTORE_WATCH_FAULTS").unwrap_or(FEW);
    let seed = number("RESTORE_WATCH_SEED").map_or_else(|| fastrand::u64(..), |seed| seed as u64);
    println!("RESTORE_WATCH_SEED={seed} RESTORE_WATCH_FAULTS={faults}");

    let tallies: Vec<Option<Tally>> = std::thread::scope(|scope| {
        let lane = |lane: usize| scope.spawn(move || run_lane(lane, faults.div_ceil(LANES), seed));
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        lanes.into_iter().map(|lane| lane.join().ok()).collect()
    });

    let mut all = Tally::default();
    for tally in tallies.iter().flatten() {
        all.add(tally);
    }
    println!(
        "{} faults in {} rounds, {} leases: {}, {} after their mark\n{:?}",
        all.faults.values().sum::<usize>(),
        all.rounds,
        all.leases,
        all.counts,
        all.late,
        all.faults
    );
    assert!(tallies.iter().all(Option::is_some), "what failed is printed above");
    assert_eq!(all.counts.lost, 0);
    let pauses = all.faults.get(&Fault::Pause).copied().unwrap_or_default();
    assert!(pauses > 0 || all.late == 0, "{} came after their mark", all.late);
}

/// What happened so far.
#[derive(Default)]
struct Tally {
    faults: BTreeMap<Fault, usize>,
    rounds: usize,
    /// How often a lease was taken.
    leases: usize,
    counts: Counts,
    late: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        self.rounds += other.rounds;
        self.leases += other.leases;
        self.counts += other.counts;
        self.late += other.late;
    }
}

/// Rounds on one server until it had this many faults.
fn run_lane(lane: usize, faults: usize, seed: u64) -> Tally {
    let server = PostgresServer::new(Options::default()).expect("PostgreSQL");
    let mut rng = fastrand::Rng::with_seed(seed ^ lane as u64);
    let mut tally = Tally::default();
    while tally.faults.values().sum::<usize>() < faults {
        let left = faults - tally.faults.values().sum::<usize>();
        let mut scene = Scene::new(&server, &format!("round_{}", tally.rounds), ROUND, rng.u64(..));
        let done = round(&mut scene, left, &mut rng);
        let Verdict { counts, late } = scene.judge();
        tally.add(&Tally { faults: done, rounds: 1, leases: scene.cluster.epoch(), counts, late });
    }
    tally
}

/// Does faults until there were `most` of them or the world is over; then waits for all deliveries.
fn round(scene: &mut Scene<'_>, most: usize, rng: &mut fastrand::Rng) -> BTreeMap<Fault, usize> {
    scene.cluster.start();
    scene.cluster.active();
    let mut faults = Faults::new(rng.u64(..));
    while faults.count() < most && !scene.world.is_over() {
        faults.turn(&mut scene.cluster);
        std::thread::sleep(Duration::from_millis(5));
    }
    faults.end(&mut scene.cluster);
    scene.finish();
    faults.done
}
