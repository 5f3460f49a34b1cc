//! The declarations of the keys, table by table.

mod http;
mod jobs;
mod layers;
mod project;
mod secret;
mod top;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(in crate::config) use self::http::HTTP;
pub(in crate::config) use self::jobs::{DISCOVER, JOB};
pub(in crate::config) use self::layers::{API, CADENCE, WATCH};
pub(in crate::config) use self::project::PROJECT;
pub(in crate::config) use self::secret::SECRET;
pub(in crate::config) use self::top::{CLUSTER, HEARTBEAT, STATE, TOP};
use super::{Key, Kind, Table};
use crate::config::SinkType;
use crate::config::sinks::{BASIC_KEYS, CLIENT_CERT_KEYS, HOURS, SINK, SINK_DEFAULTS};
use crate::model::{Keyword, duration};

/// All of them, in the order of the sample.
pub(in crate::config) fn tables() -> impl Iterator<Item = &'static Table> {
    let above =
        [&TOP, &JOB, &DISCOVER, &API, &CADENCE, &WATCH, &STATE, &CLUSTER, &HEARTBEAT, &HTTP, &PROJECT];
    let of_sinks = SinkType::ALL.iter().map(|kind| kind.table());
    let further = [&BASIC_KEYS, &CLIENT_CERT_KEYS, &HOURS, &SECRET];
    above.into_iter().chain([&SINK_DEFAULTS, &SINK]).chain(of_sinks).chain(further)
}

const ANY_DURATION: RangeInclusive<Duration> = Duration::ZERO..=duration::MAX;

/// Less than 10 ms is an attack and no polling. Less often than daily, neither a poll nor a ping is
/// of use.
const INTERVAL: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_hours(24);

/// The most characters in the name of a project or a sink.
pub(in crate::config) const LONGEST_NAME: usize = 64;

pub(in crate::config) const TEXT: Kind = Kind::Text { default: None };

pub(in crate::config) const CA_FILE: Key = Key::new(
    "ca_file",
    TEXT,
    "A PEM file of further root certificates to trust. A relative path starts at the directory of the configuration file.",
)
.example("\"ca.pem\"");

/// What `allow_http` means if no API key is sent.
pub(in crate::config) const ALLOW_HTTP: &str = "Whether to allow plain http to other machines.";

pub(in crate::config) const fn time(bounds: RangeInclusive<Duration>, default: Duration) -> Kind {
    Kind::Duration { bounds, default: Some(default) }
}

pub(in crate::config) const fn choice<T: Keyword>(default: fn() -> Option<&'static str>) -> Kind {
    Kind::Choice { words: words::<T>, default }
}

fn words<T: Keyword>() -> Vec<&'static str> {
    T::ALL.iter().map(|value| value.as_str()).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "one of two defaults of a choice")]
pub(in crate::config) fn default<T: Keyword + Default>() -> Option<&'static str> {
    Some(T::default().as_str())
}

pub(in crate::config) fn no_default() -> Option<&'static str> {
    None
}
