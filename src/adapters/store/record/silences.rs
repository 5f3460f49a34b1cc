//! The JSON of the silences.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::config::{IndexPattern, PatternError};
use crate::engine::SilenceMatcher;
use crate::engine::snapshot::{SilenceSnapshot, SilencesSnapshot};
use crate::model::{ProjectName, SilenceId, SinkName};

impl Record for SilencesSnapshot {
    type Json = SilencesJson;
}

#[derive(Serialize, Deserialize)]
pub(in crate::adapters::store) struct SilencesJson {
    written_at: Option<Timestamp>,
    last: Option<SilenceId>,
    in_force: Vec<SilenceJson>,
}

#[derive(Serialize, Deserialize)]
struct SilenceJson {
    id: SilenceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<PatternJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<ProjectName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sink: Option<SinkName>,
    comment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_by: Option<String>,
    set_at: Timestamp,
    until: Timestamp,
}

impl From<SilencesSnapshot> for SilencesJson {
    fn from(SilencesSnapshot { written_at, last, in_force }: SilencesSnapshot) -> Self {
        Self { written_at, last, in_force: in_force.into_iter().map(Into::into).collect() }
    }
}

impl From<SilencesJson> for SilencesSnapshot {
    fn from(SilencesJson { written_at, last, in_force }: SilencesJson) -> Self {
        Self { written_at, last, in_force: in_force.into_iter().map(Into::into).collect() }
    }
}

impl From<SilenceSnapshot> for SilenceJson {
    fn from(snapshot: SilenceSnapshot) -> Self {
        let SilenceSnapshot { id, matcher, comment, set_by, set_at, until } = snapshot;
        let SilenceMatcher { index, project, sink } = matcher;
        Self { id, index: index.map(PatternJson), project, sink, comment, set_by, set_at, until }
    }
}

impl From<SilenceJson> for SilenceSnapshot {
    fn from(json: SilenceJson) -> Self {
        let SilenceJson { id, index, project, sink, comment, set_by, set_at, until } = json;
        let matcher = SilenceMatcher { index: index.map(|PatternJson(index)| index), project, sink };
        Self { id, matcher, comment, set_by, set_at, until }
    }
}

/// A pattern as its text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct PatternJson(IndexPattern);

impl TryFrom<String> for PatternJson {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        IndexPattern::parse(&text).map(Self)
    }
}

impl From<PatternJson> for String {
    fn from(PatternJson(pattern): PatternJson) -> Self {
        pattern.to_string()
    }
}
