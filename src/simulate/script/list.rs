//! `[list]`: how the list of jobs is ordered, and how reliable it is.

use serde::Deserialize;
use toml::Spanned;

use super::value::{Period, Probability};

/// `[list]`: order and reliability of `GET /restore-jobs`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::simulate) struct ListScript {
    /// `"newest"` first (default), or `"shuffled"`.
    pub(in crate::simulate) order: Order,
    /// Probability that a listing leaves a row out.
    pub(in crate::simulate) drop_rows: Option<Probability>,
    /// Probability that a listing gives a row again, up to a few rows later.
    pub(in crate::simulate) repeat_rows: Option<Probability>,
    /// After so many pages no token is given, whatever is left.
    pub(in crate::simulate) end_early_after: Option<Spanned<u32>>,
    /// How long a job is missing from the list after its creation. Default 0.
    pub(in crate::simulate) delay_visibility: Period,
    /// `true`: tokens contain `+`, `/` and `=`, which a client has to encode.
    pub(in crate::simulate) awkward_tokens: bool,
}

/// The order of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum Order {
    /// By creation, newest first.
    #[default]
    Newest,
    /// By chance, the same on every page of one listing.
    Shuffled,
}
