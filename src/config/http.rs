//! The HTTP listener: where it listens, and which requests it answers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::surprise::Surprise;
use super::{SecretSource, ShownPath};

/// The listener of a daemon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where it listens; nowhere if this is empty.
    pub listen: Vec<ListenAddress>,
    /// Whether an address may be reachable from other machines.
    pub allow_remote: bool,
    /// Where the token is read from that requests must have.
    pub token: Option<SecretSource>,
    /// Further values of the `Host` header, in lower case and without a port.
    pub hosts: Vec<String>,
}

impl HttpSettings {
    /// The most addresses.
    pub(super) const MOST: usize = 16;

    /// Warns of an address that other machines can reach and that needs no token, in one line.
    pub fn warning(&self) -> Option<String> {
        let open = self.listen.iter().find(|address| address.is_remote() && self.token.is_none())?;
        let address = open.to_string();
        let surprise = Surprise::OpenToAll { address: &address };
        Some(format!("{}; {}", surprise.message(), surprise.help()))
    }
}

/// Where a listener listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
}

/// Why a text is no address to listen at: what is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenError {
    pub fault: String,
    pub help: String,
}

impl ListenAddress {
    const FORMS: &str =
        "write it like \"127.0.0.1:9115\", \"[::1]:9115\" or \"unix:/run/restore-watch/http.sock\"";

    /// The port that examples have.
    const USUAL_PORT: u16 = 9115;

    /// Reads `127.0.0.1:9115`, `[::1]:9115`, `localhost:9115` or `unix:PATH`. A relative path starts
    /// at `base`.
    ///
    /// ```
    /// use std::path::Path;
    /// use restore_watch::config::ListenAddress;
    ///
    /// let address = ListenAddress::parse("localhost:9115", Path::new("/"))?;
    /// assert_eq!(address.to_string(), "http://127.0.0.1:9115");
    /// # Ok::<(), restore_watch::config::ListenError>(())
    /// ```
    pub fn parse(text: &str, base: &Path) -> Result<Self, ListenError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.trim() {
                "" => Err(ListenError::new("names no socket", Self::FORMS)),
                _ => Ok(Self::Unix(base.join(path))),
            };
        }
        if text.contains("://") {
            return Err(ListenError::new("is a URL, not an address", Self::FORMS));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Tcp(address));
        }

        if let Ok(ip) = text.parse::<IpAddr>() {
            let address = SocketAddr::new(ip, Self::USUAL_PORT);
            return Err(ListenError::new("has no port", format!("write \"{address}\"")));
        }

        let port_of = |text: &str| text.parse::<u16>().ok();
        if let Some((host, port)) = text.rsplit_once(':')
            && let Some(port) = port_of(port)
        {
            return match host {
                "localhost" => Ok(Self::Tcp((Ipv4Addr::LOCALHOST, port).into())),
                "" | "*" => Err(ListenError::without_host(port)),
                _ => Err(ListenError::new("has no IP address before the port", Self::FORMS)),
            };
        }
        Err(match text {
            _ if let Some(port) = port_of(text) => ListenError::without_host(port),
            _ if text.starts_with('/') => ListenError::new(
                "is a path, not an address",
                format!("write \"unix:{text}\" for a Unix socket"),
            ),
            _ => ListenError::new("is no address to listen at", Self::FORMS),
        })
    }

    /// Whether both name one place, where only one of them can be listened at. Any free port is
    /// another one each time.
    pub fn is_same_place(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tcp(one), Self::Tcp(other)) => {
                let is_same =
                    one.port() == other.port() && one.ip().to_canonical() == other.ip().to_canonical();
                is_same && one.port() != 0
            }
            (Self::Unix(one), Self::Unix(other)) => one == other,
            _ => false,
        }
    }

    /// Whether other machines can reach it.
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl ListenError {
    fn new(fault: impl Into<String>, help: impl Into<String>) -> Self {
        Self { fault: fault.into(), help: help.into() }
    }

    fn without_host(port: u16) -> Self {
        let help = format!(
            "write \"127.0.0.1:{port}\" for clients on this machine, or \"0.0.0.0:{port}\" for those on others, too"
        );
        Self::new("names no host", help)
    }
}

impl std::error::Error for ListenError {}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it {}; {}", self.fault, self.help)
    }
}

impl fmt::Display for ListenAddress {
    /// The address as a URL, or as it is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", ShownPath(path)),
        }
    }
}

/// A host as [`HttpSettings::hosts`] has it: in lower case, without brackets or a dot at its end.
pub fn normal_host(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    match inner.parse::<IpAddr>() {
        Ok(ip) => ip.to_string(),
        Err(_) => inner.strip_suffix('.').unwrap_or(inner).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ListenAddress, ListenError> {
        ListenAddress::parse(text, Path::new("/etc/restore-watch"))
    }

    #[test]
    fn addresses_are_read_in_every_form() {
        for (text, shown, is_remote) in [
            ("127.0.0.1:9115", "http://127.0.0.1:9115", false),
            ("127.0.0.1:0", "http://127.0.0.1:0", false),
            ("[::1]:9115", "http://[::1]:9115", false),
            ("[::ffff:127.0.0.1]:80", "http://[::ffff:127.0.0.1]:80", false),
            ("localhost:80", "http://127.0.0.1:80", false),
            ("0.0.0.0:9115", "http://0.0.0.0:9115", true),
            ("[::]:9115", "http://[::]:9115", true),
            ("10.0.0.5:9115", "http://10.0.0.5:9115", true),
            ("unix:/run/a.sock", "unix:/run/a.sock", false),
            ("unix:a.sock", "unix:/etc/restore-watch/a.sock", false),
        ] {
            let address = parse(text).unwrap();
            assert_eq!((address.to_string().as_str(), address.is_remote()), (shown, is_remote), "{text}");
        }
    }

    #[test]
    fn one_place_has_several_addresses() {
        for (one, other, is_same) in [
            ("127.0.0.1:80", "localhost:80", true),
            ("127.0.0.1:80", "[::ffff:127.0.0.1]:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("unix:a.sock", "unix:/etc/restore-watch/./a.sock", true),
            ("unix:a.sock", "unix:b.sock", false),
        ] {
            assert_eq!(parse(one).unwrap().is_same_place(&parse(other).unwrap()), is_same, "{one} {other}");
        }
    }

    #[test]
    fn other_texts_are_refused_with_advice() {
        for (text, fault, help) in [
            ("", "is no address", "write it like"),
            ("9115", "names no host", "\"127.0.0.1:9115\""),
            (":80", "names no host", "\"0.0.0.0:80\""),
            ("*:80", "names no host", "\"0.0.0.0:80\""),
            ("127.0.0.1", "has no port", "\"127.0.0.1:9115\""),
            ("::1", "has no port", "\"[::1]:9115\""),
            ("monitor.example.com:80", "has no IP address", "write it like"),
            ("127.0.0.1:70000", "is no address", "write it like"),
            ("http://127.0.0.1:80", "is a URL", "write it like"),
            ("http://127.0.0.1", "is a URL", "write it like"),
            ("/run/a.sock", "is a path", "\"unix:/run/a.sock\""),
            ("unix:", "names no socket", "write it like"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.fault.starts_with(fault) && error.help.contains(help), "{text}: {error}");
        }
    }

    #[test]
    fn hosts_are_compared_in_one_form() {
        for (text, normal) in [
            ("A.Example", "a.example"),
            ("a.example.", "a.example"),
            ("[::1]", "::1"),
            ("[0:0::1]", "::1"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(normal_host(text), normal);
        }
    }
}
