//! The JSON of a sink.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::engine::snapshot::SinkSnapshot;

impl Record for SinkSnapshot {
    type Json = SinkJson;
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::adapters::store) struct SinkJson {
    written_at: Option<Timestamp>,
    fingerprint: u64,
    disabled: Option<String>,
    held_until: Option<Timestamp>,
}

impl From<SinkSnapshot> for SinkJson {
    fn from(snapshot: SinkSnapshot) -> Self {
        Self {
            written_at: snapshot.written_at,
            fingerprint: snapshot.fingerprint,
            disabled: snapshot.disabled,
            held_until: snapshot.held_until,
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
        }
    }
}
