//! How long a restore took, or has been taking: what is known of it, and its words.
//!
//! Invariant: no bound is shown as a duration. The API dates the end of completed restores only, so
//! the end of any other lies somewhere before the answer that showed it.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::duration;

/// The time from the start of a restore to its end, or to now if it has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "ElapsedSeconds", into = "ElapsedSeconds")]
pub enum Elapsed {
    /// Its start is not known.
    #[default]
    Unknown,
    /// Both ends of the time are known.
    Exact(Duration),
    /// It ended at a time that the API does not say.
    AtMost {
        /// Its age when a poll first showed that it had ended.
        bound: Duration,
        /// Its age when a poll last showed it running, if one did.
        seen_running: Option<Duration>,
    },
}

impl Elapsed {
    /// A duration, for a column or a field: `6.0s`, `at most 20s`.
    pub fn in_words(self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Exact(elapsed) => Some(duration::human(elapsed)),
            Self::AtMost { bound, .. } => Some(format!("at most {}", duration::human(bound))),
        }
    }

    /// The end of a sentence such as `restore nightly failed`: `after 6.0s`, `within 20s of its
    /// start`.
    pub fn after_words(self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Exact(elapsed) => Some(format!("after {}", duration::human(elapsed))),
            Self::AtMost { bound, .. } => {
                let within = format!("within {} of its start", duration::human(bound));
                Some(match self.noticed() {
                    Some(noticed) => format!("{within}, noticed {noticed}"),
                    None => within,
                })
            }
        }
    }

    /// How late the end was noticed, such as `20s after its last running poll`, if that says more
    /// than the bound: if the restore is known to have run for most of the time.
    pub fn noticed(self) -> Option<String> {
        let Self::AtMost { bound, seen_running: Some(seen_running) } = self else { return None };

        let unseen = bound.saturating_sub(seen_running);
        let says_more = unseen < seen_running;
        says_more.then(|| format!("{} after its last running poll", duration::human(unseen)))
    }
}

/// The published fields, part of a larger object.
// The comments are descriptions of the published schema.
#[expect(clippy::struct_field_names, reason = "the published names")]
#[derive(Serialize, Deserialize, JsonSchema)]
struct ElapsedSeconds {
    /// Seconds from `created_at` to the end of the restore: to `completed_at`, or to the answer
    /// that showed its index ready if that is awaited (in the history, always to `completed_at`).
    /// Until then the seconds so far, from the start of the watch if `created_at` is not known.
    /// `null` if the restore ended at a time that the API does not say, as failed and cancelled
    /// ones do. Not below 0.
    elapsed_seconds: Option<f64>,
    /// If `elapsed_seconds` is `null`: it is not less than this, the age of the restore when a poll
    /// last showed it running. `null` if none did.
    #[serde(default)]
    elapsed_lower_bound_seconds: Option<f64>,
    /// If `elapsed_seconds` is `null`: it is not more than this, the age of the restore when a poll
    /// first showed its end. `null` if its start is not known.
    #[serde(default)]
    elapsed_upper_bound_seconds: Option<f64>,
}

impl From<Elapsed> for ElapsedSeconds {
    fn from(elapsed: Elapsed) -> Self {
        let (exact, lower, upper) = match elapsed {
            Elapsed::Unknown => (None, None, None),
            Elapsed::Exact(elapsed) => (Some(elapsed), None, None),
            Elapsed::AtMost { bound, seen_running } => (None, seen_running, Some(bound)),
        };
        let seconds = |duration: Option<Duration>| duration.as_ref().map(Duration::as_secs_f64);
        Self {
            elapsed_seconds: seconds(exact),
            elapsed_lower_bound_seconds: seconds(lower),
            elapsed_upper_bound_seconds: seconds(upper),
        }
    }
}

impl From<ElapsedSeconds> for Elapsed {
    fn from(published: ElapsedSeconds) -> Self {
        let duration =
            |seconds: Option<f64>| seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let exact = duration(published.elapsed_seconds);
        let bound = duration(published.elapsed_upper_bound_seconds);
        let seen_running = duration(published.elapsed_lower_bound_seconds);

        match (exact, bound) {
            (Some(elapsed), _) => Self::Exact(elapsed),
            (None, Some(bound)) => Self::AtMost { bound, seen_running },
            (None, None) => Self::Unknown,
        }
    }
}

impl JsonSchema for Elapsed {
    fn schema_name() -> Cow<'static, str> {
        ElapsedSeconds::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        ElapsedSeconds::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn at_most(bound: f64, seen_running: Option<f64>) -> Elapsed {
        Elapsed::AtMost { bound: seconds(bound), seen_running: seen_running.map(seconds) }
    }

    #[test]
    fn words_say_what_is_known() {
        for (elapsed, field, sentence) in [
            (Elapsed::Unknown, None, None),
            (Elapsed::Exact(seconds(6.0)), Some("6.0s"), Some("after 6.0s")),
            (at_most(20.0, None), Some("at most 20s"), Some("within 20s of its start")),
            (at_most(86_400.0, None), Some("at most 1d 00h"), Some("within 1d 00h of its start")),
            // It may have ended in the first half of the time.
            (at_most(20.0, Some(5.0)), Some("at most 20s"), Some("within 20s of its start")),
            (
                at_most(11_520.0, Some(11_500.0)),
                Some("at most 3h 12m"),
                Some("within 3h 12m of its start, noticed 20s after its last running poll"),
            ),
        ] {
            assert_eq!(elapsed.in_words().as_deref(), field, "{elapsed:?}");
            assert_eq!(elapsed.after_words().as_deref(), sentence, "{elapsed:?}");
        }
    }

    #[test]
    fn the_published_fields_round_trip() {
        for (elapsed, json) in [
            (Elapsed::Unknown, [None, None, None]),
            (Elapsed::Exact(seconds(6.25)), [Some(6.25), None, None]),
            (at_most(20.0, None), [None, None, Some(20.0)]),
            (at_most(20.0, Some(15.5)), [None, Some(15.5), Some(20.0)]),
        ] {
            let [exact, lower, upper] = json;
            let json = serde_json::json!({
                "elapsed_seconds": exact,
                "elapsed_lower_bound_seconds": lower,
                "elapsed_upper_bound_seconds": upper,
            });

            assert_eq!(serde_json::to_value(elapsed).unwrap(), json);
            assert_eq!(serde_json::from_value::<Elapsed>(json).unwrap(), elapsed);
        }
    }

    #[test]
    fn fields_of_earlier_releases_are_read() {
        let of = |text| serde_json::from_str::<Elapsed>(text).unwrap();

        assert_eq!(of(r#"{"elapsed_seconds":6.0}"#), Elapsed::Exact(seconds(6.0)));
        assert_eq!(of(r#"{"elapsed_seconds":null}"#), Elapsed::Unknown);
        assert_eq!(of(r#"{"elapsed_seconds":-1.0}"#), Elapsed::Unknown);
    }
}
