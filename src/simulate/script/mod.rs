//! The keys of a scenario file, as serde reads them.
//!
//! Invariant: a key that is not listed here is refused, and each is documented here once. Checks
//! that span several keys live in `scenario.rs`.

mod fault;
mod job;
mod list;
mod restore;
mod value;

use serde::Deserialize;
use toml::Spanned;

pub(in crate::simulate) use fault::{BodyKind, EndpointKind, FaultKind, FaultScript};
pub(in crate::simulate) use job::{CreatedAt, IndexScript, JobScript, ProgressScript};
pub(in crate::simulate) use list::{ListScript, Order};
pub(in crate::simulate) use restore::{BackupScript, READY, RestoreScript};
pub(in crate::simulate) use value::{Key, Period, Probability, Window};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::simulate) struct Script {
    /// `answers = "2026-04"` (default) or `"2026-07"`: the shape of the answers.
    pub(in crate::simulate) answers: Answers,
    /// `unauthorized = "text"` or `"json"`: the body of a 401. Default: JSON in 2026-04, text in
    /// 2026-07.
    pub(in crate::simulate) unauthorized: Option<Unauthorized>,
    /// `seed = 7`: where everything random starts from. Default 0.
    pub(in crate::simulate) seed: u64,
    /// `timestamps = "z"` (default) or `"offset"`: whether times end in `Z` or in `+00:00`.
    pub(in crate::simulate) timestamps: TimestampSuffix,
    /// `fraction_digits = 6`: digits after the second in times, 0 to 9. Default 6.
    pub(in crate::simulate) fraction_digits: Option<Spanned<u8>>,
    /// `api_key = "…"`: the key that is accepted. Absent: any that is not empty.
    pub(in crate::simulate) api_key: Option<Key>,
    /// `[[key_change]]`: from a time on, another key is the one that is accepted.
    pub(in crate::simulate) key_change: Vec<KeyChange>,
    /// `revoked = [{ from = "10s", to = "40s" }]`: while no key is accepted.
    pub(in crate::simulate) revoked: Vec<Spanned<Window>>,
    /// `forbidden = true`: every key lacks the permission to read restore jobs (403).
    pub(in crate::simulate) forbidden: bool,
    /// `[[job]]`: the restore jobs.
    pub(in crate::simulate) job: Vec<JobScript>,
    /// `[[index]]`: indexes whose state is scripted apart from the job that makes them.
    pub(in crate::simulate) index: Vec<IndexScript>,
    /// `[[backup]]`: the backups; without any, every id is that of a ready one.
    pub(in crate::simulate) backup: Vec<BackupScript>,
    /// `[restore]`: how the restores develop that clients start.
    pub(in crate::simulate) restore: RestoreScript,
    /// `[list]`: how reliable the list is.
    pub(in crate::simulate) list: ListScript,
    /// `[[fault]]`: what goes wrong. Of several that apply to a request, the first one in the file
    /// happens.
    pub(in crate::simulate) fault: Vec<Spanned<FaultScript>>,
}

/// Which description of the API the answers follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(in crate::simulate) enum Answers {
    /// `percent_complete` always and fractional, `completed_at` only once set, `pagination` null on
    /// the last page, ten rows a page unless asked, JSON 401.
    #[default]
    #[serde(rename = "2026-04")]
    V2026_04,
    /// `percent_complete` 100 on completed jobs only, `completed_at` null until then, no
    /// `pagination` on the last page, a hundred rows a page unless asked, plain text 401.
    #[serde(rename = "2026-07")]
    V2026_07,
}

impl Answers {
    /// The rows of a page if the request does not set a limit.
    pub(in crate::simulate) fn default_limit(self) -> usize {
        match self {
            Self::V2026_04 => 10,
            Self::V2026_07 => 100,
        }
    }
}

/// The body of a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum Unauthorized {
    /// `Invalid API key`, as `text/plain`.
    Text,
    /// The error object of the description.
    Json,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum TimestampSuffix {
    #[default]
    Z,
    /// `+00:00`.
    Offset,
}

/// From `at` on, `api_key` is the key that is accepted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct KeyChange {
    pub(in crate::simulate) at: Period,
    pub(in crate::simulate) api_key: Key,
}
