//! A restore that ended, as the history keeps it and publishes it.

use std::ops::Add;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema::DateTime;
use super::{DeliveryState, Elapsed, JobFacts, JobRef, Outcome, ProjectName, time};

/// A restore that ended.
// The comments of its fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EndedRestore {
    /// The project of the restore.
    pub project: ProjectName,
    /// The restore.
    pub job: JobRef,
    /// How it ended.
    pub outcome: Outcome,
    /// When its end was observed; the end itself is in `completed_at` of the job, if the API says it.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub end_observed_at: Timestamp,
    /// How long the restore itself took, also if its index was awaited after it.
    #[serde(flatten)]
    pub elapsed: Elapsed,
    /// Seconds from `completed_at` to `end_observed_at`, if both are known; not below 0. `null` if
    /// the restore had ended before it was watched, or if it was watched until its index was ready:
    /// the API does not say since when it serves.
    pub detection_delay_seconds: Option<f64>,
    /// The deliveries of the event that reported the end.
    pub deliveries: DeliveryCounts,
}

impl EndedRestore {
    /// When it ended or, if the API does not say that, when its end was observed.
    pub fn ended_at(&self) -> Timestamp {
        self.job.facts.completed_at.unwrap_or(self.end_observed_at)
    }

    /// Whether this is the same end of the same restore, observed once more.
    pub fn is_same_end(&self, other: &Self) -> bool {
        let end = |restore: &Self| {
            let JobFacts { created_at, completed_at, .. } = restore.job.facts;
            (restore.outcome, completed_at, created_at.filter(|_| completed_at.is_none()))
        };
        (&self.project, &self.job.id, end(self)) == (&other.project, &other.job.id, end(other))
    }

    /// From when on its age counts: the latest time that is known of its end. The clock of this
    /// machine may have been far behind when it was observed.
    pub fn aged_from(&self) -> Timestamp {
        self.job.facts.listed_at().map_or(self.end_observed_at, |at| at.max(self.end_observed_at))
    }
}

/// How many deliveries are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryCounts {
    /// Not yet delivered.
    pub pending: usize,
    /// Taken by their sinks.
    pub delivered: usize,
    /// Given up: dead letters.
    pub dead: usize,
    /// Expired, or dropped by hand.
    pub dropped: usize,
}

impl DeliveryCounts {
    /// Counts one in this state.
    pub fn count(&mut self, state: DeliveryState) {
        *match state {
            DeliveryState::Pending => &mut self.pending,
            DeliveryState::Delivered => &mut self.delivered,
            DeliveryState::Dead => &mut self.dead,
            DeliveryState::Dropped => &mut self.dropped,
        } += 1;
    }
}

impl Add for DeliveryCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            pending: self.pending + other.pending,
            delivered: self.delivered + other.delivered,
            dead: self.dead + other.dead,
            dropped: self.dropped + other.dropped,
        }
    }
}
