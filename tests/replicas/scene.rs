//! A cluster with the world it watches and the sinks it delivers to, and the judge of the end.

use std::fmt::Write as _;

use crate::cluster::{Cluster, ENDPOINT};
use crate::ledger::{Ledger, SINKS};
use crate::oracle::{Counts, Emission, judge};
use crate::secrets;
use crate::support::PostgresServer;
use crate::support::state::{Query, State};
use crate::world::{Size, World};

/// The names of the replicas.
const NAMES: [&str; 3] = ["a", "b", "c"];

const ENDED: Query =
    Query { sqlite: "", postgres: "SELECT json_build_array(count(*)) FROM jobs WHERE ended_at IS NOT NULL" };

const OF_INDEXES: Query =
    Query { sqlite: "", postgres: "SELECT json_build_array(count(*)) FROM events WHERE kind LIKE 'index.%'" };

const PENDING: Query = Query {
    sqlite: "",
    postgres: "SELECT json_build_array(count(*)) FROM deliveries WHERE state = 'pending'",
};

/// Three replicas and everything around them.
pub(crate) struct Scene<'a> {
    pub(crate) cluster: Cluster<'a>,
    pub(crate) world: World,
    ledgers: Vec<Ledger>,
    seed: u64,
}

/// What the judge found.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) counts: Counts,
    /// Requests after the mark that the delivery was made.
    pub(crate) late: usize,
}

impl<'a> Scene<'a> {
    /// A world of one project that begins now, all sinks, and replicas that are not started.
    pub(crate) fn new(server: &'a PostgresServer, database: &str, size: Size, seed: u64) -> Self {
        assert_eq!(size.projects, 1, "a replica has one way to one control plane");
        let mut rng = fastrand::Rng::with_seed(seed);
        let ledgers: Vec<_> = SINKS.iter().map(|sink| Ledger::open(sink, rng.u64(..))).collect();
        let world = World::begin(size, &mut rng);

        let (text, plane) = through_proxies(&world.configuration(false));
        let sinks: String = ledgers.iter().map(Ledger::configuration).collect();
        // The log keeps no ledger.
        let text = format!("{text}{sinks}[[sink]]\ntype = \"log\"\nevents = []\n");
        let plane = plane.parse().expect("an address");
        let mut cluster = Cluster::new(server, database, plane, &text, &NAMES);
        for replica in &mut cluster.replicas {
            replica.variables.extend(ledgers.iter().flat_map(Ledger::variables));
        }
        Self { cluster, world, ledgers, seed }
    }

    /// Calms the sinks, and waits until all ends are emitted and nothing is pending; then stops the
    /// replicas.
    #[track_caller]
    pub(crate) fn finish(&mut self) {
        self.ledgers.iter().for_each(|ledger| ledger.calm(true));
        let jobs = || self.world.jobs().iter();
        let ends = i64::try_from(jobs().filter(|job| job.ends.is_some()).count()).ok();
        let indexes = i64::try_from(jobs().filter(|job| job.index.is_some()).count()).ok();
        self.cluster.until("all to be delivered", |cluster| {
            let state = State::Database(cluster.server, cluster.database.clone());
            state.number(&ENDED) == ends
                && state.number(&OF_INDEXES) == indexes
                && state.number(&PENDING) == Some(0)
        });
        self.cluster.stop();
    }

    /// Fails unless every delivery was made, once but for repetitions with the same id and body, in
    /// order, and no two replicas polled at once.
    #[track_caller]
    pub(crate) fn judge(&self) -> Verdict {
        self.judge_as(Emission::Once)
    }

    /// The same, if events may have been repeated under another id.
    #[track_caller]
    pub(crate) fn judge_as(&self, emission: Emission) -> Verdict {
        let state = State::Database(self.cluster.server, self.cluster.database.clone());
        secrets::none_in("a dump", &state.dump().expect("a dump"));
        self.cluster.polls_in_turns();
        self.cluster.no_session_is_left_in_a_transaction();

        let verdict = judge(&state, self.world.jobs(), &self.ledgers, emission);
        let (late, faults): (Vec<_>, Vec<_>) =
            verdict.faults.into_iter().partition(|fault| fault.contains(" times after it was marked as "));
        let shown = &faults[..faults.len().min(20)];
        assert!(faults.is_empty(), "{} faults: {shown:#?}\n{}", faults.len(), self.context());
        Verdict { counts: verdict.counts, late: late.len() }
    }

    /// Context for the message of a failure.
    pub(crate) fn context(&self) -> String {
        format!("the seed of this scene: {}\n{}", self.seed, self.cluster.logged())
    }
}

/// A configuration whose project is reached through the proxy of a replica, and the address of its
/// control plane.
fn through_proxies(text: &str) -> (String, String) {
    const KEY: &str = "endpoint = \"http://";

    let (before, after) = text.split_once(KEY).expect("a project");
    let (plane, after) = after.split_once('"').expect("an address");
    let mut changed = before.to_owned();
    _ = write!(changed, "endpoint = \"{ENDPOINT}\"\nallow_http = true{after}");
    (changed, plane.to_owned())
}
