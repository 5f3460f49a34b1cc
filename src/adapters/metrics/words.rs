//! The values of labels: few, and known beforehand.

use std::borrow::Cow;
use std::time::Duration;

use crate::engine::FailureClass;
use crate::model::{DeliveryState, Keyword as _, Outcome};

/// An operation of the API, by the name that its specification gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Endpoint {
    DescribeRestoreJob,
    ListRestoreJobs,
    DescribeIndex,
}

impl Endpoint {
    pub(super) const ALL: [Self; 3] = [Self::DescribeRestoreJob, Self::ListRestoreJobs, Self::DescribeIndex];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::DescribeRestoreJob => "describe_restore_job",
            Self::ListRestoreJobs => "list_restore_jobs",
            Self::DescribeIndex => "describe_index",
        }
    }
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    /// The HTTP status code of a whole answer.
    Status(u16),
    /// No answer, or none that could be read to its end.
    Transport,
}

impl Code {
    /// Those that are shown before they occur.
    pub(super) const USUAL: [Self; 7] = [
        Self::Status(200),
        Self::Status(401),
        Self::Status(404),
        Self::Status(429),
        Self::Status(500),
        Self::Status(503),
        Self::Transport,
    ];

    pub(super) fn word(self) -> Cow<'static, str> {
        match self {
            Self::Status(status) => status.to_string().into(),
            Self::Transport => "transport".into(),
        }
    }
}

/// A request that was sent, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    pub endpoint: Endpoint,
    pub code: Code,
    /// From sending the request to the end of the body.
    pub took: Duration,
    /// Whether the API answered what it was asked, be it with a refusal.
    pub is_answer: bool,
}

/// What came of an attempt at a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AttemptResult {
    Delivered,
    /// It may pass, such as an outage.
    Transient,
    /// The receiver asks for fewer requests.
    Throttled,
    /// The receiver refuses it as it is.
    Rejected,
    /// The local setup is at fault.
    Misconfigured,
    /// No retry can succeed.
    Permanent,
}

impl AttemptResult {
    pub(super) const ALL: [Self; 6] = [
        Self::Delivered,
        Self::Transient,
        Self::Throttled,
        Self::Rejected,
        Self::Misconfigured,
        Self::Permanent,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Transient => "transient",
            Self::Throttled => "throttled",
            Self::Rejected => "rejected",
            Self::Misconfigured => "misconfigured",
            Self::Permanent => "permanent",
        }
    }
}

impl From<FailureClass> for AttemptResult {
    fn from(class: FailureClass) -> Self {
        match class {
            FailureClass::Transient => Self::Transient,
            FailureClass::Throttled => Self::Throttled,
            FailureClass::Misconfigured | FailureClass::WrongProtocol => Self::Misconfigured,
            FailureClass::Rejected(_)
            | FailureClass::Unauthorized
            | FailureClass::Blocked
            | FailureClass::NotFound => Self::Rejected,
            FailureClass::Permanent | FailureClass::Gone => Self::Permanent,
        }
    }
}

/// The outcomes with which a restore ends.
pub(super) fn final_outcomes() -> impl Iterator<Item = Outcome> {
    Outcome::ALL.into_iter().filter(|outcome| outcome.is_final())
}

/// The states in which a delivery ends.
pub(super) fn final_states() -> impl Iterator<Item = DeliveryState> {
    DeliveryState::ALL.iter().copied().filter(|state| *state != DeliveryState::Pending)
}
