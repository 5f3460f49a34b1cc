use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn percent(text: &str, upper: bool, all: bool) -> String {
    let encoded = |byte: u8| match byte {
        _ if !all && (byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) => {
            char::from(byte).to_string()
        }
        _ if upper => format!("%{byte:02X}"),
        _ => format!("%{byte:02x}"),
    };
    text.bytes().map(encoded).collect()
}

fn html(text: &str, escape: impl Fn(char) -> String) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { escape(c) }).collect()
}

/// Every encoding in which servers were seen to repeat what they were sent, and some in others.
fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string(secret).unwrap().trim_matches('"').to_owned();
    let escaped = |c: char| format!("\\u{:04x}", u32::from(c));
    vec![
        ("as it is", secret.to_owned()),
        ("upper case", secret.to_ascii_uppercase()),
        ("lower case", secret.to_ascii_lowercase()),
        ("percent", percent(secret, true, false)),
        ("percent in lower case", percent(secret, false, false)),
        ("percent, all of it", percent(secret, true, true)),
        ("percent twice", percent(&percent(secret, true, false), true, false)),
        ("form", percent(secret, true, false).replace("%20", "+")),
        ("form read as a path", secret.replace('+', " ")),
        ("JSON", json.clone()),
        ("JSON of PHP", json.replace('/', "\\/")),
        ("JSON in JSON", serde_json::to_string(&json).unwrap().trim_matches('"').to_owned()),
        ("JSON in code points", secret.chars().map(escaped).collect()),
        ("HTML by numbers", html(secret, |c| format!("&#{};", u32::from(c)))),
        ("HTML by other numbers", html(secret, |c| format!("&#x{:X};", u32::from(c)))),
        (
            "HTML by names",
            secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        ),
        ("base64", BASE64_STANDARD.encode(secret)),
        ("base64 for URLs", BASE64_URL_SAFE_NO_PAD.encode(secret)),
        ("base64 in percent", percent(&BASE64_STANDARD.encode(secret), true, false)),
        ("base64 of percent", BASE64_STANDARD.encode(percent(secret, true, false))),
        ("base64 with more around it", BASE64_STANDARD.encode(format!("user:{secret}\n"))),
        ("base64 in lines", BASE64_STANDARD.encode(secret).chars().flat_map(|c| [c, '\n']).collect()),
        ("hexadecimal", percent(secret, false, true).replace('%', "")),
        ("with characters of no width", secret.chars().flat_map(|c| [c, '\u{200b}']).collect()),
        ("in blanks", secret.chars().flat_map(|c| [c, ' ']).collect()),
    ]
}

proptest! {
    #[test]
    fn no_encoding_brings_a_secret_through(
        secret in "[!-~]{12,40}",
        before in "[ -~]{0,20}",
        after in "[ -~]{0,20}",
    ) {
        let redactor = Redactor::default().with(&secret, 6, 8);
        // What is left of characters that encodings put in or take away is no part of a secret that
        // can be used.
        let letters = secret.bytes().filter(|byte| !b"+\\".contains(byte)).count();
        prop_assume!(letters >= 12);
        for (name, encoded) in encodings(&secret) {
            let shown = redactor.redact(&format!("{before} {encoded} {after}"));
            prop_assert!(shown.contains("***"), "{name}: {shown}");
            prop_assert!(!shown.contains(&encoded), "{name}: {shown}");
            prop_assert!(!shown.contains(&secret), "{name}: {shown}");
        }
        let cut = &secret[..secret.len() - 2];
        let shown = redactor.redact(&format!("no such key: {cut}…"));
        prop_assert!(!shown.contains(&cut[..10]), "{shown}");
    }

    #[test]
    fn texts_without_a_secret_are_left_as_they_are(text in "\\PC{0,80}") {
        let redactor = Redactor::default().with("Zq7#Zq7#Zq7#Zq7#", 6, 12);
        prop_assert_eq!(&redactor.redact(&text), &text);
        prop_assert_eq!(Redactor::default().redact(&text), text);
    }
}

#[test]
fn text_around_a_secret_is_kept() {
    let redactor = Redactor::default().with("pcsk_canary/+=&x", 8, 8).with("short", 6, 8);
    for (text, shown) in [
        ("no key pcsk_canary/+=&x here", "no key *** here"),
        ("no key `PCSK_CANARY/+=&X`, sorry", "no key `***`, sorry"),
        ("é pcsk_canary%2F%2B%3D%26x é", "é *** é"),
        (r#"{"key":"pcsk_canary\/+=\u0026x"}"#, r#"{"key":"***"}"#),
        ("pcsk_canary…", "***…"),
        ("Authorization: cGNza19jYW5hcnkvKz0meA==", "Authorization: ***=="),
        ("short pcsk_ words stay", "short pcsk_ words stay"),
        ("", ""),
    ] {
        assert_eq!(redactor.redact(text), shown);
    }
    assert_eq!(format!("{redactor:?}"), "***");
}

#[test]
fn secrets_across_parts_of_a_long_text_are_found() {
    let redactor = Redactor::default().with("pcsk_canary/+=&x", 8, 8);
    for encoded in ["pcsk_canary/+=&x", "pcsk%255Fcanary%252F%252B%253D%2526x", "cGNza19jYW5hcnkvKz0meA"] {
        for at in (CHUNK - OVERLAP - 50..CHUNK + 50).step_by(7) {
            let shown = redactor.redact(&format!("{}. {encoded} .{}", "é".repeat(at / 2), "é".repeat(3000)));
            assert!(!shown.contains("canary") && !shown.contains("cGNza19j"), "{encoded} at {at}");
            assert!(shown.ends_with(&"é".repeat(3000)) && shown.contains(". *** ."), "{encoded} at {at}");
        }
    }
}
