//! Changes that a client asks for, and the form in which a standby hands them over to the active
//! replica.
//!
//! Invariant: what one replica writes, one of the next or of the last version reads: an unknown
//! change is refused as a whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ActiveTerm, AddJobs, ForgetJobs, SetSilence};
use crate::adapters::report::{RequestError, RequestErrorKind};
use crate::model::{ProjectName, SilenceId};

/// Something that a client wants to have changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Watch these jobs beside those of the configuration.
    Add(AddJobs),
    /// Stop watching these jobs.
    Forget(ForgetJobs),
    /// Make no request for a project until it is resumed.
    Pause(ProjectName),
    /// Poll the jobs of a project again.
    Resume(ProjectName),
    /// Drop deliveries of events that match, for some time.
    SetSilence(SetSilence),
    /// End a silence before its time.
    EndSilence(SilenceId),
}

/// What became of a change: the document that its client gets, or why nothing changed.
pub type ChangeAnswer = Result<Value, RequestError>;

/// A request as a standby writes it down for the active replica.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandedOverRequest {
    Change(Change),
    /// Give the lease to another replica.
    Handover {
        /// The term that is to end, if a replica was active.
        ends: Option<ActiveTerm>,
    },
}

/// The answer to it, as the active replica writes it down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenAnswer {
    Done(Value),
    Refused { status: u16, error: String, help: Option<String> },
}

impl HandedOverRequest {
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what another replica wrote.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        serde_json::from_str(text).map_err(|error| {
            other_version(format!("the active replica does not understand the request: {error}"))
        })
    }
}

/// An answer as the replica that asked reads it by [`parse_answer`].
pub fn answer_text(answer: &ChangeAnswer) -> String {
    let written = match answer {
        Ok(document) => WrittenAnswer::Done(document.clone()),
        Err(RequestError { kind, error, help }) => {
            WrittenAnswer::Refused { status: kind.status(), error: error.clone(), help: help.clone() }
        }
    };
    serde_json::to_string(&written).unwrap_or_default()
}

/// Reads what [`answer_text`] made on another replica.
pub fn parse_answer(text: &str) -> ChangeAnswer {
    match serde_json::from_str(text) {
        Ok(WrittenAnswer::Done(document)) => Ok(document),
        Ok(WrittenAnswer::Refused { status, error, help }) => {
            Err(RequestError { kind: RequestErrorKind::of(status), error, help })
        }
        Err(error) => {
            Err(other_version(format!("the answer of the active replica cannot be understood: {error}")))
        }
    }
}

fn other_version(error: String) -> RequestError {
    RequestError::new(RequestErrorKind::Invalid, error)
        .with_help("it may be another version: run the same one on all replicas")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reference;

    #[test]
    fn requests_survive_the_way_to_another_replica() {
        let forget = ForgetJobs { project: None, jobs: vec![Reference::new("rj-1")] };
        for request in [
            HandedOverRequest::Change(Change::Forget(forget)),
            HandedOverRequest::Change(Change::Pause(ProjectName::default())),
            HandedOverRequest::Change(Change::EndSilence(SilenceId::FIRST)),
            HandedOverRequest::Handover { ends: None },
            HandedOverRequest::Handover { ends: Some(ActiveTerm { replica: "a".to_owned(), epoch: 3 }) },
        ] {
            assert_eq!(HandedOverRequest::parse(&request.to_text()), Ok(request));
        }
    }

    #[test]
    fn answers_survive_the_way_back() {
        let refused = RequestError::new(RequestErrorKind::NotFound, "no project `x`").with_help("it has: a");
        for answer in [Ok(serde_json::json!({"jobs": [], "a": 1})), Err(refused)] {
            assert_eq!(parse_answer(&answer_text(&answer)), answer);
        }
    }

    #[test]
    fn what_another_version_wrote_is_refused() {
        let request = HandedOverRequest::parse("{\"change\":{\"rename\":{}}}").unwrap_err();
        assert_eq!(request.kind, RequestErrorKind::Invalid);
        assert!(request.error.contains("rename"), "{}", request.error);
        assert!(parse_answer("{\"later\":1}").is_err());
    }
}
