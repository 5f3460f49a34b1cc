//! How a job stands, in words for people.

use crate::engine::{IndexWatch, JobView, Outcome};
use crate::model::Status;

/// The outcome of a job that the engine watches, in words.
pub(super) fn of_job(outcome: Outcome, job: &JobView<'_>) -> String {
    let tracker = job.tracker;
    let index_state = tracker.index().and_then(IndexWatch::state);
    outcome_in_words(outcome, tracker.status(), index_state, tracker.last_error())
}

/// An outcome in words, with what the API last said of the job and of its index.
pub fn outcome_in_words(
    outcome: Outcome,
    status: Option<&Status>,
    index_state: Option<&Status>,
    last_error: Option<&str>,
) -> String {
    let index = || match index_state {
        Some(state) => format!("index {state}"),
        None => "index not seen yet".to_owned(),
    };
    match (outcome, status) {
        // A completed job is open only while its index is awaited.
        (Outcome::Open, Some(Status::Completed)) => format!("{}, {}", Status::Completed, index()),
        (Outcome::Open, Some(status)) => status.to_string(),
        (Outcome::Open, None) => "not seen yet".to_owned(),
        // After an error, the last state is not what decided it.
        (Outcome::NotReady, _) if last_error.is_none() => index(),
        (Outcome::NotReady, _) => "index not ready".to_owned(),
        (Outcome::Unrecognised, Some(status)) => format!("ended as {status}"),
        _ => outcome.as_str().replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_in_words() {
        let completed = Some(Status::Completed);
        let other = |text: &str| Some(Status::parse(text));
        for (outcome, status, index_state, last_error, words) in [
            (Outcome::Open, None, None, None, "not seen yet"),
            (Outcome::Open, Some(Status::Pending), None, None, "Pending"),
            (Outcome::Open, completed.clone(), None, None, "Completed, index not seen yet"),
            (
                Outcome::Open,
                completed.clone(),
                other("Initializing"),
                Some("HTTP 500"),
                "Completed, index Initializing",
            ),
            (Outcome::NotReady, completed.clone(), other("Terminating"), None, "index Terminating"),
            (Outcome::NotReady, completed.clone(), other("Ready"), Some("HTTP 404"), "index not ready"),
            (Outcome::Unrecognised, other("Exploded"), None, None, "ended as Exploded"),
            (Outcome::NotFound, Some(Status::Pending), None, Some("HTTP 404"), "not found"),
            (Outcome::Completed, completed.clone(), None, None, "completed"),
        ] {
            let found = outcome_in_words(outcome, status.as_ref(), index_state.as_ref(), last_error);
            assert_eq!(found, words, "{outcome:?}");
        }
    }
}
