//! Connects to the database.
//!
//! Invariant: a connection to another machine is encrypted, and its certificate verified, unless the
//! settings allow otherwise. No text made here holds a password.

use std::fmt;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address;
use crate::adapters::http::Tls;
use crate::adapters::store::{OpenError, OpenErrorClass};
use crate::config::PostgresSettings;

/// How long connecting to one host may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The database of these settings, and how to connect to it.
#[derive(Clone)]
pub(super) struct Database {
    config: Config,
    tls: MakeRustlsConnect,
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
        config.connect_timeout(CONNECT_TIMEOUT).application_name("restore-watch");
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let shown = format!("PostgreSQL {address}, cluster {}", settings.cluster.name);
        Ok(Self { config, tls: MakeRustlsConnect::new(tls.configuration()), shown })
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
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
