//! The outcome of a job: what its tracker knows of it, and what its project knows of the key and of
//! the requests.

use super::project::JobView;
use crate::model::Outcome;

impl JobView<'_> {
    /// How the job stands. An end stays an end; a key or requests that are of no use explain any
    /// other trouble but a 404.
    pub fn outcome(&self) -> Outcome {
        in_project(self.tracker.outcome(), self.unauthorized.is_some(), self.misconfigured.is_some())
    }
}

/// The outcome of a job that has this one by its own polls, in a project whose key is unauthorized
/// or whose requests cannot be made as they are set up, if so.
pub(super) fn in_project(own: Outcome, is_unauthorized: bool, is_misconfigured: bool) -> Outcome {
    match own {
        outcome if outcome.is_final() => outcome,
        _ if is_unauthorized => Outcome::Unauthorized,
        outcome @ (Outcome::Unauthorized | Outcome::NotFound) => outcome,
        _ if is_misconfigured => Outcome::Misconfigured,
        outcome => outcome,
    }
}
