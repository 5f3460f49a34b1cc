//! The options of a client: its server, time limits, proxy and trusted certificates.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::error::ClientError;
use super::identity::Identity;
use super::proxy::{Proxy, ProxyError, Route, proxy_of};
use crate::config::{ProxyAddress, private_host};

/// The share of a request's time limit that connecting may take, in percent. It is divided among
/// the addresses of the name (of one family; the other one is tried in parallel), so that of two
/// addresses the second one is tried when 37 % of the time have passed. The rest is left to the
/// answer. More than half, because a resolver whose first name server is down takes 5 s before it
/// asks the second one (`resolv.conf(5)`, `timeout`), and polls have 10 s.
const CONNECT_PERCENT: u32 = 75;

/// The options of a client. Clients with equal options can share connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Scheme, host and port of the server.
    pub(super) origin: url::Origin,
    /// How long its requests may take.
    pub(super) timeout: Option<Duration>,
    pub(super) plain: bool,
    pub(super) loopback: bool,
    pub(super) public_only: bool,
    pub(super) ca_file: Option<PathBuf>,
    /// What is shown to a server that asks for a certificate.
    pub(super) identity: Option<Identity>,
    pub(super) route: Route,
    /// The proxy that the environment names, if that decides.
    pub(super) proxy: Result<Option<Proxy>, ProxyError>,
}

impl ClientOptions {
    /// Options for `url`; the certificates in `ca_file` are trusted beside those of the system.
    pub fn new(url: &Url, ca_file: Option<&Path>) -> Self {
        Self {
            origin: url.origin(),
            timeout: None,
            plain: url.scheme() == "http",
            loopback: crate::config::is_loopback(url),
            public_only: false,
            ca_file: ca_file.map(Path::to_owned),
            identity: None,
            route: Route::Environment,
            proxy: proxy_of(url),
        }
    }

    /// Options as [`ClientOptions::new`] makes them, but for a client that connects to public
    /// addresses only. It uses no proxy: a proxy resolves the name itself and connects to any
    /// address. An address in place of a name is not resolved, so a private one is refused here.
    pub fn public_only(url: &Url, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        match private_host(url) {
            Some(address) => Err(ClientError::Private(address)),
            None => Ok(Self { public_only: true, ..Self::new(url, ca_file).through(None) }),
        }
    }

    /// Sets the proxy, or none at all, whatever the environment names.
    #[must_use]
    pub fn through(self, proxy: Option<ProxyAddress>) -> Self {
        Self { route: proxy.map_or(Route::Direct, Route::Proxy), proxy: Ok(None), ..self }
    }

    /// Sets what is shown to a server that asks for a certificate.
    #[must_use]
    pub fn identified_by(self, identity: Option<Identity>) -> Self {
        Self { identity, ..self }
    }

    /// Sets the time limit of a request, which connecting takes a part of.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// How long connecting may take: look-up, all addresses and TLS.
    pub(super) fn connect_timeout(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout * CONNECT_PERCENT / 100)
    }
}
