//! Faults by a seeded plan, and what ends them.
//!
//! Invariant: a fault hits a replica that is well, so that each one counts; what a fault broke is
//! mended within three leases.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use restore_watch::model::time::Instant;

use crate::cluster::{Cluster, LEASE, is_end_by_request};
use crate::support::{CLOCK, Network, PostgresServer};

/// The places at which a replica kills itself.
pub(crate) const PLACES: [&str; 9] = [
    "after_take",
    "before_renewal",
    "before_commit",
    "after_commit",
    "before_post",
    "after_post",
    "before_mark",
    "after_mark",
    "before_giving_back",
];

/// What is done to a replica, or to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Kill,
    /// It kills itself at one of the places.
    KillItself(&'static str),
    Pause,
    Stop,
    LoseDatabase,
    LoseApi,
    LoseBoth,
    ServerCrash,
    ServerStop,
}

/// The kinds that are drawn from; the others follow from the start of a replica.
const KINDS: [Fault; 9] = [
    Fault::Kill,
    Fault::Kill,
    Fault::Pause,
    Fault::Stop,
    Fault::LoseDatabase,
    Fault::LoseApi,
    Fault::LoseBoth,
    Fault::ServerCrash,
    Fault::ServerStop,
];

/// What ends a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mend {
    Start(usize),
    Resume(usize),
    Connect(usize),
    StartServer,
}

/// What happens to one cluster.
pub(crate) struct Faults {
    rng: fastrand::Rng,
    /// What is due, and when.
    agenda: Vec<(Instant, Mend)>,
    /// The place at which each replica is to kill itself.
    armed: BTreeMap<usize, &'static str>,
    /// The ones that were asked to stop.
    stopping: BTreeSet<usize>,
    next: Instant,
    /// How often each was done.
    pub(crate) done: BTreeMap<Fault, usize>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        let next = CLOCK.now().instant;
        let rng = fastrand::Rng::with_seed(seed);
        Self {
            rng,
            agenda: Vec::new(),
            armed: BTreeMap::new(),
            stopping: BTreeSet::new(),
            next,
            done: BTreeMap::new(),
        }
    }

    /// How many were done.
    pub(crate) fn count(&self) -> usize {
        self.done.values().sum()
    }

    /// Mends what is due, and does the next one if it is time.
    pub(crate) fn turn(&mut self, cluster: &mut Cluster<'_>) {
        self.collect(cluster);
        let now = CLOCK.now().instant;
        let (due, later) = self.agenda.iter().partition(|(at, _)| *at <= now);
        self.agenda = later;
        let due: Vec<(Instant, Mend)> = due;
        for (_, mend) in due {
            self.mend(cluster, mend);
        }
        if now >= self.next {
            self.next = self.in_at_most(Duration::from_millis(2500));
            self.begin(cluster);
        }
    }

    /// Mends all of it. No replica kills itself from then on.
    pub(crate) fn end(&mut self, cluster: &mut Cluster<'_>) {
        let agenda = std::mem::take(&mut self.agenda);
        agenda.into_iter().filter(|(_, mend)| !matches!(mend, Mend::Start(_))).for_each(|(_, mend)| {
            self.mend(cluster, mend);
        });
        for at in std::mem::take(&mut self.armed).into_keys() {
            cluster.replicas[at].kill();
        }
        for at in std::mem::take(&mut self.stopping) {
            if cluster.replicas[at].is_up() {
                let done = cluster.replicas[at].end();
                assert!(is_end_by_request(&done), "{at}: {done:?}\n{}", cluster.logged());
            }
        }
        cluster.start();
    }

    /// Notices the replicas that ended.
    fn collect(&mut self, cluster: &mut Cluster<'_>) {
        for at in 0..cluster.replicas.len() {
            if !cluster.replicas[at].has_ended() {
                continue;
            }
            let done = cluster.replicas[at].end();
            let (armed, was_asked) = (self.armed.remove(&at), self.stopping.remove(&at));
            match armed {
                Some(place) if done.signal == Some(9) => self.count_one(Fault::KillItself(place)),
                _ => assert!(was_asked && is_end_by_request(&done), "{at}: {done:?}\n{}", cluster.logged()),
            }
            let due = self.in_at_most(LEASE / 2);
            self.agenda.push((due, Mend::Start(at)));
        }
    }

    fn begin(&mut self, cluster: &mut Cluster<'_>) {
        let kind = KINDS[self.rng.usize(..KINDS.len())];
        let due = self.in_at_most(3 * LEASE);
        if matches!(kind, Fault::ServerCrash | Fault::ServerStop) {
            if self.agenda.iter().any(|(_, mend)| *mend == Mend::StartServer) {
                return;
            }
            let stop = [PostgresServer::stop_immediate, PostgresServer::stop_fast];
            stop[usize::from(kind == Fault::ServerStop)](cluster.server);
            self.agenda.push((due, Mend::StartServer));
            return self.count_one(kind);
        }
        let Some(at) = self.target(cluster) else { return };
        let replica = &mut cluster.replicas[at];
        // What a lost packet does, and what a router does that knows no way.
        let network = if self.rng.bool() { Network::Silent } else { Network::Refuses };
        let mend = match kind {
            Fault::Kill => {
                replica.kill();
                self.armed.remove(&at);
                let due = self.in_at_most(LEASE / 2);
                self.agenda.push((due, Mend::Start(at)));
                None
            }
            Fault::Stop => {
                replica.ask_to_stop();
                self.stopping.insert(at);
                None
            }
            Fault::Pause => {
                replica.pause();
                Some(Mend::Resume(at))
            }
            Fault::LoseDatabase => {
                replica.to_database.set(network);
                Some(Mend::Connect(at))
            }
            Fault::LoseApi => {
                replica.to_api.set(network);
                Some(Mend::Connect(at))
            }
            _ => {
                replica.set(network);
                Some(Mend::Connect(at))
            }
        };
        self.agenda.extend(mend.map(|mend| (due, mend)));
        self.count_one(kind);
    }

    /// A replica that is well: mostly the active one.
    fn target(&mut self, cluster: &Cluster<'_>) -> Option<usize> {
        let is_well = |at: &usize| {
            let is_due = |mend: &Mend| matches!(mend, Mend::Start(of) | Mend::Resume(of) | Mend::Connect(of) if of == at);
            let is_broken = self.agenda.iter().any(|(_, mend)| is_due(mend)) || self.stopping.contains(at);
            cluster.replicas[*at].is_up() && !is_broken
        };
        let well: Vec<_> = (0..cluster.replicas.len()).filter(is_well).collect();
        let active = cluster.polls().last().map(|(_, at)| *at).filter(|at| well.contains(at));
        if self.rng.u8(..3) > 0 && active.is_some() { active } else { self.rng.choice(well) }
    }

    fn mend(&mut self, cluster: &mut Cluster<'_>, mend: Mend) {
        match mend {
            Mend::Start(at) if self.rng.bool() => {
                let place = PLACES[self.rng.usize(..PLACES.len())];
                let times = if place == "after_take" { 1 } else { self.rng.u32(1..10) };
                let arrival = format!("{place}:{times}");
                cluster.replicas[at].start_with(&[("RESTORE_WATCH_FAILPOINT", &arrival)]);
                self.armed.insert(at, place);
            }
            Mend::Start(at) => cluster.replicas[at].start(),
            Mend::Resume(at) => cluster.replicas[at].resume(),
            Mend::Connect(at) => cluster.replicas[at].set(Network::Well),
            Mend::StartServer => cluster.server.start(),
        }
    }

    fn count_one(&mut self, fault: Fault) {
        *self.done.entry(fault).or_default() += 1;
    }

    fn in_at_most(&mut self, time: Duration) -> Instant {
        let time = time.mul_f64(self.rng.f64());
        CLOCK.now().instant + time
    }
}
