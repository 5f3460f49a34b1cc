//! The part that this process takes among the replicas that share its state, over all its terms.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use super::back_off::BackOff;
use super::handover;
use super::role::cluster_status;
use crate::adapters::metrics::{ClusterReading, Counters};
use crate::adapters::report::{ClusterStatus, Reader as _, Role};
use crate::adapters::store::{Backend, ClusterView, LateReader, Look, OpenError, Opened, Replica};
use crate::app::driver::{Driver, Error, State};
use crate::app::setup::Setup;
use crate::model::duration;
use crate::model::time::Instant;
use crate::platform::blocking;
use crate::platform::clock::Clock;

/// How long a new term waits for what its counters go on from. The lease runs meanwhile.
const COUNTING: Duration = Duration::from_secs(1);

/// The time between two looks of the active replica at what the others show of themselves.
const GLANCE_INTERVAL: Duration = Duration::from_secs(5);

/// A process among replicas.
pub struct Cluster {
    pub(super) replica: Box<dyn Replica>,
    /// What the next term begins with.
    pub(super) setup: Setup,
    pub(super) clock: Clock,
    /// What the first look found, until it is used.
    pub(super) first: Option<Result<Look, OpenError>>,
    pub(super) tally: Tally,
    backend: Arc<dyn Backend>,
    back_off: BackOff,
    /// When the active replica looks at the others next.
    glance_at: Option<Instant>,
    /// What was logged of replicas whose configuration differs.
    logged: BTreeSet<String>,
}

/// How often this process took the lease, and lost it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) takeovers: u64,
    pub(super) losses: u64,
}

impl Tally {
    pub(super) fn reading(self, view: &ClusterView, role: Role) -> ClusterReading {
        ClusterReading {
            is_active: role == Role::Active,
            epoch: view.epoch,
            takeovers: self.takeovers,
            losses: self.losses,
            others: view.others.len(),
        }
    }
}

impl Cluster {
    /// A process that begins with this setup, after its `first` look at the lease.
    pub fn new(
        backend: Arc<dyn Backend>,
        replica: Box<dyn Replica>,
        first: Result<Look, OpenError>,
        setup: Setup,
        clock: Clock,
    ) -> Self {
        replica.configure(&setup.fingerprint());
        Self {
            replica,
            setup,
            clock,
            first: Some(first),
            tally: Tally::default(),
            backend,
            back_off: BackOff::default(),
            glance_at: None,
            logged: BTreeSet::new(),
        }
    }

    /// Uses this setup from the next term on.
    pub(super) fn reconfigure(&mut self, setup: Setup) {
        self.replica.configure(&setup.fingerprint());
        self.setup = setup;
    }

    /// Leaves the lease, which was given back, to another replica for a while.
    pub(super) fn leave_to_others(&mut self) {
        let lease = self.replica.cluster().lease;
        self.replica.decline(lease * handover::DECLINED_LEASES);
    }

    /// Notes that a term which lasted this long ended by this. A fault of the state may end the
    /// next one as well, so that this process leaves the lease alone for a while.
    pub(super) fn term_failed(&mut self, error: &Error, term: Duration) {
        self.tally.losses += 1;
        if !error.is_deposed() {
            let pause = self.back_off.after(term);
            info!("this replica does not take the lease for {}", duration::human(pause));
            self.replica.fail(pause);
        }
    }

    /// A driver for a term that begins with this state, as after a restart. `counts` if its counters
    /// are shown.
    pub(super) async fn driver(&mut self, opened: Opened, counts: bool) -> Driver {
        self.tally.takeovers += 1;
        self.glance_at = None;
        let location = self.backend.location();
        let state = State::opened(opened, location);
        let mut driver = Driver::new(self.setup.clone(), state, self.clock);
        if counts {
            driver.continue_counters(counted(Arc::clone(&self.backend)).await);
        }
        driver
    }

    /// Logs, while this replica is active, which others have another configuration: when that begins
    /// and when it ends.
    pub(super) fn glance(&mut self, driver: &Driver) {
        let now = self.clock.now().instant;
        if self.glance_at.is_some_and(|at| at > now) {
            return;
        }
        self.glance_at = Some(now + GLANCE_INTERVAL);

        let differences: BTreeSet<_> =
            active_status(driver).iter().flat_map(ClusterStatus::differences).collect();
        for difference in differences.difference(&self.logged) {
            warn!("{difference}: what it does after a takeover differs, too");
        }
        for before in self.logged.difference(&differences) {
            info!("no longer: {before}");
        }
        self.logged = differences;
    }
}

/// The replicas, as the active one sees them; none if the state belongs to one process.
pub(super) fn active_status(driver: &Driver) -> Option<ClusterStatus> {
    let view = driver.cluster()?;
    Some(cluster_status(&view, Role::Active, Duration::ZERO, driver.now().wall))
}

/// The counters as the state has them; they begin at 0 if that cannot be read in time.
async fn counted(backend: Arc<dyn Backend>) -> Counters {
    let read = async {
        let reading = blocking::start("totals", move || LateReader::of(backend).totals());
        let totals = reading.map_err(|error| error.to_string())?.await;
        totals.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    };
    let totals = tokio::time::timeout(COUNTING, read).await;
    match totals.unwrap_or_else(|_| Err("reading the state takes too long".to_owned())) {
        Ok(totals) => Counters::continuing(totals),
        Err(fault) => {
            warn!("metrics begin at 0: {fault}");
            Counters::default()
        }
    }
}
