//! Secrets that belong into a body of JSON, put there when a request is made.
//!
//! Invariant: the committed body has a placeholder where a secret goes, so that no secret is stored,
//! and a secret goes nowhere else; one committed body always makes the same request.

use std::borrow::Cow;
use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::template::secret_of;

/// A secret, and how placeholders call it.
pub(super) struct Binding {
    pub(super) name: String,
    pub(super) secret: SecretString,
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Binding({})", self.name)
    }
}

/// The committed body with each secret in place of its placeholder.
pub(super) fn bind<'a>(committed: &'a [u8], bindings: &[Binding]) -> Cow<'a, [u8]> {
    if bindings.is_empty() {
        return Cow::Borrowed(committed);
    }
    let Ok(mut body) = serde_json::from_slice::<Value>(committed) else { return Cow::Borrowed(committed) };
    fill(&mut body, bindings);
    Cow::Owned(body.to_string().into_bytes())
}

fn fill(value: &mut Value, bindings: &[Binding]) {
    if let Some(name) = secret_of(value) {
        if let Some(binding) = bindings.iter().find(|binding| binding.name == name) {
            *value = binding.secret.expose_secret().into();
        }
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, bindings)),
        Value::Object(values) => values.values_mut().for_each(|value| fill(value, bindings)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(name: &str) -> Binding {
        Binding { name: name.to_owned(), secret: "canary\"".into() }
    }

    #[test]
    fn secrets_take_the_place_of_their_placeholders_alone() {
        let bound = |body: &str| {
            let bindings = [binding("key"), binding("other")];
            String::from_utf8(bind(body.as_bytes(), &bindings).into_owned()).unwrap()
        };

        assert_eq!(
            bound(r#"{"z":1.0,"a":[null,{"restore-watch:secret":"key"}]}"#),
            r#"{"z":1.0,"a":[null,"canary\""]}"#
        );
        for unchanged in [
            r#"{"key":null}"#,
            r#"{"a":"restore-watch:secret","key":"key"}"#,
            r#"{"a":{"restore-watch:secret":"unknown"}}"#,
            r#"{"a":{"restore-watch:secret":"key","b":1}}"#,
            "a text",
        ] {
            assert_eq!(bound(unchanged), unchanged);
        }
    }

    #[test]
    fn no_binding_copies_nothing() {
        assert!(matches!(bind(b"{ }", &[]), Cow::Borrowed(b"{ }")));
    }

    #[test]
    fn debug_shows_no_secret() {
        assert_eq!(format!("{:?}", binding("a")), "Binding(a)");
    }
}
