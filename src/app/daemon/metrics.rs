//! Answers a scrape, in a time that does not grow with the number of jobs.

use super::reload::Reloads;
use super::status::Identity;
use crate::adapters::metrics::{ClusterReading, Counters, DaemonReading, Reading};
use crate::adapters::telemetry;
use crate::app::driver::Driver;
use crate::model::time::Now;

/// The metrics as they are now.
pub(super) fn read(
    driver: &Driver,
    identity: &Identity,
    reloads: &Reloads,
    cluster: Option<ClusterReading>,
) -> Reading {
    let daemon = of_process(identity, reloads, cluster);
    let engine = driver.engine();
    driver.counters().read(daemon, engine.projects(), engine.sinks(), driver.now())
}

/// The same of a replica that stands by: nothing of restores and sinks, which a sum over all replicas
/// would count twice.
pub(super) fn read_standby(
    identity: &Identity,
    reloads: &Reloads,
    cluster: ClusterReading,
    now: Now,
) -> Reading {
    let daemon = of_process(identity, reloads, Some(cluster));
    Counters::default().read(daemon, std::iter::empty(), std::iter::empty(), now)
}

fn of_process(identity: &Identity, reloads: &Reloads, cluster: Option<ClusterReading>) -> DaemonReading {
    DaemonReading {
        started_at: identity.started_at,
        configured_at: reloads.loaded_at(),
        reload_failed: reloads.last().is_some_and(|reload| !reload.succeeded()),
        log_lines_lost: telemetry::lines_lost(),
        cluster,
    }
}
