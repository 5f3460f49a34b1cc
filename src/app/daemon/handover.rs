//! Gives the lease to another replica because a person asks for it.
//!
//! Invariant: the lease is given back only if another replica is there to take it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::adapters::control::{ActiveTerm, Handover, HandoverBegun};
use crate::adapters::report::{RequestError, RequestErrorKind, Responder};
use crate::adapters::store::ClusterView;
use crate::model::duration;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// For how many leases a replica that gave its lease away leaves it to others.
pub(super) const DECLINED_LEASES: u32 = 2;

/// Leases after which a lease that was given back has a holder again, be it the replica that
/// declined it.
const DECIDED_LEASES: u32 = DECLINED_LEASES + 2;

/// Begins a handover by the active replica of this cluster, which takes up to `drain` to finish its
/// deliveries. Refuses it if no other replica is there.
pub(super) fn begin(cluster: Option<&ClusterView>, drain: Duration) -> Result<HandoverBegun, RequestError> {
    let Some(cluster) = cluster else {
        let error = "the state of this daemon belongs to one process, so there is no replica to hand over to";
        return Err(RequestError::new(RequestErrorKind::Invalid, error)
            .with_help("replicas share a state that is in PostgreSQL: [state] postgres"));
    };
    let ClusterView { replica, epoch, lease, others, .. } = cluster;
    let is_there = others.iter().any(|other| other.heard <= *lease);
    if !is_there {
        return Err(no_other_replica(cluster));
    }

    info!(epoch, "handing over: {replica} finishes its deliveries and gives its lease back");
    let decided_within = drain + *lease * DECIDED_LEASES;
    Ok(HandoverBegun {
        replica: replica.clone(),
        epoch: *epoch,
        decided_within_seconds: decided_within.as_secs_f64(),
    })
}

/// A handover that is over: the term that it was to end has ended, and another replica is active.
pub(super) fn is_over(ends: ActiveTerm, cluster: &ClusterView) -> Option<HandoverBegun> {
    let ActiveTerm { replica, epoch } = ends;
    let decided_within_seconds = (cluster.lease * DECIDED_LEASES).as_secs_f64();
    (cluster.epoch > epoch && cluster.replica != replica).then_some(HandoverBegun {
        replica,
        epoch,
        decided_within_seconds,
    })
}

fn no_other_replica(ClusterView { replica, cluster, others, .. }: &ClusterView) -> RequestError {
    let last = others.iter().min_by_key(|other| other.heard);
    let last =
        last.map(|other| format!("; {} was last heard {} ago", other.name, duration::human(other.heard)));
    let error = format!("{replica} stays active: no other replica is there{}", last.unwrap_or_default());
    RequestError::new(RequestErrorKind::Stopping, error).with_help(format!(
        "start one on another machine, with the same [state] postgres and [cluster] name = \"{cluster}\"; `restore-watch status` lists the replicas"
    ))
}

/// Answers once it is decided which replica has the lease after a handover that was asked for at
/// `asked_at`.
pub(super) fn answer(
    begun: HandoverBegun,
    asked_at: Instant,
    cluster: watch::Receiver<Option<ClusterView>>,
    clock: Clock,
    reply: Responder<Handover>,
) {
    tokio::spawn(async move {
        // A failed send means that the client is gone.
        drop(reply.send(outcome(begun, asked_at, cluster, clock).await));
    });
}

async fn outcome(
    begun: HandoverBegun,
    asked_at: Instant,
    mut cluster: watch::Receiver<Option<ClusterView>>,
    clock: Clock,
) -> Result<Handover, RequestError> {
    let HandoverBegun { replica: from, epoch, decided_within_seconds } = begun;
    let limit = Duration::try_from_secs_f64(decided_within_seconds).unwrap_or_default();
    let is_decided = |view: &Option<ClusterView>| taken_after(epoch, view.as_ref()).is_some();
    let active = match timeout(limit, cluster.wait_for(is_decided)).await {
        Ok(Ok(view)) => taken_after(epoch, view.as_ref()).map(str::to_owned),
        // The process ends, or no replica took it.
        Ok(Err(_)) | Err(_) => None,
    };

    let undecided = |error: String| RequestError::new(RequestErrorKind::Stopping, error);
    match active {
        Some(active) if active == from => {
            Err(undecided(format!("no other replica took the lease, so {from} is active again"))
                .with_help("the log of the other replicas says why"))
        }
        Some(active) => {
            let seconds = clock.now().instant.since(asked_at).as_secs_f64();
            Ok(Handover { from, active, seconds })
        }
        None => Err(undecided(format!(
            "{from} gave its lease back, and within {} no replica took it",
            duration::human(limit)
        ))
        .with_help(
            "`restore-watch status` says which replica is active, and the logs of the replicas why none is",
        )),
    }
}

/// The replica that took the lease in a later term than this one.
fn taken_after(epoch: u64, cluster: Option<&ClusterView>) -> Option<&str> {
    let cluster = cluster.filter(|cluster| cluster.epoch > epoch)?;
    Some(&cluster.active.as_ref()?.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::store::{ActiveReplica, OtherReplica};

    const LEASE: Duration = Duration::from_secs(15);

    /// What replica `a` sees in its term 3, with another one that was heard so long ago.
    fn cluster(heard: Option<Duration>) -> ClusterView {
        let other =
            |heard| OtherReplica { name: "b".to_owned(), version: "1.0.0".to_owned(), differs: false, heard };
        ClusterView {
            cluster: "default".to_owned(),
            replica: "a".to_owned(),
            epoch: 3,
            lease: LEASE,
            others: heard.map(other).into_iter().collect(),
            ..ClusterView::default()
        }
    }

    /// The same after `active` took the lease.
    fn taken_by(active: &str) -> ClusterView {
        let active = ActiveReplica {
            name: active.to_owned(),
            since: "2026-11-23T12:00:00Z".parse().unwrap(),
            heard: Duration::ZERO,
        };
        ClusterView { epoch: 4, active: Some(active), ..cluster(None) }
    }

    fn begun() -> HandoverBegun {
        begin(Some(&cluster(Some(Duration::ZERO))), Duration::from_secs(10)).unwrap()
    }

    #[test]
    fn handover_needs_another_replica_within_a_lease() {
        let alone = begin(None, Duration::ZERO).unwrap_err();
        assert_eq!(alone.kind, RequestErrorKind::Invalid);

        for (heard, is_there) in [(None, false), (Some(LEASE), true), (Some(LEASE * 2), false)] {
            let begun = begin(Some(&cluster(heard)), Duration::ZERO);
            assert_eq!(begun.is_ok(), is_there, "{heard:?}");
        }
        let stale = begin(Some(&cluster(Some(LEASE * 2))), Duration::ZERO).unwrap_err();
        assert_eq!(stale.error, "a stays active: no other replica is there; b was last heard 30s ago");
    }

    #[test]
    fn handover_of_an_earlier_term_is_over() {
        for (replica, epoch, over) in [("b", 2, true), ("b", 3, false), ("a", 2, false)] {
            let ends = ActiveTerm { replica: replica.to_owned(), epoch };
            let begun = is_over(ends, &cluster(None));
            assert_eq!(begun.map(|begun| begun.epoch), over.then_some(epoch), "{replica} in term {epoch}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn handover_ends_when_another_replica_is_active() {
        let (shown, seen) = watch::channel(Some(cluster(Some(Duration::ZERO))));
        let clock = Clock::set_to("2026-11-23T12:00:00Z".parse().unwrap());
        let asked_at = clock.now().instant;
        let outcome = tokio::spawn(outcome(begun(), asked_at, seen, clock));

        tokio::time::sleep(Duration::from_secs(2)).await;
        shown.send_replace(Some(ClusterView { active: None, ..taken_by("b") }));
        tokio::time::sleep(Duration::from_secs(1)).await;
        shown.send_replace(Some(taken_by("b")));

        let outcome = outcome.await.unwrap().unwrap();
        assert_eq!((outcome.from.as_str(), outcome.active.as_str()), ("a", "b"));
        assert!((outcome.seconds - 3.0).abs() < 0.1, "{}", outcome.seconds);
    }

    #[tokio::test(start_paused = true)]
    async fn handover_that_no_replica_took_says_so() {
        let clock = Clock::set_to("2026-11-23T12:00:00Z".parse().unwrap());
        for (view, error) in [
            (Some(taken_by("a")), "no other replica took the lease, so a is active again"),
            (None, "a gave its lease back, and within 1m 10s no replica took it"),
        ] {
            let (_shown, seen) = watch::channel(view);
            let refused = outcome(begun(), clock.now().instant, seen, clock).await.unwrap_err();
            assert_eq!((refused.kind, refused.error.as_str()), (RequestErrorKind::Stopping, error));
        }
    }
}
