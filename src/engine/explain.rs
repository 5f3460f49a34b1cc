//! Why a job is polled when it is, as plain data.
//!
//! Invariant: it is read off the state by which polls are scheduled, so that it is the reason, and not a second opinion.

use serde::{Deserialize, Serialize};

use super::Engine;
use super::retry::Backoff;
use crate::config::Effort;
use crate::model::time::Now;
use crate::model::{Expectation, JobId, JobRef, Outcome, ProjectName, Until};

/// When a job is polled next, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Its project.
    pub project: ProjectName,
    /// What is known of the job.
    pub job: JobRef,
    /// How it stands.
    pub outcome: Outcome,
    /// The same in words, with its status if that says more.
    pub words: String,
    /// Until when it is watched.
    pub until: Until,
    /// How long ago it started; where that is not known, how long ago its watch did.
    pub age_seconds: f64,
    /// How long restores of its project took in the past, where some are known.
    #[serde(default)]
    pub expected: Option<Expectation>,
    /// Whether it is polled.
    pub turn: Turn,
    /// When it is polled next, from now, if nothing else happens.
    pub next_poll_seconds: Option<f64>,
    /// When it is due by the rule alone, from now; 0 where that is over.
    pub due_seconds: Option<f64>,
    /// The rule by which it is due.
    pub rule: Option<Rule>,
    /// How long ago the API last gave a good answer.
    pub answered_seconds_ago: Option<f64>,
    /// What the last poll failed with, where it failed.
    pub last_error: Option<String>,
    /// For how much longer the server asks that this alone be left alone, if so.
    pub asked_to_wait_seconds: Option<f64>,
    /// Why nothing is asked of its project at all for a while.
    pub hold: Option<Hold>,
    /// What the rate allows.
    pub rate: RateReport,
    /// What the rule leads to at later ages.
    pub later: Vec<Later>,
}

/// Whether a job is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// It waits for its next poll.
    Waiting,
    /// It is being polled.
    Polling,
    /// Somebody has its project paused.
    Paused,
    /// It is polled no more.
    Over,
}

/// The rule by which a job is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Rule {
    /// It was never polled, or is to be looked at anew: at once.
    First,
    /// By the cadence: so long after the last poll, by a random factor of 0.9 to 1.1.
    Cadence {
        /// What its age is measured from.
        since: Since,
        /// Its age by that at the last poll.
        age_seconds: f64,
        /// The interval, without the random factor.
        interval_seconds: f64,
        /// The shortest.
        min_seconds: f64,
        /// The longest.
        max_seconds: f64,
        /// Where the API reports progress: the time to the projected end.
        projected_seconds: Option<f64>,
        /// By how many past restores of its project the interval is judged; 0 where it is not.
        #[serde(default)]
        past_restores: usize,
        /// What one poll may cost, in seconds of delay: the cadence's effort.
        #[serde(default = "balanced")]
        poll_cost_seconds: f64,
    },
    /// By exponential backoff: at some time within the ceiling, by chance.
    Backoff {
        /// The failed polls in a row.
        failures: u32,
        /// The ceiling.
        ceiling_seconds: f64,
        /// The highest that it may get.
        #[serde(default = "highest_ceiling")]
        max_seconds: f64,
    },
    /// Trouble has lasted so long that it was told: by the longest interval.
    Slow {
        /// That interval.
        interval_seconds: f64,
    },
}

/// What a daemon goes by that does not say so.
fn balanced() -> f64 {
    Effort::Balanced.poll_cost()
}

fn highest_ceiling() -> f64 {
    Backoff::POLL.max.as_secs_f64()
}

/// What an age is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// The start of the job.
    Start,
    /// The completion of the job: it is its index that is asked for.
    Completion,
    /// The first answer that there is no such job.
    FirstNotFound,
}

/// Why nothing is asked of a project for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hold {
    /// For how long, from now.
    pub seconds: f64,
    /// Why.
    pub reason: String,
}

/// What the rate allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateReport {
    /// Requests a second, on average, as configured.
    pub requests_per_second: f64,
    /// Requests at once after a pause, as configured.
    pub burst: u32,
    /// What holds instead, where the server was found to take less.
    #[serde(default)]
    pub learned: Option<LearnedRate>,
    /// When the next request may be made, from now, by the rate alone.
    pub room_seconds: f64,
    /// How many jobs come first.
    pub jobs_ahead: usize,
}

/// What a server was found to take. Requests are made one at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedRate {
    /// Requests a second.
    pub requests_per_second: f64,
    /// What the server said when it refused more.
    pub reason: String,
}

/// What the rule leads to at a later age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// The age.
    pub age_seconds: f64,
    /// The interval at that age, without the random factor.
    pub interval_seconds: f64,
}

impl Engine {
    /// When a job is polled next, and why; none where it is not watched.
    pub fn explain(&self, project: &ProjectName, job: &JobId, now: Now) -> Option<Explanation> {
        self.projects.get(project)?.explain(job, now)
    }
}
