//! Where batches are committed: the seam between the program and what keeps its state.
//!
//! Invariant: a batch is committed whole or not at all, and before any of its events is delivered.
//! Nothing outside this module knows how.
//!
//! A store is a [`Backend`], a [`Store`], a [`DeliveryAdmin`] and a [`Reader`], and an arm of
//! [`backend`]. `contract.rs` holds every store against the same tests.

mod admin;
#[cfg(test)]
mod contract;
mod error;
mod late_reader;
mod moving;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod replica;
#[cfg(test)]
mod samples;
mod sqlite;
mod volatile;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

pub use admin::{DeliveryAdmin, DeliveryFilter, DeliveryJob, DeliveryRow};
pub use error::{BackupError, OpenError, OpenErrorClass, StoreError, StoreErrorClass};
pub use late_reader::LateReader;
pub use moving::{Arrival, Departure, RowCounts, Rows, destination, origin};
#[cfg(feature = "postgres")]
pub use postgres::{Postgres, postgres_script};
pub use replica::{
    ActiveReplica, ClusterView, HAND_OVER_TIMEOUT, Lease, Leaving, Look, Looking, OtherReplica, Replica,
};
pub use sqlite::Sqlite;
pub use volatile::Volatile;

use crate::adapters::report::Reader;
use crate::config::{StatePlace, StateSettings};
use crate::engine::snapshot::Snapshot;
use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload, RequestId};
use crate::platform::clock::Clock;

/// The store of these settings; none if they name no place.
pub fn backend(settings: &StateSettings) -> Option<Box<dyn Backend>> {
    Some(match settings.place.as_ref()? {
        StatePlace::File(path) => Box::new(Sqlite::at(path)),
        #[cfg(feature = "postgres")]
        StatePlace::Postgres(settings) => Box::new(Postgres::at(settings)),
        #[cfg(not(feature = "postgres"))]
        StatePlace::Postgres(_) => return None,
    })
}

/// A place for a state. Everything here waits for the disk or for a server.
pub trait Backend: Send + Sync {
    /// The place, for people.
    fn location(&self) -> String;

    /// Takes the lease of the state and reads all of it; makes it if there is none. With
    /// `set_aside`, one that is there is renamed first, with that time in its name.
    fn open(&self, set_aside: Option<Timestamp>) -> Result<Opened, OpenError>;

    /// Takes part in the cluster that shares the state, with this clock; none if the state belongs
    /// to one process at a time. A replica comes to the state by [`Replica::look`] instead of
    /// [`Backend::open`].
    fn replica(&self, _clock: Clock) -> Option<Box<dyn Replica>> {
        None
    }

    /// Opens a state that is there beside the process that has its lease, or without one.
    fn administer(&self) -> Result<Box<dyn DeliveryAdmin>, OpenError>;

    /// Reads a state that is there beside the process that has its lease, or without one.
    fn read(&self) -> Result<Box<dyn Reader>, OpenError>;

    /// Connects to the server that keeps the state, and asks it about itself, without a change; none
    /// if no server does.
    fn probe(&self) -> Option<Result<Probe, OpenError>> {
        None
    }

    /// Copies what is committed into a new file at `to`, beside the process that has the lease, or
    /// without one. The copy can be opened as a state.
    fn back_up(&self, to: &Path) -> Result<(), BackupError>;

    /// Takes the lease of a state that is there and reads all of it, to move it to another store.
    fn depart(&self) -> Result<Box<dyn Departure>, OpenError> {
        Err(moving::no_departure(&self.location()))
    }

    /// Reads all of a state that is there, beside the process that has the lease, or without one.
    fn rows(&self) -> Result<Rows, OpenError> {
        Err(moving::no_departure(&self.location()))
    }

    /// Commits all rows of a state to this one, which must be empty and unused: all of them or none.
    /// If `is_trial`, says only whether it would.
    fn arrive(&self, _rows: &Rows, _is_trial: bool) -> Result<Arrival, OpenError> {
        Err(moving::no_destination(&self.location()))
    }
}

/// What a server says of itself and of a state that it keeps, or is to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What it is, such as `PostgreSQL 15.6`.
    pub server: String,
    /// Whether the tables are there. If not, this role may make them.
    pub has_tables: bool,
    /// The replica that has the lease of the state, if one has.
    pub active: Option<String>,
    /// What of it will surprise, each in a line.
    pub warnings: Vec<String>,
}

/// A state that was opened.
pub struct Opened {
    /// Has the lease of the state: no other process commits to it until the store is dropped.
    pub store: Box<dyn Store>,
    /// All that is committed.
    pub snapshot: Snapshot,
    /// Where the state that was there before is now, if it was set aside.
    pub set_aside: Option<String>,
}

/// The process that has the lease of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// What it is, such as `process 12`, if that is known.
    pub name: Option<String>,
}

/// Work of a store under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// Ends once a lease is lost.
pub type Lost = Pin<Box<dyn Future<Output = StoreError> + Send>>;

/// The body of a delivery, if that is not the event as JSON.
pub type Body = (DeliveryId, Vec<u8>);

/// A request that a standby handed over to the active replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOver {
    pub id: RequestId,
    /// What the standby wrote.
    pub text: String,
}

/// A state to which this process commits.
pub trait Store: Send {
    /// Commits a batch, with the bodies of its deliveries. One commit is under way at a time.
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()>;

    /// The payload of a pending delivery, as it was committed.
    fn payload(&self, id: &DeliveryId) -> Pending<Payload>;

    /// Whether what is committed outlives the process, and a [`DeliveryAdmin`] can change it there.
    fn is_durable(&self) -> bool;

    /// Reads what is committed, without waiting for commits.
    fn reader(&self) -> Result<Box<dyn Reader>, OpenError>;

    /// The changes that a [`DeliveryAdmin`] made since the last call. Fails once the state is gone.
    fn edits(&self) -> Pending<Vec<Edit>>;

    /// The requests that standbys handed over, as the last call of [`Store::edits`] found them, each
    /// once. Each is answered by a batch that holds its answer; what is not answered in the time of
    /// this store is handed over to the next one.
    fn handed_over(&self) -> Pending<Vec<HandedOver>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// The lease of the state; none if the state belongs to one process at a time.
    fn lease(&self) -> Option<Arc<dyn Lease>> {
        None
    }

    /// Ends with the reason once the lease is lost, which is never if the state belongs to one
    /// process. Whatever is asked of the store from then on fails as deposed.
    fn lost(&self) -> Lost {
        Box::pin(std::future::pending())
    }

    /// The replicas that share the state, as they were last seen; none if it belongs to one process.
    fn cluster(&self) -> Option<ClusterView> {
        None
    }

    /// Gives the lease back, after the last commit: another replica takes it at its next look.
    fn give_back(&self) -> Pending<()> {
        Box::pin(std::future::ready(Ok(())))
    }
}
