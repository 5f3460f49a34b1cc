//! `[[job]]` and `[[index]]`: restore jobs and indexes, and how they develop.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use toml::Spanned;

use super::value::Period;

/// `[[job]]`: one restore job, or `count` alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct JobScript {
    /// The id. With `count`, `-1`, `-2`, … is added.
    pub(in crate::simulate) id: Spanned<String>,
    /// The backup. Default: a UUID made of the id.
    pub(in crate::simulate) backup_id: Option<String>,
    /// The name of the index that is made; with `count` numbered like the id. Default: made of the
    /// id.
    pub(in crate::simulate) index: Option<String>,
    /// The id of that index; with `count` numbered like the id. Default: a UUID made of the id.
    pub(in crate::simulate) index_id: Option<String>,
    /// How old the job is when it appears. Default 0.
    #[serde(default)]
    pub(in crate::simulate) age: Period,
    /// Scenario time before which the API does not know the job (404, not listed). Default 0.
    #[serde(default)]
    pub(in crate::simulate) appears: Period,
    /// Scenario time from which the API no longer knows it. Default: never.
    pub(in crate::simulate) vanishes: Option<Period>,
    /// From the creation of the job to its end. Default: it never ends.
    pub(in crate::simulate) takes: Option<Period>,
    /// The status it ends with: `"completed"` (default), `"failed"`, `"cancelled"`, or any text,
    /// sent as written.
    pub(in crate::simulate) ends: Option<String>,
    /// Whether `completed_at` is set at the end. Default: on completed jobs only.
    pub(in crate::simulate) end_time: Option<bool>,
    /// The status while it runs. Default `"Pending"`.
    pub(in crate::simulate) pending_status: Option<String>,
    /// `[{ at = "3s", status = "Running" }]`: other statuses while it runs, each from a time after
    /// the creation on.
    #[serde(default)]
    pub(in crate::simulate) statuses: Vec<StatusStep>,
    /// `"none"` (default), `"linear"`, or `[{ at = "3s", percent = 40 }]` with times after the
    /// creation. Shown in answers of 2026-04 only, as the later ones report none.
    #[serde(default)]
    pub(in crate::simulate) progress: ProgressScript,
    /// `created_at = "null"`: the job has no start time. Default `"known"`.
    #[serde(default)]
    pub(in crate::simulate) created_at: CreatedAt,
    /// Fields to add to the job's object, or to put in place of its own.
    #[serde(default)]
    pub(in crate::simulate) extra: toml::Table,
    /// How many such jobs there are, 1 to 100000. Default 1, without a number in the id.
    pub(in crate::simulate) count: Option<Spanned<u32>>,
    /// How much older than the one before it each of them is. Default 0.
    #[serde(default)]
    pub(in crate::simulate) age_step: Period,
    /// How much longer than the one before it each of them takes. Default 0.
    #[serde(default)]
    pub(in crate::simulate) takes_step: Period,
    /// From the completion of the job to its index being ready. Default 0.
    #[serde(default)]
    pub(in crate::simulate) ready_after: Period,
}

/// From `at` after the creation on, a running job has this status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct StatusStep {
    /// Time after the creation of the job.
    pub(in crate::simulate) at: Period,
    /// The status, sent as written.
    pub(in crate::simulate) status: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::simulate) enum CreatedAt {
    #[default]
    Known,
    Null,
}

/// How `percent_complete` goes on while the job runs.
#[derive(Debug, Default)]
pub(in crate::simulate) enum ProgressScript {
    /// It stays 0.
    #[default]
    None,
    /// It grows with time.
    Linear,
    /// It takes these values.
    Steps(Vec<PercentStep>),
}

/// From `at` after the creation on, a running job is so far.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct PercentStep {
    /// Time after the creation of the job.
    pub(in crate::simulate) at: Period,
    /// The value sent; any number, so that nonsense can be scripted.
    pub(in crate::simulate) percent: f64,
}

impl<'de> Deserialize<'de> for ProgressScript {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = ProgressScript;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"none\"`, `\"linear\"` or a list like `[{ at = \"3s\", percent = 40 }]`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ProgressScript, E> {
                match text {
                    "none" => Ok(ProgressScript::None),
                    "linear" => Ok(ProgressScript::Linear),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<ProgressScript, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(steps)).map(ProgressScript::Steps)
            }
        }

        deserializer.deserialize_any(Read)
    }
}

/// `[[index]]`: an index whose state follows the scenario and not a job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct IndexScript {
    pub(in crate::simulate) name: Spanned<String>,
    /// Scenario time before which it does not exist (404). Default 0.
    #[serde(default)]
    pub(in crate::simulate) appears: Period,
    /// Scenario time from which it no longer exists. Default: never.
    pub(in crate::simulate) vanishes: Option<Period>,
    /// Scenario time from which it is `Ready`; `Initializing` before. Default: never, unless
    /// `states` says so.
    pub(in crate::simulate) ready_after: Option<Period>,
    /// `[{ at = "5s", state = "ScalingUp" }]`: its state from a scenario time on.
    #[serde(default)]
    pub(in crate::simulate) states: Vec<StateStep>,
    /// The backup that it was made of, shown in answers of 2026-07. Default: none.
    pub(in crate::simulate) source_backup_id: Option<String>,
}

/// From scenario time `at` on, an index is in this state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::simulate) struct StateStep {
    /// Scenario time.
    pub(in crate::simulate) at: Period,
    /// The state, sent as written.
    pub(in crate::simulate) state: String,
    /// Whether it serves. Default: only in the state `Ready`.
    pub(in crate::simulate) ready: Option<bool>,
}
