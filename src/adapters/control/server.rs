//! The daemon's end of the control socket.

use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use axum::Json;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::connections::{self, ARRIVAL};
use super::{AddJobs, ExplainJob, ForgetJobs, Reply, Request, RequestError, RequestErrorKind};
use crate::model::ProjectName;
use crate::platform::identity::{self, Identity};

/// The largest body of a request that is read, in bytes: about 20,000 jobs.
const MAX_BODY: usize = 1024 * 1024;

/// How many requests may wait for the daemon's loop. Further ones wait for room.
const BACKLOG: usize = 16;

/// Why a control socket cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another process listens there.
    #[error("another process listens at the control socket {0}")]
    InUse(PathBuf),
    /// There is something else.
    #[error("{0} is no socket")]
    NoSocket(PathBuf),
    /// The system does not let it be made.
    #[error("cannot make the control socket {path}: {error}")]
    Unusable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// A control socket that is served. It is closed and removed when this is dropped.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    /// What it made there.
    made: Option<Identity>,
    requests: mpsc::Receiver<Request>,
    serving: AbortHandle,
}

impl Server {
    /// Makes the socket and starts to serve it, on the runtime that this is called in. A socket that a process left
    /// behind is taken over.
    pub fn bind(path: &Path) -> Result<Self, BindError> {
        let unusable = |error| BindError::Unusable { path: path.to_owned(), error };
        // The directory of this program; the one that it is in is made by others, or there is none.
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            match std::fs::DirBuilder::new().mode(0o700).create(directory) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(unusable(error)),
                _ => {}
            }
        }
        clear(path)?;
        let listener = UnixListener::bind(path).map_err(unusable)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        let (sender, requests) = mpsc::channel(BACKLOG);
        let serving = tokio::spawn(async move {
            // It ends with the task that it runs on.
            connections::serve(listener, router(sender)).await;
        });
        let made = at(path);
        Ok(Self { path: path.to_owned(), made, requests, serving: serving.abort_handle() })
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
        &self.path
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        // Another daemon may have its own there by now, if this one was deleted.
        if self.made.is_some() && at(&self.path) == self.made {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

/// What is at a path; a symbolic link is not followed.
fn at(path: &Path) -> Option<Identity> {
    std::fs::symlink_metadata(path).ok().as_ref().map(identity::of)
}

/// Removes a socket at which nobody listens any more.
fn clear(path: &Path) -> Result<(), BindError> {
    let unusable = |error| BindError::Unusable { path: path.to_owned(), error };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(unusable(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NoSocket(path.to_owned())),
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(unusable)
        }
        Err(error) => Err(unusable(error)),
    }
}

type Requests = mpsc::Sender<Request>;

fn router(requests: Requests) -> Router {
    Router::new()
        .route("/v1/status", get(async |State(requests)| answer(&requests, Request::Status).await))
        .route("/v1/jobs", post(add))
        .route("/v1/jobs/forget", post(forget))
        .route("/v1/explain", post(explain))
        .route("/v1/reload", post(async |State(requests)| answer(&requests, Request::Reload).await))
        .route("/v1/projects/{name}/pause", post(pause))
        .route("/v1/projects/{name}/resume", post(resume))
        .method_not_allowed_fallback(async || {
            let refusal = RequestError::new(RequestErrorKind::Method, "this path takes another method");
            refuse(refusal)
        })
        .fallback(async || {
            refuse(RequestError::new(RequestErrorKind::NotFound, "there is nothing at this path"))
        })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(requests)
}

/// The body of a request, as JSON.
pub(super) struct Wanted<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Wanted<T> {
    type Rejection = Response;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Response> {
        let invalid = |text: String| refuse(RequestError::new(RequestErrorKind::Invalid, text));
        match timeout(ARRIVAL, Json::from_request(request, state)).await {
            Ok(Ok(Json(wanted))) => Ok(Self(wanted)),
            Ok(Err(error)) => Err(invalid(error.body_text())),
            Err(_) => Err(invalid(format!("the request did not arrive within {} s", ARRIVAL.as_secs()))),
        }
    }
}

async fn add(State(requests): State<Requests>, Wanted(jobs): Wanted<AddJobs>) -> Response {
    answer(&requests, |reply| Request::Add(jobs, reply)).await
}

async fn forget(State(requests): State<Requests>, Wanted(jobs): Wanted<ForgetJobs>) -> Response {
    answer(&requests, |reply| Request::Forget(jobs, reply)).await
}

async fn explain(State(requests): State<Requests>, Wanted(job): Wanted<ExplainJob>) -> Response {
    answer(&requests, |reply| Request::Explain(job, reply)).await
}

/// The project that a path names.
type Named = Result<UrlPath<String>, PathRejection>;

async fn pause(State(requests): State<Requests>, name: Named) -> Response {
    of_project(name, async |name| answer(&requests, |reply| Request::Pause(name, reply)).await).await
}

async fn resume(State(requests): State<Requests>, name: Named) -> Response {
    of_project(name, async |name| answer(&requests, |reply| Request::Resume(name, reply)).await).await
}

async fn of_project(name: Named, answer: impl AsyncFnOnce(ProjectName) -> Response) -> Response {
    match name {
        Ok(UrlPath(name)) => answer(ProjectName::new(name)).await,
        Err(error) => refuse(RequestError::new(RequestErrorKind::Invalid, error.body_text())),
    }
}

/// Hands a request to the daemon's loop, and its answer to the client.
async fn answer<T: Serialize>(requests: &Requests, request: impl FnOnce(Reply<T>) -> Request) -> Response {
    let (reply, answer) = oneshot::channel();
    // A request that the loop does not take is not answered either.
    drop(requests.send(request(reply)).await);
    let stopping = |_| Err(RequestError::new(RequestErrorKind::Stopping, "the daemon is stopping"));
    match answer.await.unwrap_or_else(stopping) {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: RequestError) -> Response {
    let status = StatusCode::from_u16(refusal.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(refusal)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_leaves_the_socket_of_another_daemon_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let first = Server::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Server::bind(&path).unwrap();
        drop(first);
        assert!(matches!(Server::bind(&path), Err(BindError::InUse(_))));
        drop(second);
        assert!(!path.exists());
    }
}
