//! Values that the file writes as one of a few words.

use crate::model::keywords;

/// How many requests are spent on noticing the end of a job sooner: each step makes about twice the
/// requests of the one before, for half of the delay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Effort {
    /// Half of the requests.
    Gentle,
    /// About 110 requests for a restore of ten minutes without any history.
    #[default]
    Balanced,
    /// Twice the requests.
    Eager,
    /// Nine tenths of the requests that the rate permits, as far as the shortest interval permits
    /// them.
    Full,
}

keywords!(Effort { Gentle = "gentle", Balanced = "balanced", Eager = "eager", Full = "full" });

impl Effort {
    /// What one poll may cost, in seconds of delay: four times as much halves the number of polls.
    /// Full effort shortens the balanced intervals, all alike.
    pub fn poll_cost(self) -> f64 {
        match self {
            Self::Gentle => 0.4,
            Self::Balanced | Self::Full => 0.1,
            Self::Eager => 0.025,
        }
    }
}

/// The type of a sink, as the configuration has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkType {
    Log,
    Desktop,
    Webhook,
    Email,
    Exec,
}

keywords!(SinkType { Log = "log", Desktop = "desktop", Webhook = "webhook", Email = "email", Exec = "exec" });

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

keywords!(LogFormat { Human = "human", Json = "json" });

/// The level an event is logged at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Debug,
    Info,
    Warn,
    Error,
}

keywords!(LogLevel { Debug = "debug", Info = "info", Warn = "warn", Error = "error" });

/// What the body of a webhook looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WebhookFormat {
    /// The event as JSON.
    #[default]
    Standard,
    /// A `CloudEvents` 1.0 event in structured mode, with ours as its data.
    CloudEvents,
    /// A message for Slack's incoming webhooks.
    Slack,
    /// A message for Discord's webhooks.
    Discord,
    /// An Adaptive Card for Microsoft Teams' Workflows.
    Teams,
    /// A message for a topic of ntfy.
    Ntfy,
    /// An alert for `PagerDuty`'s Events API v2, which triggers or resolves an incident.
    PagerDuty,
    /// What the configuration says.
    Template,
}

impl WebhookFormat {
    /// Whether it is a message for people, not data for a program.
    pub fn is_for_people(self) -> bool {
        match self {
            Self::Standard | Self::CloudEvents => false,
            Self::Slack | Self::Discord | Self::Teams | Self::Ntfy | Self::PagerDuty | Self::Template => true,
        }
    }

    /// The hosts whose receivers take this format and refuse others, with all below them.
    pub(super) fn hosts(self) -> &'static [&'static str] {
        match self {
            Self::Standard | Self::CloudEvents | Self::Template => &[],
            Self::Slack => &["hooks.slack.com", "hooks.slack-gov.com"],
            Self::Discord => &["discord.com", "discordapp.com"],
            // Teams' Workflows run in Power Automate; its connectors had the last of these domains.
            Self::Teams => &["logic.azure.com", "api.powerplatform.com", "webhook.office.com"],
            Self::Ntfy => &["ntfy.sh"],
            Self::PagerDuty => &["events.pagerduty.com", "events.eu.pagerduty.com"],
        }
    }

    /// The headers beside `Content-Type` that it sets for each event, so that a file cannot.
    pub fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Ntfy => &["Title", "Priority", "Tags"],
            _ => &[],
        }
    }

    /// The address that all receivers of this format share, if there is one.
    pub(super) fn usual_url(self) -> Option<&'static str> {
        (self == Self::PagerDuty).then_some("https://events.pagerduty.com/v2/enqueue")
    }
}

keywords!(WebhookFormat {
    Standard = "standard",
    CloudEvents = "cloudevents",
    Slack = "slack",
    Discord = "discord",
    Teams = "teams",
    Ntfy = "ntfy",
    PagerDuty = "pagerduty",
    Template = "template",
});

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmailTls {
    /// From its start.
    #[default]
    Implicit,
    /// After the command STARTTLS, which the server must offer.
    Starttls,
    /// Not at all: for a server on this machine.
    None,
}

keywords!(EmailTls { Implicit = "implicit", Starttls = "starttls", None = "none" });
