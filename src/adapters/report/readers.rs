//! The reader of a state, for the handlers of requests.
//!
//! Invariant: a read delays neither the loop nor other connections. One is under way at a time, so
//! that clients that ask all at once take one thread. A reader is closed before its state is: the
//! log of a database is folded into it when its last connection is closed.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::{ReadError, Reader};
use crate::platform::blocking;

/// A reader that several handlers share.
#[derive(Clone)]
pub struct Readers(Arc<Mutex<Option<Box<dyn Reader>>>>);

impl Readers {
    pub fn new(reader: Box<dyn Reader>) -> Self {
        Self(Arc::new(Mutex::new(Some(reader))))
    }

    /// Reads the state, on a thread that may wait for the disk.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let mut reader = Arc::clone(&self.0).lock_owned().await;
        let work = move || match reader.as_mut() {
            Some(reader) => read(&mut **reader),
            None => Err(ReadError {
                message: "the daemon is stopping".to_owned(),
                help: "read the state itself, with --state-file",
            }),
        };
        let done = blocking::start("read", work).map_err(|error| ReadError {
            message: format!("cannot start a thread that reads the state: {error}"),
            help: "raise the limit of processes and threads (ulimit -u, TasksMax=, pids.max)",
        })?;
        done.await.unwrap_or_else(|_| {
            Err(ReadError {
                message: "reading the state ended by a panic".to_owned(),
                help: "report this: it is a bug",
            })
        })
    }

    /// Closes the reader, unless a read is under way. Nothing is read after that.
    pub fn close(&self) {
        if let Ok(mut reader) = self.0.try_lock() {
            *reader = None;
        }
    }
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").finish_non_exhaustive()
    }
}
