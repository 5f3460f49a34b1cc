//! A daemon with the world it watches and the sinks it delivers to.
//!
//! Invariant: whatever the daemon prints, and whatever it leaves behind, is searched for secrets.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::ledger::{Ledger, SINKS};
use crate::oracle::{Counts, Emission, judge};
use crate::secrets;
use crate::support::state::{Query, State};
use crate::support::{Done, Folder, KEY, PATIENCE, Running, Watch};
use crate::world::{Size, World};

const ENDED: Query = Query {
    sqlite: "SELECT json_array(count(*)) FROM jobs WHERE ended_at IS NOT NULL",
    postgres: "SELECT json_build_array(count(*)) FROM jobs WHERE ended_at IS NOT NULL",
};

const OF_INDEXES: Query = Query {
    sqlite: "SELECT json_array(count(*)) FROM transitions WHERE kind LIKE 'index.%'",
    postgres: "SELECT json_build_array(count(*)) FROM events WHERE kind LIKE 'index.%'",
};

const PENDING: Query = Query {
    sqlite: "SELECT json_array(count(*)) FROM deliveries WHERE state = 'pending'",
    postgres: "SELECT json_build_array(count(*)) FROM deliveries WHERE state = 'pending'",
};

const BY_SINK: Query = Query {
    sqlite: "SELECT json_array(sink, count(*), min(due), max(attempts), max(reason))
             FROM deliveries WHERE state = 'pending' GROUP BY sink",
    postgres: "SELECT json_build_array(sink, count(*), min(due), max(attempts), max(reason))
               FROM deliveries WHERE state = 'pending' GROUP BY sink",
};

/// Everything around one state.
pub(crate) struct Stage {
    _folder: Folder,
    config: String,
    state: PathBuf,
    pub(crate) world: World,
    pub(crate) ledgers: Vec<Ledger>,
    /// The launcher that execs the daemon; empty for none.
    pub(crate) launcher: Vec<String>,
    /// Additional environment variables of the daemon.
    pub(crate) environment: Vec<(String, String)>,
    seed: u64,
    /// The output of the last daemons, for the message of a failure.
    printed: Vec<String>,
}

impl Stage {
    /// A world of this size that begins now, and all sinks.
    pub(crate) fn new(size: Size, seed: u64) -> Self {
        Self::that_discovers(false, size, seed)
    }

    /// The same; the later jobs are discovered if `discovers`.
    pub(crate) fn that_discovers(discovers: bool, size: Size, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let folder = Folder::new();
        let state = folder.path().join("state/state.db");
        // The first server takes seconds to start, in which jobs would end.
        drop(State::of(&state));

        let ledgers: Vec<_> = SINKS.iter().map(|sink| Ledger::open(sink, rng.u64(..))).collect();
        let world = World::begin(size, &mut rng);
        let sinks: String = ledgers.iter().map(Ledger::configuration).collect();
        // The log keeps no ledger.
        let log = "[[sink]]\ntype = \"log\"\nevents = []\n";
        let config = folder.write("config.toml", world.configuration(discovers) + &sinks + log);
        Self {
            config,
            state,
            world,
            ledgers,
            launcher: Vec::new(),
            environment: Vec::new(),
            seed,
            printed: Vec::new(),
            _folder: folder,
        }
    }

    /// The file of the state.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// Whether all ends are emitted and no delivery is pending, by the state of the running daemon.
    pub(crate) fn is_emitted(&self) -> bool {
        let state = State::of(&self.state);
        let jobs = || self.world.jobs().iter();
        let ends = i64::try_from(jobs().filter(|job| job.ends.is_some()).count()).ok();
        let indexes = i64::try_from(jobs().filter(|job| job.index.is_some()).count()).ok();
        state.number(&ENDED) == ends
            && state.number(&OF_INDEXES) == indexes
            && state.number(&PENDING) == Some(0)
    }

    /// The daemon to start.
    pub(crate) fn daemon(&self, arguments: &[&str]) -> Watch {
        let launcher: Vec<_> = self.launcher.iter().map(String::as_str).collect();
        let arguments = ["run", "--config", &self.config].into_iter().chain(arguments.iter().copied());
        let directory = self.state.parent().expect("a directory").to_string_lossy().into_owned();
        let daemon = Watch::through(&launcher, arguments).env("KEY", KEY).env("STATE_DIRECTORY", &directory);
        let variables = self.ledgers.iter().flat_map(Ledger::variables).chain(self.environment.clone());
        variables.fold(daemon, |daemon, (name, value)| daemon.env(&name, &value))
    }

    /// Records the output of a daemon that ended.
    pub(crate) fn ended(&mut self, done: &Done) {
        secrets::none_in("standard output", done.stdout.as_bytes());
        secrets::none_in("standard error", done.stderr.as_bytes());
        if self.printed.len() == 3 {
            self.printed.remove(0);
        }
        self.printed.push(done.stderr.clone());
    }

    /// Calms the sinks and runs the daemon until all is done.
    pub(crate) fn finish(&mut self) {
        self.ledgers.iter().for_each(|ledger| ledger.calm(true));
        let mut daemon = start(self.daemon(&["--exit-when-done"]));
        assert!(daemon.ends_within(PATIENCE), "{}{}", self.pending(), daemon.stderr());
        let done = daemon.finish();
        self.ended(&done);
        assert!(matches!(done.code, Some(0 | 1 | 6)), "{:?}: {}", done.code, self.context());
    }

    /// Fails unless every delivery was made. Gives the counts.
    #[track_caller]
    pub(crate) fn judge(&self, emission: Emission) -> Counts {
        let directory = self.state.parent().expect("a directory");
        let state = State::of(&self.state);
        match state.dump() {
            Some(dump) => secrets::none_in("a dump", &dump),
            None => assert!(secrets::none_below(directory) > 0, "a state without files"),
        }
        let verdict = judge(&state, self.world.jobs(), &self.ledgers, emission);
        let faults = &verdict.faults[..verdict.faults.len().min(20)];
        assert!(faults.is_empty(), "{} faults: {faults:#?}\n{}", verdict.faults.len(), self.context());
        verdict.counts
    }

    /// What is pending, by sink.
    fn pending(&self) -> String {
        let rows = State::of(&self.state).rows(&BY_SINK).expect("a state");
        let rows: Vec<_> = rows.iter().map(Value::to_string).collect();
        format!("pending, the first due, attempts at most, why:\n{}\n", rows.join("\n"))
    }

    /// Context for the message of a failure.
    pub(crate) fn context(&self) -> String {
        format!(
            "the seed of this stage: {}\n--- the last daemons\n{}",
            self.seed,
            self.printed.join("\n---\n")
        )
    }
}

pub(crate) fn start(daemon: Watch) -> Running {
    let running = daemon.start();
    secrets::none_in_arguments(running.id());
    running
}
