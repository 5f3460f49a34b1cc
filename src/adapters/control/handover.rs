//! Handing the lease over to another replica.

use serde::{Deserialize, Serialize};

/// A time in which one replica has the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActiveTerm {
    /// What the replica is called.
    pub replica: String,
    /// The number of the term.
    pub epoch: u64,
}

/// What the active replica answers before it gives its lease back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandoverBegun {
    /// What it is called.
    pub replica: String,
    /// The number of its term.
    pub epoch: u64,
    /// After this time, a replica has the lease, be it another one or the same.
    pub decided_within_seconds: f64,
}

/// Another replica has the lease.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Handover {
    /// The replica that had it before.
    pub from: String,
    /// The replica that is active now.
    pub active: String,
    /// How long that took.
    pub seconds: f64,
}
