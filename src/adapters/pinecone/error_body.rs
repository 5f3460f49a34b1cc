//! The body of an answer that is an error: its message, and whether the API itself sent it.
//!
//! Invariant: no message has a secret in it.

use serde_json::Value;

use crate::config::Redactor;
use crate::model::one_line;

/// Longer messages are cut.
const MAX_MESSAGE: usize = 256;

/// Whether an error body is one of the API, and not of a gateway in front of it: a JSON error, or
/// the plain text in which it speaks of the API key.
pub(super) fn is_of_api(text: &str) -> bool {
    match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
        Ok(value) => json_message(&value).is_some(),
        Err(_) => !text.trim_start().starts_with('<') && text.to_ascii_lowercase().contains("api key"),
    }
}

/// The message of an error body, in any of the shapes that are in use.
pub(super) fn message(text: &str, secrets: &Redactor) -> Option<String> {
    let text = text.trim_start_matches('\u{feff}');
    let message = match serde_json::from_str::<Value>(text) {
        Ok(value) => json_message(&value)?.to_owned(),
        Err(_) if text.trim_start().starts_with('<') => "an HTML page".to_owned(),
        Err(_) => text.to_owned(),
    };
    // Secrets are looked for before anything is cut off.
    Some(one_line(&secrets.redact(&message), MAX_MESSAGE)).filter(|message| !message.is_empty())
}

fn json_message(value: &Value) -> Option<&str> {
    let nested = value.get("error").and_then(|error| error.get("message"));
    nested.or_else(|| value.get("message")).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::ApiKey;

    fn secrets() -> Redactor {
        ApiKey::new("pcsk_canary".into()).unwrap().redactor()
    }

    #[test]
    fn error_messages_in_every_shape() {
        for (body, message) in [
            (r#"{"error":{"code":"NOT_FOUND","message":"gone"},"status":404}"#, Some("gone")),
            (r#"{"message":"top level"}"#, Some("top level")),
            ("Invalid API key", Some("Invalid API key")),
            (
                r#"{"error":{"code":"UNAUTHENTICATED","message":"Invalid API key."},"status":401}"#,
                Some("Invalid API key."),
            ),
            (
                r#"{"error":{"code":"PERMISSION_DENIED","message":"Access denied: Permission control::backups::list is required","details":{}},"status":403}"#,
                Some("Access denied: Permission control::backups::list is required"),
            ),
            ("<html><body>502</body></html>", Some("an HTML page")),
            ("", None),
            ("{}", None),
            ("\u{1b}[2J", Some("[2J")),
            ("\u{feff}{\"message\":\"two\\r\\n\\t lines\"}", Some("two lines")),
            ("no key PCSK_CANARY%21 here, PCSK%5FCANARY neither", Some("no key ***%21 here, *** neither")),
            ("no key pcsk_canary here", Some("no key *** here")),
            (r#"{"message":"no key \u0070csk_canary here"}"#, Some("no key *** here")),
        ] {
            assert_eq!(super::message(body, &secrets()).as_deref(), message, "{body}");
        }
    }

    #[test]
    fn api_errors_differ_from_gateway_errors() {
        for (body, of_api) in [
            (r#"{"error":{"code":"UNAUTHENTICATED","message":"Invalid API key."},"status":401}"#, true),
            (r#"{"message":"top level"}"#, true),
            ("Invalid API key", true),
            ("Invalid API Key\n", true),
            ("<html><title>403 Forbidden</title>no API key was sent</html>", false),
            ("  <!DOCTYPE html><html>blocked</html>", false),
            ("RBAC: access denied", false),
            ("Forbidden", false),
            (r#"{"error":"forbidden"}"#, false),
            (r#""Invalid API key""#, false),
            ("{}", false),
            ("", false),
        ] {
            assert_eq!(is_of_api(body), of_api, "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_body_causes_a_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let body = String::from_utf8_lossy(&body);
            let _ = (message(&body, &secrets()), is_of_api(&body));
        }
    }
}
