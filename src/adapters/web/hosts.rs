//! The names by which clients may call a listener.
//!
//! A page of another site can have its own name lead to this machine (DNS rebinding), and would
//! then read what the listener shows. Its requests have that name in their `Host` header.
//!
//! Invariant: a name is accepted only if it is `localhost` or written in the configuration.

use std::net::IpAddr;

use crate::config::{ListenAddress, normal_host};

/// What the `Host` header of requests to one listener may be.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    /// The address of the listener; none for a Unix socket, which no page of a browser can reach.
    address: Option<IpAddr>,
    /// Further ones, as [`normal_host`] makes them.
    names: Vec<String>,
}

impl Hosts {
    pub(super) fn of(address: &ListenAddress, names: &[String]) -> Self {
        let address = match address {
            ListenAddress::Tcp(address) => Some(address.ip().to_canonical()),
            ListenAddress::Unix(_) => None,
        };
        Self { address, names: names.to_vec() }
    }

    /// Whether requests need no `Host` header that is known.
    pub(super) fn are_free(&self) -> bool {
        self.address.is_none()
    }

    /// Whether this is accepted; the port is left out of it.
    pub(super) fn accept(&self, host: &str) -> bool {
        let Some(address) = self.address else { return true };
        let host = normal_host(host);
        if self.names.contains(&host) {
            return true;
        }
        match host.parse::<IpAddr>() {
            // Rebinding takes a name.
            Ok(ip) => address.is_unspecified() || ip.to_canonical() == address,
            Err(_) => host == "localhost" && (address.is_loopback() || address.is_unspecified()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(listen: &str) -> Vec<&'static str> {
        let address = ListenAddress::parse(listen, std::path::Path::new("/")).unwrap();
        let hosts = Hosts::of(&address, &["monitor.example".to_owned(), "192.0.2.7".to_owned()]);
        let given = [
            "127.0.0.1",
            "[::1]",
            "LocalHost.",
            "10.0.0.5",
            "[::ffff:10.0.0.5]",
            "Monitor.Example",
            "192.0.2.7",
            "evil.example",
            "127.0.0.1.evil.example",
            "",
        ];
        given.into_iter().filter(|host| hosts.accept(host)).collect()
    }

    #[test]
    fn a_listener_accepts_its_address_and_configured_names() {
        let loopback = ["127.0.0.1", "LocalHost.", "Monitor.Example", "192.0.2.7"];
        assert_eq!(accepted("127.0.0.1:80"), loopback);
        assert_eq!(accepted("[::1]:80"), ["[::1]", "LocalHost.", "Monitor.Example", "192.0.2.7"]);
        let one = ["10.0.0.5", "[::ffff:10.0.0.5]", "Monitor.Example", "192.0.2.7"];
        assert_eq!(accepted("10.0.0.5:80"), one);
        let any = [
            "127.0.0.1",
            "[::1]",
            "LocalHost.",
            "10.0.0.5",
            "[::ffff:10.0.0.5]",
            "Monitor.Example",
            "192.0.2.7",
        ];
        assert_eq!(accepted("0.0.0.0:80"), any);
        assert_eq!(accepted("[::]:80"), any);
        assert_eq!(accepted("unix:/a").len(), 10);
    }
}
