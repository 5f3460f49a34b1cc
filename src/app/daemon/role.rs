//! What this process is to the replicas that share its state, as it is published.

use std::time::Duration;

use jiff::Timestamp;

use crate::adapters::report::{ActiveStatus, ClusterStatus, ReplicaStatus, Role};
use crate::adapters::store::{ClusterView, OtherReplica};

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
    let others = view.others.iter().filter(|other| !is_replaced(other, view));
    let replicas = others.map(|other| ReplicaStatus {
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

/// Whether this is a process that was lost and runs again under the same name: a replica to a person.
fn is_replaced(other: &OtherReplica, view: &ClusterView) -> bool {
    let runs_again = |later: &OtherReplica| later.name == other.name && later.heard < other.heard;
    other.heard > view.lease && (other.name == view.replica || view.others.iter().any(runs_again))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_that_runs_again_is_listed_once() {
        let other = |name: &str, seconds| OtherReplica {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            differs: false,
            heard: Duration::from_secs(seconds),
        };
        let view = ClusterView {
            replica: "a".to_owned(),
            lease: Duration::from_secs(15),
            others: vec![
                other("a", 20),
                other("b", 20),
                other("b", 1),
                other("c", 20),
                other("d", 2),
                other("d", 1),
            ],
            ..ClusterView::default()
        };

        let status = cluster_status(&view, Role::Active, Duration::ZERO, Timestamp::UNIX_EPOCH);

        let listed: Vec<_> = status.replicas.iter().map(|replica| replica.name.as_str()).collect();
        assert_eq!(listed, ["b", "c", "d", "d"], "two that run under one name are two");
    }
}
