//! Adding jobs to a running daemon, and forgetting them.
//!
//! Invariant: an unknown field is refused, so that a misspelled one is noticed.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{JobId, ProjectName, Reference, Until};

/// Jobs to be watched beside those of the configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddJobs {
    /// Their project; by default the only one there is, or the one called `default`.
    pub project: Option<ProjectName>,
    /// What is to be watched, and how.
    pub jobs: Vec<NewJob>,
}

/// A job to be watched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewJob {
    /// As strict as an id of the command line.
    #[serde(deserialize_with = "new_id")]
    pub id: JobId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// How many seconds after its start it is overdue.
    #[serde(default)]
    pub deadline_seconds: Option<f64>,
    /// Until when it is watched; by default as its project has it.
    #[serde(default)]
    pub until: Option<Until>,
}

/// Jobs to be forgotten.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForgetJobs {
    /// Their project; by default any.
    pub project: Option<ProjectName>,
    /// Their ids, their names, or how their ids begin.
    pub jobs: Vec<Reference>,
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
    /// Its id; what was given if there is no such job.
    pub id: String,
    /// Its project, if it has one.
    pub project: Option<ProjectName>,
    /// Whether anything changed, and why not.
    pub result: JobChange,
}

/// What became of a request to add or to forget a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobChange {
    /// It is watched from now on.
    Added,
    /// It was watched already.
    Known,
    /// It is no longer watched.
    Forgotten,
    /// It is not forgotten, because the configuration names it.
    Configured,
    /// It was not watched.
    Unknown,
}

fn new_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JobId, D::Error> {
    JobId::given(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
