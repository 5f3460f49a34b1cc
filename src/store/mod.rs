//! Where batches are made safe.
//!
//! Invariant: a batch is committed whole or not at all, and before anybody is told what is in it. Nothing outside this
//! module knows how.

mod sqlite;
mod volatile;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use sqlite::{Deliveries, Filter, Locked, OpenError, Opened, Row, RowState, SCHEMA_VERSION, Sqlite};
pub use volatile::Volatile;

use crate::engine::{Batch, DeliveryId, Edit};
use crate::model::Letter;

/// Work of a store under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A body of a delivery that is not the transition itself as JSON.
pub type Body = (DeliveryId, Vec<u8>);

/// A place where batches are made safe.
pub trait Store: Send {
    /// Makes a batch safe, with the bodies of what is owed in it. Commits are asked for one at a time.
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()>;

    /// What is owed under this id, as it was made safe.
    fn letter(&self, id: &DeliveryId) -> Pending<Letter>;

    /// Whether what is made safe outlives the process, and others can change it there.
    fn is_durable(&self) -> bool;

    /// The changes that others made since the last call.
    fn edits(&self) -> Pending<Vec<Edit>>;
}

/// Why a store failed. Nothing can be trusted to be safe from then on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing} the state {file}: {fault}")]
pub struct Error {
    /// What it was doing: `read` or `write`.
    pub doing: &'static str,
    /// The file.
    pub file: String,
    /// What went wrong.
    pub fault: String,
}
