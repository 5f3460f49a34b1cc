//! `[[sink]]`: where events go, which ones, and in what form.
//!
//! Each type of sink has a file of its own here: its settings, its keys and how they are read. What
//! all types have in common is in [`SinkSettings`].

mod defaults;
mod desktop;
mod email;
mod events;
mod exec;
mod headers;
mod hours;
mod keys;
mod list;
mod log;
mod retry_schedule;
mod route;
mod surroundings;
mod template;
mod transport;
mod webhook;

use super::SinkType;
use super::keys::Table;
use super::reader::Section;
use super::secret::SecretSource;
use crate::model::Keyword as _;

pub use desktop::DesktopSettings;
pub use email::{EmailLogin, EmailSettings};
pub use events::EventFilter;
pub use exec::ExecSettings;
pub use headers::{Authorization, Header, HeaderSettings, HeaderText, header_fault};
pub use hours::{Hours, Outside, Phase};
pub use log::LogSettings;
pub use route::{Restore, Route};
pub use template::TemplateSettings;
pub use transport::{ClientCert, ProxySource, ProxySourceError, TransportSettings, trusted};
pub use webhook::WebhookSettings;

pub(super) use defaults::SINK_DEFAULTS;
pub(super) use headers::BASIC_KEYS;
pub(super) use hours::HOURS;
pub(super) use keys::SINK;
pub(super) use list::{help_for_table, read};
pub(super) use surroundings::Surroundings;
pub(super) use transport::CLIENT_CERT_KEYS;

/// A sink: where events go, and which ones.
#[derive(Debug, Clone)]
pub struct SinkSettings {
    /// Its name, unique among the sinks; its type unless given.
    pub name: String,
    /// Which events it gets.
    pub route: Route,
    /// When they go out; none for at any time.
    pub hours: Option<Hours>,
    /// Where they go.
    pub target: SinkTarget,
}

impl SinkSettings {
    /// A sink called after its type, with the events that are usual for it.
    pub fn new(target: SinkTarget) -> Self {
        let route = Route::new(target.settings().usual_events());
        Self { name: target.kind().as_str().to_owned(), route, hours: None, target }
    }
}

/// Where the events of a sink go, by its type.
#[derive(Debug, Clone)]
pub enum SinkTarget {
    /// The log of the process, on standard error.
    Log(LogSettings),
    /// A desktop notification.
    Desktop(DesktopSettings),
    /// An HTTP POST.
    Webhook(WebhookSettings),
    /// A mail.
    Email(EmailSettings),
    /// The standard input of a command.
    Exec(ExecSettings),
}

impl SinkTarget {
    /// The type of the sink.
    pub fn kind(&self) -> SinkType {
        match self {
            Self::Log(_) => SinkType::Log,
            Self::Desktop(_) => SinkType::Desktop,
            Self::Webhook(_) => SinkType::Webhook,
            Self::Email(_) => SinkType::Email,
            Self::Exec(_) => SinkType::Exec,
        }
    }

    /// What each type has of its own.
    pub fn settings(&self) -> &dyn TargetSettings {
        match self {
            Self::Log(log) => log,
            Self::Desktop(desktop) => desktop,
            Self::Webhook(webhook) => webhook,
            Self::Email(email) => email,
            Self::Exec(exec) => exec,
        }
    }

    /// Reads the keys that only a sink of this type has, and finishes its table. `name` is that of
    /// the sink, for warnings.
    fn read(
        kind: SinkType,
        section: Section<'_>,
        name: &str,
        surroundings: &Surroundings<'_>,
    ) -> Option<Self> {
        match kind {
            SinkType::Log => Some(Self::Log(LogSettings::read(section))),
            SinkType::Desktop => Some(Self::Desktop(DesktopSettings::read(section))),
            SinkType::Webhook => WebhookSettings::read(section, name, surroundings).map(Self::Webhook),
            SinkType::Email => EmailSettings::read(section, name, surroundings.base).map(Self::Email),
            SinkType::Exec => ExecSettings::read(section, name, surroundings.base).map(Self::Exec),
        }
    }
}

impl SinkType {
    /// The keys that only sinks of this type have.
    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::Log => &log::KEYS,
            Self::Desktop => &desktop::KEYS,
            Self::Webhook => &webhook::KEYS,
            Self::Email => &email::KEYS,
            Self::Exec => &exec::KEYS,
        }
    }
}

/// What the settings of each type of sink say of themselves.
pub trait TargetSettings {
    /// The events it gets unless the configuration says which.
    fn usual_events(&self) -> EventFilter;

    /// What the settings mean, as `check` prints them.
    fn meaning(&self) -> Meaning;

    /// The secrets that are read as they are: what each one is, and where it comes from.
    fn secrets(&self) -> Vec<(&'static str, &SecretSource)> {
        Vec::new()
    }
}

/// What the settings of a sink mean, for people.
#[derive(Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Where events go.
    pub target: String,
    /// Further lines: a label of at most 8 characters, and a value.
    pub facts: Vec<(&'static str, String)>,
}

impl Meaning {
    /// Only where events go.
    pub fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), facts: Vec::new() }
    }

    /// With a further line.
    #[must_use]
    pub fn with(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.facts.push((label, value.into()));
        self
    }
}
