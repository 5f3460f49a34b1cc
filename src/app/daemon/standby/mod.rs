//! Stands by: looks at the lease of the state until this process has it, and serves everything that
//! does not take the lease.
//!
//! Invariant: nothing is asked of an API, and nothing is sent to a sink but the tests that a person
//! asks for. A database that is away ends nothing.

mod outage;
mod questions;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use tracing::{info, warn};

use outage::Outage;
use questions::Questions;

use super::cluster::{Cluster, Tally};
use super::liveness::Work;
use super::reload::Effect;
use super::requests::{self, TestBench};
use super::role::cluster_status;
use super::{Daemon, LoadError, Loaded, Wakeup, metrics};
use crate::adapters::control::Request;
use crate::adapters::report::{ClusterStatus, Question, Role};
use crate::adapters::store::{ClusterView, Look, OpenError, Opened, Replica};
use crate::adapters::web;
use crate::app::driver::Error;
use crate::app::setup::Setup;
use crate::model::duration;
use crate::model::time::Instant;
use crate::platform::clock::Clock;
use crate::platform::signals::Signals;

/// How a standby ends.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Ended {
    /// By a request to stop.
    Stopped,
    /// This process has the lease, and these requests are still to be answered.
    Taken(Opened, Vec<Request>),
}

/// A replica that stands by, without its look at the lease, beside which it goes on.
struct Standby<'a> {
    clock: Clock,
    /// What the next term begins with.
    setup: &'a mut Setup,
    /// Whether the replica is still to learn of a reload.
    is_reconfigured: bool,
    tally: Tally,
    /// The replicas, as they were seen then.
    view: ClusterView,
    seen_at: Instant,
    /// Who was said to be active last.
    logged: Option<(u64, Option<String>)>,
    outage: Option<Outage>,
    phase: Option<web::Phase>,
    questions: Questions,
    /// What clients ask for that the active replica carries out.
    to_hand_over: Vec<Request>,
}

/// Stands by until this process has the lease, or is asked to stop.
pub(super) async fn run(
    cluster: &mut Cluster,
    daemon: &mut Daemon,
    signals: &mut Signals,
) -> Result<Ended, Error> {
    let Cluster { replica, setup, clock, first, tally, .. } = cluster;
    let clock = *clock;
    let mut looked = first.take();
    // A first look may have taken the lease already; who had it before is not known then.
    let view = if looked.is_some() { ClusterView::default() } else { replica.cluster() };
    let mut standby = Standby::new(setup, view, *tally, clock);
    loop {
        let pause = looked.as_ref().map(|_| replica.look_interval()).unwrap_or_default();
        if let Some(looked) = looked.take()
            && let Some(opened) = standby.judge(looked, replica.cluster())
        {
            return Ok(Ended::Taken(opened, standby.into_waiting()));
        }
        daemon.seen.send_replace(Some(standby.view.clone()));
        standby.show_phase(daemon);

        let next = clock.now().instant + pause;
        loop {
            if std::mem::take(&mut standby.is_reconfigured) {
                replica.configure(&standby.setup.fingerprint());
            }
            standby.questions.begin(&mut **replica, clock.now());
            standby.hand_over(&mut **replica, daemon);
            tokio::select! {
                biased;
                _ = signals.next() => return Ok(stop(daemon, signals).await),
                () = clock.sleep_until(Some(next)) => break,
                served = standby.serve_one(daemon) => served?,
            }
        }

        looked = Some(tokio::select! {
            biased;
            _ = signals.next() => return Ok(stop(daemon, signals).await),
            looked = replica.look() => looked,
            error = standby.serve(daemon) => return Err(error),
        });
    }
}

impl<'a> Standby<'a> {
    fn new(setup: &'a mut Setup, view: ClusterView, tally: Tally, clock: Clock) -> Self {
        Self {
            clock,
            setup,
            is_reconfigured: false,
            tally,
            view,
            seen_at: clock.now().instant,
            logged: None,
            outage: None,
            phase: None,
            questions: Questions::default(),
            to_hand_over: Vec::new(),
        }
    }

    /// Notes what a look found. Returns the state if the lease was taken.
    fn judge(&mut self, looked: Result<Look, OpenError>, view: ClusterView) -> Option<Opened> {
        let now = self.clock.now().instant;
        match looked {
            Ok(look) => {
                if let Some(outage) = self.outage.take() {
                    outage.end(now);
                }
                if let Look::Taken(opened) = look {
                    self.log_taken(&view, now);
                    return Some(opened);
                }
                self.see(view, now);
            }
            Err(error) => Outage::note(&mut self.outage, &error, now),
        }
        None
    }

    fn see(&mut self, view: ClusterView, now: Instant) {
        (self.view, self.seen_at) = (view, now);
        let active = self.view.active.as_ref().map(|active| active.name.clone());
        let seen = Some((self.view.epoch, active));
        if self.logged != seen {
            info!(epoch = self.view.epoch, "standing by: {}", self.active_replica());
            self.logged = seen;
        }
    }

    fn log_taken(&self, taken: &ClusterView, now: Instant) {
        let ClusterView { cluster, epoch, replica, lease, .. } = taken;
        let why = match &self.view.active {
            Some(before) if before.name == *replica => {
                "this replica had it before, and it ran out".to_owned()
            }
            Some(before) => {
                let (name, silent) = (&before.name, before.heard + now.since(self.seen_at));
                // A lease is taken from a replica only after so long.
                if silent >= *lease {
                    format!("replica {name} showed no sign of life for {}", duration::human(silent))
                } else {
                    format!("replica {name} gave it back")
                }
            }
            None => "no replica had it".to_owned(),
        };
        info!(epoch, "took the lease of cluster {cluster}: {why}");
    }

    /// Serves until something is wrong, which is a bug.
    async fn serve(&mut self, daemon: &mut Daemon) -> Error {
        loop {
            if let Err(error) = self.serve_one(daemon).await {
                return error;
            }
        }
    }

    /// Waits for the next thing to happen, and reacts. Dropping the future loses nothing.
    async fn serve_one(&mut self, daemon: &mut Daemon) -> Result<(), Error> {
        daemon.liveness.show(&*self, daemon.web.as_ref());
        tokio::select! {
            wakeup = daemon.next() => self.react(wakeup?, daemon),
            read = self.questions.read() => self.questions_read(read, daemon),
        }
        Ok(())
    }

    fn react(&mut self, wakeup: Wakeup, daemon: &mut Daemon) {
        match wakeup {
            Wakeup::Due => self.questions.forget_old(self.clock.now().instant),
            Wakeup::Reload => daemon.reloads.request(None, &mut daemon.liveness),
            Wakeup::Loaded(result) => self.reloaded(*result, daemon),
            Wakeup::Request(request) => self.answer(request, daemon),
            Wakeup::Question(question) => self.answer(Request::Question(question), daemon),
            Wakeup::ListenerEnded => daemon.listener_ended(),
        }
    }

    /// Answers a request, or has it wait until the state was read.
    fn answer(&mut self, request: Request, daemon: &mut Daemon) {
        match request {
            Request::Question(Question::Metrics(reply)) => {
                let cluster = self.tally.reading(&self.view, Role::Standby);
                let (identity, reloads) = (&daemon.identity, &daemon.reloads);
                // A failed send means that the client is gone.
                drop(reply.send(Ok(metrics::read_standby(identity, reloads, cluster, self.clock.now()))));
            }
            Request::TestSinks(wanted, reply) => {
                requests::test_sinks(TestBench::of_setup(self.setup, self.clock), &wanted, reply);
            }
            Request::Reload(reply) => daemon.reloads.request(Some(reply), &mut daemon.liveness),
            Request::Question(_) | Request::Explain(..) | Request::Silences(_) => {
                self.questions.ask(request);
                self.answer_known(daemon);
            }
            // A change is made by the active replica alone.
            Request::Change(..) | Request::Handover(_) => self.to_hand_over.push(request),
        }
    }

    /// Hands what clients ask for over to the active replica.
    fn hand_over(&mut self, replica: &mut dyn Replica, daemon: &mut Daemon) {
        for request in self.to_hand_over.drain(..) {
            daemon.handed_over.begin(replica, request, daemon.seen.subscribe(), self.clock);
        }
    }

    /// The requests that are still to be answered.
    fn into_waiting(self) -> Vec<Request> {
        let mut waiting = self.questions.into_waiting();
        waiting.extend(self.to_hand_over);
        waiting
    }

    /// Answers what can be answered without another read of the state.
    fn answer_known(&mut self, daemon: &Daemon) {
        let now = self.clock.now();
        let answerable = self.questions.take_answerable(now.instant);
        let Some(known) = self.questions.known() else { return };
        for request in answerable {
            let beside = daemon.beside(Some(self.status(known.as_of)));
            questions::answer(request, known.view(now), &daemon.identity, beside);
        }
    }

    fn questions_read(&mut self, read: questions::Read, daemon: &Daemon) {
        let taken = self.questions.take_read(read, self.setup.plan());
        // Else the log has said why.
        if let Err(error) = taken
            && self.outage.is_none()
        {
            warn!("questions to this replica cannot be answered: {error}");
        }
        self.answer_known(daemon);
    }

    /// Keeps what a read of the configuration loaded for the next term, or logs why it cannot be
    /// used.
    fn reloaded(&mut self, result: Result<Loaded, LoadError>, daemon: &mut Daemon) {
        let now = self.clock.now();
        let answer = match result {
            Ok(Loaded { setup, monitor, token, drain_timeout, fixed, warnings }) => {
                *self.setup = setup;
                self.is_reconfigured = true;
                self.questions.forget();
                daemon.reconfigure(monitor, token, drain_timeout, &fixed);
                Ok(daemon.reloads.loaded(now.wall, &fixed, warnings, Effect::later()))
            }
            Err(error) => Err(daemon.reloads.rejected(now.wall, &error)),
        };

        daemon.liveness.ready(&*self);
        daemon.reloads.answer(&answer, &mut daemon.liveness);
    }

    /// Has the service manager and probes know what this replica does, when that changes.
    fn show_phase(&mut self, daemon: &mut Daemon) {
        let phase = if self.outage.is_some() { web::Phase::CutOff } else { web::Phase::Standby };
        if self.phase.is_none() {
            daemon.liveness.ready(&*self);
        }
        if self.phase != Some(phase) {
            daemon.enter(phase);
        }
        self.phase = Some(phase);
    }

    /// The replicas, for a status of a state that was read then.
    fn status(&self, as_of: Timestamp) -> ClusterStatus {
        let age = self.clock.now().instant.since(self.seen_at);
        cluster_status(&self.view, Role::Standby, age, as_of)
    }

    fn active_replica(&self) -> String {
        let now = self.clock.now().wall;
        self.status(now).active_replica(now)
    }
}

/// Ends once what was handed over is answered or taken back; a second request to stop ends that, too.
async fn stop(daemon: &mut Daemon, signals: &mut Signals) -> Ended {
    daemon.control = None;
    daemon.enter(web::Phase::Stopping);
    daemon.liveness.stopping(daemon.drain_timeout);
    tokio::select! {
        biased;
        _ = signals.next() => {}
        () = daemon.handed_over.finish(daemon.drain_timeout) => {}
    }
    info!("stopped");
    Ended::Stopped
}

impl Work for Standby<'_> {
    fn status_line(&self) -> String {
        let standing = self.outage.as_ref().map_or_else(|| self.active_replica(), Outage::trouble);
        format!("standby: {standing}")
    }

    /// A database that is away is no bug of this process, which a restart would mend.
    fn stuck(&self) -> Option<&'static str> {
        None
    }

    fn trouble(&self, _counts_sinks: bool) -> Option<String> {
        let no_active = || self.view.active.is_none().then(|| self.active_replica());
        self.outage.as_ref().map(Outage::trouble).or_else(no_active)
    }
}
