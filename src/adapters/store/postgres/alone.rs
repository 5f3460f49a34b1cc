//! A runtime for a process, or a command, that has none that outlives its calls.

use std::future::Future;
use std::io;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// A thread that drives connections and their timers. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Alone {
    handle: Handle,
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Alone {
    /// Starts it. Fails if the system has no thread or no descriptors to give.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("state-database".to_owned()).spawn(move || {
            // Ends when the sender is dropped, too.
            drop(runtime.block_on(ended));
            runtime.shutdown_background();
        })?;
        Ok(Self { handle, end: Some(end), thread: Some(thread) })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Does `work` there and waits for it; none if it panicked.
    pub(super) fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (reply, answer) = channel();
        drop(self.handle.spawn(async move {
            // The receiver waits.
            drop(reply.send(work.await));
        }));
        answer.recv().ok()
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It does not panic.
            drop(thread.join());
        }
    }
}
