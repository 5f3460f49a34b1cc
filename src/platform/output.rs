//! Texts for standard output and standard error, written by threads of their own.
//!
//! Invariant: queuing a text never waits, so a stalled reader delays no poll, no timeout and no
//! signal.

use std::io::{self, Write};
use std::sync::mpsc;

use tokio::sync::oneshot;

/// One of the standard streams, with a thread that writes to it.
#[derive(Debug)]
pub struct Output {
    queue: mpsc::Sender<Entry>,
    /// Makes each text inert for its reader.
    filter: fn(String) -> String,
    written: oneshot::Receiver<io::Result<()>>,
}

/// What the thread is handed.
#[derive(Debug)]
enum Entry {
    Text(String),
    /// To be answered once all before it is written.
    Mark(oneshot::Sender<()>),
}

impl Output {
    /// Standard output. Fails, like the two below, if the system has no thread to give.
    pub fn stdout() -> io::Result<Self> {
        Self::to(io::stdout())
    }

    pub fn stderr() -> io::Result<Self> {
        Self::to(io::stderr())
    }

    pub fn to(stream: impl Write + Send + 'static) -> io::Result<Self> {
        let (queue, entries) = mpsc::channel();
        let (done, written) = oneshot::channel();
        // The receiver may be gone.
        let thread = std::thread::Builder::new().name("output".to_owned());
        thread.spawn(move || drop(done.send(write(&entries, stream))))?;
        Ok(Self { queue, filter: std::convert::identity, written })
    }

    /// Filters every text of [`Output::write`].
    #[must_use]
    pub fn filtered(self, filter: fn(String) -> String) -> Self {
        Self { filter, ..self }
    }

    /// Queues a text. It is written after those before it, or never if writing has failed.
    pub fn write(&self, text: impl Into<String>) {
        drop(self.queue.send(Entry::Text((self.filter)(text.into()))));
    }

    /// Queues a text that is not for people: it is written unfiltered.
    pub fn command(&self, text: impl Into<String>) {
        drop(self.queue.send(Entry::Text(text.into())));
    }

    /// Resolves, or is closed, once all that was queued is written, or writing has failed.
    pub fn mark(&self) -> oneshot::Receiver<()> {
        let (mark, reached) = oneshot::channel();
        drop(self.queue.send(Entry::Mark(mark)));
        reached
    }

    /// Waits until all that was queued is written, or writing has failed.
    pub async fn settled(&self) {
        // It is dropped if writing has failed.
        drop(self.mark().await);
    }

    /// Waits until everything is written. A reader that closed the stream is no failure: it has
    /// seen enough.
    pub async fn finish(self) -> io::Result<()> {
        let Self { queue, written, .. } = self;
        drop(queue);
        written.await.unwrap_or(Ok(()))
    }
}

fn write(entries: &mpsc::Receiver<Entry>, mut stream: impl Write) -> io::Result<()> {
    for entry in entries {
        let text = match entry {
            Entry::Text(text) => text,
            Entry::Mark(mark) => {
                // The receiver may be gone.
                _ = mark.send(());
                continue;
            }
        };
        match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }

    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that fails in this way.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn failures_are_reported_at_the_end_unless_the_reader_is_gone() {
        for (kind, failed) in [(io::ErrorKind::BrokenPipe, false), (io::ErrorKind::StorageFull, true)] {
            let output = Output::to(Failing(kind)).unwrap();
            output.write("a");
            output.write("b");
            output.settled().await;
            assert_eq!(output.finish().await.is_err(), failed, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn texts_are_filtered_and_commands_are_not() {
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::to(writer).unwrap().filtered(|text| text.to_uppercase());
        output.write("text\n");
        output.command("command\n");
        output.settled().await;
        let mut text = [0; 13];
        io::Read::read_exact(&mut &reader, &mut text).unwrap();
        assert_eq!(&text, b"TEXT\ncommand\n");
    }

    #[tokio::test]
    async fn settled_returns_after_a_failed_write() {
        let output = Output::to(Failing(io::ErrorKind::BrokenPipe)).unwrap();
        output.write("a");
        output.settled().await;
    }

    #[tokio::test]
    async fn texts_are_written_in_their_order() {
        let (reader, writer) = io::pipe().unwrap();
        let output = Output::to(writer).unwrap();
        for n in 0..100 {
            output.write(format!("{n}\n"));
        }
        output.finish().await.unwrap();
        let text = io::read_to_string(reader).unwrap();
        assert!(text.lines().eq((0..100).map(|n| n.to_string())));
    }
}
