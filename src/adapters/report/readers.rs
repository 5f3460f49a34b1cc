//! The reader of a state, for the handlers of requests.
//!
//! Invariant: a read delays neither the loop nor other connections. One is under way at a time, so
//! that clients that ask all at once take one thread; it ends soon after its client is gone, and no
//! client waits for long. A reader is closed before its state is: the log of a database is folded
//! into it when its last connection is closed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{ReadError, Reader, RequestError, RequestErrorKind};
use crate::platform::blocking;

/// How long a client waits for a read, with those before it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A reader that several handlers share.
#[derive(Clone)]
pub struct Readers {
    reader: Arc<Mutex<Option<Box<dyn Reader>>>>,
    patience: Duration,
}

impl Readers {
    pub fn new(reader: Box<dyn Reader>) -> Self {
        Self { reader: Arc::new(Mutex::new(Some(reader))), patience: PATIENCE }
    }

    /// One that reads in real time for tests in paused time.
    #[cfg(test)]
    pub fn unbounded(reader: Box<dyn Reader>) -> Self {
        Self { patience: Duration::MAX, ..Self::new(reader) }
    }

    /// Reads the state, on a thread that may wait for the disk.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        timeout(self.patience, self.read_at_last(read)).await.unwrap_or_else(|_| {
            Err(RequestError::new(RequestErrorKind::Stopping, "reading the state takes too long")
                .with_help("try again later, or read the state itself, with --config or --state-file"))
        })
    }

    /// Reads once the reader is free. The read is given up if this future is dropped.
    async fn read_at_last<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, RequestError> {
        let mut reader = Arc::clone(&self.reader).lock_owned().await;
        let requester = Arc::new(());
        let waits = Arc::downgrade(&requester);
        let work = move || {
            let reader = reader.as_mut()?;
            reader.give_up_without(waits);
            Some(read(&mut **reader))
        };

        let done = blocking::start("read", work).map_err(|error| ReadError {
            message: format!("cannot start a thread that reads the state: {error}"),
            help: "raise the limit of processes and threads (ulimit -u, TasksMax=, pids.max)",
        })?;
        let done = done.await;
        drop(requester);
        match done {
            Ok(Some(done)) => Ok(done?),
            Ok(None) => Err(RequestError::new(RequestErrorKind::Stopping, "the daemon is stopping")
                .with_help("read the state itself, with --config or --state-file")),
            Err(_) => Err(ReadError {
                message: "reading the state ended by a panic".to_owned(),
                help: "report this: it is a bug",
            }
            .into()),
        }
    }

    /// Closes the reader, unless a read is under way. Nothing is read after that.
    pub fn close(&self) {
        if let Ok(mut reader) = self.reader.try_lock() {
            *reader = None;
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Weak, mpsc};

    use super::*;
    use crate::adapters::report::{History, HistoryFilter, HistoryRange};
    use crate::model::{EndTotals, Event, EventId};

    /// Reads until the test is done, like a disk that hangs, or until the client is gone.
    struct Slow {
        end: mpsc::Receiver<()>,
        heeds_client: bool,
        client: Weak<()>,
    }

    impl Reader for Slow {
        fn totals(&mut self) -> Result<EndTotals, ReadError> {
            Ok(EndTotals::new())
        }

        fn history(&mut self, _: &HistoryFilter, _: HistoryRange) -> Result<History, ReadError> {
            let gone = || self.heeds_client && self.client.strong_count() == 0;
            while !gone() && matches!(self.end.try_recv(), Err(mpsc::TryRecvError::Empty)) {
                std::thread::yield_now();
            }
            Ok(History::default())
        }

        fn last_event(&mut self) -> Result<Option<EventId>, ReadError> {
            Ok(None)
        }

        fn events_after(&mut self, _: EventId, _: usize) -> Result<Vec<Arc<Event>>, ReadError> {
            Ok(Vec::new())
        }

        fn give_up_without(&mut self, client: Weak<()>) {
            self.client = client;
        }
    }

    fn slow(heeds_client: bool) -> (Readers, mpsc::Sender<()>) {
        let (sender, end) = mpsc::channel();
        (Readers::new(Box::new(Slow { end, heeds_client, client: Weak::new() })), sender)
    }

    async fn read_history(readers: &Readers) -> Result<History, RequestError> {
        let range = HistoryRange { skip: 0, limit: 1 };
        readers.read(move |reader| reader.history(&HistoryFilter::default(), range)).await
    }

    #[tokio::test(start_paused = true)]
    async fn clients_wait_only_so_long_for_a_read_that_hangs() {
        let (readers, _end) = slow(false);

        // The second one waits for the first.
        for answer in [read_history(&readers).await, read_history(&readers).await] {
            let error = answer.unwrap_err();
            assert_eq!((error.kind.status(), &*error.error), (503, "reading the state takes too long"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_ends_with_its_client() {
        let (readers, _end) = slow(true);

        timeout(Duration::from_millis(1), read_history(&readers)).await.unwrap_err();

        // The reader is free again.
        drop(readers.reader.lock().await);
    }
}
