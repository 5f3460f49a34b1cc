//! Carries out what the engine asks for, and tells it what came of it.
//!
//! Invariant: one event at a time goes through the engine; polls, commits and deliveries run beside each other and
//! none waits for another; each ends in exactly one event.

mod compose;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, info, warn};

pub use compose::{ComposeError, ComposeErrors, clients, sinks};

use crate::clock::Clock;
use crate::config::{ProjectSettings, SinkSettings, StateSettings};
use crate::engine::memory::Saved;
use crate::engine::time::{Instant, Now};
use crate::engine::{Action, Batch, Delivery, DeliveryId, Engine, Event, Note, Plan, PollId};
use crate::model::{ProjectName, SinkName, Transition, duration};
use crate::pinecone;
use crate::sink::Sink;
use crate::store::{self, Store, Volatile};

/// How often the state is looked at for changes that others made. The look costs one read of shared memory.
const LOOK_FOR_EDITS: Duration = Duration::from_secs(2);

/// An engine at work.
pub struct Driver {
    engine: Engine,
    clock: Clock,
    clients: BTreeMap<ProjectName, pinecone::Client>,
    sinks: BTreeMap<SinkName, Arc<Sink>>,
    store: Box<dyn Store>,
    polls: JoinSet<Event>,
    deliveries: JoinSet<Result<Event, store::Error>>,
    commits: JoinSet<Result<Arc<Batch>, store::Error>>,
    edits: JoinSet<Result<Event, store::Error>>,
    /// When the next look for edits begins; none where the state is not durable, or while one is under way.
    next_look: Option<Instant>,
    actions: Vec<Action>,
}

/// Where an engine begins, and where what it decides is made safe.
pub struct State {
    /// Where.
    pub store: Box<dyn Store>,
    /// What was made safe there before.
    pub saved: Saved,
    /// How long what is over is kept.
    pub keep: Duration,
}

impl State {
    /// A beginning from nothing, and nothing is kept.
    pub fn volatile() -> Self {
        Self { store: Box::new(Volatile::default()), saved: Saved::default(), keep: StateSettings::KEEP }
    }
}

/// What a driver cannot go on after.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A task panicked, which is a bug.
    #[error("internal error: {0}")]
    Internal(#[from] JoinError),
}

impl Driver {
    /// A driver for these projects and sinks; nothing happens before the first [`Driver::turn`].
    pub fn new(
        projects: &[ProjectSettings],
        sinks: &[SinkSettings],
        state: State,
        clock: Clock,
    ) -> Result<Self, ComposeErrors> {
        let (clients, (sinks, plans)) = match (compose::clients(projects), compose::sinks(sinks)) {
            (Ok(clients), Ok(sinks)) => (clients, sinks),
            (clients, sinks) => {
                let errors = [clients.err(), sinks.err()].into_iter().flatten();
                return Err(ComposeErrors(errors.flat_map(|errors| errors.0).collect()));
            }
        };
        let State { store, saved, keep } = state;
        let plan = Plan { projects, sinks: plans, keep };
        let now = clock.now();
        Ok(Self {
            engine: Engine::recall(plan, saved, fastrand::u64(..), now),
            clock,
            clients,
            sinks: sinks.into_iter().map(|(name, sink)| (name, Arc::new(sink))).collect(),
            next_look: store.is_durable().then_some(now.instant),
            store,
            polls: JoinSet::new(),
            deliveries: JoinSet::new(),
            commits: JoinSet::new(),
            edits: JoinSet::new(),
            actions: Vec::new(),
        })
    }

    /// Waits for the next thing to happen and deals with it. Returns the transitions that it made safe. Dropping the
    /// future before it ends loses nothing.
    pub async fn turn(&mut self) -> Result<Vec<Arc<Transition>>, Error> {
        let nothing = Arc::<Batch>::default;
        let (event, safe) = tokio::select! {
            Some(batch) = self.commits.join_next() => (Event::Committed, batch??),
            Some(event) = self.polls.join_next() => (event?, nothing()),
            Some(event) = self.deliveries.join_next() => (event??, nothing()),
            Some(event) = self.edits.join_next() => {
                self.next_look = Some(self.clock.now().instant + LOOK_FOR_EDITS);
                (event??, nothing())
            }
            () = self.clock.sleep_until(self.next_look) => {
                self.look_for_edits();
                return Ok(Vec::new());
            }
            () = self.clock.sleep_until(self.engine.next_deadline()) => (Event::DeadlineReached, nothing()),
        };
        self.handle(event);
        Ok(safe.entries.iter().map(|entry| Arc::clone(&entry.transition)).collect())
    }

    /// Tells the engine that something happened and starts what it asks for.
    pub fn handle(&mut self, event: Event) {
        if let Event::PollFailed { poll, failure } = &event
            && let Some(job) = self.engine.job(&poll.project, &poll.job)
        {
            let label = job.tracker.label();
            debug!(project = %poll.project, job = %poll.job, "poll of {label} failed: {}", failure.message);
        }
        if matches!(event, Event::StopRequested) {
            // Ends the polls that are under way: nobody waits for their answers.
            self.polls = JoinSet::new();
        }
        let mut actions = std::mem::take(&mut self.actions);
        self.engine.step(event, self.clock.now(), &mut actions);
        for action in actions.drain(..) {
            self.start(action);
        }
        self.actions = actions;
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
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
            Action::Poll(poll) => self.poll(poll),
            Action::Commit(batch) => self.commit(batch),
            Action::Deliver(delivery) => self.deliver(delivery),
            Action::Note(note) => self.log(&note),
        }
    }

    fn poll(&mut self, poll: PollId) {
        let client = self.clients.get(&poll.project).expect("each project has a client").clone();
        self.polls.spawn(async move {
            match client.describe(&poll.job).await {
                Ok(observation) => Event::Answered { poll, observation },
                Err(error) => Event::PollFailed { poll, failure: error.into() },
            }
        });
    }

    fn commit(&mut self, batch: Batch) {
        let mut bodies = Vec::new();
        for entry in &batch.entries {
            for sink in &entry.owed_to {
                if let Some(body) = self.sinks.get(sink).and_then(|sink| sink.body(&entry.transition)) {
                    bodies.push((DeliveryId { transition: entry.transition.id, sink: sink.clone() }, body));
                }
            }
        }
        let batch = Arc::new(batch);
        let commit = self.store.commit(Arc::clone(&batch), bodies);
        self.commits.spawn(async move { commit.await.map(|()| batch) });
    }

    fn deliver(&mut self, delivery: Delivery) {
        let sink = Arc::clone(self.sinks.get(&delivery.id.sink).expect("each sink of the engine is here"));
        let letter = self.store.letter(&delivery.id);
        let clock = self.clock;
        self.deliveries.spawn(async move {
            let letter = letter.await?;
            Ok(match sink.deliver(&letter, clock.now().wall).await {
                Ok(()) => Event::Delivered(delivery.id),
                Err(failure) => Event::DeliveryFailed { id: delivery.id, failure },
            })
        });
    }

    fn look_for_edits(&mut self) {
        self.next_look = None;
        let edits = self.store.edits();
        self.edits.spawn(async move { edits.await.map(Event::Edited) });
    }

    fn log(&self, note: &Note) {
        match note {
            Note::UnknownStatus { project, job, title, status } => {
                warn!(%project, %job, "restore {title}: status `{status}` is unknown; still watching");
            }
            Note::DeliveryDelayed { id, attempts, retry_in, reason } => {
                let (sink, retry_in) = (&id.sink, duration::human(*retry_in));
                info!(%sink, transition_id = %id.transition, attempts, "sink {sink}: {reason}; tried again in {retry_in}");
            }
            Note::DeliveryAbandoned { id, attempts, reason } => {
                let sink = &id.sink;
                // Nobody is paged because a machine has no desktop.
                if self.sinks.get(sink).is_some_and(|sink| matches!(**sink, Sink::Desktop)) {
                    warn!(%sink, transition_id = %id.transition, "sink {sink}: {reason}");
                } else {
                    let id = id.transition;
                    let again = if self.store.is_durable() {
                        format!("; to send it again: restore-watch deliveries retry {id}")
                    } else {
                        String::new()
                    };
                    error!(%sink, transition_id = %id, attempts, "sink {sink}: {reason}; given up{again}");
                }
            }
            Note::DeliveryExpired { id, reason } => {
                let (sink, transition_id) = (&id.sink, id.transition);
                let why = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                warn!(%sink, %transition_id, "sink {sink}: dropped what is too old to be worth telling{why}");
            }
            Note::SinkDisabled { sink, reason, buried } => {
                let also = if *buried > 0 {
                    format!(", and {buried} further deliveries were given up")
                } else {
                    String::new()
                };
                error!(%sink, "sink {sink} is disabled{also}: {reason}; nothing is sent to it until its configuration changes");
            }
            Note::SinkEnabled { sink } => {
                info!(%sink, "sink {sink} is used again, because its configuration changed; to send what was given up: restore-watch deliveries retry --dead --sink {sink}");
            }
            Note::ProjectMissing { project, jobs } => {
                warn!(%project, jobs, "the configuration has no project {project}, to which jobs were added that did not end: {jobs}; add it again to watch them");
            }
            Note::SinkMissing { sink, owed } => {
                warn!(%sink, owed, "the configuration has no sink {sink}, to which deliveries are owed: {owed}; add it again, or: restore-watch deliveries drop --all --sink {sink}");
            }
        }
    }
}
