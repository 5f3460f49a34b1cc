//! Reads what a state keeps for people, beside the process that commits to it.
//!
//! Invariant: nothing here changes the state or waits for a commit.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::IndexPattern;
use crate::model::{EndTotals, EndedRestore, Event, EventId, Outcome, ProjectName};

/// Reads the history and the events of a state. Everything here waits for the disk or for a server.
pub trait Reader: Send {
    /// The restores that ended and match, the end observed last first; those of one time by project
    /// and id.
    fn history(&mut self, filter: &HistoryFilter, range: HistoryRange) -> Result<History, ReadError>;

    /// How many restores ended of each project and with each outcome, since there is a history:
    /// those that an event reported. Unlike the history, they become no fewer.
    fn totals(&mut self) -> Result<EndTotals, ReadError>;

    /// The event that was emitted last, if the state has any.
    fn last_event(&mut self) -> Result<Option<EventId>, ReadError>;

    /// Up to `limit` events that were emitted after this one, in the order in which they were. An
    /// event that is no longer kept stands for the time in its id: those from the first one on that
    /// is not older, because one of the same millisecond twice is better than one of them never. So
    /// does one that the state never had; nothing may ever follow one of a later time than the last.
    fn events_after(&mut self, event: EventId, limit: usize) -> Result<Vec<Arc<Event>>, ReadError>;

    /// Reads from now on only while this requester is there: an implementation that may read for long
    /// ends with an error else. Without this call, a read takes as long as it takes.
    fn give_up_without(&mut self, _requester: Weak<()>) {}
}

/// Why a state cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What went wrong, and where.
    pub message: String,
    pub help: &'static str,
}

/// Selects restores that ended: those that match every part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Of one of these projects.
    pub projects: Option<BTreeSet<ProjectName>>,
    /// Into an index whose name matches one of these.
    pub indexes: Option<Vec<IndexPattern>>,
    /// With one of these outcomes.
    pub outcomes: Option<BTreeSet<Outcome>>,
    /// Whose end was observed at this time or later.
    pub since: Option<Timestamp>,
}

impl HistoryFilter {
    /// Whether this restore matches every part. One into an index without a known name matches no
    /// pattern.
    pub fn matches(&self, restore: &EndedRestore) -> bool {
        let Self { projects, indexes, outcomes, since } = self;
        let index = restore.job.facts.target_index_name.as_deref();
        let is_wanted_index = |patterns: &Vec<IndexPattern>| {
            index.is_some_and(|index| patterns.iter().any(|pattern| pattern.matches(index)))
        };

        projects.as_ref().is_none_or(|projects| projects.contains(&restore.project))
            && indexes.as_ref().is_none_or(is_wanted_index)
            && outcomes.as_ref().is_none_or(|outcomes| outcomes.contains(&restore.outcome))
            && since.is_none_or(|since| restore.end_observed_at >= since)
    }
}

/// A part of a long list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryRange {
    /// How many of its first items are left out.
    pub skip: usize,
    /// How many it has at most.
    pub limit: usize,
}

/// Restores that ended: those that a request lists, and how many match it.
// The comments of its fields are the descriptions of the published schema.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// The restores, by the time at which their end was observed: `restore-watch history` lists the
    /// last one last, and `/v1/history` first.
    pub restores: Vec<EndedRestore>,
    /// How many match, beyond the range, too.
    pub total: usize,
}
