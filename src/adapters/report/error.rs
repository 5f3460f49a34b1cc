//! Why a request is not met.
//!
//! Invariant: the kind of an error travels as the HTTP status, and its texts as the body.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::ReadError;
use crate::model::{JobId, ProjectName, Reference, visible};

/// What to do about a job that the daemon does not watch.
pub const JOBS_ARE_LISTED: &str = "`restore-watch status --all` lists the jobs with their names and ids";

/// The answer to a request that is not met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestError {
    /// What the HTTP status says.
    #[serde(skip, default)]
    pub kind: RequestErrorKind,
    /// What is wrong.
    pub error: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Kinds of errors, by the HTTP status that stands for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestErrorKind {
    /// 400: the request is malformed, or asks for what cannot be.
    #[default]
    Invalid,
    /// 404: the daemon does not know what is asked for.
    NotFound,
    /// 405: the path takes another method.
    Method,
    /// 422: the configuration cannot be used.
    BadConfiguration,
    /// 500: the state cannot be read.
    Unreadable,
    /// 503: the daemon is stopping, has too many connections, takes too long, or needs another replica
    /// that is not there.
    Stopping,
}

impl RequestError {
    /// An error without help.
    pub fn new(kind: RequestErrorKind, error: impl Into<String>) -> Self {
        Self { kind, error: error.into(), help: None }
    }

    /// The daemon does not watch what a reference names, in this project if one is given.
    pub fn not_watched(reference: &Reference, project: Option<&ProjectName>) -> Self {
        let job = visible(reference.as_str());
        let of_project = project.map(|name| format!(" in the project {}", visible(name.as_str())));
        let error = format!("the daemon does not watch {job}{}", of_project.unwrap_or_default());
        let is_id = JobId::new(reference.as_str()).is_ok_and(|id| id.has_known_form());
        Self::new(RequestErrorKind::NotFound, error).with_help(if is_id {
            format!("to have it watched: restore-watch add {job}")
        } else {
            JOBS_ARE_LISTED.to_owned()
        })
    }

    /// The same error with a line that says what to do.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl From<ReadError> for RequestError {
    fn from(ReadError { message, help }: ReadError) -> Self {
        Self::new(RequestErrorKind::Unreadable, message).with_help(help)
    }
}

impl IntoResponse for RequestError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}

impl RequestErrorKind {
    /// The HTTP status that stands for it.
    pub fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::NotFound => 404,
            Self::Method => 405,
            Self::BadConfiguration => 422,
            Self::Unreadable => 500,
            Self::Stopping => 503,
        }
    }

    /// The kind that an HTTP status stands for.
    pub fn of(status: u16) -> Self {
        let kinds = [Self::NotFound, Self::Method, Self::BadConfiguration, Self::Unreadable, Self::Stopping];
        kinds.into_iter().find(|kind| kind.status() == status).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::RequestErrorKind::{BadConfiguration, Invalid, Method, NotFound, Stopping, Unreadable};
    use super::*;

    #[test]
    fn only_what_looks_like_an_id_is_to_be_added() {
        let help = |text: &str| RequestError::not_watched(&Reference::new(text), None).help.unwrap();

        for id in ["670E8400-e29b-41d4-a716-446655440001", "rj-9"] {
            assert!(help(id).starts_with("to have it watched: restore-watch add "), "{id}");
        }
        for other in ["nightly", "670e", "a b", "--force"] {
            assert!(help(other).contains("`restore-watch status --all` lists"), "{other}");
        }
    }

    #[test]
    fn kinds_survive_the_http_status() {
        for kind in [Invalid, NotFound, Method, BadConfiguration, Unreadable, Stopping] {
            assert_eq!(RequestErrorKind::of(kind.status()), kind);
        }
    }
}
