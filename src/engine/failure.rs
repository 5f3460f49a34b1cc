//! Why a request or a delivery failed, as far as the engine has to know.

use std::time::Duration;

use super::retry::RetryAfter;
use crate::model::time::Now;

/// Why a poll, a page or a delivery failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What follows from it.
    pub class: FailureClass,
    /// How long the server asks to be left alone.
    pub retry_after: Option<RetryAfter>,
    /// What went wrong, in words fit for a log.
    pub message: String,
}

impl Failure {
    /// How long the server asks to be left alone, from `now`; zero if it does not ask.
    pub fn pause(&self, now: Now) -> Duration {
        self.retry_after.map(|asked| asked.from(now)).unwrap_or_default()
    }
}

/// What follows from a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// It may pass: try again.
    Transient,
    /// The server limits the whole project, not this request alone.
    Throttled,
    /// The cause is the local setup (a certificate, a proxy, a scheme): a retry succeeds once that
    /// is changed.
    Misconfigured,
    /// The same, because the server does not speak the protocol that its address names. If the
    /// first request of all says so, no other one has to.
    WrongProtocol,
    /// The API says that the key or its permission is refused.
    Unauthorized,
    /// The same status without a body of the API: a gateway in front of it may have answered, which
    /// passes. No delivery fails like this.
    Blocked,
    /// The server says that there is no such thing, which is not always true.
    NotFound,
    /// The receiver rejects the delivery as it is: a retry succeeds once its settings, or those of
    /// the receiver, are changed, so it is retried for a few minutes. No poll fails like this.
    Rejected(Rejection),
    /// A retry would fail, too. No poll fails like this, but deliveries do.
    Permanent,
    /// The receiver is gone for good (HTTP 410). No poll fails like this.
    Gone,
}

/// What of a delivery a receiver rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Its body (HTTP 400, 413, 415, 422).
    Body,
    /// Its credentials, which may be part of the address (HTTP 401, 403).
    Credentials,
    /// Its address (HTTP 301, 308, 404, 405).
    Address,
    /// How it connects: without what the receiver wants, or with what it does not offer.
    Connection,
    /// Its command, which cannot be run.
    Command,
}

impl FailureClass {
    /// Whether the local setup is at fault.
    pub fn is_of_setup(self) -> bool {
        matches!(self, Self::Misconfigured | Self::WrongProtocol)
    }

    /// Whether the API answered what it was asked, and said no: it is there.
    pub fn is_answer(self) -> bool {
        match self {
            Self::Unauthorized | Self::NotFound | Self::Rejected(_) | Self::Permanent | Self::Gone => true,
            Self::Throttled | Self::Transient | Self::Misconfigured | Self::WrongProtocol | Self::Blocked => {
                false
            }
        }
    }

    /// Whether it speaks against the key.
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Unauthorized | Self::Blocked)
    }
}
