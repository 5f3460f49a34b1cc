//! Serves HTTP on the connections of a listener, which are bounded in every way.
//!
//! Invariant: no client holds a connection that it does not use. A request that does not arrive in
//! time ends its connection, as does an answer that is not read in time, and connections are bounded,
//! so that no client uses up the file descriptors that polls and deliveries need.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::prompt_stream::PromptStream;

/// How long a request may take to arrive: its head, and then its body.
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a request is read ahead, and of an answer made ahead, in bytes. A request has a
/// shorter head than this. A long answer is made in parts that are larger, so that one of them at a
/// time waits for its client.
const MAX_BUFFER: usize = 64 * 1024;

/// How long a client may take to read what is sent to it: a whole answer, or a part of a long one.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted, as when no further file can be opened.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Where connections come from.
pub trait Listener {
    type Stream: Stream;

    /// The next connection that may be served. Dropping the future loses none.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// A connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Writes as much as can be written without a wait.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// The places for connections, which several listeners may share.
#[derive(Debug, Clone)]
pub struct Connections {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    terms: Terms,
    places: Arc<Semaphore>,
    /// Whether it was logged that there are too many.
    is_full: AtomicBool,
}

/// How connections are served.
#[derive(Debug)]
pub struct Terms {
    /// What messages call the listener, such as `the control socket`.
    pub name: &'static str,
    /// How many connections there are at once, at most.
    pub most: usize,
    /// How long a connection may wait for its next request; none if it ends with its first answer.
    pub idle: Option<Duration>,
    /// The answer to a connection for which there is no place, with its content type.
    pub refusal: (&'static str, String),
}

impl Connections {
    pub fn new(terms: Terms) -> Self {
        let places = Arc::new(Semaphore::new(terms.most));
        Self { shared: Arc::new(Shared { terms, places, is_full: AtomicBool::new(false) }) }
    }

    /// Serves the clients of a listener. A connection outlives this future: its client may still wait
    /// for an answer.
    pub async fn serve(self, listener: impl Listener, router: Router) {
        let Terms { name, most, refusal, .. } = &self.shared.terms;
        loop {
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    debug!("a connection to {name} was not accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };

            if let Ok(place) = Arc::clone(&self.shared.places).try_acquire_owned() {
                // At the bound, places come and go: it is warned of again only after half of them
                // were free.
                if self.shared.places.available_permits() >= *most / 2 {
                    self.shared.is_full.store(false, Ordering::Relaxed);
                }
                tokio::spawn(converse(stream, router.clone(), Arc::clone(&self.shared), place));
            } else {
                if !self.shared.is_full.swap(true, Ordering::Relaxed) {
                    warn!("there are {most} connections to {name}; further ones are refused");
                }
                reject(&stream, refusal);
            }
        }
    }
}

/// Answers the requests of a connection.
async fn converse(stream: impl Stream, router: Router, shared: Arc<Shared>, _place: OwnedSemaphorePermit) {
    let Terms { name, idle, .. } = shared.terms;
    let router = TowerToHyperService::new(router);
    let has_arrived = Notify::new();
    let service = service_fn(|request| {
        has_arrived.notify_one();
        router.call(request)
    });

    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // It runs from the answer before, so that this is also the limit of a connection that idles.
        .header_read_timeout(idle.unwrap_or(ARRIVAL_TIMEOUT))
        .max_buf_size(MAX_BUFFER)
        .keep_alive(idle.is_some())
        .serve_connection(TokioIo::new(PromptStream::new(stream, READ_TIMEOUT)), service);
    let no_request = async {
        if tokio::time::timeout(ARRIVAL_TIMEOUT, has_arrived.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            debug!("a connection to {name} ended early: {error}");
        },
        () = no_request => debug!("a connection to {name} had no request within {} s", ARRIVAL_TIMEOUT.as_secs()),
    }
}

/// Answers without reading the request, as far as the buffer of the socket goes: this must not
/// wait.
fn reject(stream: &impl Stream, (kind, body): &(&str, String)) {
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // The client may have left.
    drop(stream.try_write(answer.as_bytes()));
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // A line of a stream of events should not wait for the next one.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

impl Stream for TcpStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }
}

impl Stream for UnixStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }
}

#[cfg(test)]
mod tests;
