//! When a job is polled next, and why: the JSON of [`engine::Explanation`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::{self, HoldReason, IndexWatch};
use crate::model::{Expectation, JobRef, Outcome, ProjectName, Reference, Status, Until};

/// The job to be explained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainJob {
    /// The project of the job; by default any.
    pub project: Option<ProjectName>,
    /// Its id, its name, or how its id begins.
    pub job: Reference,
}

/// When a job is polled next, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExplanationReport {
    /// The project of the job.
    pub project: ProjectName,
    /// What is known of the job.
    pub job: JobRef,
    /// How the job stands.
    pub outcome: Outcome,
    /// The last known status, in the words of the API.
    pub status: Option<Status>,
    /// The last known state of its index, if that is or was awaited.
    pub index_state: Option<Status>,
    /// Until when it is watched.
    pub until: Until,
    /// How long ago it started; if that is not known, how long it is watched.
    pub age_seconds: f64,
    /// How long restores of its group, or else of its project, took in the past, if some are known.
    pub expected: Option<Expectation>,
    /// Whether it is polled.
    pub turn: TurnReport,
    /// When it is polled next, from now, if nothing else happens.
    pub next_poll_seconds: Option<f64>,
    /// When it is due by the rule alone, from now; 0 if that time has passed.
    pub due_seconds: Option<f64>,
    /// The rule by which it is due.
    pub rule: Option<RuleReport>,
    /// How long ago the API last gave a good answer.
    pub answered_seconds_ago: Option<f64>,
    /// What the last poll failed with, if it failed.
    pub last_error: Option<String>,
    /// For how much longer the server asks that this job be left alone.
    pub asked_to_wait_seconds: Option<f64>,
    /// Why no request is made for its project for a while, if so.
    pub hold: Option<HoldReport>,
    /// What the rate limit permits.
    pub rate: RateReport,
    /// Whether it waits for a scan of the list instead of a poll of its own.
    #[serde(default)]
    pub is_covered: bool,
    /// What the rule leads to at later ages.
    pub later: Vec<Later>,
    /// That the replica that answers stands by, in words, if it does: all of this is what it would do
    /// if it took over now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<String>,
}

/// Whether a job is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnReport {
    /// It waits for its next poll.
    Waiting,
    /// It is being polled.
    Polling,
    /// Its project is paused.
    Paused,
    /// No further poll follows.
    Over,
}

/// The rule by which a job is due.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RuleReport {
    /// It was never polled: at once.
    First,
    /// The interval of the cadence after the last poll, by a random factor of 0.9 to 1.1.
    Cadence(CadenceReport),
    /// Exponential backoff: a random part of the ceiling after the last poll.
    Backoff {
        /// How many polls failed in a row.
        failures: u32,
        /// The longest delay after this many failures.
        ceiling_seconds: f64,
        /// The highest ceiling.
        max_seconds: f64,
    },
    /// Trouble was emitted as an event and lasts: the longest interval of the cadence.
    #[serde(rename = "slow")]
    LongestInterval {
        /// That interval.
        interval_seconds: f64,
    },
}

/// The interval of the cadence, and what it follows from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CadenceReport {
    /// What the age is measured from.
    pub since: SinceReport,
    /// The age at the last poll.
    pub age_seconds: f64,
    /// The interval without the random factor.
    pub interval_seconds: f64,
    /// The part of the usual interval that this is with full effort; 1 otherwise.
    #[serde(default = "whole")]
    pub stretch: f64,
    /// The shortest interval.
    pub min_seconds: f64,
    /// The longest interval.
    pub max_seconds: f64,
    /// The time to the projected end, if the API reports progress.
    pub projected_seconds: Option<f64>,
    /// How many past restores the interval is computed from, of its group or of the project; 0 if
    /// it is not.
    pub past_restores: usize,
    /// How long the job is expected to take by the settings, if the interval is computed from that.
    pub expected_seconds: Option<f64>,
    /// What one poll may cost, in seconds of delay: the effort of the cadence.
    pub poll_cost_seconds: f64,
}

/// What an age is measured from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinceReport {
    /// The start of the job.
    Start,
    /// The completion of the job, whose index is polled.
    Completion,
    /// The first 404.
    FirstNotFound,
}

/// Why no request is made for a project for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoldReport {
    /// For how long, from now.
    pub seconds: f64,
    /// Why, in words.
    pub reason: String,
}

/// What the rate limit permits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateReport {
    /// The configured requests a second, on average.
    pub requests_per_second: f64,
    /// The configured requests at once after a pause.
    pub burst: u32,
    /// The rate in force instead, if the server refused the configured one.
    pub learned: Option<LearnedRate>,
    /// When the next request may be made, from now, by the rate alone.
    pub room_seconds: f64,
    /// How many jobs come first.
    pub jobs_ahead: usize,
}

/// The rate that a server accepts. Requests are made one at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedRate {
    /// Less than the configured one.
    pub requests_per_second: f64,
    /// What the server said when it refused more.
    pub reason: String,
}

/// What the rule leads to at a later age.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// The age of the job then.
    pub age_seconds: f64,
    /// The interval at that age, without the random factor.
    pub interval_seconds: f64,
}

/// What an earlier daemon, which does not say it, polls by.
fn whole() -> f64 {
    1.0
}

impl From<engine::Explanation<'_>> for ExplanationReport {
    fn from(explained: engine::Explanation<'_>) -> Self {
        let engine::Explanation { project, job, expectation, age, turn, answered, asked_to_wait, rate } =
            explained;
        let tracker = job.tracker;
        let (turn, wait) = match turn {
            engine::Turn::Waiting(wait) => (TurnReport::Waiting, Some(wait)),
            engine::Turn::Polling => (TurnReport::Polling, None),
            engine::Turn::Paused => (TurnReport::Paused, None),
            engine::Turn::Over => (TurnReport::Over, None),
        };
        let wait = wait.as_ref();

        Self {
            project: project.name.clone(),
            job: tracker.job(),
            outcome: job.outcome(),
            status: tracker.status().cloned(),
            index_state: tracker.index().and_then(IndexWatch::state).cloned(),
            until: tracker.until(),
            age_seconds: age.as_secs_f64(),
            expected: expectation,
            turn,
            next_poll_seconds: seconds(wait.and_then(|wait| wait.next_poll)),
            due_seconds: seconds(wait.and_then(|wait| wait.due)),
            rule: wait.map(|wait| (&wait.rule).into()),
            answered_seconds_ago: seconds(answered),
            last_error: tracker.last_error().map(str::to_owned),
            asked_to_wait_seconds: seconds(asked_to_wait),
            hold: wait.and_then(|wait| wait.hold.as_ref()).map(Into::into),
            rate: RateReport {
                requests_per_second: rate.configured,
                burst: rate.burst,
                learned: project.limited.map(|reason| LearnedRate {
                    requests_per_second: project.requests_per_second,
                    reason: reason.to_owned(),
                }),
                room_seconds: rate.ready.as_secs_f64(),
                jobs_ahead: wait.map_or(0, |wait| wait.jobs_ahead),
            },
            is_covered: wait.is_some_and(|wait| wait.is_covered),
            later: wait.map(|wait| wait.later.iter().map(Into::into).collect()).unwrap_or_default(),
            standby: None,
        }
    }
}

impl From<&engine::Rule> for RuleReport {
    fn from(rule: &engine::Rule) -> Self {
        match rule {
            engine::Rule::First => Self::First,
            engine::Rule::Cadence(cadence) => Self::Cadence(cadence.into()),
            engine::Rule::Backoff { failures, ceiling, max } => Self::Backoff {
                failures: *failures,
                ceiling_seconds: ceiling.as_secs_f64(),
                max_seconds: max.as_secs_f64(),
            },
            engine::Rule::LongestInterval(interval) => {
                Self::LongestInterval { interval_seconds: interval.as_secs_f64() }
            }
        }
    }
}

impl From<&engine::CadenceRule> for CadenceReport {
    fn from(rule: &engine::CadenceRule) -> Self {
        Self {
            since: match rule.since {
                engine::Since::Start => SinceReport::Start,
                engine::Since::Completion => SinceReport::Completion,
                engine::Since::FirstNotFound => SinceReport::FirstNotFound,
            },
            age_seconds: rule.age.as_secs_f64(),
            interval_seconds: rule.interval.as_secs_f64(),
            stretch: rule.stretch,
            min_seconds: rule.min.as_secs_f64(),
            max_seconds: rule.max.as_secs_f64(),
            projected_seconds: seconds(rule.projected),
            past_restores: rule.past_restores,
            expected_seconds: seconds(rule.expected),
            poll_cost_seconds: rule.poll_cost,
        }
    }
}

impl From<&engine::Hold> for HoldReport {
    fn from(hold: &engine::Hold) -> Self {
        let reason = match &hold.reason {
            HoldReason::Unauthorized(message) => format!("the key is refused: {message}"),
            HoldReason::UnauthorizedOnce => "a refusal of the key is to be confirmed".to_owned(),
            HoldReason::RetryAfter(message) => format!("the server asks for it: {message}"),
            HoldReason::Throttled(message) => {
                format!("the server limits requests and does not say for how long: {message}")
            }
        };
        Self { seconds: hold.left.as_secs_f64(), reason }
    }
}

impl From<&(Duration, Duration)> for Later {
    fn from((age, interval): &(Duration, Duration)) -> Self {
        Self { age_seconds: age.as_secs_f64(), interval_seconds: interval.as_secs_f64() }
    }
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons_of_a_hold() {
        let message = || "HTTP 429".to_owned();
        for (reason, words) in [
            (HoldReason::Unauthorized(message()), "the key is refused: HTTP 429"),
            (HoldReason::UnauthorizedOnce, "a refusal of the key is to be confirmed"),
            (HoldReason::RetryAfter(message()), "the server asks for it: HTTP 429"),
            (
                HoldReason::Throttled(message()),
                "the server limits requests and does not say for how long: HTTP 429",
            ),
        ] {
            let hold = HoldReport::from(&engine::Hold { left: Duration::from_millis(1500), reason });

            assert_eq!(hold, HoldReport { seconds: 1.5, reason: words.to_owned() });
        }
    }

    #[test]
    fn rules_as_json() {
        let second = Duration::from_secs(1);
        let cadence = engine::CadenceRule {
            since: engine::Since::FirstNotFound,
            age: second,
            interval: second,
            stretch: 1.0,
            min: second,
            max: second,
            projected: None,
            past_restores: 0,
            expected: None,
            poll_cost: 0.1,
        };
        for (rule, published) in [
            (engine::Rule::First, json!({"type": "first"})),
            (
                engine::Rule::Cadence(cadence),
                json!({
                    "type": "cadence", "since": "first_not_found", "age_seconds": 1.0, "interval_seconds": 1.0, "stretch": 1.0,
                    "min_seconds": 1.0, "max_seconds": 1.0, "projected_seconds": null, "past_restores": 0,
                    "expected_seconds": null, "poll_cost_seconds": 0.1
                }),
            ),
            (
                engine::Rule::Backoff { failures: 2, ceiling: second, max: second * 60 },
                json!({"type": "backoff", "failures": 2, "ceiling_seconds": 1.0, "max_seconds": 60.0}),
            ),
            (engine::Rule::LongestInterval(second), json!({"type": "slow", "interval_seconds": 1.0})),
        ] {
            let rule = RuleReport::from(&rule);

            assert_eq!(serde_json::to_value(&rule).unwrap(), published);
            assert_eq!(serde_json::from_value::<RuleReport>(published).unwrap(), rule);
        }
    }
}
