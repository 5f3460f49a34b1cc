//! The HTTP server of the simulated control plane.
//!
//! Invariant: each request is recorded once, when it arrives, and no record has the key that came
//! with it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{ConnectInfo, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;

use super::connection::{ConnectionHandle, Serving};
use super::fault::FaultyResponse;
use super::list::ListQuery;
use super::request_log::RequestLog;
use super::script::BodyKind;
use super::shape::{self, ApiAnswer};
use super::world::{Target, World};
use super::{Scenario, Timeline};
use crate::model::http_date;

/// Longer bodies of requests are taken for empty.
const MAX_BODY: usize = 64 * 1024;

/// The longest name of an index.
const MAX_NAME: usize = 45;

/// How many requests are remembered.
const REMEMBERED: usize = 100_000;

/// A simulated control plane, which serves until it is dropped.
///
/// It runs on the runtime it was started on, and only there, so that a test with paused time can
/// hold both ends.
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
    plane: Arc<ControlPlane>,
}

/// One request, as it is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRecord {
    /// Scenario time when it arrived.
    pub at: Duration,
    pub method: String,
    /// Its path and query, as sent.
    pub path: String,
    /// Whether its key was the one that was accepted at that time.
    pub key_accepted: bool,
    /// `X-Pinecone-Api-Version`.
    pub version: Option<String>,
    pub user_agent: Option<String>,
    /// Its body as text; empty if it has none.
    pub body: String,
    /// The status that was answered; `None` if the scenario left it without an answer.
    pub answered: Option<u16>,
}

impl Simulator {
    /// Plays `scenario` on `listen` (port 0: any free one), on the clock `timeline`. Fails if the
    /// address cannot be bound.
    pub async fn start(scenario: &Scenario, listen: SocketAddr, timeline: Timeline) -> io::Result<Self> {
        let plane = Arc::new(ControlPlane {
            timeline,
            world: Mutex::new(World::new(scenario.script().clone())),
            requests: RequestLog::new(REMEMBERED),
        });

        let router = Router::new()
            .route("/restore-jobs", get(list))
            .route("/restore-jobs/{id}", get(describe))
            .route("/indexes/{name}", get(index))
            .route("/backups/{id}", get(backup))
            .route("/backups/{id}/create-index", post(create))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .with_state(plane.clone());

        Ok(Self { serving: Serving::start(listen, router).await?, plane })
    }

    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// Its base URL, `http://` and the address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The requests so far, oldest first; at most the newest 100,000.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.plane.requests.newest()
    }

    /// How many requests arrived, whether they are remembered or not.
    pub fn count(&self) -> usize {
        self.plane.requests.count()
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        self.serving.accepted()
    }
}

/// What the handlers share.
#[derive(Debug)]
struct ControlPlane {
    timeline: Timeline,
    world: Mutex<World>,
    requests: RequestLog<RequestRecord>,
}

type Connection = ConnectInfo<ConnectionHandle>;

async fn describe(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    plane.answer(named(id, Target::Describe), &connection, request).await
}

async fn list(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
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
    plane.answer(Target::List(asked), &connection, request).await
}

async fn index(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
    name: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    plane.answer(named(name, Target::Index), &connection, request).await
}

async fn backup(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    plane.answer(named(id, Target::Backup), &connection, request).await
}

async fn create(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let target = named(id, |backup| Target::Create { backup, name: None });
    plane.answer(target, &connection, request).await
}

async fn unknown(
    State(plane): State<Arc<ControlPlane>>,
    ConnectInfo(connection): Connection,
    request: Request,
) -> Response {
    plane.answer(Target::Unknown, &connection, request).await
}

/// The target of this name; a name that is not text leads to nothing.
fn named(name: Result<Path<String>, PathRejection>, target: fn(String) -> Target) -> Target {
    name.map_or(Target::Unknown, |Path(name)| target(name))
}

impl ControlPlane {
    async fn answer(&self, mut target: Target, connection: &ConnectionHandle, request: Request) -> Response {
        let (request, body) = request.into_parts();
        let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
        if let Target::Create { name, .. } = &mut target {
            *name = name_in(&body);
        }
        let at = self.timeline.elapsed();
        let key = text(&request.headers, "api-key");
        let (key_accepted, good, faulty) = {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let key_accepted = world.accepts(key.as_deref(), at);
            let fault = world.fault(&target, at);
            let takes_effect = fault.as_ref().is_none_or(|(fault, _)| fault.accepts());
            let good = match &target {
                // The fault damages this answer, or takes its place.
                Target::Create { .. } if !takes_effect => {
                    ApiAnswer::failure(StatusCode::SERVICE_UNAVAILABLE, BodyKind::Json, None)
                }
                target => self.good_answer(&mut world, target, key_accepted, at),
            };
            let faulty =
                fault.map(|(fault, number)| FaultyResponse::new(&fault, number, good.clone(), self.timeline));
            (key_accepted, good, faulty)
        };

        let answered = faulty.as_ref().map_or(Some(good.status), FaultyResponse::status);

        self.requests.push(RequestRecord {
            at,
            method: request.method.to_string(),
            path: request.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
            key_accepted,
            version: text(&request.headers, "x-pinecone-api-version"),
            user_agent: text(&request.headers, header::USER_AGENT.as_str()),
            body: String::from_utf8_lossy(&body).into_owned(),
            answered: answered.map(|status| status.as_u16()),
        });

        let mut response = match faulty {
            Some(faulty) => faulty.carry_out(connection).await,
            None => good.into_response(),
        };
        // Scenario time, like all other times; the HTTP layer would read the system's clock.
        if let Some(date) = http_date::write(self.timeline.wall()).and_then(|date| date.try_into().ok()) {
            response.headers_mut().insert(header::DATE, date);
        }

        response
    }

    /// The answer without faults.
    fn good_answer(&self, world: &mut World, target: &Target, key_accepted: bool, at: Duration) -> ApiAnswer {
        if !key_accepted {
            return ApiAnswer::unauthorized(world.script());
        }
        let forbidden = world.script().forbidden;
        let not_found = |message: &str| ApiAnswer::error(StatusCode::NOT_FOUND, message);

        match target {
            Target::Describe(_) | Target::List(_) if forbidden => {
                ApiAnswer::failure(StatusCode::FORBIDDEN, BodyKind::Json, None)
            }
            Target::Describe(id) => match world.job(id, at) {
                Some((job, view)) => ApiAnswer::ok(&shape::job(world.script(), self.timeline, job, &view)),
                None => not_found(&format!("Restore job {id} not found.")),
            },
            Target::List(query) => {
                let script = world.script().clone();
                match world.list(query, at) {
                    Ok(page) => ApiAnswer::ok(&shape::list(&script, self.timeline, &page)),
                    Err(message) => ApiAnswer::error(StatusCode::BAD_REQUEST, message),
                }
            }
            Target::Index(name) => match world.index(name, at) {
                Some(view) => ApiAnswer::ok(&shape::index(world.script(), &view)),
                None => not_found(&format!("Resource {name} not found")),
            },
            Target::Backup(id) => match world.backup(id, at) {
                Some(status) => ApiAnswer::ok(&shape::backup(id, status)),
                None => not_found(&format!("Backup {id} not found.")),
            },
            Target::Create { name: None, .. } => ApiAnswer::error(
                StatusCode::UNPROCESSABLE_ENTITY,
                "Failed to deserialize the JSON body into the target type: missing field `name`",
            ),
            Target::Create { name: Some(name), .. } if !(1..=MAX_NAME).contains(&name.len()) => {
                ApiAnswer::failure(StatusCode::BAD_REQUEST, BodyKind::Json, None)
            }
            Target::Create { backup, name: Some(name) } => match world.create(backup, name, at) {
                Ok(job) => shape::started(job),
                Err(refusal) => shape::refused(&refusal, backup, name),
            },
            Target::Unknown => not_found("Not found."),
        }
    }
}

/// The name of the index that a body asks for.
fn name_in(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    Some(value.get("name")?.as_str()?.to_owned())
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
