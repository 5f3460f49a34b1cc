//! How a job stands, in words for people.

use jiff::Timestamp;

use super::JobStatus;
use crate::model::time::wall_between;
use crate::model::{Outcome, Status, duration};

impl JobStatus {
    /// How it stands and how far it is.
    pub fn in_words(&self) -> String {
        if self.outcome == Outcome::Unauthorized {
            return "key refused".to_owned();
        }
        let parsed = |text: &Option<String>| text.as_deref().map(Status::parse);
        let (status, index_state) = (parsed(&self.status), parsed(&self.index_state));
        let words = self.outcome.in_words(status.as_ref(), index_state.as_ref(), self.last_error.as_deref());
        match self.job.facts.intermediate_progress().filter(|_| self.outcome == Outcome::Open) {
            Some(percent) => format!("{words}, {percent:.0} %"),
            None => words,
        }
    }

    /// When it is polled next, if it has not ended: `in 4s`, `now`, or `paused`.
    pub fn next_poll_in_words(&self, now: Timestamp) -> Option<String> {
        match self.next_poll_at {
            _ if self.outcome.is_final() => None,
            None if self.paused => Some("paused".to_owned()),
            None => Some("now".to_owned()),
            Some(at) => Some(format!("in {}", duration::remaining(wall_between(now, at)))),
        }
    }
}
