//! The other end of the control socket: one request, one answer.

use std::error::Error as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    AddJobs, Changed, ExplainJob, Explanation, ForgetJobs, JobResults, Reloaded, RequestError,
    RequestErrorKind, Status,
};
use crate::adapters::http;
use crate::model::ProjectName;

/// How long an answer may take. A daemon answers once what it was told is safe on its disk, and reads files for a reload.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens at the socket.
    #[error("no daemon listens at {0}")]
    NoDaemon(PathBuf),
    /// The system does not let this user connect.
    #[error("this user may not speak to the daemon at {0}")]
    Denied(PathBuf),
    /// The daemon does not do it.
    #[error("{}", .0.error)]
    Refused(RequestError),
    /// There was no answer, or not one that makes sense.
    #[error("cannot speak to the daemon at {path}: {fault}")]
    Failed {
        /// The socket.
        path: PathBuf,
        /// What is wrong.
        fault: String,
    },
}

/// Speaks to a daemon.
#[derive(Debug, Clone)]
pub struct Client {
    path: PathBuf,
    http: reqwest::Client,
}

impl Client {
    /// For the daemon at this socket. Nothing is sent yet.
    pub fn new(path: &Path) -> Result<Self, http::ClientError> {
        Ok(Self { path: path.to_owned(), http: http::local(path)? })
    }

    /// How everything stands.
    pub async fn status(&self) -> Result<Status, CallError> {
        self.call(Method::GET, &["status"], &()).await
    }

    /// When a job is polled next, and why.
    pub async fn explain(&self, job: &ExplainJob) -> Result<Explanation, CallError> {
        self.call(Method::POST, &["explain"], job).await
    }

    /// Watches jobs beside those of the configuration.
    pub async fn add(&self, jobs: &AddJobs) -> Result<JobResults, CallError> {
        self.call(Method::POST, &["jobs"], jobs).await
    }

    /// Watches jobs no more.
    pub async fn forget(&self, jobs: &ForgetJobs) -> Result<JobResults, CallError> {
        self.call(Method::POST, &["jobs", "forget"], jobs).await
    }

    /// Has the configuration read again.
    pub async fn reload(&self) -> Result<Reloaded, CallError> {
        self.call(Method::POST, &["reload"], &()).await
    }

    /// Pauses a project.
    pub async fn pause(&self, project: &ProjectName) -> Result<Changed, CallError> {
        self.call(Method::POST, &["projects", project.as_str(), "pause"], &()).await
    }

    /// Goes on with a project.
    pub async fn resume(&self, project: &ProjectName) -> Result<Changed, CallError> {
        self.call(Method::POST, &["projects", project.as_str(), "resume"], &()).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let mut url = url::Url::parse("http://localhost/v1").expect("a valid URL");
        url.path_segments_mut().expect("a URL with a path").extend(path);

        let sent = self.http.request(method, url).timeout(PATIENCE).json(body).send().await;
        let answer = sent.map_err(|error| self.blame(&error))?;
        if !answer.status().is_success() {
            return Err(self.refusal(answer).await);
        }

        let body = answer.bytes().await.map_err(|error| self.blame(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            self.failed(format!("its answer makes no sense, so it may be another version: {error}"))
        })
    }

    async fn refusal(&self, answer: reqwest::Response) -> CallError {
        let status = answer.status().as_u16();
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return self.blame(&error),
        };
        match serde_json::from_slice::<RequestError>(&body) {
            Ok(refusal) => CallError::Refused(RequestError { kind: RequestErrorKind::of(status), ..refusal }),
            Err(_) => self.failed(format!("it answered with HTTP {status}")),
        }
    }

    fn blame(&self, error: &reqwest::Error) -> CallError {
        let mut cause = error.source();
        while let Some(inner) = cause {
            match inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
                Some(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                    return CallError::NoDaemon(self.path.clone());
                }
                Some(ErrorKind::PermissionDenied) => return CallError::Denied(self.path.clone()),
                _ => cause = inner.source(),
            }
        }
        self.failed(http::describe(error))
    }

    fn failed(&self, fault: String) -> CallError {
        CallError::Failed { path: self.path.clone(), fault }
    }
}
