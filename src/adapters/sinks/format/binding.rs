//! Puts secrets into a committed body when a request is made of it.
//!
//! Invariant: what was committed stays as it is but for the text at the named place; a body without
//! that place, such as one that was committed for another format, stays as it is.

use std::borrow::Cow;

use serde_json::Value;

/// The committed JSON with `secret` in place of the text at `place`, a JSON pointer (RFC 6901).
pub(super) fn bind<'a>(committed: &'a [u8], place: &str, secret: &str) -> Cow<'a, [u8]> {
    let Ok(mut body) = serde_json::from_slice::<Value>(committed) else { return Cow::Borrowed(committed) };
    let Some(text @ Value::String(_)) = body.pointer_mut(place) else { return Cow::Borrowed(committed) };
    *text = Value::from(secret);
    Cow::Owned(body.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_text_is_replaced() {
        let committed = r#"{"key":"","z":{"key":"kept"},"a":[1.5,12345678901234567890,"\u0000é"]}"#;

        let bound = bind(committed.as_bytes(), "/key", "a\"b");

        let text = std::str::from_utf8(&bound).unwrap();
        assert_eq!(text, committed.replacen(r#""key":"""#, r#""key":"a\"b""#, 1));
        assert_eq!(bind(&bound, "/key", "a\"b"), bound, "repeatable");
    }

    #[test]
    fn a_body_without_the_place_stays_as_it_is() {
        for committed in [&b"{}"[..], b"text", b"\xff", br#"{"key":1}"#, b"[\"\"]", b""] {
            assert_eq!(&*bind(committed, "/key", "secret"), committed);
        }
    }
}
