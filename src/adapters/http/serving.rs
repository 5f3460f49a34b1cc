//! Serves HTTP on the connections of a listener, which are bounded in every way.
//!
//! Invariant: no client holds a connection that it does not use. A request that does not arrive in
//! time ends its connection, as does an answer that is not read in time, and connections are bounded,
//! so that no client uses up the file descriptors that polls and deliveries need. At the bound, a new
//! connection takes the place of the one that has waited longest for a request.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Notify;
use tracing::{debug, warn};

use super::places::{Place, Places};
use super::prompt_stream::PromptStream;
use crate::platform::process;

/// How long a request may take to arrive: its head, and then its body.
pub const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// The same at a spare place, where another client needs it soon.
const SPARE_ARRIVAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How many places there are for each spare one.
const PLACES_PER_SPARE: usize = 16;

/// How much of a request is read ahead, and of an answer made ahead, in bytes. A request has a
/// shorter head than this. A long answer is made in parts that are larger, so that one of them at a
/// time waits for its client.
const MAX_BUFFER: usize = 64 * 1024;

/// How long a client may take to read what is sent to it: a whole answer, or a part of a long one.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long what is sent may stay without an answer of the other machine, in milliseconds. Then the
/// connection ends: a client that vanished holds its place no longer.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: u32 = 60_000;

/// The pause after a connection could not be accepted, as when no further file can be opened.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// One warning for this number of connections for which no file was left: once in ten minutes, with
/// the pause after each.
const FAILURES_PER_WARNING: u32 = 600;

/// The most connections to one listener.
const MAX_CONNECTIONS: u64 = 256;

/// The part of the files that this process may open which are for one listener. There are two, and
/// polls, deliveries and the state need files, too.
const SHARE_OF_FILES: u64 = 4;

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
    places: Arc<Places>,
    /// For urgent requests, if all others are being answered.
    spare: Arc<Places>,
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
    /// The paths that are answered even if all other connections are being answered.
    pub urgent: &'static [&'static str],
    pub refusal: Refusal,
}

/// The answer to a connection for which there is no place.
#[derive(Debug)]
pub struct Refusal {
    pub headers: HeaderMap,
    pub body: String,
}

/// How many connections a listener may have at once, by the limit of open files of this process.
pub fn most_connections() -> usize {
    share(process::open_file_limit())
}

fn share(limit: Option<u64>) -> usize {
    let most = limit.map_or(MAX_CONNECTIONS, |limit| (limit / SHARE_OF_FILES).clamp(1, MAX_CONNECTIONS));
    usize::try_from(most).unwrap_or(usize::MAX)
}

impl Connections {
    pub fn new(terms: Terms) -> Self {
        let places = Places::new(terms.most);
        let spare = if terms.urgent.is_empty() { 0 } else { terms.most.div_ceil(PLACES_PER_SPARE) };
        let spare = Places::new(spare);
        Self { shared: Arc::new(Shared { terms, places, spare, is_full: AtomicBool::new(false) }) }
    }

    /// Serves the clients of a listener. A connection outlives this future: its client may still wait
    /// for an answer.
    pub async fn serve(self, listener: impl Listener, router: Router) {
        let Shared { terms, places, spare, is_full } = &*self.shared;
        let Terms { name, most, refusal, .. } = terms;
        let mut failures = 0;
        loop {
            let stream = match listener.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    report(name, &error, &mut failures);
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };

            let shared = Arc::clone(&self.shared);
            if let Some(place) = places.take().await {
                // At the bound, places come and go: it is warned of again only after half of them
                // were free.
                if places.free() >= *most / 2 {
                    is_full.store(false, Ordering::Relaxed);
                }
                tokio::spawn(converse(stream, router.clone(), shared, place, Kind::Usual));
                continue;
            }

            if !is_full.swap(true, Ordering::Relaxed) {
                warn!("there are {most} connections to {name}; further ones are refused");
            }
            if let Some(place) = spare.take().await {
                tokio::spawn(converse(stream, router.clone(), shared, place, Kind::Spare));
            } else {
                refusal.send(&stream);
            }
        }
    }
}

/// Logs why a connection was not accepted; a warning if no further file can be opened.
fn report(name: &str, error: &io::Error, failures: &mut u32) {
    if !matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE)) {
        debug!("a connection to {name} was not accepted: {error}");
        return;
    }
    if failures.is_multiple_of(FAILURES_PER_WARNING) {
        warn!(
            "a connection to {name} was not accepted: {error}; \
             raise the limit of open files: LimitNOFILE= of the unit, or ulimit -n"
        );
    }
    *failures = failures.wrapping_add(1);
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Usual,
    /// One urgent request.
    Spare,
}

/// Answers the requests of a connection.
async fn converse(stream: impl Stream, router: Router, shared: Arc<Shared>, place: Arc<Place>, kind: Kind) {
    let Terms { name, idle, urgent, refusal, .. } = &shared.terms;
    let (arrival, idle) = match kind {
        Kind::Usual => (ARRIVAL_TIMEOUT, *idle),
        Kind::Spare => (SPARE_ARRIVAL_TIMEOUT, None),
    };
    let router = TowerToHyperService::new(router);
    let has_arrived = Notify::new();
    let service = service_fn(|request: Request<Incoming>| {
        has_arrived.notify_one();
        place.begin_answer();
        let is_refused = kind == Kind::Spare && !urgent.contains(&request.uri().path());
        let answer = (!is_refused).then(|| router.call(request));
        let place = Arc::clone(&place);
        async move {
            let response = match answer {
                Some(answer) => answer.await?,
                None => refusal.response(),
            };
            Ok::<_, std::convert::Infallible>(response.map(|body| AnswerBody { body, place }))
        }
    });

    let all_sent = || place.all_sent();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // It runs from the answer before, so that this is also the limit of a connection that idles.
        .header_read_timeout(idle.unwrap_or(arrival))
        .max_buf_size(MAX_BUFFER)
        .keep_alive(idle.is_some())
        .serve_connection(TokioIo::new(PromptStream::new(stream, READ_TIMEOUT, all_sent)), service);
    let no_request = async {
        if tokio::time::timeout(arrival, has_arrived.notified()).await.is_ok() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            debug!("a connection to {name} ended early: {error}");
        },
        () = no_request => debug!("a connection to {name} had no request within {} s", arrival.as_secs()),
        () = place.lost() => debug!("a connection to {name} had no request when another one needed its place"),
    }
}

/// The body of an answer, which is made when it is dropped.
struct AnswerBody {
    body: Body,
    place: Arc<Place>,
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        self.place.end_answer();
    }
}

impl Refusal {
    const STATUS: StatusCode = StatusCode::SERVICE_UNAVAILABLE;

    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = Self::STATUS;
        *response.headers_mut() = self.headers.clone();
        response
    }

    /// Answers without reading the request, as far as the buffer of the socket goes: this must not
    /// wait.
    fn send(&self, stream: &impl Stream) {
        let mut answer = format!("HTTP/1.1 {}\r\n", Self::STATUS);
        for (name, value) in &self.headers {
            // Writing to a text cannot fail.
            _ = write!(answer, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
        let length = self.body.len();
        _ = write!(answer, "content-length: {length}\r\nconnection: close\r\n\r\n{}", self.body);
        // The client may have left.
        drop(stream.try_write(answer.as_bytes()));
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // A line of a stream of events should not wait for the next one. Like what follows, this fails
        // only if the client has left.
        drop(stream.set_nodelay(true));
        // Linux tries for a quarter of an hour by default.
        #[cfg(target_os = "linux")]
        let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, VANISHED_AFTER);
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
