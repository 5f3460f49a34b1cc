//! The thread that uses a connection.
//!
//! Invariant: one thread uses a connection, request by request, and nothing else runs on it: neither look-ups of names nor
//! files that are read elsewhere can keep a commit waiting. The connection is closed before the lock is released.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::lock::Lock;

/// How long a drop waits for the request under way and for the connection to close. A disk that answers no more must not
/// hold up the end of the process.
const LAST_REQUEST: Duration = Duration::from_secs(10);

type Request = Box<dyn FnOnce(&mut Connection) + Send>;

/// A thread with a connection. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Thread {
    /// Taken to end the thread.
    queue: Option<Sender<Request>>,
    ended: Receiver<()>,
}

impl Thread {
    /// Starts it. Fails where the system has no thread to give.
    pub(super) fn start(name: &str, mut connection: Connection, lock: Arc<Lock>) -> io::Result<Self> {
        let (queue, requests) = channel::<Request>();
        let (end, ended) = channel();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for request in requests {
                request(&mut connection);
            }
            drop(connection);
            drop(lock);
            // Nobody may wait for it any more.
            _ = end.send(());
        })?;
        Ok(Self { queue: Some(queue), ended })
    }

    /// Hands a request over. The answer is closed without a value if the thread ended by a panic.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, answer) = oneshot::channel();
        if let Some(queue) = &self.queue {
            // Whoever asked may have stopped waiting; the work is done all the same.
            drop(queue.send(Box::new(move |connection| drop(reply.send(work(connection))))));
        }
        answer
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.queue = None;
        // Fails at once if the thread ended by a panic.
        _ = self.ended.recv_timeout(LAST_REQUEST);
    }
}
