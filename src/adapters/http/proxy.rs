//! The proxy of a request, by the environment.
//!
//! Invariant: a configured proxy that cannot be used is an error before the first request; its user
//! name and password are in no text.
//!
//! The client reads the same variables by itself, in this order, and connects directly if it cannot
//! read one (`hyper_util`, `client::proxy::matcher`). So they are checked here first.

use std::env;
use std::ffi::OsString;
use std::fmt;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use secrecy::zeroize::Zeroizing;
use url::Url;

use crate::config::{Redactor, is_loopback};

/// The variables that name a proxy for `https`, in pairs; the first of a pair that is set counts,
/// the first pair that is not empty decides.
const FOR_HTTPS: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ALL];

/// The variables for `http`.
const FOR_HTTP: [[&str; 2]; 2] = [["HTTP_PROXY", "http_proxy"], ALL];

/// The variables that name one for both.
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// The schemes of proxies. With `socks5` and `socks4` this machine looks names up, with the others
/// the proxy does.
const SCHEMES: &[&str] = &["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Shorter passwords occur in ordinary words, and are not masked.
const SHORTEST_MASKED: usize = 6;

/// A proxy that requests to some URL go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    variable: &'static str,
    address: String,
}

impl Proxy {
    /// The variable that names it.
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for Proxy {
    /// Its address, without the user name and the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

/// Why the proxy that a variable names cannot be used. The value is not repeated: it may hold a
/// password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the proxy in {variable} cannot be used: the value {fault}")]
pub struct ProxyError {
    variable: &'static str,
    fault: String,
}

/// The proxy that requests to `url` go through, if any.
pub fn proxy_of(url: &Url) -> Result<Option<Proxy>, ProxyError> {
    let Some((variable, value)) = setting(url.scheme()).filter(|_| !goes_direct(url)) else {
        return Ok(None);
    };
    let fault = |fault: String| ProxyError { variable, fault };
    let value = value.into_string().map_err(|_| fault("is not valid UTF-8".to_owned()))?;
    let intercept = check(&Zeroizing::new(value)).map_err(fault)?;
    Ok(Some(Proxy { variable, address: intercept.uri().to_string().trim_end_matches('/').to_owned() }))
}

/// The proxy that the client itself uses for this URL, with user name and password.
pub(super) fn intercept(url: &Url) -> Option<Intercept> {
    if is_loopback(url) {
        return None;
    }
    Matcher::from_system().intercept(&url.as_str().parse().ok()?)
}

/// `redactor`, which also masks the passwords of proxies. A user name alone is no secret, and may
/// be a common word.
#[must_use]
pub fn with_proxy_credentials(redactor: Redactor) -> Redactor {
    let names = [FOR_HTTPS, FOR_HTTP].into_iter().flatten().flatten();
    let values = names.filter_map(|name| env::var(name).ok()).map(Zeroizing::new);
    values.fold(redactor, |redactor, value| match credentials(&value) {
        None => redactor,
        Some(both) => {
            let (_, password) = both.split_once(':').unwrap_or((both, ""));
            redactor.with(both, SHORTEST_MASKED + 1, 2 * SHORTEST_MASKED).with(
                password,
                SHORTEST_MASKED,
                2 * SHORTEST_MASKED,
            )
        }
    })
}

/// The variable that names a proxy for this scheme, and its value.
fn setting(scheme: &str) -> Option<(&'static str, OsString)> {
    // A CGI program takes no proxy from the environment: there, HTTP_PROXY is a header that a
    // client may have sent.
    if env::var_os("REQUEST_METHOD").is_some() {
        return None;
    }
    let pairs = if scheme == "https" { FOR_HTTPS } else { FOR_HTTP };
    pairs.into_iter().find_map(|pair| {
        let set = pair.into_iter().find_map(|name| Some((name, env::var_os(name)?)));
        set.filter(|(_, value)| !value.is_empty())
    })
}

/// Whether this URL never uses a proxy: it is on this machine, or `NO_PROXY` names it.
fn goes_direct(url: &Url) -> bool {
    let named = ["NO_PROXY", "no_proxy"].into_iter().find_map(|name| env::var(name).ok()).unwrap_or_default();
    let any = Matcher::builder().all("http://proxy.invalid").no(named).build();
    let uri = url.as_str().parse::<Uri>().ok();
    is_loopback(url) || uri.is_some_and(|uri| any.intercept(&uri).is_none())
}

/// Reads the value of a variable as the client does. The error completes a sentence about the
/// value.
fn check(value: &str) -> Result<Intercept, String> {
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    if value.starts_with(['"', '\'']) {
        return Err("is in quotes; write it without (an --env-file of Docker hands quotes on)".to_owned());
    }
    if value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("has a blank or a control character in it; remove it".to_owned());
    }
    if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(format!("does not begin with a known scheme; write one of {}", SCHEMES.join(", ")));
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains(['/', '?', '#', '\\']) || rest.matches('@').count() > 1 {
        return Err("has more in it than a user name, a password, a host and a port; in a user name or a password, write \
                    / ? # @ % as %2F %3F %23 %40 %25"
            .to_owned());
    }

    let readable = Matcher::builder().all(value).build().intercept(&Uri::from_static("https://any.invalid"));

    readable
        .filter(|proxy| is_address(proxy.uri()))
        .ok_or_else(|| "is no address of a proxy; write it like http://proxy.example:3128".to_owned())
}

/// Whether there is a host and, if any, a valid port.
fn is_address(uri: &Uri) -> bool {
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return false };
    !host.is_empty() && (authority.as_str() == host || uri.port_u16().is_some_and(|port| port > 0))
}

/// The user name and the password in the value of a variable, percent-encoded as they stand there.
fn credentials(value: &str) -> Option<&str> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    rest.rsplit_once('@').map(|(credentials, _)| credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_name_a_proxy() {
        for (value, address) in [
            ("http://127.0.0.1:3128", "http://127.0.0.1:3128/"),
            ("http://127.0.0.1:3128/", "http://127.0.0.1:3128/"),
            ("proxy.example:3128", "http://proxy.example:3128/"),
            ("proxy.example", "http://proxy.example/"),
            ("HTTP://us%40er:p%3Aw@proxy.example:1", "http://proxy.example:1/"),
            ("https://[::1]:3128", "https://[::1]:3128/"),
            ("socks5h://proxy.example:1080", "socks5h://proxy.example:1080/"),
        ] {
            assert_eq!(check(value).unwrap().uri().to_string(), address, "{value}");
        }
    }

    #[test]
    fn values_that_cannot_be_used_are_refused_without_being_shown() {
        for (value, fault) in [
            ("http://canary.example:1 ", "blank"),
            (" http://canary.example:1", "blank"),
            ("\"http://canary.example:1\"", "quotes"),
            ("'http://canary.example:1'", "quotes"),
            ("http://user:canary#w@proxy.example:1", "%23"),
            ("http://user:canary/w@proxy.example:1", "%2F"),
            ("http://user:canary@w@proxy.example:1", "%40"),
            ("ftp://canary.example", "scheme"),
            ("quic://canary.example", "scheme"),
            ("::::", "no address"),
            ("http://", "no address"),
            ("http://canary.example:99999", "no address"),
            ("http://canary.example:0", "no address"),
            ("http://canary.example:", "no address"),
            ("http://:canary@", "no address"),
        ] {
            let Err(message) = check(value) else { panic!("{value} is used") };
            assert!(message.contains(fault) && !message.contains("canary"), "{value}: {message}");
        }
    }

    #[test]
    fn credentials_of_a_value() {
        for (value, found) in [
            ("http://user:p%40w@proxy.example:1", Some("user:p%40w")),
            ("user@proxy.example", Some("user")),
            ("proxy.example", None),
        ] {
            assert_eq!(credentials(value), found, "{value}");
        }
    }
}
