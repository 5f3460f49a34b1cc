//! Where the state is kept: in a file of one process, or in a database that replicas share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::keys::{CLUSTER, STATE};
use super::{ConnectionFault, ConnectionString, Retention, SecretError, SecretSource, ShownPath};

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

    /// The database, if the state is in one.
    pub fn database(&self) -> Option<&PostgresSettings> {
        match &self.place {
            Some(StatePlace::Postgres(database)) => Some(database),
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

impl StatePlace {
    /// The file that a place is, by its `Display` form: that of a file is an absolute path, and that of
    /// a database is none.
    pub fn shown_file(shown: &str) -> Option<&Path> {
        Some(Path::new(shown)).filter(|path| path.is_absolute())
    }
}

impl fmt::Display for StatePlace {
    /// Without anything that is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", ShownPath(path)),
            Self::Postgres(settings) => {
                write!(f, "PostgreSQL {}, cluster {}", settings.address, settings.cluster.name)
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

impl PostgresSettings {
    /// The address of the database, read now if it is a secret.
    pub fn read_address(&self) -> Result<ConnectionString, PostgresAddressError> {
        match &self.address {
            PostgresAddress::Given(address) => Ok(address.clone()),
            PostgresAddress::From(source) => {
                let text = source.read()?;
                ConnectionString::parse(text.expose_secret(), self.allow_plaintext)
                    .map_err(|fault| PostgresAddressError::Bad { origin: source.clone(), fault })
            }
        }
    }
}

/// Where the address of a database comes from: one with a password is a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresAddress {
    /// In the configuration, without a password.
    Given(ConnectionString),
    /// Elsewhere.
    From(SecretSource),
}

impl fmt::Display for PostgresAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(address) => address.fmt(f),
            Self::From(source) => write!(f, "at the address from {source}"),
        }
    }
}

/// Why an address that is a secret cannot be used. No text of it holds any part of the address.
#[derive(Debug, thiserror::Error)]
pub enum PostgresAddressError {
    #[error("the address of the database: {0}")]
    Unreadable(#[from] SecretError),
    /// The text is no address of a database.
    #[error("the address of the database from {origin} {fault}")]
    Bad {
        /// Where it came from.
        origin: SecretSource,
        fault: ConnectionFault,
    },
}

impl PostgresAddressError {
    /// Whether it is a credential of systemd, and this process was passed none.
    pub fn lacks_credentials(&self) -> bool {
        matches!(self, Self::Unreadable(SecretError::NoCredentials(_)))
    }

    /// What to do about it, if the error does not say so itself.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Unreadable(error) => error.help(),
            Self::Bad { fault, .. } => Some(fault.help),
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
