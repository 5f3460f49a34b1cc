//! Secrets that belong into a body of JSON, put there when a request is made.
//!
//! Invariant: the committed body has `null` where a secret goes, so that no secret is stored; and
//! one committed body always makes the same request.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

/// A secret, and where it goes in the body.
pub(super) struct Binding {
    /// A JSON pointer (RFC 6901).
    pub(super) pointer: String,
    pub(super) secret: SecretString,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({})", self.pointer)
    }
}

/// The committed body with each secret in its place. A place that the body does not have is left
/// out: the body was committed with other settings.
pub(super) fn bind<'a>(committed: &'a [u8], bindings: &[Binding]) -> Cow<'a, [u8]> {
    if bindings.is_empty() {
        return Cow::Borrowed(committed);
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(committed) else { return Cow::Borrowed(committed) };

    for Binding { pointer, secret } in bindings {
        if let Some(place) = body.pointer_mut(pointer).filter(|place| place.is_null()) {
            *place = secret.expose_secret().into();
        }
    }
    Cow::Owned(body.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(pointer: &str) -> Binding {
        Binding { pointer: pointer.to_owned(), secret: "canary\"".into() }
    }

    #[test]
    fn secrets_take_the_place_of_null() {
        let bound = |body: &str| {
            let bindings = [binding("/a/1"), binding("/k~1"), binding("/none/0")];
            String::from_utf8(bind(body.as_bytes(), &bindings).into_owned()).unwrap()
        };

        assert_eq!(
            bound(r#"{"z":1.0,"a":[0,null],"k/":null}"#),
            r#"{"z":1.0,"a":[0,"canary\""],"k/":"canary\""}"#
        );
        assert_eq!(bound(r#"{"a":[0,"kept"]}"#), r#"{"a":[0,"kept"]}"#, "made with other settings");
        assert_eq!(bound("a text"), "a text");
    }

    #[test]
    fn no_binding_copies_nothing() {
        assert!(matches!(bind(b"{ }", &[]), Cow::Borrowed(b"{ }")));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", binding("/a")), "Binding(/a)");
    }
}
