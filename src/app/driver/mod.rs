//! Carries out what the engine asks for, and tells it what came of it.
//!
//! Invariant: one event at a time goes through the engine; polls, commits and deliveries run beside each other and
//! none waits for another; each ends in exactly one event.

mod compose;
mod diagnostics;
mod requests;
mod tasks;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinError;
use tracing::{debug, info};

pub use compose::{ComposeError, ComposeErrors, Setup, clients, sinks};

use requests::Answered;
use tasks::Tasks;

use crate::adapters::pinecone;
use crate::adapters::sinks::Sink;
use crate::adapters::store::{Store, StoreError, Volatile};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Action, Batch, Delivery, DeliveryId, Engine, Input, Reconfigured};
use crate::model::time::{Instant, Now, earliest};
use crate::model::{Event, ProjectName, SinkName, duration};
use crate::platform::clock::Clock;

/// How often the state is looked at for changes that others made, and whether its files are still there. The look costs
/// two calls of the system and one read of shared memory.
const LOOK_FOR_EDITS: Duration = Duration::from_secs(2);

/// A shorter suspension than this is none worth a round of polls.
const NAP: Duration = Duration::from_secs(1);

/// The loop runs at least this often.
const TICK: Duration = Duration::from_secs(10);

/// A loop that runs later than it was to by this much was not only busy: its process was frozen, or a machine around it.
const FREEZE: Duration = Duration::from_secs(10);

/// How long work of each kind may take before it counts as stuck. Each lies beyond the limit that the work has by itself:
/// a request to the API ends after 5 minutes at most, a delivery after 17 s, a write that waits for another process
/// after 30 s.
const LONGEST_POLL: Duration = Duration::from_mins(6);
const LONGEST_DELIVERY: Duration = Duration::from_mins(2);
const LONGEST_WRITE: Duration = Duration::from_mins(1);

/// An engine at work.
pub struct Driver {
    engine: Engine,
    clock: Clock,
    clients: BTreeMap<ProjectName, pinecone::Client>,
    sinks: BTreeMap<SinkName, Arc<Sink>>,
    store: Box<dyn Store>,
    polls: Tasks<Answered>,
    deliveries: Tasks<Result<Input, StoreError>>,
    commits: Tasks<Result<Arc<Batch>, StoreError>>,
    edits: Tasks<Result<Input, StoreError>>,
    /// When the next look for edits begins; none where the state is not durable, or while one is under way.
    next_look: Option<Instant>,
    /// How long the machine was suspended, as far as the engine knows.
    slept: Duration,
    /// By when the loop was to run again; none before its first turn.
    expected: Option<Instant>,
    actions: Vec<Action>,
}

/// Where an engine begins, and where what it decides is made safe.
pub struct State {
    /// Where.
    pub store: Box<dyn Store>,
    /// What was made safe there before.
    pub saved: Snapshot,
}

impl State {
    /// A beginning from nothing, and nothing is kept.
    pub fn volatile() -> Self {
        Self { store: Box::new(Volatile::default()), saved: Snapshot::default() }
    }
}

/// What a driver cannot go on after.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task panicked, which is a bug.
    #[error("internal error: {0}")]
    Internal(#[from] JoinError),
}

impl Driver {
    /// A driver for this setup; nothing happens before the first [`Driver::turn`].
    pub fn new(setup: Setup, state: State, clock: Clock) -> Self {
        let State { store, saved } = state;
        let now = clock.now();
        Self {
            engine: Engine::from_snapshot(setup.plan(), saved, fastrand::u64(..), now),
            clock,
            clients: setup.clients,
            sinks: setup.sinks,
            next_look: store.is_durable().then_some(now.instant),
            store,
            polls: Tasks::new(),
            deliveries: Tasks::new(),
            commits: Tasks::new(),
            edits: Tasks::new(),
            slept: clock.slept(),
            expected: None,
            actions: Vec::new(),
        }
    }

    /// Goes on with another setup. What is under way goes on as it began.
    pub fn reconfigure(&mut self, setup: Setup) -> Reconfigured {
        let changed = self.change(|engine, now| engine.reconfigure(setup.plan(), now));
        self.clients = setup.clients;
        // What was told before is still to be written in the form of a sink that is no more.
        self.sinks.extend(setup.sinks);
        self.handle(Input::TimeoutReached);
        changed
    }

    /// Changes the engine, see [`engine::change`](crate::engine). What comes of it begins with the next event.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut Engine, Now) -> T) -> T {
        change(&mut self.engine, self.clock.now())
    }

    /// Waits for the next thing to happen and deals with it. Returns the transitions that it made safe. Dropping the
    /// future before it ends loses nothing.
    pub async fn turn(&mut self) -> Result<Vec<Arc<Event>>, Error> {
        let nothing = Arc::<Batch>::default;
        self.notice_a_gap();
        let now = self.clock.now().instant;
        let tick = now + TICK;
        let next = earliest([Some(tick), self.next_look, self.engine.next_deadline()]);
        self.expected = next.map(|at| at.max(now));
        let (input, safe) = tokio::select! {
            Some(batch) = self.commits.next() => (Input::Committed, batch??),
            Some(answered) = self.polls.next() => (self.answered(answered?), nothing()),
            Some(input) = self.deliveries.next() => (input??, nothing()),
            Some(input) = self.edits.next() => {
                // After a look that failed there is no further one: a state that is gone is gone.
                let input = input??;
                self.next_look = Some(self.clock.now().instant + LOOK_FOR_EDITS);
                (input, nothing())
            }
            () = self.clock.sleep_until(Some(tick)) => return Ok(Vec::new()),
            () = self.clock.sleep_until(self.next_look) => {
                self.look_for_edits();
                return Ok(Vec::new());
            }
            () = self.clock.sleep_until(self.engine.next_deadline()) => (Input::TimeoutReached, nothing()),
        };
        self.handle(input);
        Ok(safe.entries.iter().map(|entry| Arc::clone(&entry.event)).collect())
    }

    /// Tells the engine that something happened and starts what it asks for.
    pub fn handle(&mut self, input: Input) {
        if let Input::PollFailed { poll, failure } = &input
            && let Some(job) = self.engine.job(&poll.project, &poll.job)
        {
            let label = job.tracker.label();
            debug!(project = %poll.project, job = %poll.job, "poll of {label} failed: {}", failure.message);
        }
        if let Input::ListFailed { list, failure, .. } = &input {
            debug!(project = %list.project, "a page of the list failed: {}", failure.message);
        }
        if matches!(input, Input::StopRequested) {
            // Ends the polls that are under way: nobody waits for their answers.
            self.polls = Tasks::new();
        }
        self.notice_a_gap();
        self.step(input);
    }

    fn step(&mut self, input: Input) {
        let mut actions = std::mem::take(&mut self.actions);
        self.engine.step(input, self.clock.now(), &mut actions);
        for action in actions.drain(..) {
            self.start(action);
        }
        self.actions = actions;
    }

    /// Has the engine make nothing of a time in which nothing could be done, before it makes something of what comes after
    /// it: an answer that waited meanwhile is old, and a limit that passed meanwhile proves nothing.
    fn notice_a_gap(&mut self) {
        let late = self.expected.take().map(|at| self.clock.now().instant.since(at)).unwrap_or_default();
        let slept = self.clock.slept().saturating_sub(self.slept);
        let (gap, what) = match () {
            // It may have been frozen before or after that.
            () if slept >= NAP => (slept.max(late), "this machine was suspended"),
            () if late >= FREEZE => (late, "this process was not run"),
            () => return,
        };
        self.slept += slept;
        self.polls.excuse(gap);
        self.deliveries.excuse(gap);
        self.commits.excuse(gap);
        self.edits.excuse(gap);
        info!("{what} for {}; looking at all restores again", duration::human(gap));
        self.step(Input::Suspended(gap));
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What has been under way for longer than it can take; none where all goes on.
    pub fn stuck(&self) -> Option<&'static str> {
        let now = self.clock.now().instant;
        let kinds = [
            (self.commits.oldest(), LONGEST_WRITE, "a write to the state"),
            (self.edits.oldest(), LONGEST_WRITE, "a look at the state"),
            (self.deliveries.oldest(), LONGEST_DELIVERY, "a delivery"),
            (self.polls.oldest(), LONGEST_POLL, "a request to the API"),
        ];
        let stuck = |(oldest, limit, _): &(Option<Instant>, _, _)| {
            oldest.is_some_and(|since| now.since(since) > *limit)
        };
        kinds.into_iter().find(stuck).map(|(_, _, what)| what)
    }

    /// The time now.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// The clock it goes by.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    fn start(&mut self, action: Action) {
        match action {
            Action::Poll(poll) => self.poll(poll, None),
            Action::PollIndex(poll, index) => self.poll(poll, Some(index)),
            Action::List(list, token) => self.list(list, token),
            Action::Commit(batch) => self.commit(batch),
            Action::Deliver(delivery) => self.deliver(delivery),
            Action::Diagnostic(note) => self.note(&note),
        }
    }

    fn commit(&mut self, batch: Batch) {
        let mut bodies = Vec::new();
        for entry in &batch.entries {
            for sink in &entry.recipients {
                if let Some(body) = self.sinks.get(sink).and_then(|sink| sink.body(&entry.event)) {
                    bodies.push((DeliveryId { event: entry.event.id, sink: sink.clone() }, body));
                }
            }
        }
        let batch = Arc::new(batch);
        let commit = self.store.commit(Arc::clone(&batch), bodies);
        self.commits.start(self.clock.now().instant, async move { commit.await.map(|()| batch) });
    }

    fn deliver(&mut self, delivery: Delivery) {
        let sink = Arc::clone(self.sinks.get(&delivery.id.sink).expect("each sink of the engine is here"));
        let payload = self.store.payload(&delivery.id);
        let clock = self.clock;
        self.deliveries.start(clock.now().instant, async move {
            let payload = payload.await?;
            Ok(match sink.deliver(&payload, clock.now().wall).await {
                Ok(()) => Input::Delivered(delivery.id),
                Err(failure) => Input::DeliveryFailed { id: delivery.id, failure },
            })
        });
    }

    fn look_for_edits(&mut self) {
        self.next_look = None;
        let edits = self.store.edits();
        self.edits.start(self.clock.now().instant, async move { edits.await.map(Input::DeliveriesEdited) });
    }
}
