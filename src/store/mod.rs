//! Where batches are made safe.
//!
//! Invariant: a batch is committed whole or not at all, and before anybody is told what is in it.

use std::future::Future;
use std::pin::Pin;

use crate::engine::Batch;

/// A commit under way.
pub type Commit = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A place where batches are made safe.
pub trait Store: Send {
    /// Makes a batch safe. Commits are asked for one at a time.
    fn commit(&self, batch: Batch) -> Commit;
}

/// Why a batch could not be made safe.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the state: {0}")]
pub struct Error(pub String);

/// Keeps nothing: what is owed lives and dies with the process. Right for waiting ad hoc, where the one who is owed the
/// news is the one who started the process.
#[derive(Debug, Clone, Copy)]
pub struct Volatile;

impl Store for Volatile {
    fn commit(&self, _batch: Batch) -> Commit {
        Box::pin(std::future::ready(Ok(())))
    }
}
