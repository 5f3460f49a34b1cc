//! The validated settings everything else works with.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{Endpoint, SecretSource, UrlSource};
use crate::model::{JobId, ProjectName, TransitionKind, duration};

/// All a configuration says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The projects, at least one; names are unique.
    pub projects: Vec<ProjectSettings>,
    /// The sinks, at least one; names are unique, at most one is a log.
    pub sinks: Vec<SinkSettings>,
    /// Where and how long state is kept.
    pub state: StateSettings,
    /// Who is told that the watch works.
    pub heartbeat: Option<HeartbeatSettings>,
    /// How long deliveries that are under way may take after a request to stop. 0 to 1 h.
    pub drain_timeout: Duration,
}

impl Settings {
    /// How long deliveries may take after a request to stop, unless the configuration says otherwise.
    pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
}

/// A monitor that raises alarm where it is not told that the watch works.
#[derive(Debug, Clone)]
pub struct HeartbeatSettings {
    /// Its address.
    pub url: UrlSource,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// How often it is told. 10 ms to 1 d.
    pub interval: Duration,
}

impl HeartbeatSettings {
    /// How often a monitor is told, unless the configuration says otherwise.
    pub const INTERVAL: Duration = Duration::from_mins(1);
}

/// Where the daemon keeps its state, and how long what is over stays there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateSettings {
    /// The file; none where neither the configuration nor the environment says where.
    pub path: Option<PathBuf>,
    /// How long ended jobs that are no longer watched, and what was delivered, are kept. 1 h to 365 d.
    pub keep: Duration,
}

impl StateSettings {
    /// How long what is over is kept, unless the configuration says otherwise.
    pub const KEEP: Duration = Duration::from_hours(30 * 24);
}

/// One project: a key, an endpoint, and what is watched there.
#[derive(Debug, Clone)]
pub struct ProjectSettings {
    /// Its name.
    pub name: ProjectName,
    /// Where its API key is read from.
    pub api_key: SecretSource,
    /// How its API is spoken to.
    pub api: ApiSettings,
    /// How often its jobs are polled.
    pub cadence: CadenceSettings,
    /// When its jobs are told as not found or unreachable.
    pub watch: WatchSettings,
    /// The jobs; ids are unique within the project.
    pub jobs: Vec<JobSettings>,
}

impl Default for ProjectSettings {
    /// The project of the command line: its key is in `PINECONE_API_KEY`; no jobs yet.
    fn default() -> Self {
        Self {
            name: ProjectName::default(),
            api_key: SecretSource::Env("PINECONE_API_KEY".to_owned()),
            api: ApiSettings::default(),
            cadence: CadenceSettings::default(),
            watch: WatchSettings::default(),
            jobs: Vec::new(),
        }
    }
}

/// One job to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct JobSettings {
    /// Its id.
    pub id: JobId,
    /// What people call it.
    pub name: Option<String>,
    /// How long after its start it is overdue.
    pub deadline: Option<Duration>,
}

impl JobSettings {
    /// The most characters in the name of a job.
    pub const LONGEST_NAME: usize = 128;

    /// How long a deadline may be.
    pub const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(1)..=duration::MAX;

    /// A job with nothing but its id.
    pub fn new(id: JobId) -> Self {
        Self { id, name: None, deadline: None }
    }
}

/// What keeps a text from being a name for people, if anything does: it has 1 to `longest` characters, not only white
/// space, and no control characters.
pub fn label_fault(text: &str, longest: usize) -> Option<String> {
    match text {
        _ if text.trim().is_empty() => Some("is empty".to_owned()),
        _ if text.chars().any(char::is_control) => {
            Some("has a line break or a control character in it".to_owned())
        }
        _ => match text.chars().count() {
            length if length > longest => {
                Some(format!("has {length} characters; at most {longest} are accepted"))
            }
            _ => None,
        },
    }
}

/// How an API is spoken to.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// The control plane.
    pub endpoint: Endpoint,
    /// Sent as `X-Pinecone-Api-Version`.
    pub version: String,
    /// How many requests a second, on average.
    pub requests_per_second: Rate,
    /// How many requests may be made at once after a pause.
    pub burst: NonZeroU32,
    /// How long one request may take, connecting included. 100 ms to 5 min.
    pub request_timeout: Duration,
    /// A PEM file of further root certificates to trust.
    pub ca_file: Option<PathBuf>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::parse(Endpoint::DEFAULT, false).expect("the default endpoint is valid"),
            version: "2026-04".to_owned(),
            requests_per_second: Rate(2.0),
            burst: NonZeroU32::new(4).expect("4 is not 0"),
            request_timeout: Duration::from_secs(10),
            ca_file: None,
        }
    }
}

/// A rate in requests a second, [`Rate::MIN`] to [`Rate::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// The lowest rate: one request in about 17 minutes.
    pub const MIN: f64 = 0.001;
    /// The highest rate.
    pub const MAX: f64 = 1000.0;

    /// A rate, if it lies within the bounds.
    pub fn new(per_second: f64) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&per_second).then_some(Self(per_second))
    }

    /// The time between two requests at this rate.
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }

    /// Requests a second.
    pub fn per_second(self) -> f64 {
        self.0
    }
}

/// The bounds of the time between two polls of a job. `min <= max`; 10 ms to 1 d.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CadenceSettings {
    /// The shortest.
    pub min_interval: Duration,
    /// The longest.
    pub max_interval: Duration,
}

impl Default for CadenceSettings {
    fn default() -> Self {
        Self { min_interval: Duration::from_secs(1), max_interval: Duration::from_mins(1) }
    }
}

/// When trouble with a job is told.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchSettings {
    /// How long a job that was never seen may be answered with 404; 0 means the first one counts.
    pub not_found_grace: Duration,
    /// How long a job may be without a good answer; 0 means the first failed poll counts.
    pub unreachable_after: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { not_found_grace: Duration::from_mins(1), unreachable_after: Duration::from_mins(10) }
    }
}

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

impl WebhookFormat {
    /// All formats, by the names that the configuration gives them.
    pub const ALL: &[(&str, Self)] = &[
        ("standard", Self::Standard),
        ("cloudevents", Self::CloudEvents),
        ("slack", Self::Slack),
        ("discord", Self::Discord),
        ("teams", Self::Teams),
        ("ntfy", Self::Ntfy),
    ];
}

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

    #[test]
    fn rates_have_bounds() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.0001, 1000.1] {
            assert_eq!(Rate::new(bad), None);
        }
        assert_eq!(Rate::new(2.0).unwrap().interval(), Duration::from_millis(500));
    }
}
