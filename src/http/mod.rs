//! What the adapters that speak HTTP share: building a client, reading an answer, saying what went wrong.
//!
//! Invariant: no redirect is ever followed (a header such as `Api-Key` would travel with it), no body is read beyond
//! its bound, and no text made here holds a URL's path or query, which may be secret.

mod client;
mod failure;
mod look_up;
mod proxy;
mod resolver;
mod thread;
mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use reqwest::dns::Resolve;
use reqwest::header::{ACCEPT_ENCODING, DATE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use url::Url;

use self::resolver::{PublicOnly, System};
use crate::config::{ShownPath, private_host};
use crate::engine::retry::RetryAfter;
use crate::engine::time::wall_between;

pub use client::{Answer, Client, SendError, Terms, request};
pub use failure::{Fault, Peer, describe, fault, through_proxy, wants_tls};
pub use proxy::{Proxy, ProxyError, proxy_of, with_proxy_credentials};
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

/// A client for whatever listens at a Unix socket of this machine, whatever host a URL names, and may be silent for so
/// long in the middle of an answer, if there is a limit.
pub fn local(socket: &Path, silence: Option<Duration>) -> Result<reqwest::Client, ClientError> {
    let builder = builder().no_proxy().tls_certs_only([]).unix_socket(socket);
    let builder = if let Some(silence) = silence { builder.read_timeout(silence) } else { builder };
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

/// How long a server asks to be left alone, in either form of `Retry-After` (RFC 9110, section 10.2.3). A date is read
/// against the server's own `Date` where there is one, so that a clock that is wrong here does no harm. Anything else
/// than seconds or a date is ignored.
pub fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(RetryAfter::For(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
    }
    let until = http_date(text)?;
    Some(date(headers).map_or(RetryAfter::Until(until), |sent| RetryAfter::For(wall_between(sent, until))))
}

/// When an answer was made, by the server's own clock (`Date`: RFC 9110, section 6.6.1), in whole seconds.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?.trim())
}

/// A date in any of the three forms that a recipient must read (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<Timestamp> {
    let obsolete = |format| {
        Some(DateTime::strptime(format, text).ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
    };
    let imf_fixdate = DateTimeParser::new().parse_timestamp(text).ok();
    imf_fixdate.or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

/// Where a redirect leads that answers a request to `url`, without what may be secret beside a path: query, fragment, user name and password.
pub fn redirect_target(answer: &Answer, url: &Url) -> Option<String> {
    let location = answer.headers.get(LOCATION)?;
    let mut target = url.join(&String::from_utf8_lossy(location.as_bytes())).ok()?;
    target.set_query(None);
    target.set_fragment(None);
    // Fails where a URL cannot have them, which then has none.
    let _ = target.set_username("").and_then(|()| target.set_password(None));
    Some(target.into())
}

/// A text from elsewhere as [`presentable`] has it, but without a byte-order mark and with single blanks in place of line
/// breaks and indentation.
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = presentable(text.trim_start_matches('\u{feff}'), usize::MAX - 1);
    presentable(&shown.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

/// Makes a text from elsewhere fit for a log or a terminal: one line without control characters, at most `limit`
/// characters long, and `…` where it was cut.
pub fn presentable(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .map(|c| if c.is_control() || turns_text_around(c) { ' ' } else { c })
        .take(limit + 1)
        .collect();
    if shown.chars().count() > limit {
        shown.pop();
        shown.push('…');
    }
    shown.trim().to_owned()
}

/// Characters that make a terminal show what follows in another order (Unicode Standard Annex 9).
fn turns_text_around(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after() {
        let seconds = |n| Some(RetryAfter::For(Duration::from_secs(n)));
        for (text, read) in [
            ("7", seconds(7)),
            (" 120 ", seconds(120)),
            ("0", seconds(0)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Mon, 23 Nov 2026 12:01:30 GMT", seconds(90)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", seconds(0)),
            ("Monday, 23-Nov-26 12:01:30 GMT", seconds(90)),
            ("Mon Nov 23 12:01:30 2026", seconds(90)),
            ("soon", None),
            ("-5", None),
            ("", None),
            ("1.5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            headers.insert(DATE, "Mon, 23 Nov 2026 12:00:00 GMT".parse().unwrap());
            assert_eq!(retry_after(&headers), read, "{text}");
        }
        let undated = HeaderMap::from_iter([(RETRY_AFTER, "Mon, 23 Nov 2026 12:01:30 GMT".parse().unwrap())]);
        let until = "2026-11-23T12:01:30Z".parse().unwrap();
        assert_eq!(retry_after(&undated), Some(RetryAfter::Until(until)));
    }

    #[test]
    fn the_date_of_an_answer_is_read_in_every_form() {
        for (text, read) in [
            ("Mon, 23 Nov 2026 12:01:30 GMT", Some("2026-11-23T12:01:30Z")),
            ("Monday, 23-Nov-26 12:01:30 GMT", Some("2026-11-23T12:01:30Z")),
            ("Mon Nov 23 12:01:30 2026", Some("2026-11-23T12:01:30Z")),
            ("today", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, text.parse().unwrap())]);
            assert_eq!(date(&headers), read.map(|read| read.parse().unwrap()), "{text}");
        }
        assert_eq!(date(&HeaderMap::new()), None);
    }

    #[test]
    fn texts_from_elsewhere_are_made_presentable() {
        assert_eq!(presentable("a\u{1b}[31mb\nc", 20), "a [31mb c");
        assert_eq!(presentable("a\u{202e}b", 20), "a b");
        assert_eq!(presentable("abcdef", 3), "abc…");
        assert_eq!(presentable("  ", 3), "");
    }

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
