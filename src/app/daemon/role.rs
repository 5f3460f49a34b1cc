//! What this process is to the replicas that share its state, as it is published.

use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::report::{ActiveStatus, ClusterStatus, ReplicaStatus, Role};
use crate::adapters::store::ClusterView;

/// A view of the cluster that was taken `age` ago, by a process with this role, with a state that was
/// read at `as_of`.
pub(super) fn cluster_status(
    view: &ClusterView,
    role: Role,
    age: Duration,
    as_of: Timestamp,
) -> ClusterStatus {
    let seconds = |heard: Duration| (heard + age).as_secs_f64();
    let active = view.active.as_ref().map(|active| ActiveStatus {
        name: active.name.clone(),
        since: active.since,
        heard_seconds: seconds(active.heard),
    });
    let replicas = view.others.iter().map(|other| ReplicaStatus {
        name: other.name.clone(),
        version: other.version.clone(),
        differs: other.differs,
        heard_seconds: seconds(other.heard),
    });
    ClusterStatus {
        name: view.cluster.clone(),
        replica: view.replica.clone(),
        role,
        epoch: view.epoch,
        active,
        replicas: replicas.collect(),
        as_of,
    }
}
