//! What is known of a restore job and of the index that it makes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JobId, Outcome, Status};

/// The facts the API gives about a job beside its status.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JobFacts {
    /// The backup that is restored.
    pub backup_id: Option<String>,
    /// The name of the index that is made.
    pub target_index_name: Option<String>,
    /// The id of the index that is made.
    pub target_index_id: Option<String>,
    /// When the restore started.
    pub created_at: Option<Timestamp>,
    /// When the restore ended; the API sets it on completed jobs only.
    pub completed_at: Option<Timestamp>,
    /// Progress, 0 to 100; most answers have none before the end.
    pub percent_complete: Option<f64>,
}

impl JobFacts {
    /// The progress, if it says more than that the job runs or ended: strictly between 0 and
    /// 100.
    pub fn intermediate_progress(&self) -> Option<f64> {
        self.percent_complete.filter(|percent| *percent > 0.0 && *percent < 100.0)
    }

    /// The time that dates the end of a restore, by the API: a failed one has no end time, so that
    /// is its start.
    pub fn listed_at(&self) -> Option<Timestamp> {
        self.completed_at.or(self.created_at)
    }
}

/// What one answer of the API said about one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The job it speaks of.
    pub id: JobId,
    /// Its status at that time.
    pub status: Status,
    /// The facts it gave.
    pub facts: JobFacts,
}

impl Observation {
    /// How the job ended, if it did. `Pending` wins over an end time.
    pub fn end(&self) -> Option<Outcome> {
        match self.status {
            Status::Completed => Some(Outcome::Completed),
            Status::Failed => Some(Outcome::Failed),
            Status::Cancelled => Some(Outcome::Cancelled),
            Status::Other(_) => self.facts.completed_at.map(|_| Outcome::Unrecognised),
            Status::Pending => None,
        }
    }
}

/// What one answer of the API said about one index.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexObservation {
    /// The index it speaks of.
    pub name: String,
    /// Its state at that time, if the answer said so.
    pub state: Option<Status>,
    /// Whether it served then.
    pub ready: bool,
}
