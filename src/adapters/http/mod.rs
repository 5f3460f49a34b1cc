//! What the adapters that speak HTTP share: building a client, reading an answer, saying what went wrong.
//!
//! Invariant: no redirect is ever followed (a header such as `Api-Key` would travel with it), no body is read beyond
//! its bound, and no text made here holds a URL's path or query, which may be secret.

mod client;
mod failure;
mod head;
mod look_up;
mod proxy;
mod resolver;
mod text;
mod thread;
mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use url::Url;

use self::resolver::{PublicOnly, System};
use crate::config::{ShownPath, private_host};

pub use client::{Answer, Client, SendError, Terms, request};
pub use failure::{Fault, Peer, describe, fault, through_proxy, wants_tls};
pub use head::{date, redirect_target, retry_after};
pub use proxy::{Proxy, ProxyError, proxy_of, with_proxy_credentials};
pub use text::{one_line, presentable};
pub use thread::use_threads;

/// Names this program and its version to servers.
pub const USER_AGENT: &str = concat!("restore-watch/", env!("CARGO_PKG_VERSION"));

/// How much of a request's time limit connecting may take, in percent. It is divided among the addresses of the name
/// (of one family; the other one has its turn beside it), so that of two addresses the second one is tried when 37 % of
/// the time have passed. The rest is left to the answer. More than half, because a resolver whose first name server is
/// down takes 5 s before it asks the second one (`resolv.conf(5)`, `timeout`), and polls have 10 s.
const CONNECT_PERCENT: u32 = 75;

/// When the other end of an HTTP/2 connection is asked for a sign of life, and how long it has for that. Idle connections
/// are asked as well, so that a message does not have to find out that its connection is dead.
const PING_INTERVAL: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    /// Scheme, host and port of the server.
    origin: url::Origin,
    /// How long its requests may take.
    timeout: Option<Duration>,
    plain: bool,
    loopback: bool,
    public_only: bool,
    ca_file: Option<PathBuf>,
    proxy: Result<Option<Proxy>, ProxyError>,
}

impl Purpose {
    /// A client for `url`, which trusts the certificates in `ca_file` beside those of the system.
    pub fn new(url: &Url, ca_file: Option<&Path>) -> Self {
        Self {
            origin: url.origin(),
            timeout: None,
            plain: url.scheme() == "http",
            loopback: crate::config::is_loopback(url),
            public_only: false,
            ca_file: ca_file.map(Path::to_owned),
            proxy: proxy_of(url),
        }
    }

    /// A client for `url` as [`Purpose::new`] has it, but one that connects to public addresses only, whatever a name
    /// leads to. It uses no proxy: a proxy looks the name up itself, and goes where it finds it. An address in place of
    /// the name is not looked up at all, so one that is private is refused here.
    pub fn public_only(url: &Url, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        match private_host(url) {
            Some(address) => Err(ClientError::Private(address)),
            None => Ok(Self { public_only: true, proxy: Ok(None), ..Self::new(url, ca_file) }),
        }
    }

    /// The same, for requests that may take so long.
    #[must_use]
    pub fn within(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// How long connecting may take: look-up, all addresses and TLS.
    fn connect_timeout(&self) -> Option<Duration> {
        self.timeout.map(|timeout| timeout * CONNECT_PERCENT / 100)
    }
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of root certificates cannot be read.
    #[error("cannot read the certificates in {}: {error}", ShownPath(path))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file of root certificates has none.
    #[error("{} holds no PEM certificates (-----BEGIN CERTIFICATE-----)", ShownPath(.0))]
    NoCertificates(PathBuf),
    /// One of the root certificates in the file is none.
    #[error("certificate {number} in {} cannot be used: {fault}", ShownPath(path))]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// Which of those in it, from 1.
        number: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// The system has no root certificates at all.
    #[error("this system has no certificates of authorities, without which no server can be verified")]
    NoRoots,
    /// The system's certificates cannot be loaded, or the like.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// The environment names a proxy that cannot be used.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The URL has a private address, and the client is for public ones.
    #[error("the URL leads to the private address {0}, and block_private is set")]
    Private(IpAddr),
}

impl ClientError {
    /// What to do about it, where the error does not say so itself.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoRoots => Some(
                "install the package ca-certificates, or name a file of them: `ca_file` of an API, or SSL_CERT_FILE in the \
                 environment",
            ),
            Self::NoCertificates(_) => Some(
                "name a file of certificates; to make one: openssl x509 -inform der -in FILE (DER), openssl pkcs12 -nokeys -in FILE (PKCS 12)",
            ),
            _ => None,
        }
    }

    /// What an error of the client's builder means.
    fn of_build(error: &reqwest::Error) -> Self {
        match describe(error) {
            // By its text, for it has no variant of its own (`rustls_platform_verifier`, `verification/others.rs`).
            text if text.contains("No CA certificates were loaded") => Self::NoRoots,
            text => Self::Tls(text),
        }
    }
}

/// A client for this purpose.
pub fn client(purpose: &Purpose) -> Result<Client, ClientError> {
    if purpose.public_only { resolving(purpose, PublicOnly::system()) } else { resolving(purpose, System) }
}

/// A client that looks names up with `resolver`.
fn resolving(purpose: &Purpose, resolver: impl Resolve + 'static) -> Result<Client, ClientError> {
    Client::new(Recipe::new(purpose, resolver)?)
}

/// A client for whatever listens at a Unix socket of this machine, whatever host a URL names.
pub fn local(socket: &Path) -> Result<reqwest::Client, ClientError> {
    let builder = builder().no_proxy().tls_certs_only([]).unix_socket(socket);
    builder.build().map_err(|error| ClientError::of_build(&error))
}

/// What all clients have in common.
fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // Fails only where a provider is set already, which will do as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        // Without it, a server may compress (RFC 9110, section 12.5.3), and nothing here decompresses.
        .default_headers(HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]))
        .redirect(reqwest::redirect::Policy::none())
        // The engine retries; a second layer of retries would hide requests from the limiter.
        .retry(reqwest::retry::never())
}

/// What is needed to build an HTTP client, and another one once its connections are to be left.
struct Recipe {
    purpose: Purpose,
    /// Those of the `ca_file`, as they were when it was read.
    certificates: Vec<reqwest::Certificate>,
    resolver: Arc<dyn Resolve>,
}

impl Recipe {
    fn new(purpose: &Purpose, resolver: impl Resolve + 'static) -> Result<Self, ClientError> {
        if let Err(error) = &purpose.proxy {
            return Err(error.clone().into());
        }
        let certificates = match &purpose.ca_file {
            Some(path) if !purpose.plain => tls::certificates(path)?,
            _ => Vec::new(),
        };
        Ok(Self { purpose: purpose.clone(), certificates, resolver: Arc::new(resolver) })
    }

    /// A client, which speaks nothing but HTTP/2 if the server is known to do so.
    fn build(&self, http2: bool) -> Result<reqwest::Client, ClientError> {
        let purpose = &self.purpose;
        let mut builder = builder()
            .dns_resolver(Arc::clone(&self.resolver))
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true);
        if purpose.plain {
            // Loading the system's certificates takes longer than the whole exchange with a local server.
            builder = builder.tls_certs_only([]);
        } else if purpose.ca_file.is_some() {
            builder = builder.tls_certs_merge(self.certificates.iter().cloned());
        }
        if purpose.loopback || purpose.public_only {
            builder = builder.no_proxy();
        }
        if let Some(timeout) = purpose.connect_timeout() {
            builder = builder.connect_timeout(timeout);
        }
        if http2 {
            builder = builder.http2_prior_knowledge();
        }
        builder.build().map_err(|error| ClientError::of_build(&error))
    }
}

/// Why a body could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// It is longer than what is read of any body.
    #[error("the answer is larger than {0} KiB")]
    TooLarge(usize),
    /// The connection broke, or time ran out.
    #[error("the answer broke off: {0}")]
    Broken(String),
    /// It is compressed or otherwise encoded, although that was not asked for.
    #[error(
        "the answer is encoded ({0}) although `Accept-Encoding: identity` was sent; \
         set the proxy or gateway on the way not to compress"
    )]
    Encoded(String),
}

/// Reads a body of at most `limit` bytes.
pub async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > limit => {
                return Err(BodyError::TooLarge(limit / 1024));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body),
            Err(error) => return Err(BodyError::Broken(describe(&error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_that_are_none_are_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        std::fs::write(&path, "not a certificate").unwrap();
        let url = Url::parse("https://127.0.0.1:1").unwrap();
        let error = client(&Purpose::new(&url, Some(&path))).unwrap_err();
        assert!(matches!(error, ClientError::NoCertificates(_)), "{error}");
        let error = client(&Purpose::new(&url, Some(directory.path()))).unwrap_err();
        assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    }
}
