//! The daemon: watches for months, unattended.
//!
//! One `select!` waits for whatever happens, and one function without a wait decides what comes of it.
//!
//! Invariant: whatever happens to one job, project or sink, the watch of the others goes on; only a request to stop, a
//! state that cannot be written or is gone, or a bug, ends it. A sign of life is given to systemd and to the heartbeat only by the
//! loop itself, and only while nothing that it began is stuck.

mod configuration;
mod liveness;
mod reload;
mod requests;
mod status;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

pub use configuration::{Fixed, LoadError, Loaded};

use liveness::Liveness;
use reload::Reloads;
use requests::Promises;
use status::Identity;

use crate::adapters::control::{Request, Server};
use crate::adapters::monitor::Monitor;
use crate::adapters::store;
use crate::adapters::systemd::Notifier;
use crate::app::driver::{Driver, Error};
use crate::engine::{Condition, DiscoveryState, Engine, Input};
use crate::model::time::Instant;
use crate::model::{Event, EventKind, Exit};
use crate::platform::failpoint;
use crate::platform::signals::{Hangups, Signals};

/// What surrounds a daemon.
#[derive(Debug, Default)]
pub struct Options {
    /// End once every job ended and everything owed was delivered or given up.
    pub exit_when_done: bool,
    /// How long deliveries that are under way may take after a request to stop.
    pub drain_timeout: Duration,
    /// The file from which the configuration is read again, and what of it holds until the process ends.
    pub config: Option<(PathBuf, Fixed)>,
    /// Who is told that the watch works.
    pub heartbeat: Option<Monitor>,
    /// Where others ask.
    pub control: Option<Server>,
    /// The service manager.
    pub manager: Notifier,
    /// Requests to read the configuration again.
    pub hangups: Option<Hangups>,
}

/// Watches until it is asked to stop. A stop is a good end; where it ends because all is done, the exit tells how the
/// jobs ended.
pub async fn run(driver: Driver, options: Options, signals: &mut Signals) -> Result<Exit, Error> {
    let mut daemon = Daemon::new(driver, options);
    daemon.greet();
    loop {
        failpoint::reached("stall_loop");
        daemon.promises.keep(daemon.driver.engine());
        daemon.liveness.beat(&daemon.driver);
        if let Some(exit) = daemon
            .exit_when_done
            .then(|| all_done(daemon.driver.engine(), daemon.driver.now().instant))
            .flatten()
        {
            info!("all jobs ended");
            daemon.liveness.stopping(Duration::ZERO);
            return Ok(exit);
        }
        let happening = match daemon.next(signals).await {
            Err(Error::Store(lost)) if lost.is_gone() => return Err(daemon.give_up(lost, signals).await),
            happening => happening?,
        };
        match happening {
            Happening::Turned(told) => say_how_to_replace_a_key(&told),
            Happening::Stop => break,
            Happening::Reload => daemon.reloads.want(None, &mut daemon.liveness),
            Happening::Loaded(result) => daemon.reloaded(*result),
            Happening::Request(request) => daemon.answer(request),
        }
    }
    daemon.drain(signals).await?;
    info!("stopped");
    Ok(Exit::Success)
}

/// A daemon at work.
struct Daemon {
    driver: Driver,
    exit_when_done: bool,
    drain_timeout: Duration,
    identity: Identity,
    reloads: Reloads,
    promises: Promises,
    liveness: Liveness,
    control: Option<Server>,
    hangups: Option<Hangups>,
}

/// What can happen to it.
enum Happening {
    /// The driver dealt with it, and told this; or it was time to show signs of life.
    Turned(Vec<Arc<Event>>),
    /// Somebody asks it to stop.
    Stop,
    /// Somebody asks it to read its configuration again.
    Reload,
    /// The configuration was read again.
    Loaded(Box<Result<Loaded, LoadError>>),
    /// Somebody asks something.
    Request(Request),
}

impl Daemon {
    fn new(driver: Driver, options: Options) -> Self {
        let Options { exit_when_done, drain_timeout, config, heartbeat, control, manager, hangups } = options;
        let identity =
            Identity { started_at: driver.now().wall, config: config.as_ref().map(|(path, _)| path.clone()) };
        let liveness = Liveness::new(manager, heartbeat, driver.clock());
        let reloads = Reloads::new(config);
        Self {
            driver,
            exit_when_done,
            drain_timeout,
            identity,
            reloads,
            promises: Promises::default(),
            liveness,
            control,
            hangups,
        }
    }

    /// Says that it is there: the first polls are scheduled, and whoever wants to ask something can.
    fn greet(&mut self) {
        let (ended, open): (Vec<_>, Vec<_>) =
            self.driver.engine().jobs().partition(|job| job.tracker.has_ended());
        let (jobs, ended) = (open.len(), ended.len());
        let before = if ended > 0 { format!("; ended before: {ended}") } else { String::new() };
        let discovers = self.driver.engine().projects().any(|project| project.discovers);
        let others = if discovers { ", and those that are found" } else { "" };
        info!(jobs, ended, "watching {jobs} restore{}{others}{before}", if jobs == 1 { "" } else { "s" });
        self.driver.handle(Input::TimeoutReached);
        self.liveness.ready(&self.driver);
    }

    /// Waits for the next thing to happen; a request to stop comes first, whatever else there is. Dropping the future loses
    /// nothing.
    async fn next(&mut self, signals: &mut Signals) -> Result<Happening, Error> {
        tokio::select! {
            biased;
            _ = signals.next() => Ok(Happening::Stop),
            happening = self.next_but_stop() => happening,
        }
    }

    async fn next_but_stop(&mut self) -> Result<Happening, Error> {
        Ok(tokio::select! {
            turned = self.driver.turn() => turned.map(Happening::Turned)?,
            () = hung_up(self.hangups.as_mut()) => Happening::Reload,
            result = self.reloads.next() => Happening::Loaded(Box::new(result?)),
            request = asked(self.control.as_mut()) => Happening::Request(request),
            () = self.liveness.due() => Happening::Turned(Vec::new()),
        })
    }

    /// Ends because the files of the state were deleted or replaced: what is committed from now on is lost, so all that can
    /// be done for pending deliveries is to send them. The next start goes on with the file that it finds.
    async fn give_up(&mut self, lost: store::Error, signals: &mut Signals) -> Error {
        error!("{lost}; ending, because nothing can be committed");
        match self.drain(signals).await {
            Ok(()) => Error::Store(lost),
            Err(error) => error,
        }
    }

    /// Stops polling and lets what is owed go out; a second request to stop ends that, too.
    async fn drain(&mut self, signals: &mut Signals) -> Result<(), Error> {
        // Nobody is promised anything any more.
        self.control = None;
        self.liveness.stopping(self.drain_timeout);
        let driver = &mut self.driver;
        let pending = driver.engine().pending();
        info!(pending, "stopping; pending deliveries: {pending}");
        driver.handle(Input::StopRequested);
        let clock = driver.clock();
        let limit = driver.now().instant + self.drain_timeout;
        while driver.engine().tells_until(limit) {
            tokio::select! {
                biased;
                _ = signals.next() => break,
                () = clock.sleep_until(Some(limit)) => break,
                () = self.liveness.due() => {}
                turned = driver.turn() => drop(turned?),
            }
            self.promises.keep(driver.engine());
            self.liveness.beat(driver);
        }
        let pending = driver.engine().pending();
        if pending > 0 {
            warn!(pending, "stopped; deliveries still pending: {pending}");
        }
        Ok(())
    }
}

/// Logs how a new key is taken up, once the one of a project is refused.
fn say_how_to_replace_a_key(emitted: &[Arc<Event>]) {
    for project in emitted.iter().filter(|input| input.kind == EventKind::ProjectUnauthorized) {
        let project = &project.project;
        info!(%project, "a new key of project {project} is used after: restore-watch reload (from a file), or a restart (from the environment or a credential)");
    }
}

async fn hung_up(hangups: Option<&mut Hangups>) {
    match hangups {
        Some(hangups) => hangups.next().await,
        None => std::future::pending().await,
    }
}

async fn asked(control: Option<&mut Server>) -> Request {
    match control {
        Some(control) => control.next().await,
        None => std::future::pending().await,
    }
}

/// How the jobs ended, once all did and nothing is owed any more.
fn all_done(engine: &Engine, now: Instant) -> Option<Exit> {
    // Asked after each event, so how each job ended is only looked at once all did.
    if !engine.is_settled() || !engine.has_ended() || engine.search(now) != DiscoveryState::Complete {
        return None;
    }
    Condition::All { fail_fast: false }.judge(&engine.outcomes())
}
