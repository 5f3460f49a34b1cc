//! What the handlers of requests know.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::Health;
use crate::adapters::report::{Question, ReadError, Reader, Readers, RequestError, Responder, ask};
use crate::platform::clock::Clock;

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
    readers: Readers,
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
        Self { questions, readers: Readers::new(reader), health, commits, clock }
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
    ) -> Result<T, ReadError> {
        self.readers.read(read).await
    }
}
