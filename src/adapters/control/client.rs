//! The client's end of the control socket: one request, one answer.

use std::error::Error as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::{
    AddJobs, Changed, ExplainJob, ExplanationReport, ForgetJobs, Handover, JobResults, Reloaded,
    RequestError, RequestErrorKind, SetSilence, SilenceList, SinkTests, TestSinks,
};
use crate::adapters::http;
use crate::adapters::report::{DaemonStatus, History, HistoryQuery, SilenceStatus, Status, StatusQuery};
use crate::model::{ProjectName, SilenceId};

/// How long an answer may take. A daemon answers a change once that is committed, and reads files
/// for a reload.
const TIMEOUT: Duration = Duration::from_secs(60);

/// How long a daemon may take to say what it is, which is no work: one that is slower hangs.
const DAEMON_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a page of the history may take to be read, which a busy disk delays.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a handover may take: the daemon says earlier how it ended, by its drain timeout of an
/// hour at most and its lease.
const HANDOVER_TIMEOUT: Duration = Duration::from_hours(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No process listens at the socket.
    #[error("no daemon listens at {0}")]
    NoDaemon(PathBuf),
    /// A process listens, but there was no answer in time.
    #[error("the daemon at {0} does not answer")]
    NoAnswer(PathBuf),
    /// The daemon does not know the request.
    #[error("the daemon at {0} is of an earlier version: restart it")]
    Earlier(PathBuf),
    /// The system does not let this user connect.
    #[error("this user may not speak to the daemon at {0}")]
    Denied(PathBuf),
    /// The daemon answered with an error.
    #[error("{}", .0.error)]
    Rejected(RequestError),
    /// There was no answer, or none that can be read.
    #[error("cannot speak to the daemon at {path}: {fault}")]
    Failed { path: PathBuf, fault: String },
}

/// A client of one daemon. Each request has a connection of its own.
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

    /// How everything stands, with the jobs that are meant.
    pub async fn status(&self, query: &StatusQuery) -> Result<Status, CallError> {
        let mut url = url(&["status"]);
        query.append_to(&mut url);
        let mut status: Status = self.call(Method::GET, url, &()).await?;
        // An earlier daemon answers with all jobs.
        query.retain(&mut status.jobs);
        Ok(status)
    }

    /// What the daemon is, and how its projects stand.
    pub async fn daemon(&self) -> Result<DaemonStatus, CallError> {
        self.known(self.call_within(DAEMON_TIMEOUT, Method::GET, url(&["daemon"]), &()).await)
    }

    /// Restores that ended, the end observed last first.
    pub async fn history(&self, query: &HistoryQuery) -> Result<History, CallError> {
        let mut url = url(&["history"]);
        query.append_to(&mut url);
        self.known(self.call_within(HISTORY_TIMEOUT, Method::GET, url, &()).await)
    }

    /// Sends a marked test event to sinks of the daemon.
    pub async fn test_sinks(&self, sinks: &TestSinks) -> Result<SinkTests, CallError> {
        self.call(Method::POST, url(&["sinks", "test"]), sinks).await
    }

    /// When a job is polled next, and why.
    pub async fn explain(&self, job: &ExplainJob) -> Result<ExplanationReport, CallError> {
        self.call(Method::POST, url(&["explain"]), job).await
    }

    /// Watches jobs beside those of the configuration.
    pub async fn add(&self, jobs: &AddJobs) -> Result<JobResults, CallError> {
        self.call(Method::POST, url(&["jobs"]), jobs).await
    }

    /// Stops watching jobs that were added.
    pub async fn forget(&self, jobs: &ForgetJobs) -> Result<JobResults, CallError> {
        self.call(Method::POST, url(&["jobs", "forget"]), jobs).await
    }

    /// Has the configuration read again.
    pub async fn reload(&self) -> Result<Reloaded, CallError> {
        self.call(Method::POST, url(&["reload"]), &()).await
    }

    /// Gives the lease to another replica, and waits until that is active.
    pub async fn handover(&self) -> Result<Handover, CallError> {
        self.known(self.call_within(HANDOVER_TIMEOUT, Method::POST, url(&["handover"]), &()).await)
    }

    /// Pauses a project.
    pub async fn pause(&self, project: &ProjectName) -> Result<Changed, CallError> {
        self.call(Method::POST, url(&["projects", project.as_str(), "pause"]), &()).await
    }

    /// Resumes a project.
    pub async fn resume(&self, project: &ProjectName) -> Result<Changed, CallError> {
        self.call(Method::POST, url(&["projects", project.as_str(), "resume"]), &()).await
    }

    /// The silences in force.
    pub async fn silences(&self) -> Result<SilenceList, CallError> {
        self.known(self.call(Method::GET, url(&["silences"]), &()).await)
    }

    /// Sets a silence.
    pub async fn set_silence(&self, silence: &SetSilence) -> Result<SilenceStatus, CallError> {
        self.call(Method::POST, url(&["silences"]), silence).await
    }

    /// Ends a silence before its time.
    pub async fn end_silence(&self, id: SilenceId) -> Result<SilenceStatus, CallError> {
        self.call(Method::POST, url(&["silences", &id.to_string(), "end"]), &()).await
    }

    /// The answer to a request for which there is something at its path, unless the daemon is of an
    /// earlier version.
    fn known<T>(&self, answer: Result<T, CallError>) -> Result<T, CallError> {
        match answer {
            Err(CallError::Rejected(RequestError { kind: RequestErrorKind::NotFound, .. })) => {
                Err(CallError::Earlier(self.path.clone()))
            }
            answer => answer,
        }
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.call_within(TIMEOUT, method, url, body).await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        limit: Duration,
        method: Method,
        url: Url,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        let sent = self.http.request(method, url).timeout(limit).json(body).send().await;
        let answer = sent.map_err(|error| self.call_error(&error))?;
        if !answer.status().is_success() {
            return Err(self.rejection(answer).await);
        }

        let body = answer.bytes().await.map_err(|error| self.call_error(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            self.failed(format!("its answer makes no sense, so it may be another version: {error}"))
        })
    }

    /// What an answer says that is no success.
    async fn rejection(&self, answer: reqwest::Response) -> CallError {
        let status = answer.status().as_u16();
        let body = match answer.bytes().await {
            Ok(body) => body,
            Err(error) => return self.call_error(&error),
        };
        match serde_json::from_slice::<RequestError>(&body) {
            Ok(error) => CallError::Rejected(RequestError { kind: RequestErrorKind::of(status), ..error }),
            Err(_) => self.failed(format!("it answered with HTTP {status}")),
        }
    }

    /// What a failed exchange means, by its innermost cause that is known.
    fn call_error(&self, error: &reqwest::Error) -> CallError {
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
        if error.is_timeout() {
            return CallError::NoAnswer(self.path.clone());
        }
        self.failed(http::describe(error))
    }

    fn failed(&self, fault: String) -> CallError {
        CallError::Failed { path: self.path.clone(), fault }
    }
}

/// The URL of a path below the version of the interface.
fn url(path: &[&str]) -> Url {
    let mut url = Url::parse("http://localhost/v1").expect("a valid URL");
    url.path_segments_mut().expect("a URL with a path").extend(path);
    url
}
