//! What commands leave behind in a container, where this may be the first process.
//!
//! The first process becomes the parent of each process whose own parent ended. If it does not
//! reap those that end, they stay in the table of processes until the container ends.
//!
//! Invariant: no end of a command is taken from the thread that waits for it. The system does not
//! say of which process it would report the end next, so orphans are reaped only while no command
//! exists: then each child is an orphan.

use rustix::process::{WaitOptions, wait};
use tokio::signal::unix::{SignalKind, signal};

use super::process;

/// Reaps orphans as they end, or as soon as no command runs. Never ends, unless the system refuses
/// a handler.
pub async fn reap_orphans() {
    let Ok(mut ends) = signal(SignalKind::child()) else { return };
    loop {
        tokio::select! {
            _ = ends.recv() => {}
            () = process::ended() => {}
        }
        process::while_none_runs(reap);
    }
}

fn reap() {
    while matches!(wait(WaitOptions::NOHANG), Ok(Some(_))) {}
}
