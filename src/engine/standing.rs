//! How a job stands, and how it can end.
//!
//! Invariant: whoever maps these to something else does so exhaustively, so that a new one is nowhere forgotten.

use serde::{Deserialize, Serialize};

use crate::model::{EventKind, JobFacts, Status};

/// How a job stands, for those who wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not ended, and no lasting trouble.
    Open,
    /// Ended, in this way, and nothing further is waited for.
    Ended(Ending),
    /// Completed, and its index serves.
    Ready,
    /// Completed, and its index will not serve.
    NotReady,
    /// Answered with 404 for too long: it was never seen, or is lost.
    Missing,
    /// Without a good answer for too long.
    Unreachable,
    /// Completed, but the key may not ask for its index.
    Refused,
}

/// How it stands with the search for jobs that nobody named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DiscoveryState {
    /// There are no others than those that are watched, as far as the list can tell: a look at it came to its end that
    /// began after the last job ended, and `not_found_grace` after the search began or later. Or none are looked for.
    Over,
    /// There may be others.
    UnderWay,
    /// The list could not be read for too long.
    Unreachable,
    /// The list cannot be read as requests are set up.
    Misconfigured,
    /// The key is refused.
    Refused,
}

/// How a job can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Well.
    Completed,
    /// Badly.
    Failed,
    /// It was stopped.
    Cancelled,
    /// In a state this program does not know.
    Unrecognised,
}

impl Ending {
    /// How a job with this status and these facts ended, if it ended. `Pending` wins over an end time.
    pub(super) fn of(status: &Status, facts: &JobFacts) -> Option<Self> {
        match status {
            Status::Completed => Some(Self::Completed),
            Status::Failed => Some(Self::Failed),
            Status::Cancelled => Some(Self::Cancelled),
            Status::Other(_) => facts.completed_at.map(|_| Self::Unrecognised),
            Status::Pending => None,
        }
    }
}

impl From<Ending> for EventKind {
    fn from(how: Ending) -> Self {
        match how {
            Ending::Completed => Self::Completed,
            Ending::Failed => Self::Failed,
            Ending::Cancelled => Self::Cancelled,
            Ending::Unrecognised => Self::Unrecognised,
        }
    }
}
