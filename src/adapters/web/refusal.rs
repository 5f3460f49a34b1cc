//! Answers to requests that are not met: JSON below `/v1/`, else a short text.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use crate::adapters::report::{RequestError, RequestErrorKind};

/// What is wrong with a request, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    error: RequestError,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: RequestError::new(RequestErrorKind::of(status.as_u16()), error) }
    }

    pub(super) fn with_help(self, help: impl Into<String>) -> Self {
        Self { error: self.error.with_help(help), ..self }
    }

    /// The answer to a request for `path`.
    pub(super) fn answer(self, path: &str) -> Response {
        let Self { status, error } = self;
        if path.starts_with("/v1/") {
            return (status, Json(error)).into_response();
        }
        let help = error.help.map(|help| format!("  help: {help}\n")).unwrap_or_default();
        (status, format!("error: {}\n{help}", error.error)).into_response()
    }
}
