//! The daemon: watches for months, unattended.
//!
//! One `select!` waits for the next thing to happen, and one function without a wait reacts to it.
//!
//! Invariant: trouble with one job, project or sink does not affect the others; only a request to
//! stop, a state that cannot be written or is gone, or a bug, ends the watch. Only the loop itself
//! sends the watchdog ping and the monitor ping, and only while nothing that it began is stuck.

mod configuration;
mod liveness;
mod metrics;
mod named;
mod reload;
mod requests;
mod silences;
mod status;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

pub use configuration::{Fixed, LoadError, Loaded};

use liveness::Liveness;
use reload::Reloads;
use requests::AnswersAfterCommit;
use status::Identity;
use trouble::Beside;

use crate::adapters::control::{Request, Server};
use crate::adapters::monitor::Monitor;
use crate::adapters::report::{Question, shown_minute};
use crate::adapters::store::StoreError;
use crate::adapters::systemd::Notifier;
use crate::adapters::web;
use crate::app::driver::{Driver, Error};
use crate::app::plural::counted;
use crate::engine::{Command, Condition, DiscoveryState, Engine, SinkView, Totals};
use crate::model::time::Instant;
use crate::model::{Event, EventKind, Exit};
use crate::platform::failpoint;
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
    let mut daemon = Daemon::new(driver, options);
    daemon.greet();
    loop {
        failpoint::reached("stall_loop");
        daemon.answers.send_committed(daemon.driver.engine());
        daemon.liveness.show(&daemon.driver, daemon.web.as_ref());

        let now = daemon.driver.now().instant;
        let exit = daemon.exit_when_done.then(|| all_done(daemon.driver.engine(), now)).flatten();
        if let Some(exit) = exit {
            info!("all jobs ended");
            log_held(daemon.driver.engine(), daemon.identity.state.is_some());
            daemon.liveness.stopping(Duration::ZERO);
            return Ok(exit);
        }

        let wakeup = match daemon.next(signals).await {
            Err(Error::Store(lost)) if lost.is_gone() => return Err(daemon.give_up(lost, signals).await),
            wakeup => wakeup?,
        };
        match wakeup {
            Wakeup::Turned(events) => {
                explain_key_replacement(&events);
                daemon.publish(&events);
            }
            Wakeup::Stop => break,
            Wakeup::Reload => daemon.reloads.request(None, &mut daemon.liveness),
            Wakeup::Loaded(result) => daemon.reloaded(*result),
            Wakeup::Request(request) => daemon.answer(request),
            Wakeup::Question(question) => daemon.report(question),
            Wakeup::ListenerEnded => daemon.listener_ended(),
        }
        // Else up to a hundred inputs follow before the connections of the control socket have
        // their turn, and a page of the list takes a millisecond.
        tokio::task::yield_now().await;
    }

    daemon.drain(signals).await?;
    info!("stopped");
    Ok(Exit::Success)
}

struct Daemon {
    // These are dropped before the driver, so that nothing reads its state when that is closed.
    control: Option<Server>,
    web: Option<web::Server>,
    /// Whether there was a listener whose thread ended.
    has_lost_web: bool,
    driver: Driver,
    exit_when_done: bool,
    drain_timeout: Duration,
    identity: Identity,
    reloads: Reloads,
    answers: AnswersAfterCommit,
    liveness: Liveness,
    hangups: Option<Hangups>,
}

/// What can happen to a daemon.
enum Wakeup {
    /// The driver handled an input and committed these events, or a sign of life is due.
    Turned(Vec<Arc<Event>>),
    Stop,
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
    fn new(driver: Driver, options: Options) -> Self {
        let Options { exit_when_done, drain_timeout, config, state, monitor, control, web, manager, hangups } =
            options;
        let started_at = driver.now().wall;
        let identity = Identity { started_at, config: config.as_ref().map(|(path, _)| path.clone()), state };
        let liveness = Liveness::new(manager, monitor, driver.clock());
        let reloads = Reloads::new(config, started_at);
        Self {
            control,
            web,
            has_lost_web: false,
            driver,
            exit_when_done,
            drain_timeout,
            identity,
            reloads,
            answers: AnswersAfterCommit::default(),
            liveness,
            hangups,
        }
    }

    /// Begins the first polls, then reports that the daemon is ready.
    fn greet(&mut self) {
        let Totals { jobs: known, ended, .. } = self.driver.engine().totals();
        let jobs = known - ended;
        let before = if ended > 0 { format!("; ended before: {ended}") } else { String::new() };
        let discovers = self.driver.engine().projects().any(|project| project.discovers);
        let others = if discovers { ", and those that discovery finds" } else { "" };
        let restores = counted(jobs, "restore", "restores");
        info!(jobs, ended, "watching {restores}{others}{before}");

        self.driver.start();
        self.liveness.ready(&self.driver);
        if let Some(web) = &self.web {
            web.health().enter(web::Phase::Ready);
        }
    }

    /// Waits for the next thing to happen; a request to stop precedes everything else. Dropping the
    /// future loses nothing.
    async fn next(&mut self, signals: &mut Signals) -> Result<Wakeup, Error> {
        tokio::select! {
            biased;
            _ = signals.next() => Ok(Wakeup::Stop),
            wakeup = self.next_but_stop() => wakeup,
        }
    }

    async fn next_but_stop(&mut self) -> Result<Wakeup, Error> {
        Ok(tokio::select! {
            turned = self.driver.turn() => turned.map(Wakeup::Turned)?,
            () = hung_up(self.hangups.as_mut()) => Wakeup::Reload,
            result = self.reloads.next() => Wakeup::Loaded(Box::new(result?)),
            request = asked(self.control.as_mut()) => Wakeup::Request(request),
            question = asked_on_web(self.web.as_mut()) => {
                question.map_or(Wakeup::ListenerEnded, Wakeup::Question)
            }
            () = self.liveness.due() => Wakeup::Turned(Vec::new()),
        })
    }

    /// Carries out a request and answers it.
    fn answer(&mut self, request: Request) {
        let (driver, answers) = (&mut self.driver, &mut self.answers);
        match request {
            Request::Question(question) => self.report(question),
            // A failed send means that the client is gone.
            Request::Explain(wanted, reply) => drop(reply.send(requests::explain(driver, &wanted))),
            Request::TestSinks(wanted, reply) => requests::test_sinks(driver, &wanted, reply),
            Request::Reload(reply) => self.reloads.request(Some(reply), &mut self.liveness),
            Request::Change(change, reply) => {
                let changed = requests::carry_out(driver, change);
                answers.add(driver, reply, changed);
            }
            // A failed send means that the client is gone.
            Request::Silences(reply) => drop(reply.send(Ok(silences::list(driver)))),
        }
    }

    /// Answers a question, which changes nothing.
    fn report(&self, question: Question) {
        let driver = &self.driver;
        let beside = Beside { last_reload: self.reloads.last(), has_lost_web: self.has_lost_web };
        // A failed send means that the client is gone.
        match question {
            Question::Status(query, reply) => {
                drop(reply.send(status::full(driver, &self.identity, beside, &query)));
            }
            Question::Daemon(reply) => {
                drop(reply.send(Ok(status::daemon(driver, &self.identity, beside))));
            }
            Question::Jobs(cursor, reply) => drop(reply.send(Ok(status::jobs(driver, *cursor)))),
            Question::Metrics(reply) => {
                drop(reply.send(Ok(metrics::read(driver, &self.identity, &self.reloads))));
            }
        }
    }

    /// The watch goes on without the listener, which is trouble.
    fn listener_ended(&mut self) {
        error!("the HTTP listener ended, which is a bug: restart the daemon to have it again");
        self.web = None;
        self.has_lost_web = true;
    }

    /// Has clients of the listener read these events, which are committed.
    fn publish(&self, events: &[Arc<Event>]) {
        if let Some(web) = self.web.as_ref().filter(|_| !events.is_empty()) {
            web.committed();
        }
    }

    /// Uses what a read of the configuration loaded, or logs why it cannot be used.
    fn reloaded(&mut self, result: Result<Loaded, LoadError>) {
        let now = self.driver.now();
        let answer = match result {
            Ok(Loaded { setup, monitor, token, drain_timeout, fixed, warnings }) => {
                let changed = self.driver.reconfigure(setup);
                self.liveness.reconfigure(monitor);
                self.drain_timeout = drain_timeout;
                if let Some(web) = self.web.as_ref().filter(|_| self.reloads.keeps_token_source(&fixed)) {
                    web.use_token(token);
                }
                let summary = status::summary(self.driver.engine(), now);
                Ok(self.reloads.loaded(now.wall, &fixed, warnings, &changed, summary))
            }
            Err(error) => Err(self.reloads.rejected(now.wall, &error)),
        };

        self.liveness.ready(&self.driver);
        self.reloads.answer(&answer, &mut self.liveness);
    }

    /// Ends because the files of the state were deleted or replaced: further commits would be lost,
    /// so all that remains is to send pending deliveries. The next start continues from the file
    /// that it finds.
    async fn give_up(&mut self, lost: StoreError, signals: &mut Signals) -> Error {
        error!("{lost}; ending, because nothing can be committed");
        match self.drain(signals).await {
            Ok(()) => Error::Store(lost),
            Err(error) => error,
        }
    }

    /// Stops polling and sends pending deliveries; a second request to stop ends that, too.
    async fn drain(&mut self, signals: &mut Signals) -> Result<(), Error> {
        // No further requests are accepted.
        self.control = None;
        if let Some(web) = &self.web {
            web.health().enter(web::Phase::Stopping);
        }
        self.liveness.stopping(self.drain_timeout);
        let driver = &mut self.driver;
        let pending = driver.engine().deliveries().pending();
        info!(pending, "stopping; pending deliveries: {pending}");
        driver.command(Command::Stop);

        let clock = driver.clock();
        let limit = driver.now().instant + self.drain_timeout;
        while self.driver.engine().deliveries().busy_until(limit) {
            tokio::select! {
                biased;
                _ = signals.next() => break,
                () = clock.sleep_until(Some(limit)) => break,
                () = self.liveness.due() => {}
                turned = self.driver.turn() => self.publish(&turned?),
                question = asked_on_web(self.web.as_mut()) => match question {
                    Some(question) => self.report(question),
                    None => self.listener_ended(),
                },
            }
            self.answers.send_committed(self.driver.engine());
            self.liveness.show(&self.driver, self.web.as_ref());
        }

        let pending = self.driver.engine().deliveries().pending();
        if pending > 0 {
            warn!(pending, "stopped; deliveries still pending: {pending}");
        }
        Ok(())
    }
}

/// Logs how a new key comes into use, after the one of a project was refused.
fn explain_key_replacement(events: &[Arc<Event>]) {
    for event in events.iter().filter(|event| event.kind == EventKind::ProjectUnauthorized) {
        let project = &event.project;
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

async fn asked_on_web(web: Option<&mut web::Server>) -> Option<Question> {
    match web {
        Some(web) => web.next().await,
        None => std::future::pending().await,
    }
}

/// Logs how many deliveries a daemon that ends leaves for the hours of their sinks.
fn log_held(engine: &Engine, is_state_kept: bool) {
    let next = if is_state_kept { "the next start sends them" } else { "no state is kept, so they are lost" };
    for SinkView { name, held, closed_until, .. } in engine.sinks().filter(|sink| sink.held > 0) {
        let until = closed_until.map(shown_minute).unwrap_or_default();
        warn!(sink = %name, held, "sink {name}: deliveries held: {held} until {until}; {next}");
    }
}

/// How the jobs ended, once all have and no delivery is pending but those that are held.
fn all_done(engine: &Engine, now: Instant) -> Option<Exit> {
    // This runs after each input, so the outcomes are only computed once all jobs have ended.
    let is_over = engine.deliveries().is_settled_but_held()
        && engine.totals().open == 0
        && engine.discovery(now) == DiscoveryState::Complete;
    if !is_over {
        return None;
    }
    Condition::All { fail_fast: false }.judge(&engine.outcomes())
}
