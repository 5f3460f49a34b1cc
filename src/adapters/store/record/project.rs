//! The JSON of a project.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Record;
use crate::engine::Fingerprint;
use crate::engine::snapshot::{
    DiscoverySnapshot, LearnedRateSnapshot, Origin, PastRestore, ProjectSnapshot, ThrottleSnapshot,
};
use crate::model::JobId;

impl Record for ProjectSnapshot {
    type Json = ProjectJson;
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::adapters::store) struct ProjectJson {
    written_at: Option<Timestamp>,
    refused: Option<String>,
    throttled: Option<ThrottleJson>,
    paused_since: Option<Timestamp>,
    learned: Option<LearnedRateJson>,
    discovery: Option<DiscoveryJson>,
    /// When each of the past restores completed, and how long it took.
    past: Vec<(i64, u64)>,
    /// What each of them restored, in the same order. A list of its own, so that a program from
    /// before it still reads the other one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    past_origins: Vec<OriginJson>,
}

/// The fingerprints of a backup and of an index.
type OriginJson = (Option<u64>, Option<u64>);

impl From<ProjectSnapshot> for ProjectJson {
    fn from(snapshot: ProjectSnapshot) -> Self {
        let past = snapshot.past.iter().map(|restore| (restore.completed, restore.took)).collect();
        Self {
            written_at: snapshot.written_at,
            refused: snapshot.unauthorized,
            throttled: snapshot.throttled.map(Into::into),
            paused_since: snapshot.paused_since,
            learned: snapshot.learned.map(Into::into),
            discovery: snapshot.discovery.map(Into::into),
            past,
            past_origins: origins(&snapshot.past),
        }
    }
}

impl From<ProjectJson> for ProjectSnapshot {
    fn from(json: ProjectJson) -> Self {
        let origins = json.past_origins.into_iter().map(origin).chain(std::iter::repeat(Origin::default()));
        let past = json.past.into_iter().zip(origins);
        Self {
            written_at: json.written_at,
            unauthorized: json.refused,
            throttled: json.throttled.map(Into::into),
            paused_since: json.paused_since,
            learned: json.learned.map(Into::into),
            discovery: json.discovery.map(Into::into),
            past: past.map(|((completed, took), origin)| PastRestore { completed, took, origin }).collect(),
        }
    }
}

/// What each of these restored; empty if none says it.
fn origins(past: &[PastRestore]) -> Vec<OriginJson> {
    if past.iter().all(|restore| restore.origin == Origin::default()) {
        return Vec::new();
    }
    let numbers =
        |Origin { backup, index }| (backup.map(Fingerprint::number), index.map(Fingerprint::number));
    past.iter().map(|restore| numbers(restore.origin)).collect()
}

fn origin((backup, index): OriginJson) -> Origin {
    let fingerprint = |number: Option<u64>| number.and_then(Fingerprint::from_number);
    Origin { backup: fingerprint(backup), index: fingerprint(index) }
}

#[derive(Serialize, Deserialize)]
struct ThrottleJson {
    until: Timestamp,
    reason: String,
    #[serde(default)]
    is_backoff: bool,
}

impl From<ThrottleSnapshot> for ThrottleJson {
    fn from(snapshot: ThrottleSnapshot) -> Self {
        Self { until: snapshot.until, reason: snapshot.reason, is_backoff: snapshot.is_backoff }
    }
}

impl From<ThrottleJson> for ThrottleSnapshot {
    fn from(json: ThrottleJson) -> Self {
        Self { until: json.until, reason: json.reason, is_backoff: json.is_backoff }
    }
}

#[derive(Serialize, Deserialize)]
struct LearnedRateJson {
    refused_per_second: f64,
    good_for: Duration,
    counted_until: Timestamp,
    reason: String,
}

impl From<LearnedRateSnapshot> for LearnedRateJson {
    fn from(snapshot: LearnedRateSnapshot) -> Self {
        Self {
            refused_per_second: snapshot.refused_per_second,
            good_for: snapshot.good_for,
            counted_until: snapshot.counted_until,
            reason: snapshot.reason,
        }
    }
}

impl From<LearnedRateJson> for LearnedRateSnapshot {
    fn from(json: LearnedRateJson) -> Self {
        Self {
            refused_per_second: json.refused_per_second,
            good_for: json.good_for,
            counted_until: json.counted_until,
            reason: json.reason,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct DiscoveryJson {
    since: Timestamp,
    began: Option<Timestamp>,
    has_baseline: bool,
    ignored: Vec<(JobId, Timestamp)>,
}

impl From<DiscoverySnapshot> for DiscoveryJson {
    fn from(snapshot: DiscoverySnapshot) -> Self {
        Self {
            since: snapshot.since,
            began: snapshot.began,
            has_baseline: snapshot.has_baseline,
            ignored: snapshot.ignored,
        }
    }
}

impl From<DiscoveryJson> for DiscoverySnapshot {
    fn from(json: DiscoveryJson) -> Self {
        Self { since: json.since, began: json.began, has_baseline: json.has_baseline, ignored: json.ignored }
    }
}
