//! The daemon's end of the control socket.

use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Path as UrlPath, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::connections;
use super::history::history;
use super::{
    AddJobs, Change, ExplainJob, ForgetJobs, Request, RequestError, RequestErrorKind, Responder, SetSilence,
    TestSinks,
};
use crate::adapters::http::{ARRIVAL_TIMEOUT, SocketError, SocketFile};
use crate::adapters::report::{Question, Readers, StatusQuery, ask, status_answer};
use crate::model::{ProjectName, SilenceId};

/// The largest body of a request that is read, in bytes: about 20,000 jobs.
const MAX_BODY: usize = 1024 * 1024;

/// How many requests the queue to the daemon's loop holds. Further ones wait for a place in it.
const BACKLOG: usize = 16;

/// Why a control socket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("another process listens at the control socket {0}")]
    InUse(PathBuf),
    /// The path is taken by something else.
    #[error("{0} is no socket")]
    NoSocket(PathBuf),
    /// The system does not permit it.
    #[error("cannot make the control socket {path}: {error}")]
    Unusable {
        /// Where it was to be.
        path: PathBuf,
        error: std::io::Error,
    },
}

/// A control socket that is being served. Dropping it closes and removes the socket.
#[derive(Debug)]
pub struct Server {
    socket: SocketFile,
    requests: mpsc::Receiver<Request>,
    readers: Readers,
    serving: AbortHandle,
}

impl Server {
    /// Makes the socket and starts to serve it on the current runtime; what the state keeps is read
    /// beside the loop. A socket that a dead process left behind is replaced.
    pub fn bind(path: &Path, readers: Readers) -> Result<Self, BindError> {
        let unusable = |error| BindError::Unusable { path: path.to_owned(), error };
        // Only the directory of this program: its parent is the system's.
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            match std::fs::DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(error)),
                _ => {}
            }
        }

        let (socket, listener) = SocketFile::bind(path, 0o600)?;
        let listener = UnixListener::from_std(listener).map_err(unusable)?;
        let (sender, requests) = mpsc::channel(BACKLOG);
        let sources = Sources { requests: sender, readers: readers.clone() };
        let serving = tokio::spawn(async move {
            connections::serve(listener, router(sources)).await;
        });
        Ok(Self { socket, requests, readers, serving: serving.abort_handle() })
    }

    /// The next request. Dropping the future loses none.
    pub async fn next(&mut self) -> Request {
        match self.requests.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        self.socket.path()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        self.readers.close();
    }
}

impl From<SocketError> for BindError {
    fn from(error: SocketError) -> Self {
        match error {
            SocketError::InUse(path) => Self::InUse(path),
            SocketError::NoSocket(path) => Self::NoSocket(path),
            SocketError::Unusable { path, error } => Self::Unusable { path, error },
        }
    }
}

type Requests = mpsc::Sender<Request>;

/// Where the answers come from.
#[derive(Clone)]
struct Sources {
    requests: Requests,
    readers: Readers,
}

impl FromRef<Sources> for Requests {
    fn from_ref(sources: &Sources) -> Self {
        sources.requests.clone()
    }
}

impl FromRef<Sources> for Readers {
    fn from_ref(sources: &Sources) -> Self {
        sources.readers.clone()
    }
}

fn router(sources: Sources) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route(
            "/v1/daemon",
            get(async |State(requests)| answer(&requests, |reply| Question::Daemon(reply).into()).await),
        )
        .route("/v1/history", get(history))
        .route("/v1/jobs", post(add))
        .route("/v1/jobs/forget", post(forget))
        .route("/v1/explain", post(explain))
        .route("/v1/sinks/test", post(test_sinks))
        .route("/v1/reload", post(async |State(requests)| answer(&requests, Request::Reload).await))
        .route("/v1/handover", post(async |State(requests)| answer(&requests, Request::Handover).await))
        .route("/v1/projects/{name}/pause", post(pause))
        .route("/v1/projects/{name}/resume", post(resume))
        .route(
            "/v1/silences",
            get(async |State(requests)| answer(&requests, Request::Silences).await).post(set_silence),
        )
        .route("/v1/silences/{id}/end", post(end_silence))
        .method_not_allowed_fallback(async || {
            error_response(RequestError::new(RequestErrorKind::Method, "this path takes another method"))
        })
        .fallback(async || {
            error_response(RequestError::new(RequestErrorKind::NotFound, "there is nothing at this path"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(sources)
}

/// The body of a request, read from JSON.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Response> {
        let invalid = |text: String| error_response(RequestError::new(RequestErrorKind::Invalid, text));
        match timeout(ARRIVAL_TIMEOUT, Json::from_request(request, state)).await {
            Ok(Ok(Json(body))) => Ok(Self(body)),
            Ok(Err(rejection)) => Err(invalid(rejection.body_text())),
            Err(_) => {
                Err(invalid(format!("the request did not arrive within {} s", ARRIVAL_TIMEOUT.as_secs())))
            }
        }
    }
}

async fn status(State(requests): State<Requests>, RawQuery(query): RawQuery) -> Response {
    let query = match query.as_deref().map(StatusQuery::parse).transpose() {
        Ok(query) => query.unwrap_or_default(),
        Err(fault) => return error_response(fault),
    };

    match ask(&requests, |reply| Question::Status(query, reply).into()).await {
        // What goes wrong in writing JSON is a bug.
        Ok(part) => status_answer(part, requests)
            .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Err(fault) => error_response(fault),
    }
}

async fn add(State(requests): State<Requests>, Body(jobs): Body<AddJobs>) -> Response {
    change(&requests, Change::Add(jobs)).await
}

async fn forget(State(requests): State<Requests>, Body(jobs): Body<ForgetJobs>) -> Response {
    change(&requests, Change::Forget(jobs)).await
}

async fn explain(State(requests): State<Requests>, Body(job): Body<ExplainJob>) -> Response {
    answer(&requests, |reply| Request::Explain(job, reply)).await
}

async fn test_sinks(State(requests): State<Requests>, Body(sinks): Body<TestSinks>) -> Response {
    answer(&requests, |reply| Request::TestSinks(sinks, reply)).await
}

/// The project that the path of a request names.
type ProjectInPath = Result<UrlPath<String>, PathRejection>;

async fn pause(State(requests): State<Requests>, name: ProjectInPath) -> Response {
    of_project(name, async |name| change(&requests, Change::Pause(name)).await).await
}

async fn resume(State(requests): State<Requests>, name: ProjectInPath) -> Response {
    of_project(name, async |name| change(&requests, Change::Resume(name)).await).await
}

async fn set_silence(State(requests): State<Requests>, Body(silence): Body<SetSilence>) -> Response {
    change(&requests, Change::SetSilence(silence)).await
}

async fn end_silence(
    State(requests): State<Requests>,
    id: Result<UrlPath<SilenceId>, PathRejection>,
) -> Response {
    match id {
        Ok(UrlPath(id)) => change(&requests, Change::EndSilence(id)).await,
        Err(rejection) => error_response(RequestError::new(RequestErrorKind::Invalid, rejection.body_text())),
    }
}

async fn of_project(name: ProjectInPath, answer: impl AsyncFnOnce(ProjectName) -> Response) -> Response {
    match name {
        Ok(UrlPath(name)) => answer(ProjectName::new(name)).await,
        Err(rejection) => error_response(RequestError::new(RequestErrorKind::Invalid, rejection.body_text())),
    }
}

/// Has something changed.
async fn change(requests: &Requests, change: Change) -> Response {
    answer(requests, |reply| Request::Change(change, reply)).await
}

/// Passes a request to the daemon's loop, and its answer to the client.
async fn answer<T: Serialize>(
    requests: &Requests,
    request: impl FnOnce(Responder<T>) -> Request,
) -> Response {
    match ask(requests, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(fault) => error_response(fault),
    }
}

pub(super) fn error_response(error: RequestError) -> Response {
    error.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readers() -> Readers {
        let store = crate::adapters::store::Volatile::with_history();
        Readers::new(crate::adapters::store::Store::reader(&store).unwrap())
    }

    #[tokio::test]
    async fn dropping_keeps_the_socket_of_another_daemon() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let first = Server::bind(&path, readers()).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Server::bind(&path, readers()).unwrap();

        drop(first);
        assert!(matches!(Server::bind(&path, readers()), Err(BindError::InUse(_))));

        drop(second);
        assert!(!path.exists());
    }
}
