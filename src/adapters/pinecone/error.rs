//! Errors of requests to the API, and their classes.

use reqwest::StatusCode;

use crate::adapters::http::{BodyError, Fault, FaultKind};
use crate::engine::retry::RetryAfter;
use crate::engine::{Failure, FailureClass};

/// Why a request had no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Transport(String),
    /// No answer because of the configuration of this side: a certificate, a proxy, a scheme.
    #[error("{0}")]
    Misconfigured(String),
    /// No answer because the server does not speak the protocol that the address names.
    #[error("{0}")]
    WrongProtocol(String),
    /// The same, but it is likely that something between gave the answer: a proxy, a login page.
    #[error("{0}")]
    Intercepted(String),
    /// An answer with a status other than 200.
    #[error("HTTP {}{}", status.as_u16(), message.as_ref().map(|text| format!(": {text}")).unwrap_or_default())]
    Status {
        status: StatusCode,
        /// What the server said, made presentable.
        message: Option<String>,
        /// Whether the body is from the API, and not from a gateway in front of it.
        is_of_api: bool,
        /// How long the server asks to be left alone.
        retry_after: Option<RetryAfter>,
    },
    /// The answer could not be read to its end.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// An answer with status 200 that is not JSON at all: something else is at this address.
    #[error("{address} answered {what} instead of JSON")]
    NotJson {
        /// Scheme, host and port of the server.
        address: String,
        what: String,
    },
    /// The answer has not the documented form.
    #[error("the answer cannot be used: {0}")]
    Unreadable(String),
}

impl Error {
    /// Its class. No answer of the API is final: what it says of a job may change.
    pub fn class(&self) -> FailureClass {
        let (status, is_of_api, retry_after) = match self {
            Self::Status { status, is_of_api, retry_after, .. } => (status, is_of_api, retry_after),
            Self::Misconfigured(_) | Self::Intercepted(_) => return FailureClass::Misconfigured,
            Self::WrongProtocol(_) => return FailureClass::WrongProtocol,
            Self::Transport(_) | Self::Body(_) | Self::NotJson { .. } | Self::Unreadable(_) => {
                return FailureClass::Transient;
            }
        };

        match status.as_u16() {
            401 | 403 if *is_of_api => FailureClass::Unauthorized,
            401 | 403 => FailureClass::Blocked,
            // There is no such job, or no job can have such an id.
            400 | 404 | 410 | 422 => FailureClass::NotFound,
            429 => FailureClass::Throttled,
            // RFC 9110, section 10.2.3: the time for which the service, not the resource, is
            // unavailable.
            503 if retry_after.is_some() => FailureClass::Throttled,
            _ => FailureClass::Transient,
        }
    }

    /// The failure of a request for an index. Only 404 and 410 mean that there is none: 400 and 422
    /// mean an invalid id, and the API itself gave the name of the index.
    pub fn of_index(self) -> Failure {
        let class = match &self {
            Self::Status { status, .. } if matches!(status.as_u16(), 400 | 422) => FailureClass::Transient,
            other => other.class(),
        };
        Failure { class, ..self.into() }
    }

    /// Whether the request itself is refused; for a page of the list, its token.
    pub fn is_bad_request(&self) -> bool {
        matches!(self, Self::Status { status, .. } if *status == StatusCode::BAD_REQUEST)
    }

    /// Whether it leaves open if the Pinecone API is at the address that was asked: no answer, or
    /// one that only something else may have given.
    pub fn doubts_address(&self) -> bool {
        match self {
            Self::Status { status, is_of_api, .. } => !is_of_api && *status != StatusCode::TOO_MANY_REQUESTS,
            Self::Transport(_)
            | Self::Misconfigured(_)
            | Self::WrongProtocol(_)
            | Self::Intercepted(_)
            | Self::Body(_)
            | Self::NotJson { .. }
            | Self::Unreadable(_) => true,
        }
    }

    /// How long the server asks to be left alone.
    pub fn retry_after(&self) -> Option<RetryAfter> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<Fault> for Error {
    fn from(Fault { text, kind }: Fault) -> Self {
        match kind {
            FaultKind::Passing => Self::Transport(text),
            FaultKind::Misconfigured => Self::Misconfigured(text),
            FaultKind::WrongProtocol => Self::WrongProtocol(text),
            FaultKind::Intercepted => Self::Intercepted(text),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { class: error.class(), retry_after: error.retry_after(), message: error.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(status: u16, retry_after: Option<RetryAfter>) -> FailureClass {
        let status = StatusCode::from_u16(status).unwrap();
        Error::Status { status, message: None, is_of_api: true, retry_after }.class()
    }

    #[test]
    fn classes() {
        for (status, expected) in [
            (401, FailureClass::Unauthorized),
            (403, FailureClass::Unauthorized),
            (404, FailureClass::NotFound),
            (408, FailureClass::Transient),
            (429, FailureClass::Throttled),
            (500, FailureClass::Transient),
            (503, FailureClass::Transient),
            (599, FailureClass::Transient),
            (302, FailureClass::Transient),
            (400, FailureClass::NotFound),
            (410, FailureClass::NotFound),
            (418, FailureClass::Transient),
        ] {
            assert_eq!(class(status, None), expected, "{status}");
        }

        assert_eq!(class(503, Some(RetryAfter::For(std::time::Duration::ZERO))), FailureClass::Throttled);

        for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
            let error = Error::Status { status, message: None, is_of_api: false, retry_after: None };
            assert_eq!(error.class(), FailureClass::Blocked);
        }
        assert_eq!(Error::Unreadable(String::new()).class(), FailureClass::Transient);
        assert_eq!(Error::Misconfigured(String::new()).class(), FailureClass::Misconfigured);
        assert_eq!(Error::WrongProtocol(String::new()).class(), FailureClass::WrongProtocol);
        assert_eq!(Error::Intercepted(String::new()).class(), FailureClass::Misconfigured);

        for (status, class) in [(400, FailureClass::Transient), (404, FailureClass::NotFound)] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::Status { status, message: None, is_of_api: true, retry_after: None };
            assert_eq!(error.of_index().class, class);
        }
    }
}
