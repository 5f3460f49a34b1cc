//! Why a request is not met.
//!
//! Invariant: the kind of an error travels as the HTTP status, and its texts as the body.

use serde::{Deserialize, Serialize};

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
    /// 503: the daemon is stopping, or has too many connections.
    Stopping,
}

impl RequestError {
    /// An error without help.
    pub fn new(kind: RequestErrorKind, error: impl Into<String>) -> Self {
        Self { kind, error: error.into(), help: None }
    }

    /// The same error with a line that says what to do.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
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
            Self::Stopping => 503,
        }
    }

    /// The kind that an HTTP status stands for.
    pub fn of(status: u16) -> Self {
        let kinds = [Self::NotFound, Self::Method, Self::BadConfiguration, Self::Stopping];
        kinds.into_iter().find(|kind| kind.status() == status).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::RequestErrorKind::{BadConfiguration, Invalid, Method, NotFound, Stopping};
    use super::*;

    #[test]
    fn kinds_survive_the_http_status() {
        for kind in [Invalid, NotFound, Method, BadConfiguration, Stopping] {
            assert_eq!(RequestErrorKind::of(kind.status()), kind);
        }
    }
}
