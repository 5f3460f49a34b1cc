//! The daemon: watches for months, unattended.
//!
//! What surrounds the watch (the control socket, the HTTP listener, the service manager) lives as long
//! as the process; the engine and its driver live for a `Term`.
//!
//! Invariant: only a request to stop, a state that cannot be written or is gone, or a bug, ends the
//! watch; among replicas, no trouble with the state does. Only the loop itself sends the watchdog
//! ping and the monitor ping, and only while nothing that it began is stuck.

mod back_off;
mod cluster;
mod configuration;
mod handed_over;
mod handover;
mod liveness;
mod metrics;
mod named;
mod reload;
mod requests;
mod role;
mod silences;
mod standby;
mod status;
mod term;
mod trouble;
mod view;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinError;
use tracing::error;

pub use cluster::Cluster;
pub use configuration::{Fixed, LoadError, Loaded};

use handed_over::HandedOverRequests;
use liveness::Liveness;
use reload::Reloads;
use status::Identity;
use term::{Ended, Term};
use trouble::Beside;

use crate::adapters::control::{Request, Server};
use crate::adapters::monitor::Monitor;
use crate::adapters::report::{ClusterStatus, Question};
use crate::adapters::store::ClusterView;
use crate::adapters::systemd::Notifier;
use crate::adapters::web;
use crate::app::driver::{Driver, Error};
use crate::model::Exit;
use crate::platform::clock::Clock;
use crate::platform::signals::{Hangups, Signals};

/// What surrounds a daemon.
#[derive(Debug, Default)]
pub struct Options {
    /// End once every job has ended and every delivery is finished.
    pub exit_when_done: bool,
    /// Time for pending deliveries after a request to stop.
    pub drain_timeout: Duration,
    /// The file that a reload reads, and the settings that only a restart changes.
    pub config: Option<(PathBuf, Fixed)>,
    /// Where the state is kept, for clients of the control socket.
    pub state: Option<String>,
    /// The monitor that gets a ping while the watch works.
    pub monitor: Option<Monitor>,
    pub control: Option<Server>,
    pub web: Option<web::Server>,
    pub manager: Notifier,
    /// Signals that ask for a reload.
    pub hangups: Option<Hangups>,
}

/// Watches until a request to stop, which is a success, or until everything is done, whose exit
/// code says how the jobs ended.
pub async fn run(driver: Driver, options: Options, signals: &mut Signals) -> Result<Exit, Error> {
    let clock = driver.clock();
    let mut term = Term::new(driver, None);
    // Dropped before the term, so that nothing reads its state when that is closed.
    let mut daemon = Daemon::new(options, clock);
    if daemon.exit_when_done && !term.has_jobs() {
        return Err(Error::NoJobs);
    }
    match term.run(&mut daemon, signals).await? {
        Ended::Done(exit) => Ok(exit),
        // There is none to hand over to, which is refused.
        Ended::HandedOver => Ok(Exit::Success),
    }
}

/// The same for a process among replicas: it stands by, watches for a term when it has the lease, and
/// stands by again when it lost that. A database that is away does not end it.
pub async fn run_replica(
    mut cluster: Cluster,
    options: Options,
    signals: &mut Signals,
) -> Result<Exit, Error> {
    let ended = alternate(&mut cluster, options, signals).await;
    cluster.replica.leave().await;
    ended
}

/// Stands by and is active in turn, until the process is to end.
async fn alternate(cluster: &mut Cluster, options: Options, signals: &mut Signals) -> Result<Exit, Error> {
    let clock = cluster.clock;
    let mut daemon = Daemon::new(options, clock);
    loop {
        let (opened, waiting) = match standby::run(cluster, &mut daemon, signals).await? {
            standby::Ended::Taken(opened, waiting) => (opened, waiting),
            standby::Ended::Stopped => return Ok(Exit::Success),
        };

        let begun = clock.now().instant;
        let driver = cluster.driver(opened, daemon.web.is_some()).await;
        let is_first = cluster.tally.takeovers == 1;
        let mut term = Term::new(driver, Some(&mut *cluster));
        // Later, a reload may have removed the jobs that were awaited.
        if daemon.exit_when_done && is_first && !term.has_jobs() {
            term.give_back(signals).await;
            return Err(Error::NoJobs);
        }
        for request in waiting {
            term.answer(request, &mut daemon);
        }
        match term.run(&mut daemon, signals).await {
            Ok(Ended::Done(exit)) => return Ok(exit),
            Ok(Ended::HandedOver) => {
                daemon.handed_over.note_handover(cluster.replica.cluster());
                cluster.leave_to_others();
            }
            Err(error @ (Error::Store(_) | Error::LeaseOver)) => {
                cluster.term_failed(&error, clock.now().instant.since(begun));
            }
            Err(error) => return Err(error),
        }
    }
}

/// What lives as long as the process: all that clients, people and the service manager see of it.
struct Daemon {
    control: Option<Server>,
    web: Option<web::Server>,
    /// Whether there was a listener whose thread ended.
    has_lost_web: bool,
    exit_when_done: bool,
    drain_timeout: Duration,
    identity: Identity,
    reloads: Reloads,
    liveness: Liveness,
    hangups: Option<Hangups>,
    /// What this process asks of the active replica, if that is another one.
    handed_over: HandedOverRequests,
    /// The replicas as they were last seen, for those who wait for a change.
    seen: watch::Sender<Option<ClusterView>>,
}

/// What can happen to a daemon, beside its work.
enum Wakeup {
    /// A sign of life is due.
    Due,
    /// A signal that asks for a reload.
    Reload,
    /// The read of a reload ended.
    Loaded(Box<Result<Loaded, LoadError>>),
    /// A request over the control socket.
    Request(Request),
    /// A question over the HTTP listener.
    Question(Question),
    /// The thread of the HTTP listener is gone.
    ListenerEnded,
}

impl Daemon {
    fn new(options: Options, clock: Clock) -> Self {
        let Options { exit_when_done, drain_timeout, config, state, monitor, control, web, manager, hangups } =
            options;
        let started_at = clock.now().wall;
        let identity = Identity { started_at, config: config.as_ref().map(|(path, _)| path.clone()), state };
        let liveness = Liveness::new(manager, monitor, clock);
        let reloads = Reloads::new(config, started_at);
        Self {
            control,
            web,
            has_lost_web: false,
            exit_when_done,
            drain_timeout,
            identity,
            reloads,
            liveness,
            hangups,
            handed_over: HandedOverRequests::default(),
            seen: watch::Sender::new(None),
        }
    }

    /// Waits for the next thing to happen. Dropping the future loses nothing.
    async fn next(&mut self) -> Result<Wakeup, JoinError> {
        Ok(tokio::select! {
            () = hung_up(self.hangups.as_mut()) => Wakeup::Reload,
            result = self.reloads.next() => Wakeup::Loaded(Box::new(result?)),
            request = asked(self.control.as_mut()) => Wakeup::Request(request),
            question = asked_on_web(self.web.as_mut()) => {
                question.map_or(Wakeup::ListenerEnded, Wakeup::Question)
            }
            () = self.liveness.due() => Wakeup::Due,
        })
    }

    /// What a status has beside the watch and the deliveries.
    fn beside(&self, cluster: Option<ClusterStatus>) -> Beside<'_> {
        Beside { last_reload: self.reloads.last(), has_lost_web: self.has_lost_web, cluster }
    }

    /// Has probes know where the daemon is in its life.
    fn enter(&self, phase: web::Phase) {
        if let Some(web) = &self.web {
            web.health().enter(phase);
        }
    }

    /// The daemon goes on without the listener, which is trouble.
    fn listener_ended(&mut self) {
        error!("the HTTP listener ended, which is a bug: restart the daemon to have it again");
        self.web = None;
        self.has_lost_web = true;
    }

    /// Uses what of a new configuration does not concern the watch.
    fn reconfigure(
        &mut self,
        monitor: Option<Monitor>,
        token: Option<web::Token>,
        drain_timeout: Duration,
        fixed: &Fixed,
    ) {
        self.liveness.reconfigure(monitor);
        self.drain_timeout = drain_timeout;
        if let Some(web) = self.web.as_ref().filter(|_| self.reloads.keeps_token_source(fixed)) {
            web.use_token(token);
        }
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

async fn asked_on_web(web: Option<&mut web::Server>) -> Option<Question> {
    match web {
        Some(web) => web.next().await,
        None => std::future::pending().await,
    }
}
