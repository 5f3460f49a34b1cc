//! Values of options that several commands have.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::Failure;
use crate::config::{CadenceSettings, Effort, ListenAddress, ListenError};
use crate::model::{Keyword as _, duration};

/// Parses a duration of the command line.
pub(super) fn parse_duration(text: &str) -> Result<Duration, duration::DurationError> {
    duration::parse(text)
}

/// Parses the name of an effort.
pub(super) fn parse_effort() -> impl TypedValueParser<Value = Effort> {
    let words = Effort::ALL.iter().map(|effort| effort.as_str());
    PossibleValuesParser::new(words).map(|word| Effort::from_word(&word).unwrap_or_default())
}

/// Parses the time between two polls: less than 10 ms would be an attack, more than a day no watch.
pub(super) fn parse_interval(text: &str) -> Result<Duration, String> {
    let interval = duration::parse(text).map_err(|error| error.to_string())?;
    if CadenceSettings::INTERVAL.contains(&interval) {
        Ok(interval)
    } else {
        Err("must be between 10ms and 1d".to_owned())
    }
}

/// Parses an address to listen at. The path of a socket starts at the current directory.
pub(super) fn parse_listen_address(text: &str) -> Result<ListenAddress, ListenError> {
    ListenAddress::parse(text, &std::path::absolute(".").unwrap_or_default())
}

/// Parses how long a restore is expected to take.
pub(super) fn parse_expect(text: &str) -> Result<Duration, String> {
    let expect = duration::parse(text).map_err(|error| error.to_string())?;
    if CadenceSettings::EXPECT.contains(&expect) {
        Ok(expect)
    } else {
        Err("must be between 1s and 30d".to_owned())
    }
}

/// Sets the given bounds of the cadence. One that is given alone moves the other if they would
/// cross.
pub(super) fn bound(
    cadence: &mut CadenceSettings,
    min: Option<Duration>,
    max: Option<Duration>,
) -> Result<(), Failure> {
    if min.zip(max).is_some_and(|(min, max)| min > max) {
        return Err(Failure::usage("--min-interval is longer than --max-interval"));
    }
    cadence.min_interval = min.unwrap_or(cadence.min_interval.min(max.unwrap_or(duration::MAX)));
    cadence.max_interval = max.unwrap_or(cadence.max_interval.max(min.unwrap_or_default()));
    Ok(())
}
