//! Times as HTTP writes them, in whole seconds.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::tz::TimeZone;

/// The time as HTTP writes it (IMF-fixdate), rounded down to seconds; none for a year HTTP cannot
/// write.
pub fn write(at: Timestamp) -> Option<String> {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()
}

/// A date in any of the three forms that a recipient must read (RFC 9110, section 5.6.7).
pub fn parse(text: &str) -> Option<Timestamp> {
    let obsolete = |format| {
        Some(DateTime::strptime(format, text).ok()?.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
    };
    let imf_fixdate = DateTimeParser::new().parse_timestamp(text).ok();

    imf_fixdate.or_else(|| obsolete("%A, %d-%b-%y %H:%M:%S GMT")).or_else(|| obsolete("%a %b %e %H:%M:%S %Y"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let at: Timestamp = "2026-11-23T12:01:30.9Z".parse().unwrap();

        let written = write(at).unwrap();

        assert_eq!(written, "Mon, 23 Nov 2026 12:01:30 GMT");
        assert_eq!(parse(&written), Some("2026-11-23T12:01:30Z".parse().unwrap()));
    }
}
