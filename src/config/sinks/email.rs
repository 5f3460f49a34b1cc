//! `type = "email"`: a mail for each event, handed to a mail server.
//!
//! Invariant: no mail and no password crosses a network unencrypted: `tls = "none"` is for a server
//! on this machine. That is checked here for an address in place of a name, and for every address
//! when it is connected to.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use toml::de::DeValue;

use super::{EventFilter, Meaning, TargetSettings, retry_schedule};
use crate::config::keys::{CA_FILE, Key, Kind, TEXT, Table, choice, default};
use crate::config::reader::{Finding, Section, Value, host_name, source};
use crate::config::surprise::Surprise;
use crate::config::{EmailTls, SecretSource};
use crate::model::{Placeholder, is_invisible};

/// The most recipients of a mail.
const MOST_RECIPIENTS: usize = 50;

/// In characters, of an address with its name.
const LONGEST_ADDRESS: usize = 320;

const HOST_HELP: &str = "write host = \"smtp.example.com\"";

const ADDRESS_HELP: &str = "write \"ops@example.com\" or \"Operations <ops@example.com>\"";

pub(in crate::config) static KEYS: Table = Table {
    title: "`[[sink]]` with `type = \"email\"`",
    place: Some("an email sink"),
    about: "A mail for each event, which is handed to a mail server.",
    keys: &[
        Key::new("host", TEXT, "The mail server: a name or an IP address.")
            .required()
            .example("\"smtp.example.com\""),
        Key::new(
            "port",
            Kind::Port,
            "Its port. Default: 465, or 587 with `\"starttls\"`, or 25 with `\"none\"`.",
        )
        .example("465"),
        Key::new(
            "tls",
            choice::<EmailTls>(default::<EmailTls>),
            "How the connection is encrypted: from its start, after the command STARTTLS, or not at all. Without STARTTLS, the \
             server gets nothing. `\"none\"` is for a server on this machine alone.",
        ),
        CA_FILE,
        Key::new("username", TEXT, "The name to log in with, if the server wants a login.")
            .example("\"alerts\""),
        Key::new("password", Kind::Secret, "Where the password of the login is read from.")
            .example("{ credential = \"smtp-password\" }"),
        Key::new("from", TEXT, "The address of the sender.")
            .required()
            .example("\"restore-watch <restores@example.com>\""),
        Key::new(
            "to",
            Kind::Addresses { most: MOST_RECIPIENTS },
            "The addresses of the recipients, who see each other.",
        )
        .required()
        .example("[\"ops@example.com\"]"),
        retry_schedule::KEY,
    ],
};

#[derive(Debug, Clone)]
pub struct EmailSettings {
    /// The mail server: a name in lower case, or an IP address.
    pub host: String,
    pub port: u16,
    pub tls: EmailTls,
    /// A file of certificates that are trusted beside those of the system.
    pub ca_file: Option<PathBuf>,
    /// What to log in with, if the server wants a login.
    pub login: Option<EmailLogin>,
    /// The sender. Addresses are ASCII.
    pub from: Mailbox,
    /// At least one recipient.
    pub to: Vec<Mailbox>,
    /// The time before each further attempt, counted from the failure of the one before; at least
    /// one.
    pub retry_schedule: Vec<Duration>,
}

/// What to log in to a mail server with.
#[derive(Debug, Clone)]
pub struct EmailLogin {
    pub username: String,
    pub password: SecretSource,
}

impl EmailSettings {
    /// Mails by this server, with the defaults of everything else.
    pub fn new(host: impl Into<String>, tls: EmailTls, from: Mailbox, to: Vec<Mailbox>) -> Self {
        Self {
            host: host.into(),
            port: tls.usual_port(),
            tls,
            ca_file: None,
            login: None,
            from,
            to,
            retry_schedule: retry_schedule::DEFAULT.to_vec(),
        }
    }

    /// Host and port.
    pub fn server(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// Reads the rest of the table of such a sink, and finishes it.
    pub(super) fn read(mut section: Section<'_>, sink: &str, base: &Path) -> Option<Self> {
        for (key, help) in [
            ("host", HOST_HELP),
            ("from", "add from = \"ops@example.com\""),
            ("to", "add to = [\"ops@example.com\"]"),
        ] {
            if section.lacks(key) {
                let finding = Finding::new(&section.span, format!("an email sink without `{key}`"));
                section.report.push(finding.help(help));
            }
        }

        let tls: Option<EmailTls> = section.choice("tls");
        let place_of_tls = section.span_of("tls");
        let port = section.take("port").and_then(|value| value.integer(&(1..=u32::from(u16::MAX))));
        let host = section.take("host").and_then(|value| host_name(&value, HOST_HELP));
        if let (Some(at), Some(EmailTls::None), Some(none)) = (section.span_of("ca_file"), tls, &place_of_tls)
        {
            let finding = Finding::new(&at, "`ca_file` is for connections with TLS");
            section.report.push(finding.see("`tls` is \"none\" on line", none).help("remove one of them"));
        }
        let ca_file = section.path("ca_file", base);
        let login = login(&mut section, base);
        let from = section.take("from").and_then(|value| mailbox(&value));
        let most = section.declaration("to").most();
        let to = section.take("to").and_then(|value| recipients(&value, most));
        let schedule = retry_schedule::read(&mut section);
        let report = section.report;
        section.finish();

        let place_of_tls = place_of_tls.filter(|_| tls == Some(EmailTls::None));
        let usual = Self::new(host?, tls.unwrap_or_default(), from?, to?);
        if let Some(at) = place_of_tls.as_ref().filter(|_| is_elsewhere(&usual.host)) {
            let fault = "`tls` cannot be \"none\" for a server on another machine: mails and passwords would be readable";
            report.push(
                Finding::new(at, fault)
                    .help("write tls = \"starttls\" or \"implicit\", or the host \"localhost\""),
            );
            return None;
        }
        if let Some(at) = place_of_tls.filter(|_| is_doubtful(&usual.host)) {
            report.warn(&at, &Surprise::PlainMail { sink, host: &usual.host });
        }
        Some(Self {
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(usual.port),
            ca_file,
            login,
            retry_schedule: schedule.unwrap_or_else(|| usual.retry_schedule.clone()),
            ..usual
        })
    }
}

impl TargetSettings for EmailSettings {
    fn usual_events(&self) -> EventFilter {
        EventFilter::for_people()
    }

    fn meaning(&self) -> Meaning {
        let recipients: Vec<_> = self.to.iter().map(|to| to.email.to_string()).collect();
        let shown = match recipients.split_at_checked(3) {
            Some((first, rest)) if !rest.is_empty() => {
                format!("{} and {} more", first.join(", "), rest.len())
            }
            _ => recipients.join(", "),
        };
        let tls = match self.tls {
            EmailTls::Implicit => "with TLS from the start",
            EmailTls::Starttls => "with STARTTLS, which it must offer",
            EmailTls::None => "without TLS, only on this machine",
        };
        let login = self.login.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);

        let meaning = Meaning::new(format!("mail to {shown}"))
            .with("server", format!("{}, {tls}", self.server()))
            .with("login", login)
            .with("from", self.from.email.to_string());
        retry_schedule::add_to(meaning, &self.retry_schedule)
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretSource)> {
        self.login.iter().map(|login| ("password", &login.password)).collect()
    }
}

impl fmt::Display for EmailLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "as {}, with a password from {}", self.username, self.password)
    }
}

impl EmailTls {
    fn usual_port(self) -> u16 {
        match self {
            Self::Implicit => 465,
            Self::Starttls => 587,
            Self::None => 25,
        }
    }
}

/// Whether this is an IP address of another machine. Where a name leads is known once it is looked
/// up.
fn is_elsewhere(host: &str) -> bool {
    host.parse().is_ok_and(|address: IpAddr| !address.to_canonical().is_loopback())
}

/// Whether this is a name that need not lead to this machine (RFC 6761, section 6.3).
fn is_doubtful(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.parse::<IpAddr>().is_err() && host != "localhost" && !host.ends_with(".localhost")
}

/// User name and password, of which neither goes without the other.
fn login(section: &mut Section<'_>, base: &Path) -> Option<EmailLogin> {
    let report = section.report;
    let places = (section.span_of("username"), section.span_of("password"));
    let username = section.take("username").and_then(|value| username(&value));
    let password = section.take("password").and_then(|value| source::read(&value, base));
    match places {
        (Some(at), None) if section.lacks("password") => {
            report.push(Finding::new(&at, "`username` without a `password`").help(source::FORMS));
        }
        (None, Some(at)) if section.lacks("username") => {
            report.push(Finding::new(&at, "`password` without a `username`").help("add username = \"NAME\""));
        }
        _ => {}
    }
    Some(EmailLogin { username: username?, password: password? })
}

fn username(value: &Value<'_>) -> Option<String> {
    let text = value.string()?;
    if text.is_empty() || text.contains(is_invisible) {
        value.refuse("is empty, or has an invisible character in it", "write the name that the server knows");
        return None;
    }
    Some(text.to_owned())
}

/// One address, or an array of them; nothing if one of them was refused.
fn recipients(value: &Value<'_>, most: usize) -> Option<Vec<Mailbox>> {
    let entries = match value.inner {
        DeValue::Array(_) => value.array(ADDRESS_HELP)?,
        _ => vec![value.clone()],
    };
    match entries.len() {
        0 => value.refuse("is empty", ADDRESS_HELP),
        count if count > most => value.refuse(
            format_args!("has {count} entries; at most {most} are accepted"),
            "write the address of a mailing list",
        ),
        _ => {}
    }

    let mut found: Vec<Mailbox> = Vec::new();
    for entry in &entries {
        match mailbox(entry) {
            Some(again) if found.iter().any(|known| known.email == again.email) => {
                entry.refuse("is there twice", "name each address once");
            }
            one => found.extend(one),
        }
    }
    (!found.is_empty() && found.len() == entries.len()).then_some(found)
}

/// An address, with or without a name.
fn mailbox(value: &Value<'_>) -> Option<Mailbox> {
    let text = value.string_or("a string or an array", ADDRESS_HELP)?;
    let is_placeholder = Placeholder::find(text).is_some_and(Placeholder::is_unmistakable);
    let parsed: Option<Mailbox> = text.parse().ok();
    let (fault, help) = match parsed {
        _ if text.contains(is_invisible) => {
            ("has a line break or an invisible character in it", "type the address again")
        }
        _ if is_placeholder => ("has a placeholder in it, which is not replaced", "write the address itself"),
        _ if text.chars().count() > LONGEST_ADDRESS => ("is too long for an address", ADDRESS_HELP),
        _ if has_foreign_address(text) => (
            "has an address with characters that are not ASCII, which many mail servers do not take",
            "write the domain as DNS has it, such as \"xn--bcher-kva.example\"; the part before the @ must be ASCII",
        ),
        Some(mailbox) => return Some(mailbox),
        None if text.contains([',', ';']) => {
            ("is not one address", "write an array: [\"a@example.com\", \"b@example.com\"]")
        }
        None => ("is not an address", ADDRESS_HELP),
    };
    value.refuse(fault, help);
    None
}

/// Whether the address in a text, without its name, has characters that are not ASCII.
fn has_foreign_address(text: &str) -> bool {
    let address = text.rsplit_once('<').map_or(text, |(_, address)| address);
    address.contains('@') && !address.is_ascii()
}

#[cfg(test)]
mod tests;
