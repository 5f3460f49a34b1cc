//! A process that shares a state with others: it stands by until it has the lease.
//!
//! Invariant: losing the lease is the end of an engine, and taking it is a start from what is
//! committed. No clock of a database or of another machine decides who has the lease.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jiff::Timestamp;

use super::{OpenError, Opened, Pending};
use crate::engine::snapshot::Snapshot;
use crate::model::time::Instant;

/// How long a request that was handed over waits to be taken.
pub const HAND_OVER_TIMEOUT: Duration = Duration::from_secs(10);

/// The part that this process takes in a cluster. It reconnects by itself.
pub trait Replica: Send {
    /// Looks at the lease, and takes it if it is free: it was given back, or its holder showed no
    /// sign of life for one lease. Dropping the future loses nothing but the look.
    fn look(&mut self) -> Looking<'_>;

    /// How long after the end of a look the next one begins.
    fn look_interval(&self) -> Duration;

    /// The replicas, as the last look saw them.
    fn cluster(&self) -> ClusterView;

    /// All that is committed, for questions to a replica that stands by.
    fn snapshot(&mut self) -> Pending<Snapshot>;

    /// Hands a request over to the active replica. Returns the answer that it committed together with
    /// what the request changed. If it did not take the request within [`HAND_OVER_TIMEOUT`], there is
    /// none, and if the request cannot be written down, this fails: then nothing is changed, neither
    /// now nor later.
    fn hand_over(&mut self, _request: String) -> Pending<Option<String>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Identifies the configuration of this process from now on: others whose differs are reported,
    /// and wait longer before they take the lease from it.
    fn configure(&self, _configuration: &str) {}

    /// From now on, leaves the lease to others for this time, if another replica is there to take it.
    fn decline(&mut self, time: Duration);

    /// The last term ended by a fault of the state, although its lease was not lost: for this time,
    /// does not take the lease, whether or not another replica is there.
    fn fail(&mut self, pause: Duration);

    /// Ends the part of this process: it is listed no longer, and a lease that it took is free, also one
    /// whose look was dropped. Takes a few seconds at most; what is not done then ends by itself.
    fn leave(&mut self) -> Leaving<'_>;
}

/// A look under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Result<Look, OpenError>> + Send + 'a>>;

/// A process that ends its part.
pub type Leaving<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// What a look at the lease found.
#[expect(clippy::large_enum_variant, reason = "one is made each second")]
pub enum Look {
    /// Another replica has the lease, or had it so recently that it may still act.
    Standby,
    /// This process has the lease from now on.
    Taken(Opened),
}

/// The lease of a state, for all that works under it.
pub trait Lease: Send + Sync {
    /// Whether this process may begin something now, such as a poll or an attempt at a delivery: past
    /// the deadline of its lease, another replica may be active.
    fn holds(&self, now: Instant) -> bool;
}

/// The replicas that share a state, as one of them sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterView {
    /// The name of the state.
    pub cluster: String,
    /// What this process is called.
    pub replica: String,
    /// How long a replica may show no sign of life before it counts as gone.
    pub lease: Duration,
    /// How often the lease was taken, by any replica.
    pub epoch: u64,
    /// The one that has the lease, if one has.
    pub active: Option<ActiveReplica>,
    /// The processes beside this one that take part, the active one as well.
    pub others: Vec<OtherReplica>,
}

/// The replica that has the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveReplica {
    pub name: String,
    /// Since when, by its own clock.
    pub since: Timestamp,
    /// How long ago it last showed a sign of life, by the clock of this process.
    pub heard: Duration,
}

/// A process beside this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherReplica {
    pub name: String,
    /// The version of its program.
    pub version: String,
    /// Whether its configuration is another one.
    pub differs: bool,
    /// How long ago it last showed a sign of life, by the clock of this process.
    pub heard: Duration,
}
