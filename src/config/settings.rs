//! The validated settings everything else works with.

use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::keys::{API, CADENCE, DISCOVER, HEARTBEAT, JOB, TOP, WATCH};
use super::{
    Effort, Endpoint, HttpSettings, IndexPattern, LogFormat, Problem, SecretSource, SinkSettings, SinkTarget,
    StateSettings, UrlSource,
};
use crate::model::{JobId, ProjectName, Until, duration};

/// All a configuration says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The projects, at least one; names are unique.
    pub projects: Vec<ProjectSettings>,
    /// The sinks, at least one; names are unique, at most one is a log.
    pub sinks: Vec<SinkSettings>,
    /// Where and how long state is kept.
    pub state: StateSettings,
    /// The dead-man monitor that is pinged.
    pub monitor: Option<MonitorSettings>,
    /// The HTTP listener.
    pub http: HttpSettings,
    /// How long deliveries under way may take after a request to stop.
    pub drain_timeout: Duration,
    /// What of the file will surprise, in its order.
    pub warnings: Vec<Problem>,
}

impl Settings {
    /// The default of `drain_timeout`.
    pub const DRAIN_TIMEOUT: Duration = TOP.key("drain_timeout").duration();

    /// The format of the log, which is that of its sink.
    pub fn log_format(&self) -> LogFormat {
        let format = |sink: &SinkSettings| match &sink.target {
            SinkTarget::Log(log) => Some(log.format),
            _ => None,
        };
        self.sinks.iter().find_map(format).unwrap_or_default()
    }
}

/// A dead-man monitor, which raises an alarm if pings stop.
#[derive(Debug, Clone)]
pub struct MonitorSettings {
    pub url: UrlSource,
    /// Whether plain `http` may leave this machine.
    pub allow_http: bool,
    /// How often it is pinged.
    pub interval: Duration,
    /// Whether a sink in trouble holds its pings back, too.
    pub count_sinks: bool,
}

impl MonitorSettings {
    /// The default of `interval`.
    pub const INTERVAL: Duration = HEARTBEAT.key("interval").duration();
}

/// How long what has ended is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Ended jobs that are no longer configured, and deliveries that were made.
    pub records: Duration,
    /// Restores that ended, in the history.
    pub history: Duration,
}

impl Retention {
    /// Nothing is deleted.
    pub const FOREVER: Self = Self { records: Duration::MAX, history: Duration::MAX };
}

/// One project: a key, an endpoint, and what is watched there.
#[derive(Debug, Clone)]
pub struct ProjectSettings {
    pub name: ProjectName,
    /// Where its API key is read from.
    pub api_key: SecretSource,
    /// How its API is called.
    pub api: ApiSettings,
    /// How often its jobs are polled.
    pub cadence: CadenceSettings,
    /// Until when its jobs are watched, and when trouble with one is an event.
    pub watch: WatchSettings,
    /// The jobs; ids are unique within the project.
    pub jobs: Vec<JobSettings>,
    /// Which others are discovered in the list of the API and watched, too; none if only `jobs` are
    /// watched.
    pub discover: Option<DiscoverySettings>,
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
            discover: None,
        }
    }
}

/// Which jobs of a project are watched beside those that are configured: by the names of the
/// indexes that they make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoverySettings {
    /// Only those whose index matches one of these; all, if this is empty.
    pub indexes: Vec<IndexPattern>,
    /// Not those whose index matches one of these.
    pub exclude: Vec<IndexPattern>,
    /// Limit of the unfinished jobs that are watched because they were discovered, so that an
    /// endless list fills neither memory nor state. As many that ended are kept.
    pub max_jobs: u32,
}

impl Default for DiscoverySettings {
    /// All jobs.
    fn default() -> Self {
        Self { indexes: Vec::new(), exclude: Vec::new(), max_jobs: Self::MAX_JOBS }
    }
}

impl DiscoverySettings {
    /// The default of `max_jobs`.
    pub const MAX_JOBS: u32 = DISCOVER.key("max_jobs").integer();

    /// Whether a job that makes an index of this name is discovered. One whose index has no known
    /// name is, unless only some indexes are wanted.
    pub fn includes(&self, index: Option<&str>) -> bool {
        let matches = |patterns: &[IndexPattern]| {
            index.is_some_and(|index| patterns.iter().any(|pattern| pattern.matches(index)))
        };
        (self.indexes.is_empty() || matches(&self.indexes)) && !matches(&self.exclude)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct JobSettings {
    /// Its id in the API.
    pub id: JobId,
    /// What people call it.
    pub name: Option<String>,
    /// How long after its start it is overdue.
    pub deadline: Option<Duration>,
    /// Until when it is watched; none for what its project says.
    pub until: Option<Until>,
}

impl JobSettings {
    /// The most characters in the name of a job.
    pub const LONGEST_NAME: usize = JOB.key("name").most();

    /// How long a deadline may be.
    pub const DEADLINE: &RangeInclusive<Duration> = JOB.key("deadline").duration_bounds();

    /// A job with nothing but its id.
    pub fn new(id: JobId) -> Self {
        Self { id, name: None, deadline: None, until: None }
    }
}

/// Why a text is no name for people, if it is none: a name has 1 to `longest` characters, not only
/// white space, and no control characters.
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

/// How an API is called.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    pub endpoint: Endpoint,
    /// Sent as `X-Pinecone-Api-Version`.
    pub version: String,
    /// How many requests a second, on average.
    pub requests_per_second: Rate,
    /// How many requests may be made at once after a pause.
    pub burst: NonZeroU32,
    /// How long one request may take, connecting included.
    pub request_timeout: Duration,
    /// A PEM file of further root certificates to trust.
    pub ca_file: Option<PathBuf>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            endpoint: Endpoint::parse(const { API.key("endpoint").text() }, false)
                .expect("the default endpoint is valid"),
            version: const { API.key("version").text() }.to_owned(),
            requests_per_second: const { Rate(API.key("requests_per_second").rate()) },
            burst: const { NonZeroU32::new(API.key("burst").integer()).expect("the default is not 0") },
            request_timeout: const { API.key("request_timeout").duration() },
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
    pub const MAX: f64 = 1000.0;

    /// A rate, if it lies within the bounds.
    pub fn new(per_second: f64) -> Option<Self> {
        (Self::MIN..=Self::MAX).contains(&per_second).then_some(Self(per_second))
    }

    /// The time between two requests at this rate.
    pub fn interval(self) -> Duration {
        Duration::from_secs_f64(1.0 / self.0)
    }

    pub fn per_second(self) -> f64 {
        self.0
    }
}

/// How often a job is polled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CadenceSettings {
    /// How many requests are spent on noticing the end of a job sooner.
    pub effort: Effort,
    /// The shortest time between two polls; at most `max_interval`.
    pub min_interval: Duration,
    /// The longest time between two polls.
    pub max_interval: Duration,
    /// How long a restore is expected to take while no past ones are known.
    pub expect: Option<Duration>,
}

impl CadenceSettings {
    /// How short or long an interval may be.
    pub const INTERVAL: &RangeInclusive<Duration> = CADENCE.key("min_interval").duration_bounds();

    /// How long a restore may be expected to take.
    pub const EXPECT: &RangeInclusive<Duration> = CADENCE.key("expect").duration_bounds();
}

impl Default for CadenceSettings {
    fn default() -> Self {
        Self {
            effort: Effort::default(),
            min_interval: const { CADENCE.key("min_interval").duration() },
            max_interval: const { CADENCE.key("max_interval").duration() },
            expect: None,
        }
    }
}

/// Until when jobs are watched, and when trouble with one is an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WatchSettings {
    /// How long a job that was never seen may be answered with 404; 0 means the first one counts.
    pub not_found_grace: Duration,
    /// How far apart two refusals of the key are at least before the project counts as
    /// unauthorized; 0 means any two.
    pub unauthorized_grace: Duration,
    /// How long a job may go without a successful answer; 0 means the first failed poll counts.
    pub unreachable_after: Duration,
    /// Until when a job is watched that does not say so itself.
    pub until: Until,
    /// When a job is slow; none for never.
    pub slow_after: Option<SlowAfter>,
}

/// How long a slow job takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SlowAfter {
    /// Longer than this. More than 0.
    Time(Duration),
    /// Longer than this part of the past restores of its project, once enough of them are known.
    /// Between 0 and 1.
    Quantile(f64),
}

impl SlowAfter {
    /// Reads a time, such as `2h`, or a part in percent, such as `p95`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('p') {
            Some(percent) => {
                let plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let percent: f64 = percent.parse().ok().filter(|_| plain)?;
                (percent > 0.0 && percent < 100.0).then_some(Self::Quantile(percent / 100.0))
            }
            None => duration::parse(text).ok().filter(|time| !time.is_zero()).map(Self::Time),
        }
    }
}

impl fmt::Display for SlowAfter {
    /// A time as it is written, or a part such as `95 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => f.write_str(&duration::written(*time)),
            // A part was written in percent, and not every fraction is a binary one.
            Self::Quantile(part) => write!(f, "{} %", (part * 1e8).round() / 1e6),
        }
    }
}

impl WatchSettings {
    /// The longest `unauthorized_grace`.
    pub const MAX_UNAUTHORIZED_GRACE: Duration = *WATCH.key("unauthorized_grace").duration_bounds().end();
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self {
            not_found_grace: const { WATCH.key("not_found_grace").duration() },
            unauthorized_grace: const { WATCH.key("unauthorized_grace").duration() },
            unreachable_after: const { WATCH.key("unreachable_after").duration() },
            until: Until::default(),
            slow_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_bounds() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 0.0001, 1000.1] {
            assert_eq!(Rate::new(bad), None);
        }
        assert_eq!(Rate::new(2.0).unwrap().interval(), Duration::from_millis(500));
    }

    #[test]
    fn slow_after_is_a_time_or_a_percentile() {
        for (text, shown) in
            [("2h", "2h"), ("90s", "1m30s"), ("p95", "95 %"), ("p50", "50 %"), ("p99.9", "99.9 %")]
        {
            assert_eq!(SlowAfter::parse(text).unwrap().to_string(), shown);
        }
        assert_eq!(SlowAfter::parse("p50"), Some(SlowAfter::Quantile(0.5)));
        for bad in
            ["", "p", "p0", "p100", "p-5", "p1e1", "pinf", "pNaN", "p.", "P95", "95", "95%", "p95 ", "0s"]
        {
            assert_eq!(SlowAfter::parse(bad), None, "{bad}");
        }
    }
}
