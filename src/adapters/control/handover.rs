//! Handing the lease over to another replica.

use serde::{Deserialize, Serialize};

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
