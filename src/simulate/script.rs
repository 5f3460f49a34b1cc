//! The keys of a scenario file, as serde reads them.
//!
//! Invariant: a key that is not listed here is refused, and each is documented here once. Checks that span several keys
//! live in `scenario.rs`.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor, value::SeqAccessDeserializer};
use toml::Spanned;

use crate::model::duration;

/// A whole scenario file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Script {
    /// `answers = "2026-04"` (default) or `"2026-07"`: the shape of the answers.
    pub(super) answers: Answers,
    /// `unauthorized = "text"` or `"json"`: the body of a 401. Default: JSON in 2026-04, text in 2026-07.
    pub(super) unauthorized: Option<Unauthorized>,
    /// `seed = 7`: where everything random starts from. Default 0.
    pub(super) seed: u64,
    /// `timestamps = "z"` (default) or `"offset"`: whether times end in `Z` or in `+00:00`.
    pub(super) timestamps: Stamp,
    /// `fraction_digits = 6`: digits after the second in times, 0 to 9. Default 6.
    pub(super) fraction_digits: Option<Spanned<u8>>,
    /// `api_key = "…"`: the key that is accepted. Absent: any that is not empty.
    pub(super) api_key: Option<Key>,
    /// `[[key_change]]`: from a time on, another key is the one that is accepted.
    pub(super) key_change: Vec<KeyChange>,
    /// `revoked = [{ from = "10s", to = "40s" }]`: while no key is accepted.
    pub(super) revoked: Vec<Spanned<Window>>,
    /// `forbidden = true`: every key lacks the permission to read restore jobs (403).
    pub(super) forbidden: bool,
    /// `[[job]]`: the restore jobs.
    pub(super) job: Vec<JobScript>,
    /// `[[index]]`: indexes whose state is scripted apart from the job that makes them.
    pub(super) index: Vec<IndexScript>,
    /// `[list]`: how reliable the list is.
    pub(super) list: ListScript,
    /// `[[fault]]`: what goes wrong. Of several that apply to a request, the first one in the file happens.
    pub(super) fault: Vec<Spanned<FaultScript>>,
}

/// Which description of the API the answers follow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Answers {
    /// `percent_complete` always and fractional, `completed_at` only once set, `pagination` null on the last page, ten
    /// rows a page unless asked, JSON 401.
    #[default]
    #[serde(rename = "2026-04")]
    V2026_04,
    /// `percent_complete` 100 on completed jobs only, `completed_at` null until then, no `pagination` on the last
    /// page, a hundred rows a page unless asked, plain text 401.
    #[serde(rename = "2026-07")]
    V2026_07,
}

/// The body of a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unauthorized {
    /// `Invalid API key`, as `text/plain`.
    Text,
    /// The error object of the description.
    Json,
}

/// How a timestamp ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stamp {
    /// `Z`.
    #[default]
    Z,
    /// `+00:00`.
    Offset,
}

/// From `at` on, `api_key` is the key that is accepted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyChange {
    /// Scenario time.
    pub(super) at: Period,
    /// The key.
    pub(super) api_key: Key,
}

/// An API key. People rehearse with real ones, so it is not shown.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Key(String);

impl Key {
    /// The key itself.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A stretch of scenario time: from `from` (default 0) until just before `to` (default: for ever).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Window {
    from: Option<Period>,
    to: Option<Period>,
}

impl Window {
    /// The window between two optional ends.
    pub(super) fn new(from: Option<Period>, to: Option<Period>) -> Self {
        Self { from, to }
    }

    /// Whether no time lies in it.
    pub(super) fn is_empty(&self) -> bool {
        self.to.is_some_and(|to| to <= self.from.unwrap_or_default())
    }

    /// Whether `at` lies in it.
    pub(super) fn contains(&self, at: Duration) -> bool {
        self.from.is_none_or(|from| from.0 <= at) && self.to.is_none_or(|to| at < to.0)
    }
}

/// `[[job]]`: one restore job, or `count` alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobScript {
    /// The id. With `count`, `-1`, `-2`, … is added.
    pub(super) id: Spanned<String>,
    /// The backup. Default: a UUID made of the id.
    pub(super) backup_id: Option<String>,
    /// The name of the index that is made; with `count` numbered like the id. Default: made of the id.
    pub(super) index: Option<String>,
    /// The id of that index; with `count` numbered like the id. Default: a UUID made of the id.
    pub(super) index_id: Option<String>,
    /// How old the job is when it appears. Default 0.
    #[serde(default)]
    pub(super) age: Period,
    /// Scenario time before which the API does not know the job (404, not listed). Default 0.
    #[serde(default)]
    pub(super) appears: Period,
    /// Scenario time from which the API no longer knows it. Default: never.
    pub(super) vanishes: Option<Period>,
    /// From the creation of the job to its end. Default: it never ends.
    pub(super) takes: Option<Period>,
    /// The status it ends with: `"completed"` (default), `"failed"`, `"cancelled"`, or any text, sent as written.
    pub(super) ends: Option<String>,
    /// Whether `completed_at` is set at the end. Default: on completed jobs only.
    pub(super) end_time: Option<bool>,
    /// The status while it runs. Default `"Pending"`.
    pub(super) pending_status: Option<String>,
    /// `[{ at = "3s", status = "Running" }]`: other statuses while it runs, each from a time after the creation on.
    #[serde(default)]
    pub(super) statuses: Vec<StatusStep>,
    /// `"none"` (default), `"linear"`, or `[{ at = "3s", percent = 40 }]` with times after the creation. Shown in
    /// answers of 2026-04 only, as the later ones report none.
    #[serde(default)]
    pub(super) progress: Progress,
    /// `created_at = "null"`: the job has no start time. Default `"known"`.
    #[serde(default)]
    pub(super) created_at: CreatedAt,
    /// Fields to add to the job's object, or to put in place of its own.
    #[serde(default)]
    pub(super) extra: toml::Table,
    /// How many such jobs there are, 1 to 100000. Default 1, without a number in the id.
    pub(super) count: Option<Spanned<u32>>,
    /// How much older than the one before it each of them is. Default 0.
    #[serde(default)]
    pub(super) age_step: Period,
    /// How much longer than the one before it each of them takes. Default 0.
    #[serde(default)]
    pub(super) takes_step: Period,
    /// From the completion of the job to its index being ready. Default 0.
    #[serde(default)]
    pub(super) ready_after: Period,
}

/// From `at` after the creation on, a running job has this status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusStep {
    /// Time after the creation of the job.
    pub(super) at: Period,
    /// The status, sent as written.
    pub(super) status: String,
}

/// Whether a job has a start time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CreatedAt {
    /// It does.
    #[default]
    Known,
    /// It is null.
    Null,
}

/// How `percent_complete` goes on while the job runs.
#[derive(Debug, Default)]
pub(super) enum Progress {
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
pub(super) struct PercentStep {
    /// Time after the creation of the job.
    pub(super) at: Period,
    /// The value sent; any number, so that nonsense can be scripted.
    pub(super) percent: f64,
}

impl<'de> Deserialize<'de> for Progress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Progress;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`\"none\"`, `\"linear\"` or a list like `[{ at = \"3s\", percent = 40 }]`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Progress, E> {
                match text {
                    "none" => Ok(Progress::None),
                    "linear" => Ok(Progress::Linear),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Progress, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(steps)).map(Progress::Steps)
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// `[[index]]`: an index whose state follows the scenario and not a job.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexScript {
    /// Its name.
    pub(super) name: Spanned<String>,
    /// Scenario time before which it does not exist (404). Default 0.
    #[serde(default)]
    pub(super) appears: Period,
    /// Scenario time from which it no longer exists. Default: never.
    pub(super) vanishes: Option<Period>,
    /// Scenario time from which it is `Ready`; `Initializing` before. Default: never, unless `states` says so.
    pub(super) ready_after: Option<Period>,
    /// `[{ at = "5s", state = "ScalingUp" }]`: its state from a scenario time on.
    #[serde(default)]
    pub(super) states: Vec<StateStep>,
}

/// From scenario time `at` on, an index is in this state.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StateStep {
    /// Scenario time.
    pub(super) at: Period,
    /// The state, sent as written.
    pub(super) state: String,
    /// Whether it serves. Default: only in the state `Ready`.
    pub(super) ready: Option<bool>,
}

/// `[list]`: order and reliability of `GET /restore-jobs`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListScript {
    /// `"newest"` first (default), or `"shuffled"`.
    pub(super) order: Order,
    /// Probability that a listing leaves a row out.
    pub(super) drop_rows: Option<Probability>,
    /// Probability that a listing gives a row again, up to a few rows later.
    pub(super) repeat_rows: Option<Probability>,
    /// After so many pages no token is given, whatever is left.
    pub(super) end_early_after: Option<Spanned<u32>>,
    /// How long a job is missing from the list after its creation. Default 0.
    pub(super) delay_visibility: Period,
    /// `true`: tokens contain `+`, `/` and `=`, which a client has to encode.
    pub(super) awkward_tokens: bool,
}

/// The order of the list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// By creation, newest first.
    #[default]
    Newest,
    /// By chance, the same on every page of one listing.
    Shuffled,
}

/// `[[fault]]`: requests it applies to, and what happens to them.
///
/// The keys `job`, `endpoint`, `from` and `to` select requests, which are counted from 1; `requests`, `first`, `every`
/// and `probability` choose among them by that number. All that are given must agree.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FaultScript {
    /// Only requests about this job, or about its index. Default: all.
    pub(super) job: Option<Spanned<String>>,
    /// `"describe"`, `"list"`, `"index"` or `"any"` (default).
    #[serde(default)]
    pub(super) endpoint: EndpointKind,
    /// Scenario time from which it applies. Default 0.
    pub(super) from: Option<Period>,
    /// Scenario time from which it no longer applies. Default: never.
    pub(super) to: Option<Period>,
    /// `[1, 2]`: only these.
    pub(super) requests: Option<Vec<u64>>,
    /// Only the first so many.
    pub(super) first: Option<u64>,
    /// Every so manieth: `every = 5` is the 5th, the 10th, ….
    pub(super) every: Option<u64>,
    /// Each with this probability.
    pub(super) probability: Option<Probability>,
    /// What happens.
    pub(super) kind: FaultKind,
    /// Before it happens, so much time passes. Default 0.
    #[serde(default)]
    pub(super) delay: Period,
    /// The status of `kind = "status"` (needed) and of `"redirect"` (default 302), 200 to 599.
    pub(super) status: Option<u16>,
    /// The body of `kind = "status"`: `"json"` (default), `"message"`, `"text"`, `"html"` or `"empty"`.
    pub(super) body: Option<BodyKind>,
    /// This text as the body instead, with the content type of `body`.
    pub(super) body_text: Option<String>,
    /// `Retry-After`, sent in whole seconds, rounded up.
    pub(super) retry_after: Option<Period>,
    /// `true`: send `retry_after` as an HTTP date.
    #[serde(default)]
    pub(super) retry_after_date: bool,
    /// `Retry-After`, exactly this text.
    pub(super) retry_after_raw: Option<String>,
    /// Where `kind = "redirect"` leads to (needed).
    pub(super) location: Option<String>,
    /// The least size of the body of `kind = "oversized"`, in bytes, at most 1 GiB. Default 4 MiB.
    pub(super) bytes: Option<u64>,
    /// The time between two bytes of `kind = "slow_body"`. Default 1 s.
    pub(super) pace: Option<Period>,
}

/// The requests a fault is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum EndpointKind {
    /// All, also those of unknown paths.
    #[default]
    Any,
    /// `GET /restore-jobs/{id}`.
    Describe,
    /// `GET /restore-jobs`.
    List,
    /// `GET /indexes/{name}`.
    Index,
}

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum FaultKind {
    /// It gets this HTTP status.
    Status,
    /// The good answer, made when the request arrived, sent after `delay`.
    Late,
    /// No answer, until the client leaves, or for an hour.
    Hang,
    /// The good answer, byte by byte, one each `pace`.
    SlowBody,
    /// Half of the good answer, then the end of the connection.
    Truncated,
    /// The good answer, and so much white space after it that it is too large.
    Oversized,
    /// 200 and half a JSON text.
    BadJson,
    /// 200 and JSON of another type: in turns an array, a number, null, and an object with fields of wrong types.
    WrongType,
    /// 200 and an HTML page.
    Html,
    /// 200 and nothing.
    Empty,
    /// The good answer, about another job or index.
    OtherJob,
    /// The connection ends without an answer.
    Drop,
    /// The connection is reset without an answer.
    Reset,
    /// A redirect to `location`.
    Redirect,
}

/// The body of an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BodyKind {
    /// The error object of the description.
    #[default]
    Json,
    /// `{"message": …}`, as gateways write it.
    Message,
    /// Plain text.
    Text,
    /// A web page.
    Html,
    /// Nothing.
    Empty,
}

/// A duration, written `"3s"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Period(pub(super) Duration);

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration with a unit, in quotes, like `\"3s\"`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                duration::parse(text).map(Period).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Read)
    }
}

/// A probability, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Probability(pub(super) f64);

impl<'de> Deserialize<'de> for Probability {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(de::Error::custom(format_args!("a probability lies between 0 and 1, this is {value}")))
        }
    }
}
