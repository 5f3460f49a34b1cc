//! What the adapters that speak HTTP share: building a client, reading an answer, saying what went wrong.
//!
//! Invariant: no redirect is ever followed (a header such as `Api-Key` would travel with it), no body is read beyond
//! its bound, and no text made here holds a URL's path or query, which may be secret.

mod resolver;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use url::Url;

use self::resolver::PublicOnly;
use crate::config::private_host;
use crate::engine::retry::RetryAfter;
use crate::engine::time::wall_between;

/// Names this program and its version to servers.
pub const USER_AGENT: &str = concat!("restore-watch/", env!("CARGO_PKG_VERSION"));

/// What a client is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purpose {
    plain: bool,
    loopback: bool,
    public_only: bool,
    ca_file: Option<PathBuf>,
}

impl Purpose {
    /// A client for `url`, which trusts the certificates in `ca_file` beside those of the system.
    pub fn new(url: &Url, ca_file: Option<&Path>) -> Self {
        Self {
            plain: url.scheme() == "http",
            loopback: crate::config::is_loopback(url),
            public_only: false,
            ca_file: ca_file.map(Path::to_owned),
        }
    }

    /// A client for `url` as [`Purpose::new`] has it, but one that connects to public addresses only, whatever a name
    /// leads to. It uses no proxy: a proxy looks the name up itself, and goes where it finds it. An address in place of
    /// the name is not looked up at all, so one that is private is refused here.
    pub fn public_only(url: &Url, ca_file: Option<&Path>) -> Result<Self, ClientError> {
        match private_host(url) {
            Some(address) => Err(ClientError::Private(address)),
            None => Ok(Self { public_only: true, ..Self::new(url, ca_file) }),
        }
    }
}

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of root certificates cannot be read.
    #[error("cannot read the certificates in {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The file of root certificates has none, or bad ones.
    #[error("{0} holds no PEM certificates that can be used")]
    BadCertificates(PathBuf),
    /// The system's certificates cannot be loaded, or the like.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// The URL has a private address, and the client is for public ones.
    #[error("the URL leads to the private address {0}, and block_private is set")]
    Private(IpAddr),
}

/// A client for this purpose. Cheap to clone; clones share their connections.
pub fn client(purpose: &Purpose) -> Result<reqwest::Client, ClientError> {
    resolving(purpose, purpose.public_only.then(PublicOnly::system))
}

/// A client for whatever listens at a Unix socket of this machine, whatever host a URL names, and may be silent for so
/// long in the middle of an answer, if there is a limit.
pub fn local(socket: &Path, silence: Option<Duration>) -> Result<reqwest::Client, ClientError> {
    let builder = builder().no_proxy().tls_certs_only([]).unix_socket(socket);
    let builder = if let Some(silence) = silence { builder.read_timeout(silence) } else { builder };
    builder.build().map_err(|error| ClientError::Tls(describe(&error)))
}

/// What all clients have in common.
fn builder() -> reqwest::ClientBuilder {
    static PROVIDER: Once = Once::new();
    // Fails only where a provider is set already, which will do as well.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));

    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        // The engine retries; a second layer of retries would hide requests from the limiter.
        .retry(reqwest::retry::never())
}

/// A client that looks names up with `resolver`, if there is one.
fn resolving(purpose: &Purpose, resolver: Option<PublicOnly>) -> Result<reqwest::Client, ClientError> {
    let mut builder = builder();
    if purpose.plain {
        // Loading the system's certificates takes longer than the whole exchange with a local server.
        builder = builder.tls_certs_only([]);
    } else if let Some(path) = &purpose.ca_file {
        builder = builder.tls_certs_merge(certificates(path)?);
    }
    if purpose.loopback || purpose.public_only {
        builder = builder.no_proxy();
    }
    if let Some(resolver) = resolver {
        builder = builder.dns_resolver(resolver);
    }
    builder.build().map_err(|error| ClientError::Tls(describe(&error)))
}

fn certificates(path: &Path) -> Result<Vec<reqwest::Certificate>, ClientError> {
    let pem =
        std::fs::read(path).map_err(|error| ClientError::Unreadable { path: path.to_owned(), error })?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(ClientError::BadCertificates(path.to_owned())),
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

/// Says why an exchange failed: the innermost cause, which is the one a person can act on.
pub fn describe(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let what = match error {
        _ if error.is_timeout() => return "it took too long".to_owned(),
        _ if error.is_connect() => "cannot connect: ",
        _ => "",
    };
    // `reqwest` itself names the whole URL in its texts.
    if std::ptr::addr_eq(cause, error) {
        format!("{what}the request failed")
    } else {
        format!("{what}{cause}")
    }
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
        assert!(matches!(error, ClientError::BadCertificates(_)), "{error}");
        let error = client(&Purpose::new(&url, Some(directory.path()))).unwrap_err();
        assert!(matches!(error, ClientError::Unreadable { .. }), "{error}");
    }
}
