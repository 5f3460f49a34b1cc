//! The declarations of the keys, table by table.

mod http;
mod jobs;
mod layers;
mod project;
mod secret;
mod sinks;
mod top;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(in crate::config) use self::http::HTTP;
pub(in crate::config) use self::jobs::{DISCOVER, JOB};
pub(in crate::config) use self::layers::{API, CADENCE, WATCH};
pub(in crate::config) use self::project::PROJECT;
pub(in crate::config) use self::secret::SECRET;
pub(in crate::config) use self::sinks::{DESKTOP, LOG, SINK, WEBHOOK};
pub(in crate::config) use self::top::{HEARTBEAT, STATE, TOP};
use super::{Kind, Table};
use crate::model::{Keyword, duration};

/// All of them, in the order of the sample.
pub(in crate::config) static TABLES: &[&Table] = &[
    &TOP, &JOB, &DISCOVER, &API, &CADENCE, &WATCH, &STATE, &HEARTBEAT, &HTTP, &PROJECT, &SINK, &LOG,
    &DESKTOP, &WEBHOOK, &SECRET,
];

const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=duration::MAX;

/// Less than 10 ms is an attack and no polling. Less often than daily, neither a poll nor a ping is
/// of use.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The most characters in the name of a project or a sink.
const LONGEST_NAME: usize = 64;

const TEXT: Kind = Kind::Text { default: None };

/// What `allow_http` means if no API key is sent.
const ALLOW_HTTP: &str = "Whether to allow plain http to other machines.";

const fn time(bounds: RangeInclusive<Duration>, default: Duration) -> Kind {
    Kind::Duration { bounds, default: Some(default) }
}

const fn choice<T: Keyword>(default: fn() -> Option<&'static str>) -> Kind {
    Kind::Choice { words: words::<T>, default }
}

fn words<T: Keyword>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.as_str()).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "one of two defaults of a choice")]
fn default<T: Keyword + Default>() -> Option<&'static str> {
    Some(T::default().as_str())
}

fn no_default() -> Option<&'static str> {
    None
}
