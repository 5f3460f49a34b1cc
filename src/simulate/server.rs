//! The HTTP face of the simulated world.
//!
//! Invariant: each request is recorded once, when it arrives, and no record has the key that came with it.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;

use super::fault::Bent;
use super::shape::{self, Answer};
use super::wire::{Line, Serving};
use super::world::{ListQuery, Target, World};
use super::{Scenario, Timeline};

/// How many requests are remembered.
const REMEMBERED: usize = 100_000;

/// A simulated control plane, which serves until it is dropped.
///
/// It runs on the runtime it was started on, and only there, so that a test with paused time can hold both ends.
///
/// ```
/// use restore_watch::simulate::{Scenario, Simulator, Timeline};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let clock = Timeline::start("2026-11-23T12:00:00Z".parse().unwrap());
/// let simulator = Simulator::start(&Scenario::demo(), "127.0.0.1:0".parse().unwrap(), clock).await?;
/// assert!(simulator.url().starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Simulator {
    serving: Serving,
    plane: Arc<Plane>,
}

/// What is remembered of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Scenario time when it arrived.
    pub at: Duration,
    /// Its method.
    pub method: String,
    /// Its path and query, as sent.
    pub path: String,
    /// Whether its key was the one that was accepted at that time.
    pub key_accepted: bool,
    /// Its `X-Pinecone-Api-Version`.
    pub version: Option<String>,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
    /// The status that was answered; `None` where the scenario left it without an answer.
    pub answered: Option<u16>,
}

impl Simulator {
    /// Plays `scenario` on `listen` (port 0: any free one), on the clock `timeline`. Fails where the address cannot be
    /// bound.
    pub async fn start(scenario: &Scenario, listen: SocketAddr, timeline: Timeline) -> io::Result<Self> {
        let plane = Arc::new(Plane {
            timeline,
            world: Mutex::new(World::new(scenario.script().clone())),
            log: Mutex::default(),
        });
        let router = Router::new()
            .route("/restore-jobs", get(list))
            .route("/restore-jobs/{id}", get(describe))
            .route("/indexes/{name}", get(index))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .with_state(plane.clone());
        Ok(Self { serving: Serving::start(listen, router).await?, plane })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// Its base URL, `http://` and the address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The requests so far, oldest first; at most the newest 100,000.
    pub fn requests(&self) -> Vec<RequestRecord> {
        lock(&self.plane.log).newest.iter().cloned().collect()
    }

    /// How many requests arrived, whether they are remembered or not.
    pub fn count(&self) -> usize {
        lock(&self.plane.log).count
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.serving.accepted()
    }
}

/// What the handlers share.
#[derive(Debug)]
struct Plane {
    timeline: Timeline,
    world: Mutex<World>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    newest: VecDeque<RequestRecord>,
    count: usize,
}

/// What came in, apart from its target.
struct Arrival {
    line: Line,
    request: Request,
}

type Connection = ConnectInfo<Line>;

async fn describe(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(line): Connection,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    plane.answer(named(id, Target::Describe), Arrival { line, request }).await
}

async fn list(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(line): Connection,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let mut asked = ListQuery::default();
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*key {
            "limit" => asked.limit = Some(value.into_owned()),
            "paginationToken" => asked.token = Some(value.into_owned()),
            _ => {}
        }
    }
    plane.answer(Target::List(asked), Arrival { line, request }).await
}

async fn index(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(line): Connection,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    plane.answer(named(name, Target::Index), Arrival { line, request }).await
}

async fn unknown(
    State(plane): State<Arc<Plane>>,
    ConnectInfo(line): Connection,
    request: Request,
) -> Response {
    plane.answer(Target::Unknown, Arrival { line, request }).await
}

/// The target of this name; one that is no text names nothing.
fn named(name: Result<Path<String>, PathRejection>, target: fn(String) -> Target) -> Target {
    name.map_or(Target::Unknown, |Path(name)| target(name))
}

impl Plane {
    async fn answer(&self, target: Target, Arrival { line, request }: Arrival) -> Response {
        let at = self.timeline.elapsed();
        let key = text(request.headers(), "api-key");
        let (key_accepted, good, bent) = {
            let mut world = lock(&self.world);
            let key_accepted = world.accepts(key.as_deref(), at);
            let good = self.good(&mut world, &target, key_accepted, at);
            let bent = world
                .fault(&target, at)
                .map(|(fault, number)| Bent::new(fault, number, good.clone(), self.timeline));
            (key_accepted, good, bent)
        };
        let answered = bent.as_ref().map_or(Some(good.status), Bent::status);
        lock(&self.log).push(RequestRecord {
            at,
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            key_accepted,
            version: text(request.headers(), "x-pinecone-api-version"),
            user_agent: text(request.headers(), header::USER_AGENT.as_str()),
            answered: answered.map(|status| status.as_u16()),
        });
        let mut response = match bent {
            Some(bent) => bent.carry_out(&line).await,
            None => good.into_response(),
        };
        // In the time of the scenario, like all other times; the HTTP layer would read the system's clock.
        if let Some(date) = http_date(self.timeline.wall()) {
            response.headers_mut().insert(header::DATE, date);
        }
        response
    }

    /// The answer without faults.
    fn good(&self, world: &mut World, target: &Target, key_accepted: bool, at: Duration) -> Answer {
        if !key_accepted {
            return Answer::unauthorized(world.script());
        }
        let forbidden = world.script().forbidden;
        let not_found = |message: &str| Answer::error(StatusCode::NOT_FOUND, message);
        match target {
            Target::Describe(_) | Target::List(_) if forbidden => {
                Answer::failure(StatusCode::FORBIDDEN, super::script::BodyKind::Json, None)
            }
            Target::Describe(id) => match world.job(id, at) {
                Some((job, view)) => Answer::ok(&shape::job(world.script(), self.timeline, job, &view)),
                None => not_found(&format!("Restore job {id} not found.")),
            },
            Target::List(query) => {
                let script = world.script().clone();
                match world.list(query, at) {
                    Ok(page) => Answer::ok(&shape::list(&script, self.timeline, &page)),
                    Err(message) => Answer::error(StatusCode::BAD_REQUEST, message),
                }
            }
            Target::Index(name) => match world.index(name, at) {
                Some(view) => Answer::ok(&shape::index(&view)),
                None => not_found(&format!("Resource {name} not found")),
            },
            Target::Unknown => not_found("Not found."),
        }
    }
}

impl Log {
    fn push(&mut self, record: RequestRecord) {
        self.count += 1;
        if self.newest.len() == REMEMBERED {
            self.newest.pop_front();
        }
        self.newest.push_back(record);
    }
}

/// A time as HTTP writes it, rounded down to seconds.
pub(super) fn http_date(at: Timestamp) -> Option<HeaderValue> {
    let text = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?;
    text.try_into().ok()
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The data behind a lock; nothing here panics while it holds one.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
