//! The daemon is killed at random moments and at named places, again and again, and started again.
//!
//! Invariant: the world is active at each kill: a round ends with its world, and the next one
//! begins with a new state.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use restore_watch::platform::clock::Clock;

use crate::oracle::{Counts, Emission};
use crate::stage::{Stage, start};
use crate::support::Running;
use crate::support::state::is_on_postgres;
use crate::world::Size;

/// How many kills the short form has.
const FEW: usize = 37;

/// The failpoints at which the process kills itself.
const PLACES: [&str; 8] = [
    "before_commit",
    "after_commit",
    "before_post",
    "after_post",
    "before_exec",
    "after_exec",
    "before_mark",
    "after_mark",
];

/// The world of one round, with a state in a file.
const ROUND: Size = Size { projects: 3, jobs: 60, endless: 0, span: Duration::from_secs(15) };

/// The same over PostgreSQL, where the lease of each process that was killed has to end first.
const ROUND_OF_LEASES: Size = Size { span: Duration::from_secs(60), ..ROUND };

/// The latest of the random moments, from the start of a process.
const LATEST: u64 = 600;

/// More than a process waits for the lease of one that was killed.
const LEASE: Duration = Duration::from_secs(10);

/// How long a process may take to reach a failpoint before it is killed anyway.
const PATIENCE: Duration = Duration::from_secs(3);

#[test]
fn nothing_is_lost_wherever_it_is_killed() {
    let kills = number("RESTORE_WATCH_KILLS").map_or(FEW, |kills| usize::try_from(kills).expect("a count"));
    let seed = number("RESTORE_WATCH_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("RESTORE_WATCH_SEED={seed} RESTORE_WATCH_KILLS={kills}");
    let clock = Clock::system();
    let start = clock.now().instant;
    let mut rng = fastrand::Rng::with_seed(seed);

    // Every third kill is at a failpoint, each failpoint as often as the others.
    let place = |kill: usize| kill.is_multiple_of(3).then(|| PLACES[kill / 3 % PLACES.len()]);
    let mut plan: Vec<_> = (0..kills).map(place).collect();
    rng.shuffle(&mut plan);
    let mut tally = Tally::default();
    while !plan.is_empty() {
        round(&mut plan, &mut rng, &mut tally);
        if tally.rounds.is_multiple_of(5) {
            println!("{tally}");
        }
    }

    assert_eq!((tally.kills(), tally.counts.lost), (kills, 0));
    println!("{tally}; {:.0} s", clock.now().instant.since(start).as_secs_f64());
}

/// The kills so far and the counts of the oracle.
#[derive(Default)]
struct Tally {
    /// The kills, by place.
    kills: BTreeMap<&'static str, usize>,
    rounds: usize,
    counts: Counts,
}

impl Tally {
    fn kills(&self) -> usize {
        self.kills.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kills: Vec<_> = self.kills.iter().map(|(place, count)| format!("{place} {count}")).collect();
        write!(f, "{} kills ({}) in {} rounds: {}", self.kills(), kills.join(", "), self.rounds, self.counts)
    }
}

/// Kills as planned until the world is over, lets the last process finish, and asks the oracle.
fn round(plan: &mut Vec<Option<&'static str>>, rng: &mut fastrand::Rng, tally: &mut Tally) {
    let size = if is_on_postgres() { ROUND_OF_LEASES } else { ROUND };
    let mut stage = Stage::new(size, rng.u64(..));
    while let Some(place) = plan.pop_if(|_| !stage.world.is_over()) {
        let daemon = stage.daemon(&[]);
        let (daemon, limit) = match place {
            Some(place) => {
                let arrival = format!("{place}:{}", rng.u32(1..20));
                (daemon.env("RESTORE_WATCH_FAILPOINT", &arrival), PATIENCE)
            }
            None => (daemon, Duration::from_millis(rng.u64(..LATEST))),
        };
        let mut daemon = start(daemon);
        until_active(&mut daemon);
        // Half of the random kills hit a process during a reload.
        if place.is_none() && rng.bool() {
            daemon.until_logged("watching ");
            daemon.signal("HUP");
        }
        // The random moment is the condition that is waited for.
        let by_itself = daemon.ends_within(limit);
        let done = daemon.kill();
        stage.ended(&done);
        assert_eq!(done.signal, Some(9), "{:?}: {}", done.code, stage.context());
        *tally.kills.entry(place.filter(|_| by_itself).unwrap_or("random")).or_default() += 1;
    }
    stage.finish();
    tally.counts += stage.judge(Emission::Once);
    tally.rounds += 1;
}

/// Waits until a replica is active: a standby does nothing that a kill could spoil. A failpoint may
/// come before that.
pub(crate) fn until_active(daemon: &mut Running) {
    if is_on_postgres() {
        daemon.logs_within("watching ", LEASE);
    }
}

/// A number in the environment of the tests.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
