//! A term: the time in which the state belongs to this process, from the snapshot that its engine
//! starts from to the last commit. If no other process shares the state, there is one.
//!
//! One `select!` waits for the next thing to happen, and one function without a wait reacts to it.
//!
//! Invariant: trouble with one job, project or sink does not affect the others.

mod leaving;

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use leaving::Leaving;

use super::cluster::{Cluster, active_status};
use super::handover;
use super::reload::Effect;
use super::requests::{self, AnswersAfterCommit, TestBench};
use super::view::WatchView;
use super::{Daemon, LoadError, Loaded, Wakeup, asked_on_web, handed_over, metrics, silences, status};
use crate::adapters::control::{HandoverBegun, Request};
use crate::adapters::report::{Question, RequestError, Role, shown_minute};
use crate::adapters::web;
use crate::app::driver::{Driver, Error};
use crate::app::plural::counted;
use crate::engine::{Condition, DiscoveryState, Engine, SinkView, Totals};
use crate::model::{Event, EventKind, Exit};
use crate::platform::failpoint;
use crate::platform::signals::Signals;

/// What lives as long as a term.
pub(super) struct Term<'a> {
    driver: Driver,
    answers: AnswersAfterCommit,
    /// The part that this process takes among replicas, if they share its state.
    cluster: Option<&'a mut Cluster>,
    /// Whether the lease is to go to another replica.
    hands_over: bool,
}

/// How a term ends without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// The process ends with this exit code.
    Done(Exit),
    /// The lease was given back, and the process stands by.
    HandedOver,
}

/// What happens next.
enum Next {
    Stop,
    /// The driver handled an input and committed these events.
    Turned(Vec<Arc<Event>>),
    Woken(Wakeup),
}

impl<'a> Term<'a> {
    pub(super) fn new(driver: Driver, cluster: Option<&'a mut Cluster>) -> Self {
        Self { driver, answers: AnswersAfterCommit::default(), cluster, hands_over: false }
    }

    /// Whether there is anything of which the end could be awaited.
    pub(super) fn has_jobs(&self) -> bool {
        let engine = self.driver.engine();
        engine.jobs().next().is_some() || engine.projects().any(|project| project.discovers)
    }

    /// Watches until a request to stop, or until everything is done; among replicas, until the lease
    /// is lost, which is an error, too.
    pub(super) async fn run(&mut self, daemon: &mut Daemon, signals: &mut Signals) -> Result<Ended, Error> {
        match self.watch(daemon, signals).await {
            Err(error) if self.cluster.is_some() && self.fail(&error, signals).await => {
                info!("stopped");
                Ok(Ended::Done(Exit::Success))
            }
            ended => ended,
        }
    }

    async fn watch(&mut self, daemon: &mut Daemon, signals: &mut Signals) -> Result<Ended, Error> {
        self.greet(daemon);
        let leaving = loop {
            failpoint::reached("stall_loop");
            self.answers.send_committed(self.driver.engine());
            daemon.liveness.show(&self.driver, daemon.web.as_ref());
            if let Some(cluster) = &mut self.cluster {
                cluster.glance(&self.driver);
            }

            let exit = daemon.exit_when_done.then(|| self.all_done()).flatten();
            if let Some(exit) = exit {
                info!("all jobs ended");
                log_held(self.driver.engine(), daemon.identity.state.is_some());
                daemon.liveness.stopping(Duration::ZERO);
                self.give_back(signals).await;
                return Ok(Ended::Done(exit));
            }
            if self.hands_over {
                break Leaving::Handover;
            }

            let next = match self.next(daemon, signals).await {
                Err(Error::Store(lost)) if lost.is_gone() && self.cluster.is_none() => {
                    return Err(self.give_up(lost, daemon, signals).await);
                }
                next => next?,
            };
            match next {
                Next::Stop => break Leaving::Stop,
                Next::Turned(events) => {
                    explain_key_replacement(&events);
                    publish(daemon, &events);
                    self.carry_out_handed_over(daemon);
                }
                Next::Woken(wakeup) => self.react(wakeup, daemon),
            }
            // Else up to a hundred inputs follow before the connections of the control socket have
            // their turn, and a page of the list takes a millisecond.
            tokio::task::yield_now().await;
        };

        let mut is_stopped = leaving == Leaving::Stop;
        match self.drain(leaving, daemon, signals).await {
            // Whatever is pending is sent by the next active replica.
            Err(error) if self.cluster.is_some() => is_stopped |= self.fail(&error, signals).await,
            drained => {
                is_stopped |= drained?;
                is_stopped |= self.give_back(signals).await;
            }
        }
        if !is_stopped {
            return Ok(Ended::HandedOver);
        }
        info!("stopped");
        Ok(Ended::Done(Exit::Success))
    }

    /// Begins the first polls, then reports that the daemon is ready.
    fn greet(&mut self, daemon: &mut Daemon) {
        let Totals { jobs: known, ended, .. } = self.driver.engine().totals();
        let jobs = known - ended;
        let before = if ended > 0 { format!("; ended before: {ended}") } else { String::new() };
        let discovers = self.driver.engine().projects().any(|project| project.discovers);
        let others = if discovers { ", and those that discovery finds" } else { "" };
        let restores = counted(jobs, "restore", "restores");
        info!(jobs, ended, "watching {restores}{others}{before}");

        self.driver.start();
        daemon.seen.send_replace(self.driver.cluster());
        daemon.liveness.ready(&self.driver);
        daemon.enter(if self.cluster.is_some() { web::Phase::Active } else { web::Phase::Ready });
    }

    /// Waits for the next thing to happen; a request to stop precedes everything else. Dropping the
    /// future loses nothing.
    async fn next(&mut self, daemon: &mut Daemon, signals: &mut Signals) -> Result<Next, Error> {
        tokio::select! {
            biased;
            _ = signals.next() => Ok(Next::Stop),
            next = self.next_but_stop(daemon) => next,
        }
    }

    async fn next_but_stop(&mut self, daemon: &mut Daemon) -> Result<Next, Error> {
        tokio::select! {
            turned = self.driver.turn() => turned.map(Next::Turned),
            wakeup = daemon.next() => Ok(wakeup.map(Next::Woken)?),
        }
    }

    fn react(&mut self, wakeup: Wakeup, daemon: &mut Daemon) {
        match wakeup {
            Wakeup::Due => {}
            Wakeup::Reload => daemon.reloads.request(None, &mut daemon.liveness),
            Wakeup::Loaded(result) => self.reloaded(*result, daemon),
            Wakeup::Request(request) => self.answer(request, daemon),
            Wakeup::Question(question) => self.report(question, daemon),
            Wakeup::ListenerEnded => daemon.listener_ended(),
        }
    }

    /// Carries out a request and answers it.
    pub(super) fn answer(&mut self, request: Request, daemon: &mut Daemon) {
        let (driver, answers) = (&mut self.driver, &mut self.answers);
        match request {
            Request::Question(question) => self.report(question, daemon),
            // A failed send means that the client is gone.
            Request::Explain(wanted, reply) => {
                drop(reply.send(requests::explain(WatchView::of(driver), &wanted)));
            }
            Request::TestSinks(wanted, reply) => {
                requests::test_sinks(TestBench::of(driver), &wanted, reply);
            }
            Request::Reload(reply) => daemon.reloads.request(Some(reply), &mut daemon.liveness),
            Request::Handover(reply) => match self.begin_handover(daemon) {
                Ok(begun) => {
                    let (clock, seen) = (self.driver.clock(), daemon.seen.subscribe());
                    handover::answer(begun, clock.now().instant, seen, clock, reply);
                }
                Err(error) => drop(reply.send(Err(error))),
            },
            Request::Change(change, reply) => {
                let changed = requests::carry_out(driver, change);
                answers.add(driver, reply, changed);
            }
            // A failed send means that the client is gone.
            Request::Silences(reply) => drop(reply.send(Ok(silences::list(WatchView::of(driver))))),
        }
    }

    /// Carries out what clients of other replicas ask for.
    fn carry_out_handed_over(&mut self, daemon: &Daemon) {
        let requests = self.driver.take_handed_over();
        let hands_over = &mut self.hands_over;
        handed_over::carry_out(&mut self.driver, requests, |driver| {
            let begun = handover::begin(driver.cluster().as_ref(), daemon.drain_timeout);
            *hands_over |= begun.is_ok();
            begun
        });
    }

    /// Has the lease go to another replica.
    fn begin_handover(&mut self, daemon: &Daemon) -> Result<HandoverBegun, RequestError> {
        let begun = handover::begin(self.driver.cluster().as_ref(), daemon.drain_timeout)?;
        self.hands_over = true;
        Ok(begun)
    }

    /// Answers a question, which changes nothing.
    fn report(&self, question: Question, daemon: &Daemon) {
        let (driver, identity) = (&self.driver, &daemon.identity);
        let beside = || daemon.beside(active_status(driver));
        // A failed send means that the client is gone.
        match question {
            Question::Status(query, reply) => {
                drop(reply.send(status::full(WatchView::of(driver), identity, beside(), &query)));
            }
            Question::Daemon(reply) => {
                drop(reply.send(Ok(status::daemon(WatchView::of(driver), identity, beside()))));
            }
            Question::Jobs(cursor, reply) => {
                drop(reply.send(Ok(status::jobs(WatchView::of(driver), *cursor))));
            }
            Question::Metrics(reply) => {
                let tally = self.cluster.as_ref().map(|cluster| cluster.tally);
                let view = driver.cluster().unwrap_or_default();
                let cluster = tally.map(|tally| tally.reading(&view, Role::Active));
                drop(reply.send(Ok(metrics::read(driver, identity, &daemon.reloads, cluster))));
            }
        }
    }

    /// Uses what a read of the configuration loaded, or logs why it cannot be used.
    fn reloaded(&mut self, result: Result<Loaded, LoadError>, daemon: &mut Daemon) {
        let now = self.driver.now();
        let answer = match result {
            Ok(Loaded { setup, monitor, token, drain_timeout, fixed, warnings }) => {
                if let Some(cluster) = &mut self.cluster {
                    cluster.reconfigure(setup.clone());
                }
                let changed = self.driver.reconfigure(setup);
                daemon.reconfigure(monitor, token, drain_timeout, &fixed);
                let effect = Effect { changed, summary: status::summary(WatchView::of(&self.driver)) };
                Ok(daemon.reloads.loaded(now.wall, &fixed, warnings, effect))
            }
            Err(error) => Err(daemon.reloads.rejected(now.wall, &error)),
        };

        daemon.liveness.ready(&self.driver);
        daemon.reloads.answer(&answer, &mut daemon.liveness);
    }

    /// How the jobs ended, once all have and no delivery is pending but those that are held.
    fn all_done(&self) -> Option<Exit> {
        let engine = self.driver.engine();
        // This runs after each input, so the outcomes are only computed once all jobs have ended.
        let is_over = engine.deliveries().is_settled_but_held()
            && engine.totals().open == 0
            && engine.discovery(self.driver.now().instant) == DiscoveryState::Complete;
        if !is_over {
            return None;
        }
        Condition::All { fail_fast: false }.judge(&engine.outcomes())
    }
}

/// Has clients of the listener read these events, which are committed.
fn publish(daemon: &Daemon, events: &[Arc<Event>]) {
    if let Some(web) = daemon.web.as_ref().filter(|_| !events.is_empty()) {
        web.committed();
    }
}

/// Logs how a new key comes into use, after the one of a project was refused.
fn explain_key_replacement(events: &[Arc<Event>]) {
    for event in events.iter().filter(|event| event.kind == EventKind::ProjectUnauthorized) {
        let project = &event.project;
        info!(%project, "a new key of project {project} is used after: restore-watch reload (from a file), or a restart (from the environment or a credential)");
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
