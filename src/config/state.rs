//! Where the state is kept: in a file of one process, or in a database that replicas share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::keys::{CLUSTER, STATE};
use super::{Retention, SecretSource, ShownPath};

/// Where the daemon keeps its state, and how long finished records stay there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSettings {
    /// None if neither the configuration nor the environment says where.
    pub place: Option<StatePlace>,
    pub keep: Retention,
}

impl StateSettings {
    /// The defaults of `keep` and `keep_history`.
    pub const KEEP: Retention =
        Retention { records: STATE.key("keep").duration(), history: STATE.key("keep_history").duration() };

    /// The state in this file.
    pub fn in_file(path: PathBuf) -> Self {
        Self { place: Some(StatePlace::File(path)), keep: Self::KEEP }
    }

    /// The file, if the state is in one.
    pub fn file(&self) -> Option<&Path> {
        match &self.place {
            Some(StatePlace::File(path)) => Some(path),
            _ => None,
        }
    }
}

/// A place for a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatePlace {
    /// A file of `SQLite`, of one process at a time.
    File(PathBuf),
    /// A `PostgreSQL` database, which replicas share.
    Postgres(Box<PostgresSettings>),
}

impl fmt::Display for StatePlace {
    /// Without anything that is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", ShownPath(path)),
            Self::Postgres(settings) => {
                write!(f, "PostgreSQL ({}), cluster {}", settings.address, settings.cluster.name)
            }
        }
    }
}

/// A database, and the part that this process takes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    pub address: PostgresAddress,
    /// Further root certificates to trust.
    pub ca_file: Option<PathBuf>,
    /// Whether a connection to another machine may do without TLS.
    pub allow_plaintext: bool,
    pub cluster: ClusterSettings,
}

/// Where a database is: a connection string, as `PostgreSQL` documents it
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresAddress {
    /// In the file, without a password.
    Given(String),
    /// A secret.
    From(SecretSource),
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(address) => f.write_str(address),
            Self::From(source) => write!(f, "address from {source}"),
        }
    }
}

/// The replicas that share a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// Which state of the database.
    pub name: String,
    /// What this process is called; the host name if there is none. It decides nothing.
    pub replica: Option<String>,
    /// How long the active replica may be silent before another one takes over.
    pub lease: Duration,
}

impl Default for ClusterSettings {
    fn default() -> Self {
        Self { name: "default".to_owned(), replica: None, lease: const { CLUSTER.key("lease").duration() } }
    }
}
