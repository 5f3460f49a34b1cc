//! Connections that can be cut: the listener of both servers, and a handle on each of its
//! connections.
//!
//! Invariant: after [`ConnectionHandle::cut`] not one more byte leaves the connection, whatever the
//! HTTP layer still writes; a client sees an end (or a reset) in the middle of the exchange.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It ends, as when a proxy gives up.
    Close,
    /// It is reset (RST), as when a host forgets its connections.
    Reset,
}

/// A handle on one connection, given to the handlers of its requests.
#[derive(Debug, Clone, Default)]
pub(super) struct ConnectionHandle(Arc<AtomicU8>);

impl ConnectionHandle {
    /// Sends no further byte; the connection closes as soon as something is written to it.
    pub(super) fn cut(&self, how: Cut) {
        self.0.store(if how == Cut::Close { 1 } else { 2 }, Ordering::SeqCst);
    }

    fn state(&self) -> Option<Cut> {
        match self.0.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Cut::Close),
            _ => Some(Cut::Reset),
        }
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for ConnectionHandle {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().handle.clone()
    }
}

/// A server that runs until this is dropped.
#[derive(Debug)]
pub(super) struct Serving {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: AbortHandle,
    // Dropped with the rest, which ends the connections that are still open.
    _stop: watch::Sender<()>,
}

impl Serving {
    /// Binds `listen` and serves `router` there, each request with the [`ConnectionHandle`] it came
    /// on.
    pub(super) async fn start(listen: SocketAddr, router: Router) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(());
        let accepted = Arc::<AtomicUsize>::default();
        let listener = CuttableListener { listener, stopped, accepted: accepted.clone() };
        let service = router.into_make_service_with_connect_info::<ConnectionHandle>();
        let task = tokio::spawn(async move {
            // Never ends by itself: accepting retries its own errors.
            axum::serve(listener, service).await
        })
        .abort_handle();
        Ok(Self { address, accepted, task, _stop: stop })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections it has accepted.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections and wraps each in a [`CuttableStream`].
pub(super) struct CuttableListener {
    listener: TcpListener,
    stopped: watch::Receiver<()>,
    accepted: Arc<AtomicUsize>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // Answers are small and single; Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let mut stopped = self.stopped.clone();
        let stop = Box::pin(async move { while stopped.changed().await.is_ok() {} });
        (CuttableStream { stream, handle: ConnectionHandle::default(), stop, stopped: false }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that obeys its [`ConnectionHandle`] and the end of its server.
pub(super) struct CuttableStream {
    stream: TcpStream,
    handle: ConnectionHandle,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    stopped: bool,
}

impl CuttableStream {
    fn refuse(&self) -> io::Result<()> {
        if self.handle.state() == Some(Cut::Reset) {
            // With no time to linger, closing the socket sends RST instead of FIN.
            let _ = self.stream.set_zero_linger();
        }
        if self.stopped || self.handle.state().is_some() {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.stopped && self.stop.as_mut().poll(cx).is_ready() {
            self.stopped = true;
        }
        self.refuse()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.refuse()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.refuse()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.refuse()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
