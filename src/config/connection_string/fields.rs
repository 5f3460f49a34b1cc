//! The parts of a connection string, in both of its forms: a URL, and words like `host=db.example`.
//!
//! Invariant: a text that can be read in two ways, such as one with an `@` in its password, is refused.

use secrecy::zeroize::Zeroizing;

use super::{ChannelBinding, ConnectionFault, Encryption, FORM};

/// What to do if characters of a user name or a password are taken for marks of the address.
pub(super) const ENCODE: &str =
    "in a role or a password, write : / ? # @ % and blanks as %3A %2F %3F %23 %40 %25 %20";

/// Parameters that the program decides itself: what a client is called, how long it waits, and in which order it tries.
const OWN: &[&str] = &[
    "application_name",
    "client_encoding",
    "connect_timeout",
    "fallback_application_name",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "tcp_user_timeout",
];

/// Parameters of other clients, each with what to do instead.
const REFUSED: &[(&str, &str)] = &[
    ("gssencmode", "remove it: connections are encrypted by TLS"),
    ("hostaddr", "write the address itself as the host"),
    ("passfile", PASSWORD),
    ("require_auth", "remove it: use channel_binding=require"),
    ("service", PASSWORD),
    ("servicefile", PASSWORD),
    ("sslcert", CERTIFICATE),
    ("sslcrl", "remove it"),
    ("sslkey", CERTIFICATE),
    ("sslnegotiation", "remove it"),
    ("sslpassword", CERTIFICATE),
    ("sslrootcert", "remove it, and write ca_file = \"PATH\" in [state]"),
];

const PASSWORD: &str = "remove it, and write the password into the address, as a file or a credential has it";
const CERTIFICATE: &str = "remove it: a role is identified by a password here, not by a certificate";

/// The parts of an address, decoded and not yet judged.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) role: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) hosts: Vec<String>,
    /// One for each host, or one for all, or none.
    pub(super) ports: Vec<String>,
    pub(super) database: Option<String>,
    pub(super) encryption: Encryption,
    pub(super) channel_binding: ChannelBinding,
    pub(super) options: Option<String>,
}

pub(super) fn fault(fault: impl Into<String>, help: &'static str) -> ConnectionFault {
    ConnectionFault { fault: fault.into(), help }
}

impl Fields {
    pub(super) fn of(text: &str) -> Result<Self, ConnectionFault> {
        if text.starts_with(['"', '\'', '`']) {
            return Err(fault("is in quotes", "write it without them"));
        }
        let url = ["postgresql://", "postgres://"].iter().find_map(|scheme| text.strip_prefix(scheme));
        match url {
            Some(rest) => Self::of_url(rest),
            None if text.contains("postgresql://") || text.contains("postgres://") => {
                Err(fault("has something before postgresql://", "write the address alone"))
            }
            None if text.contains("://") || !text.contains('=') => {
                Err(fault("is no address of PostgreSQL", FORM))
            }
            None => Self::of_words(text),
        }
    }

    /// What follows the scheme: `role:password@host:port,host:port/database?name=value&…`
    fn of_url(rest: &str) -> Result<Self, ConnectionFault> {
        if rest.contains(char::is_whitespace) {
            return Err(fault("has a blank in it", ENCODE));
        }
        let (authority, behind) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        let path = path.strip_prefix('/').unwrap_or(path);
        let (credentials, hosts) =
            authority.split_once('@').map_or((None, authority), |(before, behind)| (Some(before), behind));
        let is_ambiguous = hosts.contains('@') || behind.contains('@') || path.contains(['/', ':', '#']);
        if is_ambiguous {
            return Err(fault("has more in it than a role, a password, hosts and a database", ENCODE));
        }

        let mut fields = Self::default();
        if let Some(credentials) = credentials {
            let (role, password) = credentials
                .split_once(':')
                .map_or((credentials, None), |(role, password)| (role, Some(password)));
            fields.role = Some(decoded(role)?.to_string());
            fields.password = password.map(decoded).transpose()?;
        }
        if !hosts.is_empty() {
            for host in hosts.split(',') {
                let (host, port) = host_and_port(host);
                fields.hosts.push(decoded(host)?.to_string());
                fields.ports.push(decoded(port)?.to_string());
            }
        }
        if !path.is_empty() {
            fields.database = Some(decoded(path)?.to_string());
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| fault("has a parameter without a value", FORM))?;
            fields.set(&decoded(name)?, decoded(value)?)?;
        }
        Ok(fields)
    }

    /// Words like `name=value`, with `'` around values that have blanks, and `\` before marks.
    fn of_words(text: &str) -> Result<Self, ConnectionFault> {
        let malformed =
            || fault("is no connection string", "write it like host=HOST user=ROLE dbname=DATABASE");
        let mut fields = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('=').ok_or_else(malformed)?;
            if name.trim().contains(char::is_whitespace) {
                return Err(malformed());
            }
            let (value, behind) = value(behind.trim_start()).ok_or_else(malformed)?;
            fields.set(name.trim(), value)?;
            rest = behind.trim_start();
        }
        Ok(fields)
    }

    fn set(&mut self, name: &str, value: Zeroizing<String>) -> Result<(), ConnectionFault> {
        let list = || value.split(',').map(str::to_owned).collect();
        match name {
            "user" => self.role = Some(value.to_string()),
            "password" => self.password = Some(value),
            "dbname" => self.database = Some(value.to_string()),
            "host" => self.hosts = list(),
            "port" => self.ports = list(),
            "options" => self.options = Some(value.to_string()),
            "sslmode" => self.encryption = encryption(&value)?,
            "ssl" if *value == "true" => self.encryption = Encryption::Required,
            "channel_binding" => self.channel_binding = channel_binding(&value)?,
            "target_session_attrs" if ["any", "read-write", "primary"].contains(&value.as_str()) => {}
            "target_session_attrs" => {
                return Err(fault(
                    "has a `target_session_attrs` for servers that cannot be written",
                    "remove it: of several hosts, the one that can be written is used",
                ));
            }
            name if OWN.contains(&name) => {}
            name => {
                // No other name is shown: it may be a part of a password.
                let refused = REFUSED.iter().find(|(refused, _)| *refused == name);
                return Err(match refused {
                    Some((name, help)) => fault(format!("has the parameter `{name}`"), help),
                    None => fault(
                        "has a parameter that is not known here",
                        "remove it; known are user, password, host, port, dbname, sslmode, channel_binding, options and \
                         target_session_attrs",
                    ),
                });
            }
        }
        Ok(())
    }
}

fn encryption(word: &str) -> Result<Encryption, ConnectionFault> {
    match word {
        "disable" => Ok(Encryption::Off),
        "allow" | "prefer" => Ok(Encryption::IfOffered),
        // The certificate of a server is verified in any case.
        "require" | "verify-ca" | "verify-full" => Ok(Encryption::Required),
        _ => Err(fault("has an `sslmode` that is not known", "write sslmode=verify-full, or remove it")),
    }
}

fn channel_binding(word: &str) -> Result<ChannelBinding, ConnectionFault> {
    match word {
        "disable" => Ok(ChannelBinding::Off),
        "prefer" => Ok(ChannelBinding::IfOffered),
        "require" => Ok(ChannelBinding::Required),
        _ => Err(fault(
            "has a `channel_binding` that is not known",
            "write channel_binding=require, or remove it",
        )),
    }
}

/// A host, without brackets, and its port, which is empty if there is none.
fn host_and_port(text: &str) -> (&str, &str) {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':').unwrap_or(port)),
        None => text.split_once(':').unwrap_or((text, "")),
    }
}

/// A value at the start of a text, and what follows it. None if its quotes are not closed.
fn value(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let quoted = text.strip_prefix('\'');
    let inner = quoted.unwrap_or(text);
    // As long as it can become: a text that grows leaves copies behind.
    let mut value = Zeroizing::new(String::with_capacity(inner.len()));
    let mut characters = inner.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' if quoted.is_some() => return Some((value, &inner[at + 1..])),
            c if quoted.is_none() && c.is_whitespace() => return Some((value, &inner[at..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    quoted.is_none().then_some((value, ""))
}

/// A part of a URL without its percent-encoding.
fn decoded(text: &str) -> Result<Zeroizing<String>, ConnectionFault> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let octet = (*first == b'%').then(|| behind.get(..2)).flatten();
        let octet = octet.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &behind[2..] } else { behind };
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(fault("is not valid UTF-8 where it is percent-encoded", ENCODE)),
    }
}
