//! Connects to the database.
//!
//! Invariant: a connection to another machine is encrypted, and its certificate verified, unless the
//! settings allow otherwise. No text made here holds a password.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address;
use super::fault::Fault;
use crate::adapters::http::Tls;
use crate::adapters::store::{OpenError, OpenErrorClass};
use crate::config::{ConnectionString, DatabaseHost, Encryption, PostgresSettings};
use crate::model::{duration, one_line};

/// How long a host may take until its session can be used: one that accepts and then says nothing
/// must not keep the others from being reached.
const HOST_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one of the addresses that the name of a host has may take to accept.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(2);

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
pub(super) struct Database {
    /// At least one, in the order of the address.
    hosts: Vec<Host>,
    /// The place of the host that was connected to last, which is tried first.
    last: AtomicUsize,
    tls: MakeRustlsConnect,
    /// The name of the database, for people.
    name: String,
    /// The role that connects, for people.
    role: String,
    /// The place, for people.
    shown: String,
}

/// A server that may be the one that can be written.
struct Host {
    config: Config,
    /// How it is called, for people.
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

        let hosts = address.hosts().iter().map(|host| Host::new(host, &address, settings)).collect();
        Ok(Self {
            hosts,
            last: AtomicUsize::new(0),
            tls: MakeRustlsConnect::new(tls.configuration()),
            name: one_line(address.database(), MAX_NAME),
            role: one_line(address.role(), MAX_NAME),
            shown: format!("PostgreSQL {address}, cluster {}", settings.cluster.name),
        })
    }

    /// Connects, on the current runtime, to a host that can be written. Ends within a bound for each
    /// host.
    pub(super) async fn connect(&self) -> Result<Connection, Fault> {
        let first = self.last.load(Ordering::Relaxed);
        let mut faults = Vec::new();
        for place in (first..self.hosts.len()).chain(0..first) {
            let host = &self.hosts[place];
            match host.connect(&self.tls).await {
                Ok(connection) => {
                    self.last.store(place, Ordering::Relaxed);
                    return Ok(connection);
                }
                Err(fault) => faults.push((&*host.shown, fault)),
            }
        }
        Err(Fault::of_hosts(faults))
    }

    /// The host that was connected to last, for people.
    pub(super) fn host(&self) -> &str {
        &self.hosts[self.last.load(Ordering::Relaxed)].shown
    }

    /// The name of the database, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The name of the role that connects, for people.
    pub(super) fn role(&self) -> &str {
        &self.role
    }
}

impl Host {
    fn new(host: &DatabaseHost, address: &ConnectionString, settings: &PostgresSettings) -> Self {
        let mut config = address::config(address, host);
        config.connect_timeout(ADDRESS_TIMEOUT).application_name(APPLICATION);
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if is_plain(address, settings) {
            config.ssl_mode(SslMode::Disable);
        }
        Self { config, shown: one_line(&host.to_string(), MAX_NAME) }
    }

    async fn connect(&self, tls: &MakeRustlsConnect) -> Result<Connection, Fault> {
        let connected = tokio::time::timeout(HOST_TIMEOUT, self.config.connect(tls.clone())).await;
        let connected = connected.map_err(|_| {
            Fault::Unreachable(format!("cannot connect: no answer within {}", duration::human(HOST_TIMEOUT)))
        })?;
        let (client, connection) = connected.map_err(|error| Fault::while_connecting(&error, &self.shown))?;
        let served = tokio::spawn(async move {
            // The client reports why a connection ended.
            drop(connection.await);
        });
        Ok(Connection { client, served: served.abort_handle() })
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
