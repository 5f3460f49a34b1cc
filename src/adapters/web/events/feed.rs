//! What all streams share: places for clients, and the events that were read last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::message::Message;
use super::recent::{PAGE, Recent};
use crate::adapters::report::{ReadError, Reader, RequestError};
use crate::adapters::web::Token;
use crate::adapters::web::context::Context;
use crate::model::EventId;

pub(super) struct Feed {
    context: Context,
    places: Arc<Semaphore>,
    recent: Mutex<Recent>,
}

impl Feed {
    pub(super) fn new(context: Context, places: usize) -> Self {
        Self { context, places: Arc::new(Semaphore::new(places)), recent: Mutex::default() }
    }

    /// A place for a client, if there is one. Dropping it frees it.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Counts the commits.
    pub(super) fn commits(&self) -> watch::Receiver<u64> {
        self.context.commits.clone()
    }

    /// Changes when the token that clients had is no longer in force.
    pub(super) fn token(&self) -> watch::Receiver<Option<Token>> {
        let mut token = self.context.token.clone();
        token.mark_unchanged();
        token
    }

    /// The event that was emitted last, or what precedes all events.
    pub(super) async fn last(&self) -> Result<EventId, RequestError> {
        let last = self.context.read(|reader| reader.last_event()).await?;
        Ok(last.unwrap_or(EventId::BEFORE_ALL))
    }

    /// A page of what follows this event, of all that was emitted up to this commit; nothing if the
    /// event is the last one. All clients together read it once.
    pub(super) async fn after(
        self: &Arc<Self>,
        last: EventId,
        commit: u64,
    ) -> Result<Vec<Message>, RequestError> {
        if let Some(messages) = self.recent().after(last, commit) {
            return Ok(messages);
        }
        let feed = Arc::clone(self);
        self.context.read(move |reader| feed.read(reader, last, commit)).await
    }

    /// The same, where one client at a time reads.
    fn read(&self, reader: &mut dyn Reader, last: EventId, commit: u64) -> Result<Vec<Message>, ReadError> {
        // Another client may have read it while this one waited.
        if let Some(messages) = self.recent().after(last, commit) {
            return Ok(messages);
        }
        let events = reader.events_after(last, PAGE)?;
        let messages: Vec<_> = events.iter().map(|event| Message::of(event)).collect();
        self.recent().add(last, commit, &messages);
        Ok(messages)
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
