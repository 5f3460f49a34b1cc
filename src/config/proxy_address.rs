//! The address of a proxy.
//!
//! Invariant: the user name and the password of a proxy are in no text that is made here, and each
//! copy of them is overwritten when it is dropped.

use std::fmt;

use secrecy::zeroize::Zeroizing;

use super::Redactor;

/// The schemes of proxies. With `socks5` and `socks4` this machine looks names up, with the others
/// the proxy does.
const SCHEMES: &[&str] = &["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Shorter passwords occur in ordinary words, and are not masked.
const SHORTEST_MASKED: usize = 6;

/// The address of a proxy, of which its `Display` and `Debug` forms show scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyAddress(Zeroizing<String>);

impl ProxyAddress {
    /// Checks `text`. The error continues a sentence that names the value; after `; ` it says what
    /// to do.
    ///
    /// ```
    /// use restore_watch::config::ProxyAddress;
    ///
    /// let proxy = ProxyAddress::parse("http://user:password@proxy.example:3128")?;
    /// assert_eq!(proxy.to_string(), "http://proxy.example:3128");
    /// # Ok::<(), String>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = parts(text);
        if text.starts_with(['"', '\'']) {
            return Err("is in quotes; write it without (an --env-file of Docker hands quotes on)".to_owned());
        }
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err("has a blank or a control character in it; remove it".to_owned());
        }
        if !SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(format!("does not begin with a known scheme; write one of {}", SCHEMES.join(", ")));
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '\\']) || rest.matches('@').count() > 1 {
            return Err(
                "has more in it than a user name, a password, a host and a port; in a user name or a password, write \
                 / ? # @ % as %2F %3F %23 %40 %25"
                    .to_owned(),
            );
        }
        if !is_authority(rest.rsplit('@').next().unwrap_or(rest)) {
            return Err("is no address of a proxy; write it like http://proxy.example:3128".to_owned());
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether it has a password.
    pub fn has_password(&self) -> bool {
        credentials(&self.0).is_some_and(|credentials| credentials.contains(':'))
    }

    /// Extends `redactor` to its password.
    pub fn hide(&self, redactor: Redactor) -> Redactor {
        hide_credentials(redactor, &self.0)
    }

    /// The whole address, to be connected to and not shown.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, rest) = parts(&self.0);
        let host = rest.rsplit('@').next().unwrap_or(rest).trim_end_matches('/');
        write!(f, "{}://{host}", scheme.to_ascii_lowercase())
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Extends `redactor` to the password in the address of a proxy. A user name alone is no secret, and
/// may be a common word.
pub fn hide_credentials(redactor: Redactor, address: &str) -> Redactor {
    let Some(both) = credentials(address) else { return redactor };
    let (_, password) = both.split_once(':').unwrap_or((both, ""));
    redactor.with(both, SHORTEST_MASKED + 1, 2 * SHORTEST_MASKED).with(
        password,
        SHORTEST_MASKED,
        2 * SHORTEST_MASKED,
    )
}

/// The scheme of an address, and what follows it.
fn parts(address: &str) -> (&str, &str) {
    address.split_once("://").unwrap_or(("http", address))
}

/// The user name and the password in an address, percent-encoded as they stand there.
fn credentials(address: &str) -> Option<&str> {
    parts(address).1.rsplit_once('@').map(|(credentials, _)| credentials)
}

/// Whether this is a host and, if any, a valid port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    url::Host::parse(host).is_ok() && port.is_none_or(is_port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_is_shown_without_credentials() {
        for (text, shown) in [
            ("HTTP://us%40er:canary@proxy.example:1/", "http://proxy.example:1"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("socks5h://canary@[::1]:1080", "socks5h://[::1]:1080"),
        ] {
            let address = ProxyAddress::parse(text).unwrap();
            assert_eq!(format!("{address} {address:?}"), format!("{shown} {shown}"), "{text}");
        }
    }

    #[test]
    fn address_has_a_host_and_a_port_if_any() {
        for text in [
            "http://",
            "http://user@",
            "http://a:",
            "http://a:+80",
            "http://a:0",
            "http://a b",
            "http://[::1",
        ] {
            assert!(ProxyAddress::parse(text).is_err(), "{text}");
        }
        for text in ["a", "http://10.0.0.1:3128", "https://[::1]", "socks5://proxy_1.example:1080"] {
            assert!(ProxyAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn credentials_of_an_address() {
        for (value, found) in [
            ("http://user:p%40w@proxy.example:1", Some("user:p%40w")),
            ("user@proxy.example", Some("user")),
            ("proxy.example", None),
        ] {
            assert_eq!(credentials(value), found, "{value}");
        }
    }
}
