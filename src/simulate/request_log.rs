//! What a server of the simulation has received: the newest requests, and how many there were.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// Requests, of which the oldest are forgotten once there are more than `capacity`.
#[derive(Debug)]
pub(super) struct RequestLog<T> {
    capacity: usize,
    newest: Mutex<VecDeque<T>>,
    count: watch::Sender<usize>,
}

impl<T: Clone> RequestLog<T> {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, newest: Mutex::default(), count: watch::Sender::new(0) }
    }

    pub(super) fn push(&self, request: T) {
        let mut newest = self.lock();
        if newest.len() == self.capacity {
            newest.pop_front();
        }
        newest.push_back(request);
        drop(newest);

        self.count.send_modify(|count| *count += 1);
    }

    /// The requests that are remembered, oldest first.
    pub(super) fn newest(&self) -> Vec<T> {
        self.lock().iter().cloned().collect()
    }

    /// How many requests there were, whether they are remembered or not.
    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until there were at least `count` requests.
    pub(super) async fn wait_for(&self, count: usize) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.count.subscribe().wait_for(|so_far| *so_far >= count).await;
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<T>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
