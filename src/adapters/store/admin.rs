//! The deliveries of a state, for people: listed and changed beside a daemon, or without one.
//!
//! Invariant: a change is committed like any other. A daemon that runs finds it
//! ([`Store::edits`](super::Store::edits)) and acts on it; one that starts later finds it in its
//! snapshot.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{Holder, StoreError};
use crate::model::{DeliveryState, EventId, EventIdPrefix, EventKind, SinkName, time};

/// The deliveries of a state. Everything here waits for the disk or for a server.
pub trait DeliveryAdmin {
    /// The daemon that runs on this state, if one did when it was opened.
    fn daemon(&self) -> Option<&Holder>;

    /// The deliveries that match, in the order in which their events were emitted; the newest
    /// `limit` of them.
    fn list(&self, filter: &DeliveryFilter, limit: usize) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Has the deliveries that match tried as soon as a daemon runs, dead letters from their first
    /// attempt on. What was delivered stays so. Returns how many there were.
    fn retry(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError>;

    /// Drops the deliveries that match, if they are pending or dead letters. Returns how many there
    /// were.
    fn discard(&mut self, filter: &DeliveryFilter, now: Timestamp) -> Result<usize, StoreError>;

    /// The jobs that events with deliveries are about, each once.
    fn jobs(&self) -> Result<Vec<DeliveryJob>, StoreError>;

    /// The sinks to which nothing is sent until their settings change, and why.
    fn disabled_sinks(&self) -> Result<Vec<(SinkName, String)>, StoreError>;

    /// The sinks that were outside their hours when that was last recorded, and until when.
    fn closed_sinks(&self) -> Result<Vec<(SinkName, Timestamp)>, StoreError>;
}

/// One delivery.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryRow {
    /// The id of the event, which is the `webhook-id`.
    pub id: EventId,
    /// Its recipient.
    pub sink: String,
    pub state: DeliveryState,
    /// The project of the event.
    pub project: String,
    /// The job of the event, if it has one.
    #[serde(rename = "restore_job_id")]
    pub job: Option<String>,
    /// The name of the job in the configuration, if it has one.
    pub name: Option<String>,
    /// The index that the job makes, if that is known.
    pub target_index_name: Option<String>,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When the event was emitted.
    #[serde(serialize_with = "time::publish")]
    pub timestamp: Timestamp,
    /// The attempts so far.
    pub attempts: u32,
    /// When it is tried next.
    #[serde(serialize_with = "time::publish_known")]
    pub next_attempt_at: Option<Timestamp>,
    /// When the hours of its sink begin, if it waits for that.
    #[serde(serialize_with = "time::publish_known")]
    pub held_until: Option<Timestamp>,
    /// When this last changed.
    #[serde(serialize_with = "time::publish")]
    pub changed_at: Timestamp,
    /// What went wrong at the last attempt, or why it is not tried any more.
    pub last_error: Option<String>,
}

/// Has the pending deliveries to sinks outside their hours wait until these begin.
pub(super) fn hold(rows: &mut [DeliveryRow], closed: Vec<(SinkName, Timestamp)>) {
    let closed: BTreeMap<_, _> = closed.into_iter().collect();
    for row in rows.iter_mut().filter(|row| row.state == DeliveryState::Pending) {
        row.held_until = closed.get(&SinkName::new(&row.sink)).copied();
        row.next_attempt_at = row.next_attempt_at.max(row.held_until);
    }
}

/// A job that deliveries are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryJob {
    pub id: String,
    /// Its name in the configuration, if it has one.
    pub name: Option<String>,
}

/// Selects deliveries: those that match every part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// In one of these states; any if there is none.
    pub states: Vec<DeliveryState>,
    /// Of the events with these ids.
    pub id: Option<EventIdPrefix>,
    /// To this sink.
    pub sink: Option<String>,
    /// Of this project.
    pub project: Option<String>,
    /// Of this job.
    pub job: Option<String>,
}
