//! A receiver of webhooks: takes every request, and answers as scripted.
//!
//! Invariant: a request is recorded when it is whole, before it is answered; one that is answered
//! badly, or not at all, was received all the same.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::Timeline;
use super::connection::{ConnectionHandle, Cut, Serving};
use super::request_log::RequestLog;

/// How many requests are remembered.
const REMEMBERED: usize = 10_000;

/// The largest body that is accepted, in bytes; a larger one is answered with 413.
const MAX_BODY: usize = 1 << 20;

/// The longest a request is left hanging.
const HANG: Duration = Duration::from_hours(1);

/// How a [`Receiver`] answers one request.
#[derive(Debug, Clone)]
pub struct Reply {
    delay: Duration,
    headers: Vec<(String, String)>,
    body: Bytes,
    /// `None`: the connection is cut instead.
    status: Option<u16>,
}

impl Reply {
    /// This HTTP status, 200 to 599, with an empty body unless one is set; 500 replaces any other
    /// number.
    pub fn status(status: u16) -> Self {
        Self { delay: Duration::ZERO, headers: Vec::new(), body: Bytes::new(), status: Some(status) }
    }

    /// No answer: the connection stays open for an hour, or until the client closes it.
    pub fn hang() -> Self {
        Self::drop_connection().after(HANG)
    }

    /// No answer: the connection ends.
    pub fn drop_connection() -> Self {
        Self { status: None, ..Self::status(0) }
    }

    /// Adds a header, as in `.header("retry-after", "7")`. One that HTTP does not permit is left
    /// out.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it after this delay.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

/// A request that a [`Receiver`] received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Time on the receiver's clock when all of it was there.
    pub at: Duration,
    pub method: String,
    /// Its path and query, as sent.
    pub path: String,
    /// Its headers in the order they came, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

impl Received {
    /// The first header of this name, which is written in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }
}

/// A receiver of webhooks, which serves until it is dropped.
#[derive(Debug)]
pub struct Receiver {
    serving: Serving,
    state: Arc<ReceiverState>,
}

/// What the handler shares with the receiver.
#[derive(Debug)]
struct ReceiverState {
    timeline: Timeline,
    replies: Mutex<VecDeque<Reply>>,
    default_reply: Mutex<DefaultReply>,
    received: RequestLog<Received>,
}

/// Decides the reply once the scripted ones are used up.
#[derive(Clone)]
struct DefaultReply(Arc<dyn Fn(&Received) -> Reply + Send + Sync>);

impl fmt::Debug for DefaultReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DefaultReply(_)")
    }
}

impl Receiver {
    /// Receives on `listen` (port 0: any free one) and answers each request with the next of
    /// `replies`, then with 200. Fails if the address cannot be bound.
    pub async fn start(
        replies: impl IntoIterator<Item = Reply>,
        listen: SocketAddr,
        timeline: Timeline,
    ) -> io::Result<Self> {
        let state = Arc::new(ReceiverState {
            timeline,
            replies: Mutex::new(replies.into_iter().collect()),
            default_reply: Mutex::new(DefaultReply(Arc::new(|_| Reply::status(200)))),
            received: RequestLog::new(REMEMBERED),
        });
        let router = Router::new().fallback(receive).with_state(state.clone());
        Ok(Self { serving: Serving::start(listen, router).await?, state })
    }

    /// Sets the reply once the scripted ones are used up, in place of 200.
    pub fn otherwise(&self, reply: Reply) {
        self.decide(move |_| reply.clone());
    }

    /// Sets what decides the reply once the scripted ones are used up, in place of 200. It gets
    /// each request when that is complete, before it is answered.
    pub fn decide(&self, decide: impl Fn(&Received) -> Reply + Send + Sync + 'static) {
        *lock(&self.state.default_reply) = DefaultReply(Arc::new(decide));
    }

    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// Its base URL, `http://` and the address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The requests so far, oldest first; at most the newest 10,000.
    pub fn received(&self) -> Vec<Received> {
        self.state.received.newest()
    }

    /// How many requests came, whether they are remembered or not.
    pub fn count(&self) -> usize {
        self.state.received.count()
    }

    /// Waits until `count` requests came, without a limit, and returns those remembered.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.state.received.wait_for(count).await;
        self.received()
    }
}

async fn receive(
    State(state): State<Arc<ReceiverState>>,
    ConnectInfo(connection): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let received = Received {
        at: state.timeline.elapsed(),
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body,
    };

    let next = lock(&state.replies).pop_front();
    let reply = next.unwrap_or_else(|| {
        let DefaultReply(decide) = lock(&state.default_reply).clone();
        decide(&received)
    });
    state.received.push(received);

    tokio::time::sleep(reply.delay).await;
    let Some(status) = reply.status else {
        connection.cut(Cut::Close);
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = StatusCode::from_u16(status).ok().filter(|status| (200..=599).contains(&status.as_u16()));
    let mut response = (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), reply.body).into_response();
    for (name, value) in &reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }

    response
}

/// The data behind a lock; nothing here panics while it holds one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
