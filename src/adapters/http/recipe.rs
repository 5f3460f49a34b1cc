//! How clients of `reqwest` are built.
//!
//! Invariant: no client that is built here follows a redirect (a header such as `Api-Key` would
//! travel with it) or repeats a request.

use std::path::Path;
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use rustls::pki_types::CertificateDer;

use super::certificates::{bundled, certificates};
use super::error::ClientError;
use super::identity::Identity;
use super::options::ClientOptions;
use super::proxy::Route;

/// Names this program and its version to servers.
const USER_AGENT: &str = concat!("restore-watch/", env!("CARGO_PKG_VERSION"));

/// How often an HTTP/2 connection is pinged, and how long the answer may take. Idle connections are
/// pinged as well, so that no message is lost on a dead one.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that sends every request to a Unix socket of this machine, whatever host a URL names.
pub fn local(socket: &Path) -> Result<reqwest::Client, ClientError> {
    let builder = builder().no_proxy().tls_certs_only([]).unix_socket(socket);
    builder.build().map_err(|error| ClientError::of_build(&error))
}

/// Settings that all clients have in common.
pub(super) fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // Fails only if a provider is set already, which works as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        // Without it, a server may compress (RFC 9110, section 12.5.3), and nothing here
        // decompresses.
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
        .redirect(reqwest::redirect::Policy::none())
        // The engine retries; a second layer of retries would hide requests from the token bucket.
        .retry(reqwest::retry::never())
}

/// What is needed to build an HTTP client, and another one when its connections are abandoned.
pub(super) struct Recipe {
    pub(super) options: ClientOptions,
    /// Those of the `ca_file`, as read at the start.
    certificates: Vec<reqwest::Certificate>,
    /// As read at the start, too.
    identity: Option<reqwest::Identity>,
    resolver: Arc<dyn Resolve>,
}

impl Recipe {
    pub(super) fn new(
        options: &ClientOptions,
        resolver: impl Resolve + 'static,
    ) -> Result<Self, ClientError> {
        if let Err(error) = &options.proxy {
            return Err(error.clone().into());
        }
        let certificates = match &options.ca_file {
            Some(path) if !options.plain => for_reqwest(&certificates(path)?)?,
            _ => Vec::new(),
        };
        let identity = options.identity.as_ref().map(Identity::of_client).transpose()?;
        Ok(Self { options: options.clone(), certificates, identity, resolver: Arc::new(resolver) })
    }

    /// Builds a client, which speaks HTTP/2 alone if the server is known to speak it.
    pub(super) fn build(&self, http2: bool) -> Result<reqwest::Client, ClientError> {
        let options = &self.options;
        let mut builder = builder()
            .dns_resolver(Arc::clone(&self.resolver))
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);

        if options.plain {
            // Loading the system's certificates takes longer than the whole exchange with a local
            // server.
            builder = builder.tls_certs_only([]);
        } else {
            let named = self.certificates.iter().cloned();
            builder = match bundled() {
                Some(bundled) => {
                    let bundled = for_reqwest(&bundled)?;
                    builder.tls_certs_only(bundled.into_iter().chain(named))
                }
                None => builder.tls_certs_merge(named),
            };
        }
        if let Some(identity) = &self.identity {
            builder = builder.identity(identity.clone());
        }

        builder = match &options.route {
            Route::Environment if options.loopback => builder.no_proxy(),
            Route::Environment => builder,
            Route::Direct => builder.no_proxy(),
            Route::Proxy(address) => {
                let proxy = reqwest::Proxy::all(address.expose());
                builder.proxy(proxy.map_err(|error| ClientError::of_build(&error))?)
            }
        };
        if let Some(timeout) = options.connect_timeout() {
            builder = builder.connect_timeout(timeout);
        }
        if http2 {
            builder = builder.http2_prior_knowledge();
        }

        builder.build().map_err(|error| ClientError::of_build(&error))
    }
}

/// Certificates in the form of `reqwest`, which keeps them as they are until a client is built.
fn for_reqwest(certificates: &[CertificateDer<'_>]) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let converted = certificates.iter().map(|certificate| reqwest::Certificate::from_der(certificate));
    converted.collect::<Result<_, _>>().map_err(|error| ClientError::of_build(&error))
}
