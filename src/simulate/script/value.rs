//! The values that scenario keys have: durations, windows of time, probabilities, API keys.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

use crate::model::duration;

/// A duration, written `"3s"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulate) struct Period(pub(in crate::simulate) Duration);

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
pub(in crate::simulate) struct Probability(pub(in crate::simulate) f64);

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

/// A stretch of scenario time: from `from` (default 0) until just before `to` (default: for ever).
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::simulate) struct Window {
    from: Option<Period>,
    to: Option<Period>,
}

impl Window {
    /// The window between two optional ends.
    pub(in crate::simulate) fn new(from: Option<Period>, to: Option<Period>) -> Self {
        Self { from, to }
    }

    /// Whether no time lies in it.
    pub(in crate::simulate) fn is_empty(&self) -> bool {
        self.to.is_some_and(|to| to <= self.from.unwrap_or_default())
    }

    /// Whether `at` lies in it.
    pub(in crate::simulate) fn contains(&self, at: Duration) -> bool {
        self.from.is_none_or(|from| from.0 <= at) && self.to.is_none_or(|to| at < to.0)
    }
}

/// An API key. People rehearse with real ones, so it is not shown.
#[derive(Deserialize)]
#[serde(transparent)]
pub(in crate::simulate) struct Key(String);

impl Key {
    pub(in crate::simulate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
