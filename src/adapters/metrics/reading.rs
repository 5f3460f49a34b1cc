//! What a scrape shows, as it was at one moment.

use std::time::Duration;

use jiff::Timestamp;

use super::counters::{Counters, ProjectCounters, SinkCounters};
use super::histogram::Histogram;
use crate::engine::{ProjectView, SinkView};
use crate::model::time::Now;
use crate::model::{OutcomeCounts, ProjectName, SinkName};

/// The metrics of a daemon at one moment.
#[derive(Debug, Clone)]
pub struct Reading {
    pub(super) daemon: DaemonReading,
    pub(super) projects: Vec<ProjectReading>,
    pub(super) sinks: Vec<SinkReading>,
    pub(super) restore_duration: Histogram,
    pub(super) detection_delay: Histogram,
    pub(super) request_duration: Histogram,
}

/// What belongs to no project and no sink.
#[derive(Debug, Clone, Copy)]
pub struct DaemonReading {
    pub started_at: Timestamp,
    /// When the configuration in force was loaded.
    pub configured_at: Timestamp,
    /// Whether the last reload was rejected.
    pub reload_failed: bool,
    pub log_lines_lost: u64,
    /// None if the state belongs to one process.
    pub cluster: Option<ClusterReading>,
}

/// The replicas that share a state, and this one among them.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClusterReading {
    pub is_active: bool,
    pub epoch: u64,
    pub takeovers: u64,
    pub losses: u64,
    pub others: usize,
}

#[derive(Debug, Clone)]
pub(super) struct ProjectReading {
    pub(super) name: ProjectName,
    pub(super) outcomes: OutcomeCounts,
    pub(super) oldest_open: Duration,
    pub(super) rate_limit: f64,
    pub(super) is_authorized: bool,
    pub(super) is_paused: bool,
    pub(super) counters: ProjectCounters,
}

#[derive(Debug, Clone)]
pub(super) struct SinkReading {
    pub(super) name: SinkName,
    /// Without those that are held.
    pub(super) pending: usize,
    /// They wait for the hours of the sink.
    pub(super) held: usize,
    pub(super) dead: usize,
    pub(super) counters: SinkCounters,
}

impl Counters {
    /// All that there is to show at `now` of these projects and sinks. What was counted of others
    /// is not shown, and goes on if they come back.
    pub fn read<'a>(
        &self,
        daemon: DaemonReading,
        projects: impl Iterator<Item = ProjectView<'a>>,
        sinks: impl Iterator<Item = SinkView<'a>>,
        now: Now,
    ) -> Reading {
        let project = |view: ProjectView<'_>| ProjectReading {
            name: view.name.clone(),
            outcomes: view.outcomes,
            oldest_open: view.oldest_open.map(|began| now.instant.since(began)).unwrap_or_default(),
            rate_limit: view.requests_per_second,
            is_authorized: view.unauthorized.is_none(),
            is_paused: view.paused_since.is_some(),
            counters: self.projects.get(view.name).cloned().unwrap_or_default(),
        };
        let sink = |view: SinkView<'_>| SinkReading {
            name: view.name.clone(),
            pending: view.pending - view.held,
            held: view.held,
            dead: view.dead_letters,
            counters: self.sinks.get(view.name).cloned().unwrap_or_default(),
        };

        Reading {
            daemon,
            projects: projects.map(project).collect(),
            sinks: sinks.map(sink).collect(),
            restore_duration: self.restore_duration.clone(),
            detection_delay: self.detection_delay.clone(),
            request_duration: self.request_duration.clone(),
        }
    }
}
