//! What the handlers of requests know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tracing::warn;

use super::{Health, Token};
use crate::adapters::report::{
    Question, ReadError, Reader, Readers, RequestError, RequestErrorKind, Responder, ask,
};
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// How long an answer of the daemon's loop may take. A loop that is slower is stuck, and a client
/// should learn that before it gives up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The time between two lines of the log about a state that cannot be read: clients come back every
/// few seconds.
const LINE_INTERVAL: Duration = Duration::from_mins(10);

/// Where the listener finds what it shows, beside the daemon's loop.
pub struct Sources {
    /// The history and the events.
    pub readers: Readers,
    /// Another one, of the events for those that follow them, who do not wait for long reads.
    pub events: Readers,
    pub clock: Clock,
}

/// What each handler has at hand.
#[derive(Clone)]
pub(super) struct Context {
    questions: mpsc::Sender<Question>,
    readers: Readers,
    events: Readers,
    /// When it was last logged that the state cannot be read.
    logged_at: Arc<Mutex<Option<Instant>>>,
    pub(super) health: Arc<Health>,
    /// Counts the commits.
    pub(super) commits: watch::Receiver<u64>,
    /// The token in force: what an earlier one allowed ends.
    pub(super) token: watch::Receiver<Option<Token>>,
    pub(super) clock: Clock,
}

impl Context {
    pub(super) fn new(
        sources: Sources,
        questions: mpsc::Sender<Question>,
        health: Arc<Health>,
        commits: watch::Receiver<u64>,
        token: watch::Receiver<Option<Token>>,
    ) -> Self {
        let Sources { readers, events, clock } = sources;
        Self { questions, readers, events, logged_at: Arc::default(), health, commits, token, clock }
    }

    /// Asks the daemon's loop, which may take a moment.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(Responder<T>) -> Question,
    ) -> Result<T, RequestError> {
        let slow = |_| Err(RequestError::new(RequestErrorKind::Stopping, "the daemon does not answer"));
        timeout(ANSWER_TIMEOUT, ask(&self.questions, question)).await.unwrap_or_else(slow)
    }

    /// Where questions go, for answers that ask on.
    pub(super) fn questions(&self) -> mpsc::Sender<Question> {
        self.questions.clone()
    }

    /// Reads the state, on a thread that may wait for the disk.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        self.readers.read(read).await.map_err(|error| self.unread(error))
    }

    /// The same, beside all reads but those of clients that follow events.
    pub(super) async fn read_events<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        self.events.read(read).await.map_err(|error| self.unread(error))
    }

    /// Logs why the state is not read. Clients are not to learn where it is.
    fn unread(&self, error: RequestError) -> RequestError {
        let now = self.clock.now().instant;
        let mut logged_at = self.logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_none_or(|at| now.since(at) >= LINE_INTERVAL) {
            *logged_at = Some(now);
            let help = error.help.as_deref().unwrap_or_default();
            warn!("the HTTP listener cannot read the state: {}; {help}", error.error);
        }
        if error.kind != RequestErrorKind::Unreadable {
            return RequestError { help: None, ..error };
        }
        RequestError::new(RequestErrorKind::Unreadable, "the state cannot be read")
            .with_help("the log of the daemon says why")
    }
}
