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

use crate::engine::{Batch, Edit};
use crate::model::{DeliveryId, Payload};

/// Work of a store under way.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A body of a delivery that is not the transition itself as JSON.
pub type Body = (DeliveryId, Vec<u8>);

/// A place where batches are made safe.
pub trait Store: Send {
    /// Makes a batch safe, with the bodies of what is owed in it. Commits are asked for one at a time.
    fn commit(&self, batch: Arc<Batch>, bodies: Vec<Body>) -> Pending<()>;

    /// What is owed under this id, as it was made safe.
    fn payload(&self, id: &DeliveryId) -> Pending<Payload>;

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
    pub fault: Fault,
}

/// What to do about a state that another program keeps locked.
const BUSY_HELP: &str =
    "end the program that holds the lock (`fuser FILE` finds it) or its transaction, and start again";

/// What went wrong with a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Another program keeps it locked.
    #[error("another program holds a lock on it")]
    Busy,
    /// The file is no longer the one that was opened, so that nothing that is committed is kept.
    #[error("{0}")]
    Gone(String),
    /// Anything else: in most cases, the disk.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self.fault {
            Fault::Busy => BUSY_HELP,
            Fault::Gone(_) => {
                "stop the daemon before its state is moved, replaced or deleted; the next start goes on with the file that \
                 it finds, and emits again what that does not know"
            }
            Fault::Other(_) => {
                "check the disk and its free space, and start again: what was not written will be seen and emitted again"
            }
        }
    }

    /// Whether the files of the state were deleted or replaced.
    pub fn is_gone(&self) -> bool {
        matches!(self.fault, Fault::Gone(_))
    }
}
