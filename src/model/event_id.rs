//! Identifies an event.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A UUID of version 7: the same on every attempt at a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Precedes the id of every event.
    pub const BEFORE_ALL: Self = Self(Uuid::from_u128(0x7000_8000_0000_0000_0000));

    /// An id from a time and 10 random bytes (RFC 9562, section 5.7); the caller owns both, so the
    /// result is repeatable.
    pub fn from_parts(at: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Whether it has the form of those that this program makes, and a time that a clock can show.
    pub fn has_known_form(self) -> bool {
        self.0.get_version_num() == 7 && self.known_time().is_some()
    }

    /// When it was made, to the millisecond.
    pub fn time(self) -> Timestamp {
        self.known_time().unwrap_or_default()
    }

    /// None if it has no time, or one after the year 9999.
    fn known_time(self) -> Option<Timestamp> {
        let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
        let millis = i64::try_from(seconds).ok()?.checked_mul(1000)? + i64::from(nanos / 1_000_000);
        Timestamp::from_millisecond(millis).ok()
    }
}

/// The beginning of the ids of some events, or one whole id, as people write it: at least
/// [`EventIdPrefix::SHORTEST`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventIdPrefix(String);

impl EventIdPrefix {
    /// Fewer characters are more likely a mistake than a choice.
    pub const SHORTEST: usize = 4;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<EventId> for EventIdPrefix {
    fn from(id: EventId) -> Self {
        Self(id.to_string())
    }
}

impl std::str::FromStr for EventIdPrefix {
    type Err = EventIdPrefixError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let is_hexadecimal = |c: char| c.is_ascii_hexdigit() || c == '-';
        if !text.chars().all(is_hexadecimal) || text.len() > Uuid::nil().to_string().len() {
            return Err(EventIdPrefixError::NoId);
        }
        if text.len() < Self::SHORTEST {
            return Err(EventIdPrefixError::TooShort);
        }
        Ok(Self(text))
    }
}

/// Why a text is neither the id of an event nor the beginning of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventIdPrefixError {
    #[error("not the id of an event, which looks like 01a20962-64c8-7f0e-9d51-224b8933e678")]
    NoId,
    #[error("too short: write at least {} characters of the id", EventIdPrefix::SHORTEST)]
    TooShort,
}

impl fmt::Display for EventIdPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_before_all_is_an_id_of_the_epoch() {
        let id = EventId::BEFORE_ALL;

        assert_eq!((id.time(), id.to_string().parse()), (Timestamp::UNIX_EPOCH, Ok(id)));
        assert!(id.has_known_form() && id <= EventId::from_parts(Timestamp::UNIX_EPOCH, [0; 10]));
    }

    #[test]
    fn a_time_beyond_all_clocks_is_no_known_form() {
        let late = "9999-01-01T00:00:00Z".parse().unwrap();
        let beyond: EventId = "ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap();

        assert!(EventId::from_parts(late, [0; 10]).has_known_form());
        assert!(!beyond.has_known_form());
    }

    #[test]
    fn prefix_is_read_as_the_beginning_of_an_id() {
        let id: EventId = "01a20962-64c8-7f0e-9d51-224b8933e678".parse().unwrap();

        for text in ["01a2", " 01A20962-64c8 ", "01a20962-64c8-7f0e-9d51-224b8933e678"] {
            let prefix: EventIdPrefix = text.parse().unwrap();
            assert!(id.to_string().starts_with(prefix.as_str()), "{text}");
        }
        assert_eq!(EventIdPrefix::from(id).to_string(), id.to_string());
    }

    #[test]
    fn text_that_begins_no_id_is_refused() {
        assert_eq!("01a".parse::<EventIdPrefix>(), Err(EventIdPrefixError::TooShort));
        for text in ["nonsense", "01a20962-64c8-7f0e-9d51-224b8933e6789"] {
            assert_eq!(text.parse::<EventIdPrefix>(), Err(EventIdPrefixError::NoId), "{text}");
        }
    }
}
