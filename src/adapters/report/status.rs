//! What a daemon knows, as it reports it.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ClusterStatus, Role, SilenceStatus};
use crate::config::StatePlace;
use crate::engine::{JobFilter, JobKey, Selection};
use crate::model::schema::DateTime;
use crate::model::{
    Elapsed, Expectation, JobRef, Outcome, OutcomeCounts, ProjectName, SinkName, Until, time,
};

/// How everything stands: what `restore-watch status --output json` prints, and what `/v1/status`
/// answers.
// The comments of all fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    #[serde(flatten)]
    pub daemon: DaemonStatus,
    /// The jobs that are asked for, ended ones included, by project and id.
    pub jobs: Vec<JobStatus>,
    /// How many jobs have which outcome: of those that are asked for, listed or left out by a
    /// limit.
    #[serde(default)]
    pub outcomes: OutcomeCounts,
    #[serde(flatten)]
    pub outbox: OutboxStatus,
}

/// The daemon and its projects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DaemonStatus {
    /// The version of the daemon.
    pub version: String,
    /// The process id of the daemon.
    pub pid: u32,
    /// When the daemon was started.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub started_at: Timestamp,
    /// When this was true.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub timestamp: Timestamp,
    /// The configuration file, if there is one; `null` over HTTP.
    pub config: Option<PathBuf>,
    /// Where the state is kept; `null` if it is not kept, and over HTTP.
    #[serde(default)]
    pub state: Option<String>,
    /// All of it in one line.
    pub summary: String,
    /// Why the end of some restore would not be noticed, or not delivered, if so.
    pub trouble: Option<String>,
    /// All that needs a person: what `trouble` says, of each project, and beside it dead letters and
    /// a failed reload.
    #[serde(default)]
    pub troubles: Vec<String>,
    /// The last reload of the configuration, if there was one.
    #[serde(default)]
    pub last_reload: Option<ReloadStatus>,
    /// The replicas, if they share the state; `null` if it belongs to one process.
    #[serde(default)]
    pub cluster: Option<ClusterStatus>,
    /// The projects, by name.
    pub projects: Vec<ProjectStatus>,
}

impl DaemonStatus {
    /// The file that the state is kept in; none if it is in a database, or nowhere.
    pub fn state_file(&self) -> Option<&Path> {
        StatePlace::shown_file(self.state.as_deref()?)
    }

    /// Whether this replica stands by: the active one polls, and only that one knows when.
    pub fn stands_by(&self) -> bool {
        self.cluster.as_ref().is_some_and(|cluster| cluster.role == Role::Standby)
    }

    /// The form for clients of the HTTP listener, which may be on other machines: without the places
    /// of files, which the texts about a configuration have in them, too.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        (self.config, self.state) = (None, None);
        if let Some(reload) = &mut self.last_reload
            && let Some(trouble) = reload.trouble()
        {
            reload.error = Some(LOG_SAYS_WHY.to_owned());
            for text in self.troubles.iter_mut().filter(|text| **text == trouble) {
                *text = format!("the configuration was not reloaded; {LOG_SAYS_WHY}");
            }
        }
        self
    }
}

/// Where what is not for clients on other machines can be read.
const LOG_SAYS_WHY: &str = "the log of the daemon says why";

/// How a reload of the configuration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadStatus {
    /// When it ended.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub at: Timestamp,
    /// Why the configuration before stays in force, if it does; over HTTP, where to read why.
    pub error: Option<String>,
}

impl ReloadStatus {
    pub fn succeeded(&self) -> bool {
        self.error.is_none()
    }

    /// What needs a person, if the reload failed.
    pub fn trouble(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("the configuration was not reloaded, and the one before stays in force: {error}"))
    }
}

/// What is sent, and where to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OutboxStatus {
    /// The sinks of the configuration, and others with pending deliveries or dead letters, by name.
    pub sinks: Vec<SinkStatus>,
    /// All deliveries.
    pub deliveries: DeliveriesReport,
    /// The silences in force, by number.
    #[serde(default)]
    pub silences: Vec<SilenceStatus>,
}

/// Which jobs are listed next.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobCursor {
    pub filter: JobFilter,
    /// The last job that was looked at; none at the beginning.
    pub after: Option<JobKey>,
    /// What is listed at the end of the list, if only a few jobs are.
    pub selection: Option<Selection>,
    /// How many jobs were listed, by outcome.
    pub outcomes: OutcomeCounts,
}

/// A status with the first of its jobs.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusPart {
    pub status: Status,
    /// Where the list of jobs goes on, if it does.
    pub rest: Option<JobCursor>,
}

/// Some jobs of a status. The list is read in parts: a job is shown as it was when its part was
/// read, and one that comes or goes meanwhile may be listed or not.
#[derive(Debug, Clone, PartialEq)]
pub struct JobsPart {
    pub jobs: Vec<JobStatus>,
    /// How many jobs this part and those before it are of, by outcome.
    pub outcomes: OutcomeCounts,
    /// Where the list goes on, if it does.
    pub rest: Option<JobCursor>,
}

/// How a project stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProjectStatus {
    /// As the configuration has it.
    pub name: ProjectName,
    /// Since when it is paused, if it is.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub paused_since: Option<Timestamp>,
    /// Why its key is refused, if it is.
    pub refused: Option<String>,
    /// The rate in force, in requests a second: the configured one, or less if the server refused
    /// that.
    pub requests_per_second: f64,
    /// What the server said when it refused the configured rate, while less is in force.
    pub limited: Option<String>,
    /// How long its restores took in the past, if some are known.
    pub expected: Option<Expectation>,
    /// How many jobs have not ended.
    pub open: usize,
    /// How many jobs ended.
    pub ended: usize,
}

/// How a job stands.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the published form")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobStatus {
    /// The project of the job.
    pub project: ProjectName,
    /// What is known of it.
    pub job: JobRef,
    /// How it stands, in the words of `restore-watch wait`.
    pub outcome: Outcome,
    /// Until when it is watched.
    pub until: Until,
    /// The last known state of its index, if that is or was awaited.
    pub index_state: Option<String>,
    /// The last known status, in the words of the API.
    pub status: Option<String>,
    /// When its end was observed; the end itself is in `completed_at` of the job, if the API says it.
    #[serde(default, serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub end_observed_at: Option<Timestamp>,
    /// How long it took or has been taking; before its start is known, how long it is watched.
    #[serde(flatten)]
    pub elapsed: Elapsed,
    /// How long restores like it took in the past, if it has not ended and some are known.
    #[serde(default)]
    pub expected: Option<Expectation>,
    /// When the API last gave a good answer.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub answered_at: Option<Timestamp>,
    /// When it is polled next; none after its end, while it is being polled, and while its project
    /// is paused.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub next_poll_at: Option<Timestamp>,
    /// How often this daemon polled it.
    pub polls: u64,
    /// What the last poll failed with, if it failed.
    pub last_error: Option<String>,
    /// How many deliveries of its events are pending.
    pub pending_deliveries: usize,
    /// Whether the configuration names it.
    pub configured: bool,
    /// Whether it was added while a daemon ran.
    pub added: bool,
    /// Whether it was found in the list of the API.
    pub discovered: bool,
    /// Whether its project is paused.
    pub paused: bool,
}

/// How a sink stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SinkStatus {
    /// As the configuration has it.
    pub name: SinkName,
    /// Whether the configuration has it.
    pub configured: bool,
    /// Why nothing is sent to it until its settings change, if so.
    pub disabled: Option<String>,
    /// How many deliveries to it are pending.
    pub pending: usize,
    /// How many deliveries to it are dead letters.
    #[serde(default)]
    pub dead: usize,
    /// How many of the pending deliveries wait for its hours.
    #[serde(default)]
    pub held: usize,
    /// When its hours begin, if it is outside of them.
    #[serde(default, serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub held_until: Option<Timestamp>,
    /// Since when it takes nothing, if it was attempted more than once.
    #[serde(default, serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    pub failing_since: Option<Timestamp>,
    /// What the last attempt failed with, if it takes nothing.
    #[serde(default)]
    pub last_error: Option<String>,
}

/// The deliveries as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveriesReport {
    /// Under way or waiting, for sinks of the configuration.
    pub pending: usize,
    /// Dead letters, for any sink.
    #[serde(default)]
    pub dead: usize,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_place_of_a_file_is_left_for_other_machines() {
        let error = "/canary/cfg.toml:16:1: unknown key `x`";
        let reload = ReloadStatus { at: Timestamp::UNIX_EPOCH, error: Some(error.to_owned()) };
        let status: DaemonStatus = serde_json::from_value(json!({
            "version": "1.2.3", "pid": 42, "started_at": "2026-11-23T12:00:00Z",
            "timestamp": "2026-11-23T15:00:00Z", "config": "/canary/cfg.toml", "state": "/canary/state.db",
            "summary": "all is well", "trouble": "the key of a is refused",
            "troubles": ["the key of a is refused", reload.trouble(), "1 dead letter"],
            "last_reload": reload, "projects": [],
        }))
        .unwrap();

        let shown = status.without_places();

        assert!(!serde_json::to_string(&shown).unwrap().contains("canary"), "{shown:?}");
        assert!(shown.last_reload.as_ref().is_some_and(|reload| !reload.succeeded()));
        assert_eq!(
            shown.troubles,
            [
                "the key of a is refused",
                "the configuration was not reloaded; the log of the daemon says why",
                "1 dead letter"
            ]
        );
    }
}
