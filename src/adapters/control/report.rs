//! What a daemon knows, as it tells others.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Expectation, JobRef, Outcome, ProjectName, SinkName, Until};

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The version of the daemon.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// When it was started.
    pub started_at: Timestamp,
    /// When this was true.
    pub timestamp: Timestamp,
    /// Its configuration file, where it has one.
    pub config: Option<PathBuf>,
    /// All of it in one line.
    pub summary: String,
    /// Why the watch does not really work, if so.
    pub trouble: Option<String>,
    /// The projects, by name.
    pub projects: Vec<ProjectStatus>,
    /// The jobs, ended ones included, by project and id.
    pub jobs: Vec<JobStatus>,
    /// The sinks of the configuration, and others to which something is owed, by name.
    pub sinks: Vec<SinkStatus>,
    /// All deliveries.
    pub deliveries: DeliveriesReport,
}

/// How a project stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProjectStatus {
    /// Its name.
    pub name: ProjectName,
    /// Since when it is paused, if it is.
    pub paused_since: Option<Timestamp>,
    /// Why its key is refused, if it is.
    pub refused: Option<String>,
    /// The rate that holds, in requests a second: the configured one, or less where the server was found to take less.
    /// None from daemons that did not say.
    #[serde(default)]
    pub requests_per_second: Option<f64>,
    /// What the server said when it was found to take less, where that holds.
    #[serde(default)]
    pub limited: Option<String>,
    /// How long its restores took in the past, where some are known. None from daemons that did not say.
    #[serde(default)]
    pub expected: Option<Expectation>,
    /// Jobs that have not ended.
    pub open: usize,
    /// Jobs that ended.
    pub ended: usize,
}

/// How a job stands.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the published form")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    /// Its project.
    pub project: ProjectName,
    /// What is known of it.
    pub job: JobRef,
    /// How it stands, in the words of `restore-watch wait`.
    pub outcome: Outcome,
    /// Until when it is watched.
    #[serde(default)]
    pub until: Until,
    /// The last known state of its index, where that is or was followed.
    #[serde(default)]
    pub index_state: Option<String>,
    /// The last known status, in the words of the API.
    pub status: Option<String>,
    /// How long it took or has been taking; before its start is known, how long it is watched.
    pub elapsed_seconds: f64,
    /// When the API last gave a good answer.
    pub answered_at: Option<Timestamp>,
    /// When it is polled next; not at all once it ended, while it is being polled, and while its project is paused.
    pub next_poll_at: Option<Timestamp>,
    /// How often this daemon polled it.
    pub polls: u64,
    /// What the last poll failed with, where it failed.
    pub last_error: Option<String>,
    /// How many deliveries are owed for it.
    pub pending_deliveries: usize,
    /// Whether the configuration names it.
    pub listed: bool,
    /// Whether it was added while a daemon ran.
    pub added: bool,
    /// Whether it was found in the list of the API.
    #[serde(default)]
    pub discovered: bool,
    /// Whether its project is paused.
    pub paused: bool,
}

/// How a sink stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SinkStatus {
    /// Its name.
    pub name: SinkName,
    /// Whether the configuration has it.
    pub configured: bool,
    /// Why nothing is sent to it until its settings change, if so.
    pub disabled: Option<String>,
    /// How many deliveries are owed to it.
    pub pending: usize,
}

/// The deliveries as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesReport {
    /// Under way or waiting, for sinks of the configuration.
    pub pending: usize,
}
