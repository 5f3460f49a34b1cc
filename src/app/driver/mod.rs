//! Carries out what the engine asks for, and reports to it what came of that.
//!
//! Invariant: one input at a time goes through the engine. Polls, commits and deliveries run
//! concurrently, none waits for another, and each ends in exactly one input. Nothing begins past the
//! deadline of the lease.

mod actions;
mod contact;
mod gap;
mod lease;
mod requests;
mod stuck;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tracing::{debug, info, warn};

pub use contact::{FirstFailure, Listing};

use contact::Contacts;
use lease::Lease;
use requests::Answered;
use tasks::Tasks;

use super::setup::Setup;
use crate::adapters::metrics::Counters;
use crate::adapters::pinecone;
use crate::adapters::sinks::Sink;
use crate::adapters::store::{ClusterView, HandedOver, Lost, Opened, Pending, Store, StoreError, Volatile};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Batch, Command, CommandReply, Edit, Engine, Input, PollId, Reconfigured, RequestAnswer};
use crate::model::time::{Instant, Now, earliest};
use crate::model::{Event, JobId, ProjectName, SinkName};
use crate::platform::clock::Clock;
use crate::platform::randomness;

/// Time between two checks for what other processes changed in the state or ask for there, and for
/// its files. A check of a file costs two system calls and one read of shared memory.
const EDIT_CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The loop runs at least this often.
const TICK: Duration = Duration::from_secs(10);

/// How long one turn handles answers that are there already. What else the loop does comes between
/// two turns: requests over the control socket, for one.
const LONGEST_RUN: Duration = Duration::from_millis(1);

pub struct Driver {
    engine: Engine,
    clock: Clock,
    clients: BTreeMap<ProjectName, pinecone::Client>,
    contacts: Contacts,
    /// A first failure that its caller has not taken.
    first_failure: Option<FirstFailure>,
    sinks: BTreeMap<SinkName, Arc<Sink>>,
    store: Box<dyn Store>,
    lease: Lease,
    lost: Lost,
    counters: Counters,
    /// Where the state is, for commands that name it.
    location: Option<String>,
    polls: Tasks<Answered>,
    deliveries: Tasks<Result<Input, StoreError>>,
    commits: Tasks<Result<Arc<Batch>, StoreError>>,
    edits: Tasks<Result<FromOthers, StoreError>>,
    /// Requests that other replicas handed over and that its caller has not taken.
    handed_over: Vec<HandedOver>,
    /// When the next check for edits begins; none if the state is not durable, or while one is
    /// under way.
    next_edit_check: Option<Instant>,
    /// How long the machine was suspended, as far as the engine knows.
    slept: Duration,
    /// When the loop should run again; none before its first turn.
    expected: Option<Instant>,
}

/// What other processes changed in the state, and what they ask for there.
type FromOthers = (Vec<Edit>, Vec<HandedOver>);

/// What an engine starts from, and where it commits.
pub struct State {
    /// Where batches are committed.
    pub store: Box<dyn Store>,
    /// What was committed there before.
    pub saved: Snapshot,
    /// The name of the place, if what is committed outlives the process.
    pub location: Option<String>,
}

impl State {
    /// A state that was opened, in this place. Logs what is known of it.
    pub fn opened(Opened { store, snapshot, set_aside }: Opened, location: String) -> Self {
        if let Some(aside) = set_aside {
            warn!("the state was set aside, as {aside}");
        }
        let (jobs, pending) = (snapshot.jobs.len(), snapshot.deliveries.len());
        let dead_letters = snapshot.dead_letters.len();
        info!(
            jobs,
            pending,
            dead_letters,
            "state {location}: jobs known: {jobs}, pending: {pending}, dead letters: {dead_letters}"
        );
        Self { store, saved: snapshot, location: Some(location) }
    }

    /// An empty state that is not kept.
    pub fn volatile() -> Self {
        Self { store: Box::new(Volatile::default()), saved: Snapshot::default(), location: None }
    }
}

/// What ends a driver.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lease of the state may be that of another replica by now.
    #[error("the lease ran out: it was not renewed in time")]
    LeaseOver,
    /// The end of all jobs is awaited, and there is none.
    #[error("there are no jobs, so --exit-when-done has nothing to wait for")]
    NoJobs,
    /// A task panicked, which is a bug.
    #[error("internal error: {0}")]
    Internal(#[from] JoinError),
}

impl Error {
    /// Whether another replica has the lease of the state, or may have it by now.
    pub fn is_deposed(&self) -> bool {
        match self {
            Self::LeaseOver => true,
            Self::Store(error) => error.is_deposed(),
            Self::NoJobs | Self::Internal(_) => false,
        }
    }
}

impl Driver {
    /// A driver for this setup; nothing happens before [`Driver::start`] or the first
    /// [`Driver::turn`].
    pub fn new(setup: Setup, state: State, clock: Clock) -> Self {
        let Setup { plan, clients, sinks } = setup;
        let State { store, saved, location } = state;
        let now = clock.now();
        Self {
            engine: Engine::from_snapshot(plan, saved, randomness::seed(), now),
            clock,
            clients,
            contacts: Contacts::default(),
            first_failure: None,
            sinks,
            next_edit_check: store.is_durable().then_some(now.instant),
            lease: Lease::of(&*store, clock),
            lost: store.lost(),
            store,
            counters: Counters::default(),
            location,
            polls: Tasks::new(),
            deliveries: Tasks::new(),
            commits: Tasks::new(),
            edits: Tasks::new(),
            handed_over: Vec::new(),
            slept: clock.slept(),
            expected: None,
        }
    }

    /// Goes on counting from these.
    pub fn continue_counters(&mut self, counters: Counters) {
        self.counters = counters;
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The sinks of the configuration, by name.
    pub fn sinks(&self) -> Vec<(SinkName, Arc<Sink>)> {
        let configured = self.engine.sinks().filter(|sink| sink.is_configured);
        let sinks =
            configured.filter_map(|view| Some((view.name.clone(), self.sinks.get(view.name)?.clone())));
        sinks.collect()
    }

    /// Begins the first polls, without waiting for the first turn.
    pub fn start(&mut self) {
        self.handle(Input::Timeout);
    }

    /// Continues with another setup. What is under way goes on as it began.
    pub fn reconfigure(&mut self, setup: Setup) -> Reconfigured {
        let Setup { plan, clients, sinks } = setup;
        // Before the clients change, because a gap may start polls by the present plan.
        self.notice_gap();

        self.clients = clients;
        self.contacts.retain(|project| self.clients.contains_key(project));
        // Events that were emitted before may still go to a sink that is no longer configured.
        self.sinks.extend(sinks);

        match self.step(Input::Command(Command::Reconfigure(plan))) {
            CommandReply::Reconfigured(changed) => changed,
            _ => Reconfigured::default(),
        }
    }

    /// Waits for the next input and handles it, and the answers that came with it. Returns the
    /// events that were committed. Dropping the future before it ends loses nothing.
    pub async fn turn(&mut self) -> Result<Vec<Arc<Event>>, Error> {
        let nothing = Arc::<Batch>::default;

        self.check_lease()?;
        self.notice_gap();
        let now = self.clock.now().instant;
        let timeout = self.engine.poll_timeout();
        // One timer for all, because each that is set costs as much as the rest of a turn.
        let next = earliest([Some(now + TICK), self.next_edit_check, timeout]);
        self.expected = next.map(|at| at.max(now));

        let (input, committed) = tokio::select! {
            lost = &mut self.lost => return Err(lost.into()),
            () = self.lease.over() => return Err(Error::LeaseOver),
            Some(batch) = self.commits.next() => (Input::Committed, batch??),
            Some(answered) = self.polls.next() => (self.answered(answered?), nothing()),
            Some(input) = self.deliveries.next() => {
                let input = input??;
                self.counters.attempted(&input);
                (input, nothing())
            }
            Some(found) = self.edits.next() => {
                // A failed check is the last one: a state that is gone does not come back.
                let (edits, handed_over) = found??;
                self.handed_over.extend(handed_over);
                let input = Input::DeliveriesEdited(edits);
                self.counters.edited(&input);
                self.next_edit_check = Some(self.clock.now().instant + EDIT_CHECK_INTERVAL);
                (input, nothing())
            }
            () = self.clock.sleep_until(next) => {
                if self.next_edit_check == next {
                    self.check_for_edits();
                }
                if timeout != next {
                    return Ok(Vec::new());
                }
                (Input::Timeout, nothing())
            }
        };

        self.check_lease()?;
        self.counters.committed(&committed);
        self.handle(input);
        self.handle_answers()?;
        Ok(committed.entries.iter().map(|entry| Arc::clone(&entry.event)).collect())
    }

    /// Fails once nothing may begin any more.
    fn check_lease(&self) -> Result<(), Error> {
        if self.lease.is_held() { Ok(()) } else { Err(Error::LeaseOver) }
    }

    /// Handles the answers that are there already, because a turn for each, with its timers and all
    /// that the loop does between two turns, would cost more than the answer.
    fn handle_answers(&mut self) -> Result<(), JoinError> {
        let end = self.clock.now().instant + LONGEST_RUN;
        while let Some(answered) = self.polls.try_next() {
            let input = self.answered(answered?);
            self.handle(input);
            if self.clock.now().instant >= end {
                break;
            }
        }
        Ok(())
    }

    /// Hands a command to the engine and carries out what follows.
    pub fn command(&mut self, command: Command) -> CommandReply {
        self.handle(Input::Command(command))
    }

    /// The requests that other replicas handed over since the last call.
    pub fn take_handed_over(&mut self) -> Vec<HandedOver> {
        std::mem::take(&mut self.handed_over)
    }

    /// Commits what `work` changes together with the answers that it returns: all of it or nothing.
    pub fn commit_with_answers(&mut self, work: impl FnOnce(&mut Self) -> Vec<RequestAnswer>) {
        self.command(Command::HoldCommits);
        let answers = work(self);
        self.command(Command::Answer(answers));
    }

    /// Hands an input to the engine and carries out what follows.
    fn handle(&mut self, input: Input) -> CommandReply {
        match &input {
            Input::PollFailed { poll, failure } => {
                if let Some(job) = self.engine.job(&poll.project, &poll.job) {
                    let label = job.tracker.label();
                    debug!(project = %poll.project, job = %poll.job, "poll of {label} failed: {}", failure.message);
                }
            }
            Input::PageFailed { list, failure, .. } => {
                debug!(project = %list.project, "a page of the list failed: {}", failure.message);
            }
            // The answers of polls under way are not used any more, so they end here.
            Input::Command(Command::Stop) => self.polls = Tasks::new(),
            _ => {}
        }

        self.notice_gap();
        self.step(input)
    }

    fn step(&mut self, input: Input) -> CommandReply {
        let reply = self.engine.handle(input, self.clock.now());
        while let Some(action) = self.engine.poll_action() {
            self.carry_out(action);
        }
        reply
    }

    /// From now on, a first failure waits for [`Driver::take_first_failure`] instead of being logged,
    /// and what [`Driver::not_found`] and [`Driver::listing`] return is kept.
    pub fn keep_contacts(&mut self) {
        self.contacts.keeps_details = true;
    }

    /// The first request of a project, if that failed and gives reason to doubt the address; once.
    pub fn take_first_failure(&mut self) -> Option<FirstFailure> {
        self.first_failure.take()
    }

    /// What to do about the last failure of a project, if its last poll failed.
    pub fn advice(&self, project: &ProjectName) -> Option<&str> {
        self.contacts.of(project)?.advice.as_deref()
    }

    /// The jobs that the API never showed, and whose last poll said that there is no such job, of
    /// the first project that has some.
    pub fn not_found(&self) -> Option<(&ProjectName, &BTreeSet<JobId>)> {
        self.contacts.not_found()
    }

    /// The first page of the list of a project that was read.
    pub fn listing(&self, project: &ProjectName) -> &Listing {
        self.contacts.of(project).map_or(&Listing::Unknown, |contact| &contact.listing)
    }

    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    pub fn now(&self) -> Now {
        self.clock.now()
    }

    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The replicas that share the state; none if it belongs to one process.
    pub fn cluster(&self) -> Option<ClusterView> {
        self.store.cluster()
    }

    /// Gives the lease back, which ends all work under it.
    pub fn give_back(&self) -> Pending<()> {
        self.store.give_back()
    }

    /// Hands the time of the server to the engine, which may need it to judge the answer.
    fn answered(&mut self, answered: Answered) -> Input {
        let is_seen = |poll: &PollId| {
            let job = self.engine.job(&poll.project, &poll.job);
            job.is_some_and(|job| job.tracker.status().is_some())
        };
        // A request may outlast its project.
        if self.clients.contains_key(&answered.project)
            && let Some(first) = self.contacts.note(&answered, is_seen)
        {
            if self.contacts.keeps_details {
                self.first_failure = Some(first);
            } else {
                first.log();
            }
        }
        let Answered { project, input, server_time, exchange, .. } = answered;
        if let Some(exchange) = exchange {
            self.counters.requested(&project, &exchange, self.clock.now().wall);
        }
        if let Some(time) = server_time {
            self.handle(Input::ServerTime { project, time });
        }
        input
    }

    fn check_for_edits(&mut self) {
        self.next_edit_check = None;
        let (edits, handed_over) = (self.store.edits(), self.store.handed_over());
        self.edits.start(self.clock.now().instant, async move { Ok((edits.await?, handed_over.await?)) });
    }
}
