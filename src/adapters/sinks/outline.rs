//! Whether a committed body is one that a sink makes with its present settings.
//!
//! A sink may have got another type or format since the commit. Its body of then is in the wrong
//! protocol: it would be refused for ever, or do harm, such as a text that becomes the headers of a
//! mail. What was changed within one format keeps the body.

use serde_json::Value;

use crate::model::Event;
use crate::template::secret_of;

/// Whether it is the published shape of this event.
pub(super) fn is_published(committed: &[u8], event: &Event) -> bool {
    serde_json::from_slice::<Event>(committed).is_ok_and(|known| known.id == event.id)
}

/// Whether two bodies for one event are of the same type and format.
pub(super) fn is_alike(committed: &[u8], own: &[u8]) -> bool {
    let json = |body| serde_json::from_slice::<Value>(body).ok();
    match (json(committed), json(own)) {
        (Some(committed), Some(own)) => {
            keys(&committed) == keys(&own) && secrets(&committed) == secrets(&own)
        }
        (None, None) => headers(committed) == headers(own),
        _ => false,
    }
}

/// The keys at the top, in the order of the alphabet.
fn keys(body: &Value) -> Vec<&str> {
    let mut keys: Vec<_> =
        body.as_object().into_iter().flat_map(|entries| entries.keys()).map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

/// The names of the secrets that come in when a request is made, in the order of the alphabet.
fn secrets(body: &Value) -> Vec<&str> {
    let mut found: Vec<_> = match (secret_of(body), body) {
        (Some(name), _) => vec![name],
        (None, Value::Array(values)) => values.iter().flat_map(secrets).collect(),
        (None, Value::Object(entries)) => entries.values().flat_map(secrets).collect(),
        _ => Vec::new(),
    };
    found.sort_unstable();
    found
}

/// The names of the headers of a mail; none of another text.
fn headers(text: &[u8]) -> Option<Vec<&str>> {
    let (head, _) = std::str::from_utf8(text).ok()?.split_once("\r\n\r\n")?;
    let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
    lines.map(|line| line.split_once(": ").map(|(name, _)| name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_protocol_or_format_is_not_alike() {
        let mail = "From: a\r\nTo: b,\r\n c\r\n\r\ntext";
        for (committed, own, expected) in [
            (r#"{"a":1,"b":[]}"#, r#"{"b":2,"a":null}"#, true),
            (r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            (r#"{"a":null}"#, r#"{"a":{"restore-watch:secret":"k"}}"#, false),
            (r#"{"a":{"restore-watch:secret":"j"}}"#, r#"{"a":{"restore-watch:secret":"k"}}"#, false),
            (r#"{"a":[{"restore-watch:secret":"k"}]}"#, r#"{"a":{"restore-watch:secret":"k"}}"#, true),
            (r#"{"a":1}"#, "a text", false),
            ("a text", r#"{"a":1}"#, false),
            ("a text", "another\r\n\r\none", true),
            (mail, "From: x\r\nTo: y\r\n\r\nother", true),
            ("Bcc: victim@example.com\r\n\r\n", mail, false),
            ("a text", mail, false),
            (mail, "a text", false),
        ] {
            assert_eq!(is_alike(committed.as_bytes(), own.as_bytes()), expected, "{committed} {own}");
        }
    }
}
