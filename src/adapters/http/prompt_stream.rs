//! A connection whose other end must take what is sent to it.
//!
//! Invariant: what is written is taken within the limit, or the connection ends. A connection on
//! which nothing waits to be taken lives on, however long.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream with a limit on how long written bytes may wait for the other end.
pub(super) struct PromptStream<S, F> {
    inner: S,
    limit: Duration,
    /// Called when all that was written is sent.
    all_sent: F,
    /// Runs from the first write that had to wait until all is written.
    late: Option<Pin<Box<Sleep>>>,
}

impl<S, F> PromptStream<S, F> {
    pub(super) fn new(inner: S, limit: Duration, all_sent: F) -> Self {
        Self { inner, limit, all_sent, late: None }
    }

    /// Passes on the result of a write, unless what waits is late.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_pending() {
            let limit = self.limit;
            self.late.get_or_insert_with(|| Box::pin(sleep(limit)));
        }
        if let Some(late) = &mut self.late
            && late.as_mut().poll(cx).is_ready()
        {
            let fault = format!("an answer was not read within {} s", self.limit.as_secs());
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, fault)));
        }
        result
    }
}

impl<S: AsyncRead + Unpin, F: Unpin> AsyncRead for PromptStream<S, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for PromptStream<S, F> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Hyper flushes once it has written all that it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready() {
            self.late = None;
            (self.all_sent)();
        }
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
