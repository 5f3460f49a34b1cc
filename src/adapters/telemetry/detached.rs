//! Standard error, written by a thread of its own.
//!
//! Invariant: logging never waits for the reader. Lines for which a slow reader leaves no room are
//! dropped and counted, and their number is logged; [`written`] reports whether a line was written.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::oneshot;
use tracing::warn;
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for a slow reader before further ones are dropped. The queue of `tokio` is
/// allocated as it fills; one of the standard library at the start, which delays a short wait.
const QUEUE_CAPACITY: usize = 8_000;

/// How long the end of the process waits for the last lines.
const FINAL_WRITE_LIMIT: Duration = Duration::from_secs(1);

/// Resolves once a line is written; the error says why it was not.
pub type Written = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

type ResultSender = oneshot::Sender<io::Result<()>>;

thread_local! {
    /// Gets the result of the line that this thread logs next.
    static NEXT_REPLY: RefCell<Option<ResultSender>> = const { RefCell::new(None) };
}

/// Logs by calling `log`, which logs one line at most, and reports when that line is written. A
/// line that is filtered out counts as written.
pub fn written(log: &dyn Fn()) -> Written {
    let (reply, result) = oneshot::channel();
    NEXT_REPLY.set(Some(reply));
    log();
    // Still there if the line was filtered out, or if this thread wrote it itself.
    if NEXT_REPLY.take().is_some() {
        return Box::pin(std::future::ready(Ok(())));
    }

    Box::pin(async move {
        match result.await {
            Ok(written) => written.map_err(|error| format!("cannot write to standard error: {error}")),
            Err(_) => Err("the reader of the log is too slow; a line was lost".to_owned()),
        }
    })
}

/// How many lines were lost since the process began.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many lines of the log of this process were lost, because its reader is slow.
pub fn lines_lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

/// What the thread is to do.
enum Command {
    /// Write a line, and report the result.
    Write(Vec<u8>, Option<ResultSender>),
    Stop,
}

/// Queues lines for the thread that writes them.
#[derive(Debug, Clone)]
pub(super) struct Detached {
    queue: Sender<Command>,
    lost: Arc<AtomicU64>,
}

/// Keeps the thread running. When it is dropped, the rest is written, for up to a second.
#[derive(Debug)]
pub(super) struct Worker {
    queue: Sender<Command>,
    ended: mpsc::Receiver<()>,
}

impl Detached {
    /// Starts to write to `stream`. Fails if the system has no thread to give.
    pub(super) fn start(stream: impl Write + Send + 'static) -> io::Result<(Self, Worker)> {
        let (queue, mut commands) = channel(QUEUE_CAPACITY);
        let (end, ended) = mpsc::channel();
        let lost = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&lost);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || {
            work(stream, &mut commands, &counter);
            // The guard may be gone.
            _ = end.send(());
        })?;
        Ok((Self { queue: queue.clone(), lost }, Worker { queue, ended }))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // There may be no room for this: then the reader has stalled, and the wait below ends by
        // its limit.
        drop(self.queue.try_send(Command::Stop));
        _ = self.ended.recv_timeout(FINAL_WRITE_LIMIT);
    }
}

/// Writes lines until it is to stop.
fn work(mut stream: impl Write, commands: &mut Receiver<Command>, lost: &AtomicU64) {
    while let Some(Command::Write(text, reply)) = commands.blocking_recv() {
        let written = stream.write_all(&text).and_then(|()| stream.flush());
        if let Some(reply) = reply {
            // The asking side may have stopped waiting.
            drop(reply.send(written));
        }
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => warn!(lost, "lines of this log that were lost, because its reader is slow: {lost}"),
        }
    }
}

impl Write for Detached {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        if self.queue.try_send(Command::Write(text.to_vec(), NEXT_REPLY.take())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Detached {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::fmt::MakeWriter as _;

    use super::*;

    /// A stream that fails, or waits until it may go on.
    struct Gate(mpsc::Receiver<io::Result<()>>, Arc<std::sync::Mutex<Vec<u8>>>);

    impl Write for Gate {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or(Ok(()))?;
            self.1.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn each_line_has_its_result() {
        let (go, gate) = mpsc::channel();
        let text = Arc::default();
        let (writer, worker) = Detached::start(Gate(gate, Arc::clone(&text))).unwrap();
        let log = |line: &'static str| {
            let writer = writer.clone();
            written(&move || drop(writer.make_writer().write(line.as_bytes())))
        };
        let mut first = log("first\n");
        let waiting = tokio::time::timeout(Duration::from_millis(20), &mut first).await;

        assert!(waiting.is_err(), "nothing is written yet");

        go.send(Ok(())).unwrap();
        assert_eq!(first.await, Ok(()));

        go.send(Err(io::ErrorKind::StorageFull.into())).unwrap();
        let refused = log("second\n").await.unwrap_err();

        assert!(refused.starts_with("cannot write to standard error: "), "{refused}");
        assert_eq!(written(&|| {}).await, Ok(()), "nothing was to be written");

        // The thread holds one line; the queue has room for `QUEUE_CAPACITY` more.
        let mut waiting: Vec<_> = (0..QUEUE_CAPACITY + 2).map(|_| log("more\n")).collect();
        let lost = waiting.pop().unwrap().await.unwrap_err();

        assert_eq!(lost, "the reader of the log is too slow; a line was lost");

        drop(go);
        for line in waiting.into_iter().take(QUEUE_CAPACITY) {
            assert_eq!(line.await, Ok(()));
        }
        drop(worker);

        assert!(text.lock().unwrap().starts_with(b"first\nmore\n"));
    }
}
