//! What the handlers of requests know.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tracing::warn;

use super::Health;
use crate::adapters::report::{Question, ReadError, Reader, RequestError, RequestErrorKind, Responder, ask};
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// The time between two lines of the log about a state that cannot be read: clients come back every
/// few seconds.
const LINE_INTERVAL: Duration = Duration::from_mins(10);

/// Where the listener finds what it shows, beside the daemon's loop.
pub struct Sources {
    /// The history and the events.
    pub reader: Box<dyn Reader>,
    pub clock: Clock,
}

/// What each handler has at hand.
#[derive(Clone)]
pub(super) struct Context {
    questions: mpsc::Sender<Question>,
    reader: Arc<Mutex<Box<dyn Reader>>>,
    /// When it was last logged that the state cannot be read.
    logged_at: Arc<Mutex<Option<Instant>>>,
    pub(super) health: Arc<Health>,
    /// Counts the commits.
    pub(super) commits: watch::Receiver<u64>,
    pub(super) clock: Clock,
}

impl Context {
    pub(super) fn new(
        sources: Sources,
        questions: mpsc::Sender<Question>,
        health: Arc<Health>,
        commits: watch::Receiver<u64>,
    ) -> Self {
        let Sources { reader, clock } = sources;
        let reader = Arc::new(Mutex::new(reader));
        Self { questions, reader, logged_at: Arc::default(), health, commits, clock }
    }

    /// Asks the daemon's loop.
    pub(super) async fn ask<T>(
        &self,
        question: impl FnOnce(Responder<T>) -> Question,
    ) -> Result<T, RequestError> {
        ask(&self.questions, question).await
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
        let reader = Arc::clone(&self.reader);
        let work = move || read(&mut **reader.lock().unwrap_or_else(PoisonError::into_inner));
        let broken = |_| ReadError {
            message: "reading the state ended by a panic".to_owned(),
            help: "report this: it is a bug",
        };
        let read = tokio::task::spawn_blocking(work).await.map_err(broken);
        read.and_then(|read| read).map_err(|error| self.unreadable(&error))
    }

    /// Logs why the state cannot be read. Clients are not to learn where it is.
    fn unreadable(&self, error: &ReadError) -> RequestError {
        let now = self.clock.now().instant;
        let mut logged_at = self.logged_at.lock().unwrap_or_else(PoisonError::into_inner);
        if logged_at.is_none_or(|at| now.since(at) >= LINE_INTERVAL) {
            *logged_at = Some(now);
            warn!("the HTTP listener cannot read the state: {error}; {}", error.help);
        }
        RequestError::new(RequestErrorKind::Unreadable, "the state cannot be read")
            .with_help("the log of the daemon says why")
    }
}
