//! When a job is polled next, and why.
//!
//! Invariant: an explanation is read off the state that schedules polls, so it is the cause and not
//! a second opinion.

use std::time::Duration;

use super::cadence::jittered;
use super::project::{JobView, ProjectView};
use crate::model::Expectation;

/// When a job is polled next, and why. Times are counted from now.
#[derive(Debug, Clone)]
pub struct Explanation<'a> {
    /// The project of the job, with the rate in force.
    pub project: ProjectView<'a>,
    /// What is known of the job.
    pub job: JobView<'a>,
    /// How long restores like it took in the past, if some are known.
    pub expectation: Option<Expectation>,
    /// The time since the job started, or since its watch did if the start is not known.
    pub age: Duration,
    /// Whether it is polled, and what it waits for.
    pub turn: Turn,
    /// The time since the API last gave a good answer about the job.
    pub answered: Option<Duration>,
    /// For how much longer the server asks that this job be left alone (`Retry-After`).
    pub asked_to_wait: Option<Duration>,
    /// What the rate limit of the project permits.
    pub rate: RateLimit,
}

/// Whether a job is polled.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn {
    /// It waits for its next poll.
    Waiting(Box<Wait>),
    /// It is being polled.
    Polling,
    /// Its project is paused.
    Paused,
    /// No further poll follows.
    Over,
}

/// What a job waits for.
#[derive(Debug, Clone, PartialEq)]
pub struct Wait {
    /// When it is polled if nothing else happens.
    pub next_poll: Option<Duration>,
    /// When it is due by its rule alone; zero if that time has passed.
    pub due: Option<Duration>,
    /// Why it is due then.
    pub rule: Rule,
    /// Why no request is made for its project for a while.
    pub hold: Option<Hold>,
    /// Whether it waits for a scan of the list instead of a poll of its own.
    pub is_covered: bool,
    /// How many jobs of its project are due before it, if it waits for a poll of its own.
    pub jobs_ahead: usize,
    /// The intervals at later ages, without the random factor: (age, interval).
    pub later: Vec<(Duration, Duration)>,
}

/// The rule by which a job is due after its last poll.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// It was never polled, or its index was not: it is due at once.
    First,
    /// The interval of the cadence, by a random factor of 0.9 to 1.1.
    Cadence(CadenceRule),
    /// Exponential backoff with full jitter: a random part of the ceiling.
    Backoff {
        /// How many polls failed in a row.
        failures: u32,
        /// The longest delay after this many failures.
        ceiling: Duration,
        /// The highest ceiling.
        max: Duration,
    },
    /// Trouble was emitted as an event and lasts: the longest interval of the cadence.
    LongestInterval(Duration),
}

/// The interval of the cadence, and what it follows from.
#[derive(Debug, Clone, PartialEq)]
pub struct CadenceRule {
    /// What the age is measured from.
    pub since: Since,
    /// The age at the last poll.
    pub age: Duration,
    /// The interval without the random factor.
    pub interval: Duration,
    /// The part of the usual interval that this is with full effort; 1 otherwise.
    pub stretch: f64,
    /// The shortest interval of the cadence.
    pub min: Duration,
    /// The longest interval of the cadence.
    pub max: Duration,
    /// The time to the projected end, if the API reports progress.
    pub projected: Option<Duration>,
    /// How many past restores the interval is computed from, of its group or of the project; 0 if
    /// it is not.
    pub past_restores: usize,
    /// How long the job is expected to take by the settings, if the interval is computed from that.
    pub expected: Option<Duration>,
    /// What one poll may cost, in seconds of delay: the configured effort.
    pub poll_cost: f64,
}

/// What an age is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// The start of the job.
    Start,
    /// The completion of the job, whose index is polled.
    Completion,
    /// The first 404.
    FirstNotFound,
}

/// No request is made for a project for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// For how much longer.
    pub left: Duration,
    /// What forbids requests until then.
    pub reason: HoldReason,
}

/// Why no request is made for a project, with the words of its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HoldReason {
    /// The key is unauthorized.
    Unauthorized(String),
    /// The key was refused once. That is confirmed by a further request.
    UnauthorizedOnce,
    /// The server asks for it (`Retry-After`).
    RetryAfter(String),
    /// The server limits requests and does not say for how long.
    Throttled(String),
}

/// What the rate limit of a project permits. The rate in force is part of [`ProjectView`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// The configured requests a second, on average.
    pub configured: f64,
    /// The configured requests at once after a pause.
    pub burst: u32,
    /// When the next request may be made.
    pub ready: Duration,
}

impl Rule {
    /// The time until the next poll by this rule.
    pub(super) fn delay(&self, rng: &mut fastrand::Rng) -> Duration {
        match self {
            Self::First => Duration::ZERO,
            Self::Cadence(cadence) => jittered(cadence.interval, rng),
            Self::Backoff { ceiling, .. } => ceiling.mul_f64(rng.f64()),
            Self::LongestInterval(interval) => *interval,
        }
    }
}
