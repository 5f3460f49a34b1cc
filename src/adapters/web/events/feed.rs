//! What all streams share: places for clients, and the events that were read last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::message::{Message, Page};
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

    /// What follows this event, of all that was emitted up to this commit; without one, nothing but
    /// which event is the last one now. All clients together read it once.
    pub(super) async fn after(
        self: Arc<Self>,
        last: Option<EventId>,
        commit: u64,
    ) -> Result<Page, RequestError> {
        if let Some(page) = self.known(last, commit) {
            return Ok(page);
        }
        let feed = Arc::clone(&self);
        self.context.read_events(move |reader| feed.read(reader, last, commit)).await
    }

    /// The same, where one client at a time reads.
    fn read(&self, reader: &mut dyn Reader, last: Option<EventId>, commit: u64) -> Result<Page, ReadError> {
        // Another client may have read it while this one waited.
        if let Some(page) = self.known(last, commit) {
            return Ok(page);
        }

        // Before what follows, so that what is emitted meanwhile follows it.
        let end = reader.last_event()?.unwrap_or(EventId::BEFORE_ALL);
        let events = match last {
            Some(last) => reader.events_after(last, PAGE)?,
            None => Vec::new(),
        };
        let messages: Vec<_> = events.iter().map(|event| Message::of(event)).collect();
        // An event that nothing follows is the last one, or one that this state does not know: of a
        // clock that was ahead, or of another state. What is emitted next is to follow it, too.
        let start = last.filter(|_| !messages.is_empty()).unwrap_or(end);

        self.recent().add(start, commit, &messages);
        Ok(Page::after(start, messages))
    }

    fn known(&self, last: Option<EventId>, commit: u64) -> Option<Page> {
        let messages = self.recent().after(last?, commit)?;
        Some(Page::after(last?, messages))
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
