//! The head of an answer: its time, `Retry-After`, and the target of a redirect.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use url::Url;

use super::client::Answer;
use crate::engine::retry::RetryAfter;
use crate::model::http_date;
use crate::model::time::wall_between;

/// How long a server asks to be left alone, in either form of `Retry-After` (RFC 9110, section
/// 10.2.3). A date is read against the server's own `Date` if there is one, so that a clock that
/// is wrong here does no harm. Anything else than seconds or a date is ignored.
pub fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(RetryAfter::For(Duration::from_secs(text.parse().unwrap_or(u64::MAX))));
    }
    let until = http_date::parse(text)?;
    Some(date(headers).map_or(RetryAfter::Until(until), |sent| RetryAfter::For(wall_between(sent, until))))
}

/// When an answer was made, by the server's own clock (`Date`: RFC 9110, section 6.6.1), in whole
/// seconds.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date::parse(headers.get(DATE)?.to_str().ok()?.trim())
}

/// The target of a redirect, without the parts that may be secret: query, fragment, user name and
/// password.
pub fn redirect_target(answer: &Answer, url: &Url) -> Option<Url> {
    let location = answer.headers.get(LOCATION)?;
    let mut target = url.join(&String::from_utf8_lossy(location.as_bytes())).ok()?;
    target.set_query(None);
    target.set_fragment(None);
    // Fails if a URL cannot have them.
    let _ = target.set_username("").and_then(|()| target.set_password(None));
    Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after() {
        let seconds = |n| Some(RetryAfter::For(Duration::from_secs(n)));

        for (text, read) in [
            ("7", seconds(7)),
            (" 120 ", seconds(120)),
            ("0", seconds(0)),
            ("99999999999999999999999", seconds(u64::MAX)),
            ("Mon, 23 Nov 2026 12:01:30 GMT", seconds(90)),
            ("Mon, 23 Nov 2026 11:00:00 GMT", seconds(0)),
            ("Monday, 23-Nov-26 12:01:30 GMT", seconds(90)),
            ("Mon Nov 23 12:01:30 2026", seconds(90)),
            ("soon", None),
            ("-5", None),
            ("", None),
            ("1.5", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            headers.insert(DATE, "Mon, 23 Nov 2026 12:00:00 GMT".parse().unwrap());
            assert_eq!(retry_after(&headers), read, "{text}");
        }

        let undated = HeaderMap::from_iter([(RETRY_AFTER, "Mon, 23 Nov 2026 12:01:30 GMT".parse().unwrap())]);
        let until = "2026-11-23T12:01:30Z".parse().unwrap();

        assert_eq!(retry_after(&undated), Some(RetryAfter::Until(until)));
    }

    #[test]
    fn the_date_of_an_answer_is_read_in_every_form() {
        for (text, read) in [
            ("Mon, 23 Nov 2026 12:01:30 GMT", Some("2026-11-23T12:01:30Z")),
            ("Monday, 23-Nov-26 12:01:30 GMT", Some("2026-11-23T12:01:30Z")),
            ("Mon Nov 23 12:01:30 2026", Some("2026-11-23T12:01:30Z")),
            ("today", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(DATE, text.parse().unwrap())]);
            assert_eq!(date(&headers), read.map(|read| read.parse().unwrap()), "{text}");
        }
        assert_eq!(date(&HeaderMap::new()), None);
    }
}
