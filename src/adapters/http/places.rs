//! The places for connections.
//!
//! Invariant: there are never more connections than places. One that is being answered keeps its
//! place; one that waits for a request may lose it to a new connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

/// The connections that wait for a request, in the order in which they began to.
#[derive(Debug, Default)]
struct Waiting {
    begun: u64,
    connections: BTreeMap<u64, Arc<Notify>>,
}

/// The place of a connection, which waits for a request at first. Dropping it frees it.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    phase: Mutex<Phase>,
    loss: Arc<Notify>,
    _permit: OwnedSemaphorePermit,
}

/// Where a connection is with its request.
#[derive(Debug, Clone, Copy)]
enum Phase {
    /// None has arrived. This is the key of the connection among those that wait.
    Waiting(u64),
    Answering,
    /// All of the answer is made, but some of it may not be sent.
    Sending,
}

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(most)), waiting: Mutex::default() })
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }

    /// A free place, else that of the connection that has waited longest; none if all are being
    /// answered.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Arc<Place>> {
        if self.free() == 0 {
            // The requests of connections that were just accepted may be there, but not read.
            tokio::task::yield_now().await;
        }
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(Place::new(self, permit));
        }

        let (_, longest) = self.waiting().connections.pop_first()?;
        longest.notify_one();
        let permit = Arc::clone(&self.free).acquire_owned().await.ok()?;
        Some(Place::new(self, permit))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn new(places: &Arc<Places>, permit: OwnedSemaphorePermit) -> Arc<Self> {
        let loss = Arc::new(Notify::new());
        let key = places.waiting().add(&loss);
        Arc::new(Self {
            places: Arc::clone(places),
            phase: Mutex::new(Phase::Waiting(key)),
            loss,
            _permit: permit,
        })
    }

    /// A request has arrived.
    pub(super) fn begin_answer(&self) {
        let mut phase = self.phase();
        if let Phase::Waiting(key) = *phase {
            self.places.waiting().connections.remove(&key);
        }
        *phase = Phase::Answering;
    }

    /// All of the answer is made.
    pub(super) fn end_answer(&self) {
        *self.phase() = Phase::Sending;
    }

    /// All that was made is sent.
    pub(super) fn all_sent(&self) {
        let mut phase = self.phase();
        if let Phase::Sending = *phase {
            *phase = Phase::Waiting(self.places.waiting().add(&self.loss));
        }
    }

    /// Waits until another connection needs this place.
    pub(super) async fn lost(&self) {
        self.loss.notified().await;
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Phase::Waiting(key) = *self.phase() {
            self.places.waiting().connections.remove(&key);
        }
    }
}

impl Waiting {
    /// The key of a connection that waits from now on.
    fn add(&mut self, loss: &Arc<Notify>) -> u64 {
        self.begun += 1;
        self.connections.insert(self.begun, Arc::clone(loss));
        self.begun
    }
}
