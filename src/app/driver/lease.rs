//! The lease under which a driver works.
//!
//! Invariant: past the deadline of the lease nothing begins, whatever wakes the process up first: the
//! loop, or a request that was about to be made. A lease that was found to be over stays over.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use tokio::sync::Notify;

use crate::adapters::store::{self, Store};
use crate::platform::clock::Clock;

/// The lease of the state; always held if the state belongs to one process.
#[derive(Clone)]
pub(super) struct Lease(Option<SharedLease>);

#[derive(Clone)]
struct SharedLease {
    lease: Arc<dyn store::Lease>,
    clock: Clock,
    end: Arc<End>,
}

/// The end of a lease, for all that work under it.
#[derive(Default)]
struct End {
    is_over: AtomicBool,
    noticed: Notify,
}

impl Lease {
    pub(super) fn of(store: &dyn Store, clock: Clock) -> Self {
        Self(store.lease().map(|lease| SharedLease { lease, clock, end: Arc::default() }))
    }

    /// Whether replicas share the state.
    pub(super) fn is_shared(&self) -> bool {
        self.0.is_some()
    }

    /// Whether something may begin now.
    pub(super) fn is_held(&self) -> bool {
        self.0.as_ref().is_none_or(SharedLease::is_held)
    }

    /// Waits until the lease is found to be over.
    pub(super) async fn over(&self) {
        match &self.0 {
            Some(SharedLease { end, .. }) => end.noticed.notified().await,
            None => std::future::pending().await,
        }
    }

    /// Does `work`, of which no step is made past the deadline: a request that waits for its
    /// connection is not sent by a process that was frozen meanwhile. Work that is not over by then
    /// never ends.
    pub(super) async fn guard<T>(self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        std::future::poll_fn(move |cx| if self.is_held() { work.as_mut().poll(cx) } else { Poll::Pending })
            .await
    }
}

impl SharedLease {
    fn is_held(&self) -> bool {
        let Self { lease, clock, end } = self;
        if end.is_over.load(Ordering::Relaxed) {
            return false;
        }
        let is_held = lease.holds(clock.now().instant);
        if !is_held {
            end.is_over.store(true, Ordering::Relaxed);
            end.noticed.notify_one();
        }
        is_held
    }
}
