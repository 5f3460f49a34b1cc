//! Carries out what the engine asks for, and tells it what came of it.
//!
//! Invariant: one event at a time goes through the engine; polls, commits and deliveries run beside each other and
//! none waits for another; each ends in exactly one event.

mod compose;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::{JoinError, JoinSet};
use tracing::{debug, error, info, warn};

pub use compose::{ComposeError, ComposeErrors, clients};

use crate::clock::Clock;
use crate::config::{ProjectSettings, SinkSettings};
use crate::engine::time::Now;
use crate::engine::{Action, Batch, Delivery, Engine, Event, Note, PollId};
use crate::model::{ProjectName, Transition, duration};
use crate::pinecone;
use crate::sink::Sink;
use crate::store::{self, Store};

/// An engine at work.
pub struct Driver {
    engine: Engine,
    clock: Clock,
    clients: BTreeMap<ProjectName, pinecone::Client>,
    sinks: Vec<(String, Arc<Sink>)>,
    store: Box<dyn Store>,
    polls: JoinSet<Event>,
    deliveries: JoinSet<Event>,
    commits: JoinSet<Result<Batch, store::Error>>,
    actions: Vec<Action>,
}

/// What a driver cannot go on after.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state cannot be written.
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
        store: Box<dyn Store>,
        clock: Clock,
    ) -> Result<Self, ComposeErrors> {
        let plans = sinks.iter().map(Sink::plan).collect();
        let (clients, built) = match (compose::clients(projects), compose::sinks(sinks)) {
            (Ok(clients), Ok(sinks)) => (clients, sinks.into_iter().map(Arc::new)),
            (clients, sinks) => {
                let errors = [clients.err(), sinks.err()].into_iter().flatten();
                return Err(ComposeErrors(errors.flat_map(|errors| errors.0).collect()));
            }
        };
        Ok(Self {
            engine: Engine::new(projects, plans, fastrand::u64(..), clock.now()),
            clock,
            clients,
            sinks: sinks.iter().map(|sink| sink.name().to_owned()).zip(built).collect(),
            store,
            polls: JoinSet::new(),
            deliveries: JoinSet::new(),
            commits: JoinSet::new(),
            actions: Vec::new(),
        })
    }

    /// Waits for the next thing to happen and deals with it. Returns the transitions that it made safe. Dropping the
    /// future before it ends loses nothing.
    pub async fn turn(&mut self) -> Result<Vec<Arc<Transition>>, Error> {
        let (event, safe) = tokio::select! {
            Some(batch) = self.commits.join_next() => (Event::Committed, batch??),
            Some(event) = self.polls.join_next() => (event?, Batch::default()),
            Some(event) = self.deliveries.join_next() => (event?, Batch::default()),
            () = self.clock.sleep_until(self.engine.next_deadline()) => (Event::DeadlineReached, Batch::default()),
        };
        self.handle(event);
        Ok(safe.entries.into_iter().map(|entry| entry.transition).collect())
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
            Action::Commit(batch) => {
                let commit = self.store.commit(batch.clone());
                self.commits.spawn(async move { commit.await.map(|()| batch) });
            }
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

    fn deliver(&mut self, delivery: Delivery) {
        let sink = Arc::clone(&self.sinks[delivery.id.sink].1);
        self.deliveries.spawn(async move {
            match sink.deliver(&delivery).await {
                Ok(()) => Event::Delivered(delivery.id),
                Err(failure) => Event::DeliveryFailed { id: delivery.id, failure },
            }
        });
    }

    fn log(&self, note: &Note) {
        match note {
            Note::UnknownStatus { project, job, title, status } => {
                warn!(%project, %job, "restore {title}: status `{status}` is unknown; still watching");
            }
            Note::DeliveryDelayed { id, attempts, retry_in, reason } => {
                let (sink, retry_in) = (&self.sinks[id.sink].0, duration::human(*retry_in));
                info!(sink, transition_id = %id.transition, attempts, "sink {sink}: {reason}; tried again in {retry_in}");
            }
            Note::DeliveryAbandoned { id, attempts, reason } => {
                let (name, sink) = &self.sinks[id.sink];
                // Nobody is paged because a machine has no desktop.
                if matches!(**sink, Sink::Desktop) {
                    warn!(sink = name, transition_id = %id.transition, "sink {name}: {reason}");
                } else {
                    error!(sink = name, transition_id = %id.transition, attempts, "sink {name}: {reason}; given up");
                }
            }
        }
    }
}
