//! The settings of sinks: where transitions go, which ones, and in what form.

use std::time::Duration;

use super::{SecretSource, UrlSource};
use crate::model::{TransitionKind, keywords};

/// Where transitions go.
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
        match self {
            Self::Log(_) => "log",
            Self::Desktop(_) => "desktop",
            Self::Webhook(_) => "webhook",
        }
    }

    /// The transitions it wants.
    pub fn events(&self) -> &EventFilter {
        match self {
            Self::Log(log) => &log.events,
            Self::Desktop(desktop) => &desktop.events,
            Self::Webhook(webhook) => &webhook.events,
        }
    }
}

/// The log sink.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Its name, `log` unless given.
    pub name: String,
    /// The transitions it wants, all unless given.
    pub events: EventFilter,
    /// How lines look.
    pub format: LogFormat,
    /// Levels that differ from the built-in ones, by kind of transition.
    pub levels: Vec<(TransitionKind, LogLevel)>,
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

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

keywords!(LogFormat { Human = "human", Json = "json" });

/// The level a transition is logged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// For the curious.
    Debug,
    /// Worth knowing.
    Info,
    /// Worth waking somebody.
    Warn,
    /// Something is broken.
    Error,
}

keywords!(LogLevel { Debug = "debug", Info = "info", Warn = "warn", Error = "error" });

/// The desktop sink.
#[derive(Debug, Clone)]
pub struct DesktopSettings {
    /// Its name, `desktop` unless given.
    pub name: String,
    /// The transitions it wants; unless given, the ends of jobs and `project.unauthorized`.
    pub events: EventFilter,
}

/// A webhook sink.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// Its name, `webhook` unless given.
    pub name: String,
    /// The transitions it wants, all unless given.
    pub events: EventFilter,
    /// Where its address comes from.
    pub url: UrlSource,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// Whether addresses of this machine and of private networks are refused, whatever name led to them. No proxy is used
    /// then: it would look the name up itself.
    pub block_private: bool,
    /// What the body looks like.
    pub format: WebhookFormat,
    /// The secrets that each request is signed with, at most 10; none: unsigned. Several while a secret is rotated.
    pub signing_secrets: Vec<SecretSource>,
    /// The time before each further attempt, counted from the failure of the one before; 1 to 50, each 10 ms to 7 d.
    pub retry_schedule: Vec<Duration>,
}

impl WebhookSettings {
    /// The schedule of Standard Webhooks 1.0 ("Retries"): ten attempts over about three days.
    pub const RETRY_SCHEDULE: [Duration; 9] = [
        Duration::from_secs(5),
        Duration::from_mins(5),
        Duration::from_mins(30),
        Duration::from_hours(2),
        Duration::from_hours(5),
        Duration::from_hours(10),
        Duration::from_hours(14),
        Duration::from_hours(20),
        Duration::from_hours(24),
    ];

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
}

/// What the body of a webhook looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookFormat {
    /// The transition as JSON.
    #[default]
    Standard,
    /// A `CloudEvents` 1.0 event in structured mode, with the transition as its data.
    CloudEvents,
    /// A message for Slack's incoming webhooks.
    Slack,
    /// A message for Discord's webhooks.
    Discord,
    /// An Adaptive Card for Microsoft Teams' Workflows.
    Teams,
    /// A message for a topic of ntfy.
    Ntfy,
}

keywords!(WebhookFormat {
    Standard = "standard",
    CloudEvents = "cloudevents",
    Slack = "slack",
    Discord = "discord",
    Teams = "teams",
    Ntfy = "ntfy",
});

/// Which kinds of transition a sink wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter(Vec<TransitionKind>);

impl EventFilter {
    /// Every kind.
    pub fn all() -> Self {
        Self(TransitionKind::ALL.to_vec())
    }

    /// No kind.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// The ends of jobs, and a refused key: what a person who waits wants to be told.
    pub fn ends() -> Self {
        let wanted =
            |kind: &TransitionKind| kind.is_terminal() || *kind == TransitionKind::ProjectUnauthorized;
        Self(TransitionKind::ALL.iter().copied().filter(wanted).collect())
    }

    /// The kinds that match any of `patterns`: a kind (`restore_job.failed`), all of a noun (`restore_job.*`) or `*`.
    /// The error is the first pattern that matches nothing.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, &'a str> {
        let mut kinds = Vec::new();
        for pattern in patterns {
            let before = kinds.len();
            kinds.extend(TransitionKind::ALL.iter().filter(|kind| match pattern.strip_suffix('*') {
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

    /// Whether transitions of this kind are wanted.
    pub fn wants(&self, kind: TransitionKind) -> bool {
        self.0.contains(&kind)
    }

    /// The wanted kinds.
    pub fn kinds(&self) -> &[TransitionKind] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let filter =
            EventFilter::from_patterns(["restore_job.failed", "project.*", "restore_job.failed"]).unwrap();
        assert!(filter.wants(TransitionKind::Failed));
        assert!(filter.wants(TransitionKind::ProjectUnauthorized));
        assert!(!filter.wants(TransitionKind::Completed));
        assert_eq!(filter.kinds().len(), 3);
        assert_eq!(EventFilter::from_patterns(["*"]), Ok(EventFilter::all()));
        assert_eq!(
            EventFilter::from_patterns(["restore_job.*", "restore_job.fail*"]),
            Err("restore_job.fail*")
        );
        assert_eq!(EventFilter::from_patterns(["nonsense"]), Err("nonsense"));
    }
}
