//! Durations as people write them: `90s`, `10m`, `1h30m`.

use std::fmt::Write as _;
use std::time::Duration;

/// The longest duration that is accepted for what waits or is timed: 365 days. It keeps sums of a
/// few of them far from overflow.
pub const MAX: Duration = Duration::from_hours(365 * 24);

/// The longest duration that is accepted anywhere: ten years, for what is kept.
pub const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a list of numbers with units.
    #[error("`{0}` is not a duration; write it like `90s`, `10m` or `1h30m` (units: ms, s, m, h, d, y)")]
    Malformed(String),
    /// Longer than [`MAX`], or another limit.
    #[error("`{0}` is too long; at most {limit} is accepted", limit = written(*.1))]
    TooLong(String, Duration),
}

/// Reads a duration: one or more whole or decimal numbers, each with a unit (`ms`, `s`, `m`, `h`,
/// `d`, and `y` for 365 days), without signs or spaces. A bare `0` is accepted. At most [`MAX`].
///
/// ```
/// use std::time::Duration;
/// use restore_watch::model::duration;
///
/// assert_eq!(duration::parse("1h30m"), Ok(Duration::from_secs(5400)));
/// assert!(duration::parse("90").is_err());
/// ```
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    parse_up_to(text, MAX)
}

/// The same with another limit.
pub fn parse_up_to(text: &str, longest: Duration) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
        let (number, tail) = rest.split_at(digits);
        let payloads = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(payloads);
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(malformed());
        }
        let number: f64 = number.parse().map_err(|_| malformed())?;
        let seconds = number
            * match unit {
                "ms" => 0.001,
                "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                "d" => 86400.0,
                "y" => 365.0 * 86400.0,
                _ => return Err(malformed()),
            };
        let part = Duration::try_from_secs_f64(seconds)
            .map_err(|_| DurationError::TooLong(text.to_owned(), longest))?;
        total = total.saturating_add(part);
        rest = tail;
    }
    match total {
        _ if text.is_empty() => Err(malformed()),
        _ if total > longest => Err(DurationError::TooLong(text.to_owned(), longest)),
        _ => Ok(total),
    }
}

/// Shows a duration to people, to about two significant units: `850ms`, `4.2s`, `3m 05s`, `1h 30m`,
/// `2d 04h`.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..=9 => format!("{:.1}s", (duration.as_secs_f64() * 10.0).floor() / 10.0),
        10..=59 => format!("{seconds}s"),
        60..=3599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..=86399 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

/// Shows how long there is still to wait, in whole seconds that began: `4s`, `3m 05s`, `1h 30m`.
pub fn remaining(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match seconds {
        0..=59 => format!("{seconds}s"),
        _ => human(Duration::from_secs(seconds)),
    }
}

/// Shows a time that goes on, in whole seconds: `4s`, `3m 05s`, `1h 30m`.
pub fn running(duration: Duration) -> String {
    remaining(Duration::from_secs(duration.as_secs()))
}

/// Shows an estimate, no more exact than it can be: `16s`, `9 min`, `1h 30m`.
pub fn rough(duration: Duration) -> String {
    estimate(duration + Duration::from_millis(500), 30)
}

/// Shows what an estimate is below: the same, rounded up.
pub fn rough_limit(duration: Duration) -> String {
    estimate(duration + Duration::from_millis(999), 59)
}

/// `up` are the seconds that are added before whole minutes are counted.
fn estimate(duration: Duration, up: u64) -> String {
    let seconds = duration.as_secs();
    let minutes = (seconds + up) / 60;
    match (seconds, minutes) {
        (0..=99, _) => format!("{}s", seconds.max(1)),
        (_, ..60) => format!("{minutes} min"),
        _ => human(Duration::from_secs(minutes * 60)),
    }
}

/// Writes a duration as a configuration has it, exact to the millisecond: `90s` is `1m30s`.
pub fn written(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= millis {
            // Writing to a text cannot fail.
            _ = write!(text, "{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("2d", 172_800_000),
            ("0s", 0),
            ("0", 0),
            ("1y", 31_536_000_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for text in
            ["", "90", "-5s", "5 s", "s", ".s", ".5s", "1.2.3s", "5w", "1h30", "NaNs", "infs", "5S", "∞s"]
        {
            assert!(matches!(parse(text), Err(DurationError::Malformed(_))), "{text}");
        }
        for text in ["366d", "2y", "99999999999999999999d", "1e9"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse_up_to("2y", LONGEST), Ok(2 * MAX));
        assert!(parse_up_to("11y", LONGEST).is_err());
    }

    #[test]
    fn shown_to_people() {
        for (millis, text) in [
            (0, "0ms"),
            (850, "850ms"),
            (4_290, "4.2s"),
            (9_999, "9.9s"),
            (59_999, "59s"),
            (185_000, "3m 05s"),
            (5_400_000, "1h 30m"),
            (187_200_000, "2d 04h"),
        ] {
            assert_eq!(human(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn estimates_are_rough() {
        for (millis, text) in [
            (0, "1s"),
            (15_600, "16s"),
            (99_400, "99s"),
            (100_000, "2 min"),
            (540_000, "9 min"),
            (3_569_000, "59 min"),
            (3_570_000, "1h 00m"),
            (5_389_000, "1h 30m"),
        ] {
            assert_eq!(rough(Duration::from_millis(millis)), text);
        }
        for (millis, text) in
            [(15_100, "16s"), (540_000, "9 min"), (540_001, "10 min"), (3_541_000, "1h 00m")]
        {
            assert_eq!(rough_limit(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn a_time_that_goes_on_has_whole_seconds() {
        for (millis, text) in [(0, "0s"), (4_290, "4s"), (185_999, "3m 05s")] {
            assert_eq!(running(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn written_as_it_is_read() {
        for text in ["0s", "250ms", "1m30s", "1h30m", "2d", "365d", "1s500ms"] {
            assert_eq!(written(parse(text).unwrap()), text);
        }
    }
}
