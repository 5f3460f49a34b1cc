//! How a store fails.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::adapters::report::ReadError;
use crate::config::PostgresAddressError;
use crate::model::Exit;

/// Why a state cannot be opened. Its text names the state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OpenError {
    /// The part of it that a program acts on.
    pub class: OpenErrorClass,
    /// What went wrong, and where.
    pub message: String,
    pub help: Cow<'static, str>,
}

/// The part of an [`OpenError`] that a program acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenErrorClass {
    /// There is no state.
    Missing,
    /// The system gives this process too little.
    System,
    /// There is one, and it cannot be used.
    Unusable,
    /// The configuration names a place that cannot be used as it is: a wrong password, missing
    /// rights, an address without a database.
    Misconfigured,
    /// The server of the state does not answer, or takes no writes now. That may end by itself.
    Unreachable,
}

impl OpenError {
    /// The exit code of a command that ends because of it.
    pub fn exit(&self) -> Exit {
        match self.class {
            OpenErrorClass::System => Exit::System,
            OpenErrorClass::Misconfigured => Exit::Config,
            OpenErrorClass::Missing | OpenErrorClass::Unusable | OpenErrorClass::Unreachable => Exit::State,
        }
    }
}

impl From<PostgresAddressError> for OpenError {
    fn from(error: PostgresAddressError) -> Self {
        Self {
            class: OpenErrorClass::Misconfigured,
            help: error.help().unwrap_or("check `postgres` in [state]").into(),
            message: error.to_string(),
        }
    }
}

/// Why a state cannot be copied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupError {
    /// The state itself cannot be used.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The copy cannot be made; nothing is left of it.
    #[error("cannot write the backup {file}: {fault}")]
    Copy {
        /// Where it was to be.
        file: PathBuf,
        fault: String,
        help: &'static str,
    },
}

/// Why an open state cannot be read or written. Nothing that is committed from then on can be
/// trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {doing} the state {state}: {fault}")]
pub struct StoreError {
    /// The part of it that a program acts on.
    pub class: StoreErrorClass,
    /// What was under way: `read` or `write`.
    pub doing: &'static str,
    /// Where the state is.
    pub state: String,
    pub fault: String,
    pub help: &'static str,
}

/// The part of a [`StoreError`] that a program acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorClass {
    /// The state was deleted or replaced under this process: what it commits is lost, and what is
    /// pending is pending here alone.
    Gone,
    /// It failed; in most cases, the disk did.
    Failed,
    /// Another replica has the lease of the state, or may have it by now: this process commits
    /// nothing any more.
    Deposed,
}

impl StoreError {
    /// Whether the state was deleted or replaced under this process.
    pub fn is_gone(&self) -> bool {
        self.class == StoreErrorClass::Gone
    }

    /// Whether this process lost the lease of the state.
    pub fn is_deposed(&self) -> bool {
        self.class == StoreErrorClass::Deposed
    }
}

impl From<StoreError> for ReadError {
    fn from(error: StoreError) -> Self {
        Self { message: error.to_string(), help: error.help }
    }
}
