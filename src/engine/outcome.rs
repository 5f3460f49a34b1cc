//! The outcome of a job: what its tracker knows of it, and what its project knows of the key and of
//! the requests.

use super::project::JobView;
use crate::model::Outcome;

impl JobView<'_> {
    /// How the job stands. An end stays an end; a key or requests that are of no use explain any
    /// other trouble but a 404.
    pub fn outcome(&self) -> Outcome {
        match self.tracker.outcome() {
            outcome if outcome.is_final() => outcome,
            _ if self.unauthorized.is_some() => Outcome::Unauthorized,
            outcome @ (Outcome::Unauthorized | Outcome::NotFound) => outcome,
            _ if self.misconfigured.is_some() => Outcome::Misconfigured,
            outcome => outcome,
        }
    }
}
