//! Keeps work under way, and since when.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};

use crate::model::time::Instant;

/// Tasks of one kind. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Tasks<T> {
    set: JoinSet<T>,
    begun: BTreeMap<Id, Instant>,
}

impl<T: Send + 'static> Tasks<T> {
    pub(super) fn new() -> Self {
        Self { set: JoinSet::new(), begun: BTreeMap::new() }
    }

    pub(super) fn start(&mut self, now: Instant, work: impl Future<Output = T> + Send + 'static) {
        let handle = self.set.spawn(work);
        self.begun.insert(handle.id(), now);
    }

    /// The result of the next task that ends; none if there is no task. Dropping the future loses
    /// nothing.
    pub(super) async fn next(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.set.join_next_with_id().await?;
        Some(self.end(ended))
    }

    /// The result of a task that has ended already, if there is one.
    pub(super) fn try_next(&mut self) -> Option<Result<T, JoinError>> {
        let ended = self.set.try_join_next_with_id()?;
        Some(self.end(ended))
    }

    fn end(&mut self, ended: Result<(Id, T), JoinError>) -> Result<T, JoinError> {
        let (id, result) = match ended {
            Ok((id, result)) => (id, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        self.begun.remove(&id);
        result
    }

    /// Moves all starts later, by time in which no work was possible.
    pub(super) fn shift(&mut self, time: Duration) {
        self.begun.values_mut().for_each(|since| *since = *since + time);
    }

    /// When the oldest task began.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.begun.values().min().copied()
    }
}
