//! The JSON of a sink.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::engine::snapshot::{FailingSnapshot, SinkSnapshot};

impl Record for SinkSnapshot {
    type Json = SinkJson;
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
pub(in crate::adapters::store) struct SinkJson {
    written_at: Option<Timestamp>,
    fingerprint: u64,
    disabled: Option<String>,
    held_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_until: Option<Timestamp>,
    #[serde(skip_serializing_if = "is_true")]
    has_accepted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<FailingJson>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
fn is_true(value: &bool) -> bool {
    *value
}

/// What a record means that does not say it.
impl Default for SinkJson {
    fn default() -> Self {
        Self {
            written_at: None,
            fingerprint: 0,
            disabled: None,
            held_until: None,
            closed_until: None,
            // A state of 0.1.0 says nothing of it, and most sinks took everything.
            has_accepted: true,
            failing: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct FailingJson {
    since: Timestamp,
    reason: String,
}

impl From<SinkSnapshot> for SinkJson {
    fn from(snapshot: SinkSnapshot) -> Self {
        Self {
            written_at: snapshot.written_at,
            fingerprint: snapshot.fingerprint,
            disabled: snapshot.disabled,
            held_until: snapshot.held_until,
            closed_until: snapshot.closed_until,
            has_accepted: snapshot.has_accepted,
            failing: snapshot.failing.map(Into::into),
        }
    }
}

impl From<SinkJson> for SinkSnapshot {
    fn from(json: SinkJson) -> Self {
        Self {
            written_at: json.written_at,
            fingerprint: json.fingerprint,
            disabled: json.disabled,
            held_until: json.held_until,
            closed_until: json.closed_until,
            has_accepted: json.has_accepted,
            failing: json.failing.map(Into::into),
        }
    }
}

impl From<FailingSnapshot> for FailingJson {
    fn from(snapshot: FailingSnapshot) -> Self {
        Self { since: snapshot.since, reason: snapshot.reason }
    }
}

impl From<FailingJson> for FailingSnapshot {
    fn from(json: FailingJson) -> Self {
        Self { since: json.since, reason: json.reason }
    }
}
