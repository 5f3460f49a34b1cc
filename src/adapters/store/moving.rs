//! A whole state on its way from one store to another.
//!
//! Invariant: ids, the order of events, records and bodies stay as they were committed, to the byte.
//! What is moved is in one of the two places at any time, wherever a process is killed.

use std::path::Path;

use jiff::Timestamp;

use super::record::Record as _;
use super::{Backend, OpenError, OpenErrorClass, Sqlite};
use crate::config::{StatePlace, StateSettings};
use crate::engine::snapshot::SilencesSnapshot;
use crate::model::DeliveryState::{Dead, Pending};
use crate::model::Keyword as _;

/// A state from which all rows were read. No other process uses it until this is dropped.
pub trait Departure {
    /// All that is in it.
    fn rows(&self) -> &Rows;

    /// Renames the state, with this time in its name, so that nothing starts from it by mistake.
    /// Returns its new name.
    fn set_aside(self: Box<Self>, now: Timestamp) -> Result<String, OpenError>;
}

/// What became of the rows of a state at their destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// They are committed there.
    Committed,
    /// An earlier call committed them there, and ended before the state that they are from was set
    /// aside.
    WasCommitted,
    /// They can be committed there.
    Possible,
}

/// All rows of a state. Times are in milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    pub(super) projects: Vec<NamedRow>,
    pub(super) jobs: Vec<JobRow>,
    pub(super) sinks: Vec<NamedRow>,
    /// The record of the silences, if there is one.
    pub(super) silences: Option<String>,
    /// In the order in which they were emitted.
    pub(super) events: Vec<EventRow>,
    pub(super) deliveries: Vec<DeliveryRow>,
    pub(super) restores: Vec<RestoreRow>,
    pub(super) totals: Vec<TotalRow>,
}

/// The record of a project or a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedRow {
    pub(super) name: String,
    pub(super) record: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobRow {
    pub(super) project: String,
    pub(super) id: String,
    pub(super) status: Option<String>,
    pub(super) ended_at: Option<i64>,
    pub(super) written_at: i64,
    pub(super) record: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) emitted_at: i64,
    pub(super) kind: String,
    pub(super) project: String,
    pub(super) job: Option<String>,
    /// The event as JSON.
    pub(super) body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeliveryRow {
    /// The id of the event.
    pub(super) event: String,
    pub(super) sink: String,
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) due: Option<i64>,
    pub(super) changed_at: i64,
    pub(super) reason: Option<String>,
    /// What is sent, if that is not the event itself.
    pub(super) body: Option<Vec<u8>>,
    /// Whether it was changed by hand, and the daemon does not know that yet.
    pub(super) is_edited: bool,
}

/// A restore that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RestoreRow {
    pub(super) project: String,
    pub(super) job: String,
    pub(super) outcome: String,
    pub(super) end_observed_at: i64,
    pub(super) aged_from: i64,
    pub(super) target_index_name: Option<String>,
    /// The id of the event that reported the end, if that is still kept.
    pub(super) event: Option<String>,
    /// How many of its deliveries are no longer kept.
    pub(super) delivered: i64,
    pub(super) dropped: i64,
    /// The restore as JSON.
    pub(super) body: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TotalRow {
    pub(super) project: String,
    pub(super) outcome: String,
    pub(super) ended: i64,
    pub(super) last_ended_at: i64,
}

/// How much a state has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowCounts {
    pub projects: usize,
    pub jobs: usize,
    pub sinks: usize,
    pub silences: usize,
    pub events: usize,
    pub deliveries: usize,
    /// Of the deliveries.
    pub pending: usize,
    /// Of the deliveries.
    pub dead_letters: usize,
    pub restores: usize,
}

impl Rows {
    /// How much there is.
    pub fn counts(&self) -> RowCounts {
        let silences = self.silences.as_deref().map(SilencesSnapshot::from_json);
        let in_state = |word: &str| self.deliveries.iter().filter(|row| row.state == word).count();
        RowCounts {
            projects: self.projects.len(),
            jobs: self.jobs.len(),
            sinks: self.sinks.len(),
            silences: silences.and_then(Result::ok).map_or(0, |silences| silences.in_force.len()),
            events: self.events.len(),
            deliveries: self.deliveries.len(),
            pending: in_state(Pending.as_str()),
            dead_letters: in_state(Dead.as_str()),
            restores: self.restores.len(),
        }
    }
}

/// The store from which a state is moved.
pub fn origin(file: &Path) -> Box<dyn Backend> {
    Box::new(Sqlite::at(file))
}

/// The store of these settings, if a state can be moved into it.
pub fn destination(settings: &StateSettings) -> Result<Box<dyn Backend>, OpenError> {
    let place = settings.place.as_ref();
    match super::backend(settings) {
        Some(backend) if matches!(place, Some(StatePlace::Postgres(_))) => Ok(backend),
        _ => Err(no_destination(&place.map_or("no place for a state".to_owned(), ToString::to_string))),
    }
}

/// A state that is moved otherwise.
pub(super) fn no_departure(location: &str) -> OpenError {
    OpenError {
        class: OpenErrorClass::Unusable,
        message: format!("only a state in a file is moved, and {location} is none"),
        help: "move a state from one database to another with pg_dump and psql, while no replica runs".into(),
    }
}

/// A place to which no state is moved.
pub(super) fn no_destination(location: &str) -> OpenError {
    OpenError {
        class: OpenErrorClass::Misconfigured,
        message: format!("a state is moved into a database, and the configuration names {location}"),
        help: "write postgres = \"postgresql://USER@HOST/DATABASE\" under [state] in place of path".into(),
    }
}
