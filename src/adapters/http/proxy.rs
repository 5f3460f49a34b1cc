//! The proxy of a request, by the environment or by the configuration.
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

use crate::config::{ProxyAddress, Redactor, hide_credentials, is_loopback};

/// The variables that name a proxy for `https`, in pairs; the first of a pair that is set counts,
/// the first pair that is not empty decides.
const FOR_HTTPS: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ALL];

/// The variables for `http`.
const FOR_HTTP: [[&str; 2]; 2] = [["HTTP_PROXY", "http_proxy"], ALL];

/// The variables that name one for both.
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];

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

/// How the requests of a client reach their server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// Through the proxy that the environment names for a URL, if any.
    Environment,
    /// Without any proxy.
    Direct,
    /// Through this one, whatever the environment names.
    Proxy(ProxyAddress),
}

/// A proxy that requests to a URL go through, with user name and password.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) proxy: Intercept,
    /// Whether a configuration names it, and not the environment.
    pub(super) is_configured: bool,
}

impl Route {
    /// The proxy on the way to this URL.
    pub(super) fn hop(&self, url: &Url) -> Option<Hop> {
        let proxy = self.intercept(&url.as_str().parse().ok()?)?;
        match self {
            Self::Environment if is_loopback(url) => None,
            _ => Some(Hop { proxy, is_configured: *self != Self::Environment }),
        }
    }

    /// The proxy that the client itself uses on the way to this URL.
    fn intercept(&self, url: &Uri) -> Option<Intercept> {
        match self {
            Self::Environment => Matcher::from_system().intercept(url),
            Self::Direct => None,
            Self::Proxy(address) => Matcher::builder().all(address.expose()).build().intercept(url),
        }
    }
}

/// `redactor`, which also masks the passwords of proxies that the environment names.
#[must_use]
pub fn with_proxy_credentials(redactor: Redactor) -> Redactor {
    let names = [FOR_HTTPS, FOR_HTTP].into_iter().flatten().flatten();
    let values = names.filter_map(|name| env::var(name).ok()).map(Zeroizing::new);
    values.fold(redactor, |redactor, value| hide_credentials(redactor, &value))
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

/// Reads the address of a proxy as the client does. The error completes a sentence about the value.
fn check(value: &str) -> Result<Intercept, String> {
    let address = ProxyAddress::parse(value)?;
    Route::Proxy(address)
        .intercept(&Uri::from_static("https://any.invalid"))
        .filter(|proxy| is_address(proxy.uri()))
        .ok_or_else(|| "is no address of a proxy; write it like http://proxy.example:3128".to_owned())
}

/// Whether there is a host and, if any, a valid port.
fn is_address(uri: &Uri) -> bool {
    let (Some(authority), Some(host)) = (uri.authority(), uri.host()) else { return false };
    !host.is_empty() && (authority.as_str() == host || uri.port_u16().is_some_and(|port| port > 0))
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
}
