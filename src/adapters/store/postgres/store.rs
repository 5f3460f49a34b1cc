//! The state while this process has the lease.
//!
//! Invariant: what is asked of it goes on to its end whether or not the caller still waits: a commit
//! is not cut because a future is dropped.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::alone::Alone;
use super::cluster::Sightings;
use super::held_lease::HeldLease;
use super::lease;
use super::link::Link;
use super::reader::PostgresReader;
use super::requests::Incoming;
use super::{commit, deliver, document};
use crate::adapters::report::Reader;
use crate::adapters::store::{
    Body, ClusterView, HandedOver, Lease, Lost, OpenError, Pending, Store, StoreError, StoreErrorClass,
};
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};
use crate::platform::failpoint;

/// A lease that is held, and the connections under it.
pub(super) struct PostgresStore {
    shared: Arc<Shared>,
    /// Where its tasks run.
    runtime: Handle,
    keep: AbortHandle,
    /// Of a process that has no other runtime.
    alone: Option<Alone>,
}

/// What the tasks of a store share.
pub(super) struct Shared {
    pub(super) held_lease: Arc<HeldLease>,
    pub(super) sightings: Arc<Sightings>,
    /// For renewals.
    pub(super) keep: Link,
    /// For commits.
    pub(super) write: Link,
    /// For payloads and edits, which wait for no commit, and for the requests of clients of this
    /// process.
    pub(super) read: Link,
    /// The number of the last batch that is committed.
    pub(super) batch: AtomicI64,
    pub(super) incoming: Incoming,
}

impl PostgresStore {
    /// The store of a term whose lease is kept by this task.
    pub(super) fn new(shared: Arc<Shared>, runtime: Handle, keep: AbortHandle) -> Self {
        Self { shared, runtime, keep, alone: None }
    }

    /// Has the store end its runtime with itself, after it gave the lease back.
    pub(super) fn alone(mut self, alone: Alone) -> Self {
        self.alone = Some(alone);
        self
    }

    /// Does `work` on the runtime of this store.
    fn work<T, F>(&self, work: impl FnOnce(Arc<Shared>) -> F) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let done = self.runtime.spawn(work(Arc::clone(&self.shared)));
        let state = self.shared.write.database().to_string();
        Box::pin(async move {
            let ended = |error: tokio::task::JoinError| StoreError {
                class: StoreErrorClass::Failed,
                doing: "write",
                state,
                fault: format!("its task ended early: {error}"),
                help: "report this: it is a bug",
            };
            done.await.unwrap_or_else(|error| Err(ended(error)))
        })
    }
}

impl Shared {
    async fn commit(&self, batch: &Batch, bodies: Vec<Body>) -> Result<(), StoreError> {
        let marks = batch.deliveries.iter().any(|update| update.change.is_final());
        let document = document::of(batch, bodies).map_err(|error| {
            super::fault::Fault::unreadable(error).while_doing("write", self.write.database())
        })?;
        let number = self.batch.load(Ordering::SeqCst) + 1;

        failpoint::reached(if marks { "before_mark" } else { "before_commit" });
        commit::commit(&self.held_lease, &self.write, number, &document).await?;
        failpoint::reached(if marks { "after_mark" } else { "after_commit" });
        self.batch.store(number, Ordering::SeqCst);
        self.incoming.answered(&batch.answers);
        Ok(())
    }

    /// Gives the lease back. It ends in any case; if this fails, the others wait for that.
    async fn give_back(&self) -> Result<(), StoreError> {
        let is_held = self.held_lease.holds(self.held_lease.clock.now().instant);
        self.held_lease.end("the lease was given back");
        if !is_held {
            return Ok(());
        }
        let sql = lease::give_back(&self.held_lease.fence);
        let times = self.held_lease.times;
        failpoint::reached("before_giving_back");
        let mut asked = self.keep.ask(&sql, times.message()).await;
        if asked.as_ref().is_err_and(super::fault::Fault::is_passing) {
            asked = self.keep.ask(&sql, times.message()).await;
        }
        asked.map(drop).map_err(|fault| fault.while_doing("write", self.keep.database()))
    }
}

impl Store for PostgresStore {
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()> {
        self.work(|shared| async move { shared.commit(&batch, bodies).await })
    }

    fn payload(&self, id: &DeliveryId) -> Pending<Payload> {
        let id = id.clone();
        self.work(|shared| async move { deliver::payload(&shared.held_lease, &shared.read, &id).await })
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn reader(&self) -> Result<Box<dyn Reader>, OpenError> {
        let Shared { held_lease, read, .. } = &*self.shared;
        Ok(Box::new(PostgresReader::beside(read.database(), &held_lease.fence.cluster)))
    }

    fn edits(&self) -> Pending<Vec<Edit>> {
        self.work(|shared| async move {
            let (edits, requests) = deliver::edits(&shared.held_lease, &shared.read).await?;
            if requests {
                shared.incoming.claim(&shared.held_lease, &shared.read).await?;
            }
            Ok(edits)
        })
    }

    fn handed_over(&self) -> Pending<Vec<HandedOver>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(shared.incoming.take()) })
    }

    fn lease(&self) -> Option<Arc<dyn Lease>> {
        Some(Arc::clone(&self.shared.held_lease) as Arc<dyn Lease>)
    }

    fn lost(&self) -> Lost {
        let held_lease = Arc::clone(&self.shared.held_lease);
        Box::pin(async move { held_lease.ended().await })
    }

    fn cluster(&self) -> Option<ClusterView> {
        Some(self.shared.sightings.view(self.shared.held_lease.clock.now().instant))
    }

    fn give_back(&self) -> Pending<()> {
        self.work(|shared| async move { shared.give_back().await })
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(alone) = &self.alone {
            let shared = Arc::clone(&self.shared);
            // Nothing is left to report it to; the lease ends by itself.
            drop(alone.run(async move { shared.give_back().await }));
        }
        self.keep.abort();
        // What is under way would wait for a renewal.
        self.shared.held_lease.end("the state was closed");
    }
}
