//! Connects to the database.
//!
//! Invariant: a connection to another machine is encrypted, and its certificate verified, unless the
//! settings allow otherwise. No text made here holds a password.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr as _;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::task::AbortHandle;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::adapters::http::Tls;
use crate::adapters::store::{OpenError, OpenErrorClass};
use crate::config::{PostgresAddress, PostgresSettings};
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
        let mut config = Config::from_str(&address(settings)?).map_err(|_| {
            misconfigured(
                "the address of the database is no connection string".to_owned(),
                "write it like postgresql://restore_watch@db.example/restore_watch",
            )
        })?;
        if config.get_dbname().is_none() {
            return Err(misconfigured(
                "the address of the database names no database".to_owned(),
                "write it like postgresql://restore_watch@db.example/restore_watch",
            ));
        }
        let tls = Tls::new(settings.ca_file.as_deref())
            .map_err(|error| misconfigured(error.to_string(), "check [state] ca_file"))?;

        config.connect_timeout(CONNECT_TIMEOUT).application_name(APPLICATION);
        config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL);
        config.keepalives_retries(KEEPALIVE_RETRIES);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        if let Some(mode) = ssl_mode(&config, settings) {
            config.ssl_mode(mode);
        }
        let hosts = hosts(&config);
        let database = one_line(config.get_dbname().unwrap_or_default(), MAX_NAME);
        let shown = format!("PostgreSQL database {database} at {hosts}, cluster {}", settings.cluster.name);
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

/// The connection string.
fn address(settings: &PostgresSettings) -> Result<String, OpenError> {
    match &settings.address {
        PostgresAddress::Given(text) => Ok(text.clone()),
        PostgresAddress::From(source) => match source.read() {
            Ok(secret) => Ok(secret.expose_secret().trim().to_owned()),
            Err(error) => Err(OpenError {
                class: OpenErrorClass::Misconfigured,
                message: format!("the address of the database: {error}"),
                help: "check [state] postgres".into(),
            }),
        },
    }
}

/// How connections are encrypted, if the address alone does not decide it.
fn ssl_mode(config: &Config, settings: &PostgresSettings) -> Option<SslMode> {
    let is_here =
        config.get_hosts().iter().all(is_here) && config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    match config.get_ssl_mode() {
        // A server on this machine has a certificate for no name, as Debian installs it.
        SslMode::Prefer if is_here && settings.ca_file.is_none() => Some(SslMode::Disable),
        SslMode::Require => None,
        _ if is_here || settings.allow_plaintext => None,
        _ => Some(SslMode::Require),
    }
}

/// Whether a host is this machine.
fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name.parse::<IpAddr>().map_or_else(|_| name == "localhost", |address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// The hosts of a connection string, as messages name them.
fn hosts(config: &Config) -> String {
    let named = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let mut hosts: Vec<_> = named.collect();
    if hosts.is_empty() {
        hosts = config.get_hostaddrs().iter().map(ToString::to_string).collect();
    }
    let ports = config.get_ports();
    for (place, host) in hosts.iter_mut().enumerate() {
        let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
        if port != 5432 {
            *host = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        }
    }
    one_line(&hosts.join(","), MAX_NAME)
}
