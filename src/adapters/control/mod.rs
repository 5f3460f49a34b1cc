//! The control socket: how other commands ask a running daemon, and tell it what to do.
//!
//! HTTP over a Unix socket, so that any client can be used, such as `curl --unix-socket`. Every request is answered with
//! one JSON document; one that cannot be met with `{"error": …, "help": …}`.
//!
//! Invariant: only the user that the daemon runs as, and root, are heard. Whatever a client does, the watch goes on: a
//! request is one more event of the daemon's loop.

mod client;
mod connections;
mod path;
mod report;
mod server;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::oneshot;

pub use client::{CallError, Client};
pub use path::{client_path, server_path};
pub use report::{DeliveriesReport, JobStatus, ProjectStatus, SinkStatus, Status};
pub use server::{BindError, Server};

use crate::engine::Explanation;
use crate::model::{JobId, ProjectName, Until};

/// Something that a client wants, and how to answer.
#[derive(Debug)]
pub enum Request {
    /// How everything stands.
    Status(Reply<Status>),
    /// When a job is polled next, and why.
    Explain(ExplainJob, Reply<Explanation>),
    /// Watch these jobs beside those of the configuration.
    Add(AddJobs, Reply<JobResults>),
    /// Watch these jobs no more.
    Forget(ForgetJobs, Reply<JobResults>),
    /// Read the configuration again.
    Reload(Reply<Reloaded>),
    /// Ask nothing of a project until it is resumed.
    Pause(ProjectName, Reply<Changed>),
    /// Go on with a project.
    Resume(ProjectName, Reply<Changed>),
}

/// Takes the answer to a request. Where it is dropped, the client is told that the daemon stops.
pub type Reply<T> = oneshot::Sender<Result<T, RequestError>>;

/// A job that is to be explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainJob {
    /// Its project; unless given, any.
    pub project: Option<ProjectName>,
    /// The job.
    #[serde(deserialize_with = "given")]
    pub job: JobId,
}

/// Jobs to be watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddJobs {
    /// Their project; unless given, the only one there is, or the one called `default`.
    pub project: Option<ProjectName>,
    /// The jobs.
    pub jobs: Vec<NewJob>,
}

/// A job to be watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// Its id.
    #[serde(deserialize_with = "given")]
    pub id: JobId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// How many seconds after its start it is overdue.
    #[serde(default)]
    pub deadline_seconds: Option<f64>,
    /// Until when it is watched; unless given, as its project has it.
    #[serde(default)]
    pub until: Option<Until>,
}

/// Reads an id that a client gives, as strictly as one of the command line.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
    JobId::given(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// Reads ids of jobs that may have been added while an earlier version of this program took them.
fn looked_up<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<JobId>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.into_iter().map(|text| JobId::new(text).map_err(D::Error::custom)).collect()
}

/// Jobs to be watched no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetJobs {
    /// Their project; unless given, any.
    pub project: Option<ProjectName>,
    /// The jobs.
    #[serde(deserialize_with = "looked_up")]
    pub jobs: Vec<JobId>,
}

/// What became of each job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobResults {
    /// In the order of the request.
    pub jobs: Vec<JobResult>,
}

/// What became of one job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobResult {
    /// The job.
    pub id: JobId,
    /// Its project, where there is one.
    pub project: Option<ProjectName>,
    /// What became of it.
    pub result: JobChange,
}

/// What became of the wish to watch a job, or to watch it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobChange {
    /// It is watched from now on.
    Added,
    /// It was watched already.
    Known,
    /// It is watched no more.
    Forgotten,
    /// The configuration names it, so it is watched as before.
    Listed,
    /// It was not watched.
    Unknown,
}

/// A configuration that was read again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// What is watched now, in one line.
    pub summary: String,
    /// Jobs that are watched since.
    pub jobs_added: usize,
    /// Jobs that are watched no more.
    pub jobs_removed: usize,
    /// What a restart is needed for.
    pub warnings: Vec<String>,
}

/// Whether a request changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Whether it did.
    pub changed: bool,
}

/// Why a request is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestError {
    /// What kind of trouble it is.
    #[serde(skip, default)]
    pub kind: RequestErrorKind,
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Kinds of trouble, by the HTTP status that stands for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestErrorKind {
    /// 400: the request makes no sense.
    #[default]
    Invalid,
    /// 404: there is no such thing.
    NotFound,
    /// 405: there is such a thing, but this cannot be done with it.
    Method,
    /// 422: the configuration cannot be used.
    BadConfiguration,
    /// 503: the daemon stops.
    Stopping,
}

impl RequestError {
    /// A refusal with nothing to do about it.
    pub fn new(kind: RequestErrorKind, error: impl Into<String>) -> Self {
        Self { kind, error: error.into(), help: None }
    }

    /// The same with a line that says what to do.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl RequestErrorKind {
    /// The HTTP status that stands for it.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::BadConfiguration => 422,
            Self::Stopping => 503,
        }
    }

    /// The kind that an HTTP status stands for.
    pub fn of(status: u16) -> Self {
        let kinds = [Self::NotFound, Self::Method, Self::BadConfiguration, Self::Stopping];
        kinds.into_iter().find(|kind| kind.status() == status).unwrap_or_default()
    }
}
