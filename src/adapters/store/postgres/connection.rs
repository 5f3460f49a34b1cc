//! Connects to the database.
//!
//! Invariant: a connection to another machine is encrypted, and its certificate verified, unless the
//! settings allow otherwise. No text made here holds a password.

use std::fmt;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address;
use crate::adapters::http::Tls;
use crate::adapters::store::{OpenError, OpenErrorClass};
use crate::config::{ConnectionString, DatabaseHost, Encryption, PostgresSettings};
use crate::model::one_line;

/// How long connecting to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// When the system asks a silent server whether it is still there, how often, and how many times.
/// What waits for an answer has a shorter limit of its own.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// How sessions of this program are called in `pg_stat_activity`.
pub(super) const APPLICATION: &str = "restore-watch";

/// The longest name of a host, a role or a database that is shown.
const MAX_NAME: usize = 200;

/// The database of these settings, and how to connect to it.
#[derive(Clone)]
pub(super) struct Database {
    config: Config,
    tls: MakeRustlsConnect,
    hosts: String,
    /// The place, for people.
    shown: String,
}

/// A connection. It ends when this is dropped.
pub(super) struct Connection {
    pub(super) client: Client,
    served: AbortHandle,
}

impl Database {
    /// Reads the address and the certificates; connects to nothing.
    pub(super) fn of(settings: &PostgresSettings) -> Result<Self, OpenError> {
        let misconfigured = |message: String, help: &'static str| OpenError {
            class: OpenErrorClass::Misconfigured,
            message,
            help: help.into(),
        };
        let address = settings.read_address()?;
        let tls = Tls::new(settings.ca_file.as_deref())
            .map_err(|error| misconfigured(error.to_string(), "check [state] ca_file"))?;

        let mut config = address::config(&address);
        config.connect_timeout(CONNECT_TIMEOUT).application_name(APPLICATION);
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if is_plain(&address, settings) {
            config.ssl_mode(SslMode::Disable);
        }
        let hosts = one_line(&address.shown_hosts(), MAX_NAME);
        let shown = format!("PostgreSQL {address}, cluster {}", settings.cluster.name);
        Ok(Self { config, tls: MakeRustlsConnect::new(tls.configuration()), hosts, shown })
    }

    /// Connects, on the current runtime, to the first host that can be written.
    pub(super) async fn connect(&self) -> Result<Connection, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let served = tokio::spawn(async move {
            // The client reports why a connection ended.
            drop(connection.await);
        });
        Ok(Connection { client, served: served.abort_handle() })
    }

    /// How long connecting may take, whatever the servers do.
    pub(super) fn connect_limit(&self) -> Duration {
        let hosts = self.config.get_hosts().len().max(self.config.get_hostaddrs().len()).max(1);
        CONNECT_TIMEOUT * u32::try_from(hosts).unwrap_or(u32::MAX)
    }

    /// The servers, for people.
    pub(super) fn hosts(&self) -> &str {
        &self.hosts
    }

    /// The name of the database, for people.
    pub(super) fn name(&self) -> String {
        one_line(self.config.get_dbname().unwrap_or_default(), MAX_NAME)
    }

    /// The name of the role that connects, for people, if the address has one.
    pub(super) fn role(&self) -> Option<String> {
        self.config.get_user().map(|user| one_line(user, MAX_NAME))
    }
}

impl Connection {
    /// Ends it, with whatever waits for an answer.
    pub(super) fn cut(&self) {
        self.served.abort();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.cut();
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// Whether TLS is not even tried: a server on this machine has a certificate for no name, as Debian
/// installs it.
fn is_plain(address: &ConnectionString, settings: &PostgresSettings) -> bool {
    address.hosts().iter().all(DatabaseHost::is_local)
        && address.encryption() == Encryption::IfOffered
        && settings.ca_file.is_none()
}
