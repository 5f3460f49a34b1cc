//! The address of a database: a connection string, as `PostgreSQL` documents it
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>).
//!
//! Invariant: of an address that is refused, no text repeats anything but names of parameters; of one that is accepted, no text
//! but `password` has the password. Nothing in it is ignored but what the program decides itself.

mod fields;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use secrecy::zeroize::Zeroizing;
use url::Host;

use self::fields::{Fields, fault};
use crate::config::ShownPath;
use crate::model::{Placeholder, is_invisible};

/// The port of `PostgreSQL`.
const PORT: u16 = 5432;

/// How an address is written, for a help.
const FORM: &str = "write it like postgresql://restore_watch@db.example/restore_watch";

/// Where a database is, and who connects to it. Its `Display` and `Debug` forms have the database and its hosts.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    role: String,
    password: Option<Zeroizing<String>>,
    hosts: Vec<DatabaseHost>,
    database: String,
    encryption: Encryption,
    channel_binding: ChannelBinding,
    options: Option<String>,
}

/// A server of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseHost {
    Tcp {
        /// A name, or an IP address without brackets.
        name: String,
        port: u16,
    },
    /// A socket of this machine.
    Unix {
        directory: PathBuf,
        /// The end of its name.
        port: u16,
    },
}

/// Whether a connection is encrypted. If it is, the certificate of the server is verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encryption {
    Off,
    /// If the server offers it.
    #[default]
    IfOffered,
    Required,
}

/// Whether the password is bound to the encrypted connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ChannelBinding {
    Off,
    /// If the server offers it.
    #[default]
    IfOffered,
    Required,
}

/// Why a text is no address of a database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct ConnectionFault {
    /// What is wrong; it continues a sentence that names the address.
    pub fault: String,
    /// What to do about it.
    pub help: &'static str,
}

impl ConnectionString {
    /// Checks `text`. With `allow_plaintext`, connections to other machines may do without TLS.
    ///
    /// ```
    /// use restore_watch::config::ConnectionString;
    ///
    /// let address = ConnectionString::parse("postgresql://restore_watch:canary@db.example/restores", false)?;
    /// assert_eq!(address.to_string(), "database restores at db.example");
    /// # Ok::<(), restore_watch::config::ConnectionFault>(())
    /// ```
    pub fn parse(text: &str, allow_plaintext: bool) -> Result<Self, ConnectionFault> {
        let text = text.trim();
        let fields = Fields::of(text)?;
        check_texts(&fields)?;

        let hosts = hosts(&fields)?;
        let role = fields.role.filter(|role| !role.is_empty()).ok_or_else(|| {
            fault("names no role", "write it before the host: postgresql://ROLE@HOST/DATABASE, or user=ROLE")
        })?;
        let database = fields.database.filter(|database| !database.is_empty()).ok_or_else(|| {
            fault(
                "names no database",
                "write it behind the host: postgresql://ROLE@HOST/DATABASE, or dbname=DATABASE",
            )
        })?;
        let encryption = encryption(fields.encryption, &hosts, allow_plaintext)?;
        Ok(Self {
            role,
            password: fields.password.filter(|password| !password.is_empty()),
            hosts,
            database,
            encryption,
            channel_binding: fields.channel_binding,
            options: fields.options,
        })
    }

    /// Whether a password stands in `text`, as far as it can be read as an address.
    pub fn has_password(text: &str) -> bool {
        Fields::of(text.trim()).is_ok_and(|fields| fields.password.is_some())
    }

    /// Who connects.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// To be sent to the server, and not shown.
    pub fn password(&self) -> Option<&str> {
        self.password.as_ref().map(|password| password.as_str())
    }

    /// The servers, to be tried in this order; at least one.
    pub fn hosts(&self) -> &[DatabaseHost] {
        &self.hosts
    }

    /// The servers, for people.
    pub fn shown_hosts(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    pub fn channel_binding(&self) -> ChannelBinding {
        self.channel_binding
    }

    /// Options for the server's side of a session.
    pub fn options(&self) -> Option<&str> {
        self.options.as_deref()
    }
}

impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {} at {}", self.database, self.shown_hosts())
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl DatabaseHost {
    /// Whether it is this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp { name, .. } => name
                .parse::<IpAddr>()
                .map_or_else(|_| name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback()),
            Self::Unix { .. } => true,
        }
    }
}

impl fmt::Display for DatabaseHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = match self {
            Self::Tcp { name, port } if name.contains(':') => {
                write!(f, "[{name}]")?;
                port
            }
            Self::Tcp { name, port } => {
                f.write_str(name)?;
                port
            }
            Self::Unix { directory, port } => {
                write!(f, "{}", ShownPath(directory))?;
                port
            }
        };
        if *port == PORT { Ok(()) } else { write!(f, ":{port}") }
    }
}

/// Refuses placeholders, which are not replaced, and characters that no server has in a name.
fn check_texts(fields: &Fields) -> Result<(), ConnectionFault> {
    let names = [&fields.role, &fields.database].into_iter().flatten();
    let texts: Vec<_> = names.chain(&fields.hosts).chain(&fields.ports).map(String::as_str).collect();
    // A password may have anything in it.
    let password = fields.password.as_ref().and_then(|password| Placeholder::whole(password));
    if let Some(placeholder) = texts.iter().find_map(|text| Placeholder::find(text)).or(password) {
        return Err(fault(
            format!("has a placeholder like {placeholder}, which is not replaced"),
            "write the address itself, or say where the whole of it is read from: { env = \"NAME\" }, { file = \"PATH\" } or \
             { credential = \"NAME\" }",
        ));
    }
    if texts.iter().any(|text| text.contains(|c: char| is_invisible(c) || c.is_control())) {
        return Err(fault("has an invisible character in it", "type it again"));
    }
    Ok(())
}

/// The hosts, each with its port.
fn hosts(fields: &Fields) -> Result<Vec<DatabaseHost>, ConnectionFault> {
    let Fields { hosts, ports, .. } = fields;
    if hosts.iter().all(String::is_empty) {
        return Err(fault(
            "names no host",
            "write one; for a socket of this machine: host=/var/run/postgresql user=ROLE dbname=DATABASE",
        ));
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(fault("has more or fewer ports than hosts", "write one port, or one for each host"));
    }
    let port_of = |at: usize| ports.get(at).or(ports.first()).map(String::as_str).unwrap_or_default();
    hosts.iter().enumerate().map(|(at, host)| of_host(host, port_of(at))).collect()
}

fn of_host(host: &str, port: &str) -> Result<DatabaseHost, ConnectionFault> {
    let port = match port {
        "" => Some(PORT),
        digits => digits.parse().ok().filter(|port| *port > 0 && digits.bytes().all(|b| b.is_ascii_digit())),
    };
    let port = port.ok_or_else(|| fault("has a port that is no number from 1 to 65535", fields::ENCODE))?;

    if host.starts_with('/') {
        return Ok(DatabaseHost::Unix { directory: host.into(), port });
    }
    if host.parse::<IpAddr>().is_err() && (host.contains(':') || Host::parse(host).is_err()) {
        return Err(fault("has something in place of a host that is none", FORM));
    }
    Ok(DatabaseHost::Tcp { name: host.to_owned(), port })
}

/// How connections are encrypted if the address asks for this.
fn encryption(
    asked: Encryption,
    hosts: &[DatabaseHost],
    allow_plaintext: bool,
) -> Result<Encryption, ConnectionFault> {
    let is_local = hosts.iter().all(DatabaseHost::is_local);
    if hosts.iter().all(|host| matches!(host, DatabaseHost::Unix { .. })) {
        return Ok(Encryption::Off);
    }
    match asked {
        Encryption::Off if is_local || allow_plaintext => Ok(Encryption::Off),
        Encryption::Off => Err(fault(
            "has sslmode=disable, which leads to another machine without TLS",
            "remove it, or write allow_plaintext = true in [state]",
        )),
        // A server on this machine has a self-signed certificate in most cases.
        Encryption::IfOffered if is_local => Ok(Encryption::Off),
        Encryption::IfOffered if allow_plaintext => Ok(Encryption::IfOffered),
        Encryption::IfOffered | Encryption::Required => Ok(Encryption::Required),
    }
}
