//! Setting, listing and ending silences.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::adapters::report::SilenceStatus;
use crate::model::{ProjectName, SinkName, time};

/// A silence to be set. At least one of `index`, `project` and `sink` is given, and one of
/// `for_seconds` and `until`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSilence {
    /// A pattern for the names of the indexes that restores make.
    pub index: Option<String>,
    pub project: Option<ProjectName>,
    pub sink: Option<SinkName>,
    /// How long it lasts.
    pub for_seconds: Option<f64>,
    /// When it ends.
    pub until: Option<Timestamp>,
    /// Why it is set.
    pub comment: String,
    /// Who sets it.
    pub set_by: Option<String>,
}

/// The silences in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceList {
    /// When this was true.
    #[serde(serialize_with = "time::publish")]
    pub timestamp: Timestamp,
    /// By number.
    pub silences: Vec<SilenceStatus>,
}
