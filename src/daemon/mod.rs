//! The daemon: watches for months, unattended.
//!
//! Invariant: whatever happens to one job, project or sink, the watch of the others goes on; only a request to stop, a
//! state that cannot be written or a bug ends it.

use std::time::Duration;

use tracing::{info, warn};

use crate::driver::{Driver, Error};
use crate::engine::{Condition, Engine, Event};
use crate::model::Exit;
use crate::signals::Signals;

/// How long deliveries that are under way may take after a request to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What decides when a daemon ends.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// End once every job ended and everything owed was delivered or given up.
    pub exit_when_done: bool,
}

/// Watches until it is asked to stop. A stop is a good end; where it ends because all is done, the exit tells how the
/// jobs ended.
pub async fn run(mut driver: Driver, options: Options, signals: &mut Signals) -> Result<Exit, Error> {
    let (ended, open): (Vec<_>, Vec<_>) = driver.engine().jobs().partition(|job| job.tracker.has_ended());
    let (jobs, ended) = (open.len(), ended.len());
    let before = if ended > 0 { format!("; ended before: {ended}") } else { String::new() };
    info!(jobs, ended, "watching {jobs} restore{}{before}", if jobs == 1 { "" } else { "s" });
    loop {
        if let Some(exit) = options.exit_when_done.then(|| all_done(driver.engine())).flatten() {
            info!("all jobs ended");
            return Ok(exit);
        }
        tokio::select! {
            turned = driver.turn() => drop(turned?),
            _ = signals.next() => break,
        }
    }
    drain(&mut driver, signals).await?;
    info!("stopped");
    Ok(Exit::Met)
}

/// Stops polling and lets what is owed go out; a second request to stop ends that, too.
async fn drain(driver: &mut Driver, signals: &mut Signals) -> Result<(), Error> {
    let owed = driver.engine().owed();
    info!(owed, "stopping; deliveries owed: {owed}");
    driver.handle(Event::StopRequested);
    let clock = driver.clock();
    let limit = driver.now().instant + DRAIN;
    while driver.engine().tells_until(limit) {
        tokio::select! {
            turned = driver.turn() => drop(turned?),
            () = clock.sleep_until(Some(limit)) => break,
            _ = signals.next() => break,
        }
    }
    let owed = driver.engine().owed();
    if owed > 0 {
        warn!(owed, "stopped; deliveries still owed: {owed}");
    }
    Ok(())
}

/// How the jobs ended, once all did and nothing is owed any more.
fn all_done(engine: &Engine) -> Option<Exit> {
    if !engine.is_settled() {
        return None;
    }
    let outcomes = engine.outcomes();
    let ended = outcomes.iter().all(|outcome| outcome.is_end());
    ended.then(|| Condition::All { fail_fast: false }.judge(&outcomes)).flatten()
}
