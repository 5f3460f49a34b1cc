//! Requests to one server.
//!
//! Invariants: a request ends within its time limit, whatever the server sends. A connection
//! without any answer for the whole time limit of a request is abandoned: the next request uses a
//! new one. No request waits for a slot on a connection that other requests fill.

#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use reqwest::{Method, Request, RequestBuilder, StatusCode, Version};
use tokio::sync::watch;
use tokio::time::Sleep;
use url::Url;

use super::body::{BodyError, read_body};
use super::error::{ClientError, SendError};
use super::failure::diagnose;
use super::fault::{Fault, Peer};
use super::options::ClientOptions;
use super::recipe::{Recipe, builder};
use super::resolver::{PublicOnly, System};
use super::thread::ServerThread;

/// Most requests in flight on one HTTP/2 connection. Servers allow 100 at least, as RFC 9113
/// (section 6.5.2) recommends; beyond that, a request would wait until another one ends. A few
/// slots are left for requests that were given up and that the server still counts.
const MAX_REQUESTS_PER_CONNECTION: usize = 90;

/// Most requests that start before the first answer of a server that may speak HTTP/2. Until then
/// each opens a connection of its own, because the protocol is known only once it is connected;
/// further requests wait briefly for that answer.
const MAX_FIRST_CONNECTIONS: usize = 4;
const FIRST_ANSWER_WAIT: Duration = Duration::from_secs(1);

/// A client for one server. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    recipe: Recipe,
    thread: ServerThread,
    /// The first one with a free slot is used. May be empty; `slot` adds one.
    pools: Mutex<Vec<Arc<Pool>>>,
    /// Whether the server has answered a request.
    has_answered: watch::Sender<bool>,
    /// Whether its last answer came by HTTP/2. Then requests that begin together wait for one new
    /// connection in slot of opening one each.
    is_http2: AtomicBool,
}

/// Connections that are used and abandoned together. Over HTTP/2, one connection.
struct Pool {
    /// The first client is built by the caller, so that mistakes in the settings are found early;
    /// later ones with their first request, on the thread of the server, because that reads the
    /// certificates of the system. The flag says whether HTTP/2 is assumed.
    http: Mutex<Option<(reqwest::Client, bool)>>,
    under_way: AtomicUsize,
    /// How many requests were answered.
    answers: AtomicU64,
}

#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The time limit, connecting and the whole body included.
    pub timeout: Duration,
    /// How many bytes of the body are read, by the status of the answer.
    pub max_body: fn(StatusCode) -> usize,
    /// Whether it is repeated once, at once and over a new connection, if a connection that was
    /// used before is cut without an answer. Servers close idle connections, and may do so as a
    /// request arrives. Only for requests whose repetition does no harm.
    pub repeat_if_cut: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Result<Vec<u8>, BodyError>,
}

/// A client for this options.
pub fn client(options: &ClientOptions) -> Result<Client, ClientError> {
    if options.public_only { resolving(options, PublicOnly::system()) } else { resolving(options, System) }
}

/// A client that resolves names with `resolver`.
pub(super) fn resolving(
    options: &ClientOptions,
    resolver: impl Resolve + 'static,
) -> Result<Client, ClientError> {
    Client::new(Recipe::new(options, resolver)?)
}

/// A request for [`Client::send`].
pub fn request(method: Method, url: Url) -> RequestBuilder {
    // A builder takes name and password out of the URL. It needs a client, but not the one that
    // sends.
    static BLANK: LazyLock<reqwest::Client> =
        LazyLock::new(|| builder().no_proxy().tls_certs_only([]).build().unwrap_or_default());
    BLANK.request(method, url)
}

impl Client {
    pub(super) fn new(recipe: Recipe) -> Result<Self, ClientError> {
        Self::speaking(recipe, false)
    }

    fn speaking(recipe: Recipe, is_http2: bool) -> Result<Self, ClientError> {
        let first = Pool::new();
        // Mistakes in the settings are found before the first request.
        first.http(&recipe, is_http2)?;
        Ok(Self(Arc::new(Inner {
            recipe,
            thread: ServerThread::default(),
            pools: Mutex::new(vec![Arc::new(first)]),
            has_answered: watch::Sender::new(false),
            is_http2: AtomicBool::new(is_http2),
        })))
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: Request, terms: Terms) -> Result<Answer, SendError> {
        let mut limit = pin!(tokio::time::sleep(terms.timeout));
        let again = if terms.repeat_if_cut { request.try_clone() } else { None };
        let slot = self.0.slot();
        let pool = Arc::clone(&slot.pool);
        let was_used = pool.answers() > 0;

        if !self.0.recipe.options.plain && pool.under_way.load(Ordering::Relaxed) > MAX_FIRST_CONNECTIONS {
            let mut answers = self.0.has_answered.subscribe();
            drop(
                tokio::time::timeout(FIRST_ANSWER_WAIT, answers.wait_for(|has_answered| *has_answered)).await,
            );
        }

        let sent = self.exchange(slot, request, terms, limit.as_mut()).await;

        match (sent, again) {
            (Err(error), Some(request)) if was_used && error.is_cut() => {
                self.0.leave(&pool);
                self.exchange(self.0.new_slot(), request, terms, limit).await
            }
            (sent, _) => sent,
        }
    }

    /// Diagnoses a failed request of this client to `url`.
    pub async fn fault(&self, error: &SendError, url: &Url, peer: Peer) -> Fault {
        diagnose(error, url, self.0.recipe.options.route.hop(url), peer).await
    }

    async fn exchange(
        &self,
        slot: Slot,
        request: Request,
        terms: Terms,
        limit: Pin<&mut Sleep>,
    ) -> Result<Answer, SendError> {
        let pool = Arc::clone(&slot.pool);
        let before = pool.answers();
        let head = SharedHead::default();
        let shared = Arc::clone(&head);
        let result = self.0.thread.run(move || transfer(slot, request, terms.max_body, shared));
        let ended = tokio::select! {
            biased;
            ended = result => ended.unwrap_or(Err(SendError::Dropped)),
            () = limit => Err(SendError::Timeout(terms.timeout)),
        };

        let Some((status, headers)) = lock(&head).take() else {
            // Other answers meanwhile prove that the connection works.
            if matches!(ended, Err(SendError::Timeout(_))) && pool.answers() == before {
                self.0.leave(&pool);
            }
            return Err(ended.err().unwrap_or(SendError::Dropped));
        };
        let body = ended.unwrap_or_else(|error| Err(BodyError::Broken(error.to_string())));
        Ok(Answer { status, headers, body })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.0.recipe.options).finish_non_exhaustive()
    }
}

/// The head of an answer, from when it came. It is not handed over by a channel, because each
/// message to another thread wakes that thread.
type SharedHead = Arc<Mutex<Option<(StatusCode, HeaderMap)>>>;

/// Sends the request: puts the head of the answer into `head`, and returns the body.
async fn transfer(
    slot: Slot,
    request: Request,
    max_body: fn(StatusCode) -> usize,
    head: SharedHead,
) -> Result<Result<Vec<u8>, BodyError>, SendError> {
    let Slot { client, pool } = &slot;
    let (http, assumed_http2) = pool.http(&client.recipe, client.is_http2.load(Ordering::Relaxed))?;
    let mut response = http.execute(request).await.map_err(|error| {
        if assumed_http2 && pool.answers() == 0 {
            // The server may no longer speak it.
            client.is_http2.store(false, Ordering::Relaxed);
            client.leave(pool);
        }
        classify(error, &client.recipe)
    })?;

    pool.answers.fetch_add(1, Ordering::Relaxed);
    client.has_answered.send_if_modified(|has_answered| !std::mem::replace(has_answered, true));
    client.is_http2.store(response.version() == Version::HTTP_2, Ordering::Relaxed);
    let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
    let encoding = encoding(&headers);
    *lock(&head) = Some((status, headers));

    Ok(match encoding {
        Some(encoding) => Err(BodyError::Encoded(encoding)),
        None => read_body(response, max_body(status)).await,
    })
}

/// Classifies a failure: time limits of connections are distinguished from that of the request.
fn classify(error: reqwest::Error, recipe: &Recipe) -> SendError {
    match recipe.options.connect_timeout() {
        Some(limit) if error.is_timeout() && error.is_connect() => SendError::ConnectTimeout(limit),
        _ if error.is_timeout() && !error.is_connect() => SendError::ConnectionLost,
        _ => SendError::Failed(error),
    }
}

/// The encoding of a body, if it has one.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let encoding = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes()).trim().to_owned();
    (!encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity")).then_some(encoding)
}

/// One request on a connection.
struct Slot {
    client: Arc<Inner>,
    pool: Arc<Pool>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.pool.under_way.fetch_sub(1, Ordering::Relaxed) == 1 {
            let mut pools = self.client.lock();
            // A pool that was added because the first was full is closed once it is idle.
            let is_first = pools.first().is_some_and(|first| Arc::ptr_eq(first, &self.pool));
            if !is_first && self.pool.under_way.load(Ordering::Relaxed) == 0 {
                pools.retain(|pool| !Arc::ptr_eq(pool, &self.pool));
            }
        }
    }
}

impl Inner {
    /// A slot on the first connection with a free one.
    fn slot(self: &Arc<Self>) -> Slot {
        let mut pools = self.lock();
        // Over HTTP/1, each request in flight has a connection of its own.
        let is_http1 = *self.has_answered.borrow() && !self.is_http2.load(Ordering::Relaxed);
        let has_room = |pool: &Pool| pool.under_way.load(Ordering::Relaxed) < MAX_REQUESTS_PER_CONNECTION;
        let free = pools.iter().find(|pool| is_http1 || has_room(pool));
        let pool = free.cloned().unwrap_or_else(|| {
            let pool = Arc::new(Pool::new());
            pools.push(Arc::clone(&pool));
            pool
        });
        pool.under_way.fetch_add(1, Ordering::Relaxed);
        Slot { client: Arc::clone(self), pool }
    }

    /// A slot on a new connection, which later requests use, too.
    fn new_slot(self: &Arc<Self>) -> Slot {
        let pool = Arc::new(Pool::new());
        pool.under_way.fetch_add(1, Ordering::Relaxed);
        self.lock().insert(0, Arc::clone(&pool));
        Slot { client: Arc::clone(self), pool }
    }

    /// Abandons these connections. They are closed once the requests in flight on them end.
    fn leave(&self, left: &Arc<Pool>) {
        self.lock().retain(|pool| !Arc::ptr_eq(pool, left));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Pool>>> {
        lock(&self.pools)
    }
}

impl Pool {
    fn new() -> Self {
        Self { http: Mutex::default(), under_way: AtomicUsize::new(0), answers: AtomicU64::new(0) }
    }

    /// The client, and whether it assumes HTTP/2; if there is none yet, it is built with `http2`.
    fn http(&self, recipe: &Recipe, http2: bool) -> Result<(reqwest::Client, bool), ClientError> {
        let mut http = lock(&self.http);
        if let Some(http) = &*http {
            return Ok(http.clone());
        }
        let built = (recipe.build(http2)?, http2);
        Ok(http.insert(built).clone())
    }

    fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
