//! Since when: the beginning of a time that a person asks for.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{duration, time, visible};

/// The beginning of a time that ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// This long ago.
    Ago(Duration),
    At(Timestamp),
}

/// Why a text says no beginning.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is neither a duration back from now, such as 12h or 30d (10y at most), nor a date such as \
     2026-11-01, nor a time such as 2026-11-01T12:00Z (dates and times are in UTC)",
    visible(.0)
)]
pub struct SinceError(String);

impl Since {
    /// Reads a duration (see [`duration::parse_up_to`]), a date, or a time. Those are in UTC, as all times
    /// that this program prints, unless an offset is given.
    pub fn parse(text: &str) -> Result<Self, SinceError> {
        let in_utc = || {
            let time: DateTime = text.parse().ok()?;
            TimeZone::UTC.to_timestamp(time).ok()
        };
        let ago = || duration::parse_up_to(text, duration::LONGEST).ok().map(Self::Ago);
        let at = || text.parse().ok().or_else(in_utc).map(Self::At);
        ago().or_else(at).ok_or_else(|| SinceError(text.to_owned()))
    }

    /// When that is.
    pub fn time(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => time::before(now, duration),
            Self::At(time) => time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_dates_and_times_are_read() {
        let now = "2026-11-26T12:00:00Z".parse().unwrap();
        for (text, time) in [
            ("30d", "2026-10-27T12:00:00Z"),
            ("1h30m", "2026-11-26T10:30:00Z"),
            ("2y", "2024-11-26T12:00:00Z"),
            ("0", "2026-11-26T12:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T12:00", "2026-11-01T12:00:00Z"),
            ("2026-11-01 12:00:30", "2026-11-01T12:00:30Z"),
            ("2026-11-01T12:00Z", "2026-11-01T12:00:00Z"),
            ("2026-11-01T12:00:00.5+02:00", "2026-11-01T10:00:00.5Z"),
        ] {
            let since = Since::parse(text).map(|since| since.time(now).to_string());
            assert_eq!(since.as_deref(), Ok(time), "{text}");
        }
    }

    #[test]
    fn an_error_says_what_is_accepted() {
        for text in ["", "yesterday", "-30d", "30", "11y", "2026-13-01", "2026-11-01T25:00", "01.11.2026"] {
            let error = Since::parse(text).unwrap_err().to_string();
            assert!(error.contains("such as 12h or 30d") && error.contains("2026-11-01T12:00Z"), "{error}");
        }
    }
}
