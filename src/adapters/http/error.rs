//! What can go wrong with a client and with a request.
//!
//! Invariant: no text made here holds a URL's path or query, which may be secret.

use std::error::Error as StdError;
use std::io;
use std::iter;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::proxy::ProxyError;
use crate::config::ShownPath;
use crate::model::{duration, one_line};

/// The longest text of a library that is shown.
pub(super) const MAX_TEXT: usize = 300;

/// Why a client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of root certificates cannot be read.
    #[error("cannot read the certificates in {}: {error}", ShownPath(path))]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The file has no root certificates.
    #[error("{} holds no PEM certificates (-----BEGIN CERTIFICATE-----)", ShownPath(.0))]
    NoCertificates(PathBuf),
    /// One of the certificates in the file is malformed.
    #[error("certificate {number} in {} cannot be used: {fault}", ShownPath(path))]
    BadCertificate {
        path: PathBuf,
        /// Which of those in it, from 1.
        number: usize,
        fault: String,
    },
    /// A client certificate, or its key, cannot be used.
    #[error("the client certificate in {place} cannot be used: {fault}")]
    BadIdentity { place: String, fault: String },
    /// This key of the configuration is for TLS, and the URL is not.
    #[error("`{0}` is for https, and the URL is plain http")]
    Plain(&'static str),
    /// The system has no root certificates at all.
    #[error("no CA certificates were found on this system, so no server can be verified")]
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
    /// What to do about it, if the error does not say so itself.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::NoRoots => Some(
                "install the package ca-certificates, or name a file of them: `ca_file` of an API, or SSL_CERT_FILE in the \
                 environment",
            ),
            Self::Tls(_) => Some(
                "is the package ca-certificates installed? SSL_CERT_FILE in the environment, or `ca_file` of an API, names \
                 another file of certificates",
            ),
            Self::NoCertificates(_) => Some(
                "name a file of certificates; to make one: openssl x509 -inform der -in FILE (DER), openssl pkcs12 -nokeys -in FILE (PKCS 12)",
            ),
            _ => None,
        }
    }

    /// Classifies an error of the client's builder.
    pub(super) fn of_build(error: &reqwest::Error) -> Self {
        Self::of_tls(describe(error))
    }

    /// Classifies an error of the setup of TLS, by its text, for it has no variant of its own
    /// (`rustls_platform_verifier`, `verification/others.rs`).
    pub(super) fn of_tls(text: String) -> Self {
        if text.contains("No CA certificates were loaded") { Self::NoRoots } else { Self::Tls(text) }
    }
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// This time limit of the request passed.
    #[error("it took longer than {}", duration::human(*.0))]
    Timeout(Duration),
    /// No address of the server took a connection in time, or its name was not found.
    #[error("cannot connect within {}", duration::human(*.0))]
    ConnectTimeout(Duration),
    /// The other end no longer acknowledges anything.
    #[error("the connection was lost")]
    ConnectionLost,
    #[error("{}", describe(.0))]
    Failed(#[from] reqwest::Error),
    /// No client could be built for a new connection.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The task of the request ended early, which is a bug.
    #[error("internal error: the request was dropped")]
    Dropped,
}

impl SendError {
    /// Whether no byte of the request has left this machine for its server: there was no connection.
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::ConnectTimeout(_) | Self::Client(_) => true,
            Self::Failed(error) => error.is_connect() || error.is_builder(),
            Self::Timeout(_) | Self::ConnectionLost | Self::Dropped => false,
        }
    }

    /// Whether the connection was cut after the request was sent and before the first byte of an
    /// answer.
    pub(super) fn is_cut(&self) -> bool {
        let error = match self {
            Self::ConnectionLost => return true,
            Self::Failed(error) => error,
            _ => return false,
        };
        if error.is_connect() || error.is_builder() || error.is_body() || error.is_decode() {
            return false;
        }
        causes(error)
            .filter_map(|cause| cause.downcast_ref::<hyper::Error>())
            .any(|error| !error.is_parse() && !error.is_user())
    }
}

/// Where requests to a URL go: scheme, host and port, without anything that may be secret.
pub fn address(url: &Url) -> String {
    one_line(&url.origin().ascii_serialization(), MAX_TEXT)
}

/// What went wrong, without the server's address.
pub fn describe(error: &reqwest::Error) -> String {
    match error {
        _ if error.is_timeout() => "it took too long".to_owned(),
        _ if error.is_connect() => one_line(&format!("cannot connect: {}", cause(error)), MAX_TEXT),
        _ => cause(error),
    }
}

/// The innermost cause of a failure, which is the one a person can act on, in plain words.
pub(super) fn cause(error: &reqwest::Error) -> String {
    let cause = innermost(error);
    // `reqwest` itself names the whole URL in its texts.
    if cause.is::<reqwest::Error>() {
        return "the request failed".to_owned();
    }
    let words = cause.downcast_ref::<io::Error>().and_then(|error| in_words(error.kind()));
    words.map_or_else(|| one_line(&cause.to_string(), MAX_TEXT), str::to_owned)
}

/// What the system says about a connection, in words without the number of an error.
pub(super) fn in_words(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::ConnectionRefused => Some("connection refused"),
        io::ErrorKind::ConnectionReset => Some("connection reset"),
        io::ErrorKind::ConnectionAborted => Some("connection aborted"),
        io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Some("connection closed by the server"),
        io::ErrorKind::HostUnreachable => Some("no route to the host"),
        io::ErrorKind::NetworkUnreachable => Some("network unreachable"),
        io::ErrorKind::TimedOut => Some("connection timed out"),
        _ => None,
    }
}

/// An error and its causes, outermost first. The standard library does not report what an I/O error
/// wraps as its source.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map_or_else(|| error.source(), |inner| Some(inner))
    })
}

pub(super) fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (url, shown) in [
            ("https://api.pinecone.io/restore-jobs/canary?canary#canary", "https://api.pinecone.io"),
            ("http://canary:canary@127.0.0.1:8080/canary", "http://127.0.0.1:8080"),
            ("https://[::1]:8443/", "https://[::1]:8443"),
            ("http://localhost:80/", "http://localhost"),
        ] {
            assert_eq!(address(&Url::parse(url).unwrap()), shown);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_the_system_says_has_no_error_numbers() {
        // Of Linux: ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT.
        for (number, words) in [
            (111, "connection refused"),
            (104, "connection reset"),
            (113, "no route to the host"),
            (101, "network unreachable"),
            (110, "connection timed out"),
        ] {
            assert_eq!(in_words(io::Error::from_raw_os_error(number).kind()), Some(words));
        }
    }
}
