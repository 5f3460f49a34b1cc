//! `[[fault]]`: what goes wrong, and with which requests.

use serde::Deserialize;
use toml::Spanned;

use super::value::{Period, Probability};

/// `[[fault]]`: requests it applies to, and what happens to them.
///
/// The keys `job`, `endpoint`, `from` and `to` select requests, which are counted from 1;
/// `requests`, `first`, `every` and `probability` choose among them by that number. All that are
/// given must agree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct FaultScript {
    /// Only requests about this job, or about its index. Default: all.
    pub(in crate::simulate) job: Option<Spanned<String>>,
    /// `"describe"`, `"list"`, `"index"`, `"backup"`, `"create"` or `"any"` (default).
    #[serde(default)]
    pub(in crate::simulate) endpoint: EndpointKind,
    /// Scenario time from which it applies. Default 0.
    pub(in crate::simulate) from: Option<Period>,
    /// Scenario time from which it no longer applies. Default: never.
    pub(in crate::simulate) to: Option<Period>,
    /// `[1, 2]`: only these.
    pub(in crate::simulate) requests: Option<Vec<u64>>,
    /// Only the first so many.
    pub(in crate::simulate) first: Option<u64>,
    /// Every so manieth: `every = 5` is the 5th, the 10th, ….
    pub(in crate::simulate) every: Option<u64>,
    /// Each with this probability.
    pub(in crate::simulate) probability: Option<Probability>,
    pub(in crate::simulate) kind: FaultKind,
    /// Whether a restore is started all the same, if the request is to start one. Default: unless
    /// the answer is a redirect or a status from 400 to 499.
    pub(in crate::simulate) accepted: Option<bool>,
    /// Before it happens, so much time passes. Default 0.
    #[serde(default)]
    pub(in crate::simulate) delay: Period,
    /// The status of `kind = "status"` (needed) and of `"redirect"` (default 302), 200 to 599.
    pub(in crate::simulate) status: Option<u16>,
    /// The body of `kind = "status"`: `"json"` (default), `"message"`, `"text"`, `"html"` or
    /// `"empty"`.
    pub(in crate::simulate) body: Option<BodyKind>,
    /// This text as the body instead, with the content type of `body`.
    pub(in crate::simulate) body_text: Option<String>,
    /// `Retry-After`, sent in whole seconds, rounded up.
    pub(in crate::simulate) retry_after: Option<Period>,
    /// `true`: send `retry_after` as an HTTP date.
    #[serde(default)]
    pub(in crate::simulate) retry_after_date: bool,
    /// `Retry-After`, exactly this text.
    pub(in crate::simulate) retry_after_raw: Option<String>,
    /// Where `kind = "redirect"` leads to (needed).
    pub(in crate::simulate) location: Option<String>,
    /// The least size of the body of `kind = "oversized"`, in bytes, at most 1 GiB. Default 4 MiB.
    pub(in crate::simulate) bytes: Option<u64>,
    /// The time between two bytes of `kind = "slow_body"`. Default 1 s.
    pub(in crate::simulate) pace: Option<Period>,
}

impl FaultScript {
    /// Whether a request that it meets takes effect.
    pub(in crate::simulate) fn accepts(&self) -> bool {
        let is_refusal = match self.kind {
            FaultKind::Status => self.status.is_some_and(|status| (400..500).contains(&status)),
            kind => kind == FaultKind::Redirect,
        };
        self.accepted.unwrap_or(!is_refusal)
    }
}

/// The requests a fault is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum EndpointKind {
    /// All, also those of unknown paths.
    #[default]
    Any,
    /// `GET /restore-jobs/{id}`.
    Describe,
    /// `GET /restore-jobs`.
    List,
    /// `GET /indexes/{name}`.
    Index,
    /// `GET /backups/{id}`.
    Backup,
    /// `POST /backups/{id}/create-index`.
    Create,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum FaultKind {
    /// It gets this HTTP status.
    Status,
    /// The good answer, made when the request arrived, sent after `delay`.
    Late,
    /// No answer, until the client leaves, or for an hour.
    Hang,
    /// The good answer, byte by byte, one each `pace`.
    SlowBody,
    /// Half of the good answer, then the end of the connection.
    Truncated,
    /// The good answer, and so much white space after it that it is too large.
    Oversized,
    /// The good status and half a JSON text.
    BadJson,
    /// The good status and JSON of another type: in turns an array, a number, null, and an object
    /// with fields of wrong types.
    WrongType,
    /// The good status and an HTML page.
    Html,
    /// The good status and nothing.
    Empty,
    /// The good answer, about another job or index.
    OtherJob,
    /// The connection ends without an answer.
    Drop,
    /// The connection is reset without an answer.
    Reset,
    Redirect,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum BodyKind {
    /// The error object of the description.
    #[default]
    Json,
    /// `{"message": …}`, as gateways write it.
    Message,
    Text,
    Html,
    Empty,
}
