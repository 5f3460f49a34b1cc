//! The settings of sinks: where events go, which ones, and in what form.

use std::time::Duration;

use super::choices::SinkType;
use super::keys::WEBHOOK;
use super::surprise::Surprise;
use super::{LogFormat, LogLevel, Problem, SecretSource, UrlSource, WebhookFormat, WebhookUrl};
use crate::model::{EventKind, Keyword as _};

/// Where events go.
#[derive(Debug, Clone)]
pub enum SinkSettings {
    /// The log of the process, on standard error.
    Log(LogSettings),
    /// A desktop notification.
    Desktop(DesktopSettings),
    /// An HTTP POST.
    Webhook(WebhookSettings),
}

impl SinkSettings {
    /// Its name; unique among the sinks.
    pub fn name(&self) -> &str {
        match self {
            Self::Log(log) => &log.name,
            Self::Desktop(desktop) => &desktop.name,
            Self::Webhook(webhook) => &webhook.name,
        }
    }

    /// Its type, as the configuration has it.
    pub fn kind(&self) -> &'static str {
        let kind = match self {
            Self::Log(_) => SinkType::Log,
            Self::Desktop(_) => SinkType::Desktop,
            Self::Webhook(_) => SinkType::Webhook,
        };
        kind.as_str()
    }

    /// The events it wants.
    pub fn events(&self) -> &EventFilter {
        match self {
            Self::Log(log) => &log.events,
            Self::Desktop(desktop) => &desktop.events,
            Self::Webhook(webhook) => &webhook.events,
        }
    }
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Its name, `log` unless given.
    pub name: String,
    /// The events it wants, all unless given.
    pub events: EventFilter,
    /// How lines look.
    pub format: LogFormat,
    /// Levels that differ from the built-in ones, by event type.
    pub levels: Vec<(EventKind, LogLevel)>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            name: "log".to_owned(),
            events: EventFilter::all(),
            format: LogFormat::Human,
            levels: Vec::new(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct DesktopSettings {
    /// Its name, `desktop` unless given.
    pub name: String,
    /// The events it wants; unless given, those for people.
    pub events: EventFilter,
}

#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its name, `webhook` unless given.
    pub name: String,
    /// The events it wants; unless given, all, or those for people if the format is for people.
    pub events: EventFilter,
    /// Where its address comes from.
    pub url: UrlSource,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// Whether addresses of this machine and of private networks are refused, whatever name led to
    /// them. No proxy is used then: it would look the name up itself.
    pub block_private: bool,
    /// What the body looks like.
    pub format: WebhookFormat,
    /// The secrets that each request is signed with; none: unsigned. Several while a secret is
    /// rotated.
    pub signing_secrets: Vec<SecretSource>,
    /// The time before each further attempt, counted from the failure of the one before; at least
    /// one.
    pub retry_schedule: Vec<Duration>,
}

impl WebhookSettings {
    /// The default of `retry_schedule`.
    pub const RETRY_SCHEDULE: &[Duration] = WEBHOOK.key("retry_schedule").durations();

    /// A webhook to this address, called `webhook`, with the defaults of everything else.
    pub fn new(url: UrlSource) -> Self {
        Self {
            name: "webhook".to_owned(),
            events: EventFilter::all(),
            url,
            allow_http: false,
            block_private: false,
            format: WebhookFormat::default(),
            signing_secrets: Vec::new(),
            retry_schedule: Self::RETRY_SCHEDULE.to_vec(),
        }
    }

    /// The warning about a format that the receiver at `url` does not expect, if it is such a one.
    /// For an address that is in the configuration, the reader warns.
    pub fn format_warning(&self, url: &WebhookUrl) -> Option<Problem> {
        let expected = url.expected_instead_of(self.format)?;
        let surprise = Surprise::Format { sink: &self.name, format: self.format, expected };
        Some(Problem::new(surprise.message()).with_help(surprise.help()).into_warning())
    }
}

/// Which types of event a sink wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(Vec<EventKind>);

impl EventFilter {
    pub fn all() -> Self {
        Self(EventKind::ALL.to_vec())
    }

    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The default of sinks for people: ends, trouble, and the end of trouble.
    pub fn for_people() -> Self {
        Self(EventKind::ALL.iter().copied().filter(|kind| kind.is_for_people()).collect())
    }

    /// The default of a webhook of this format.
    pub fn of_format(format: WebhookFormat) -> Self {
        if format.is_for_people() { Self::for_people() } else { Self::all() }
    }

    /// The ends of jobs, and errors: what a person who waits wants to hear of.
    pub fn ends() -> Self {
        Self(EventKind::ALL.iter().copied().filter(|kind| kind.is_end_or_error()).collect())
    }

    /// The types that match any of `patterns`: a type (`restore_job.failed`), all of a noun
    /// (`restore_job.*`) or `*`. The error is the first pattern that matches nothing.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut kinds = Vec::new();
        for pattern in patterns {
            let before = kinds.len();
            kinds.extend(EventKind::ALL.iter().filter(|kind| match pattern.strip_suffix('*') {
                Some(prefix) => {
                    (prefix.is_empty() || prefix.ends_with('.')) && kind.as_str().starts_with(prefix)
                }
                None => kind.as_str() == pattern,
            }));
            if kinds.len() == before {
                return Err(pattern);
            }
        }

        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self(kinds))
    }

    /// What patterns may be: each type, `*`, and all of each noun.
    pub(super) fn patterns() -> Vec<String> {
        let nouns = EventKind::nouns().into_iter().map(|noun| format!("{noun}.*"));
        Self::types().into_iter().chain(["*".to_owned()]).chain(nouns).collect()
    }

    /// The names of all types.
    pub(super) fn types() -> Vec<String> {
        EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect()
    }

    /// Whether events of this type are wanted.
    pub fn wants(&self, kind: EventKind) -> bool {
        self.0.contains(&kind)
    }

    /// The wanted types.
    pub fn kinds(&self) -> &[EventKind] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_a_type_or_all_of_a_noun() {
        let filter =
            EventFilter::from_patterns(["restore_job.failed", "project.*", "restore_job.failed"]).unwrap();
        assert!(filter.wants(EventKind::Failed));
        assert!(filter.wants(EventKind::ProjectUnauthorized));
        assert!(!filter.wants(EventKind::Completed));
        assert_eq!(filter.kinds().len(), 3);
        assert_eq!(EventFilter::from_patterns(["*"]), Ok(EventFilter::all()));
        assert_eq!(
            EventFilter::from_patterns(["restore_job.*", "restore_job.fail*"]),
            Err("restore_job.fail*")
        );
        assert_eq!(EventFilter::from_patterns(["nonsense"]), Err("nonsense"));
    }
}
