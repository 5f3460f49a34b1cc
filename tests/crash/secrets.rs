//! The secrets of the crash tests, and the search for them in all output and files.
//!
//! Invariant: each secret of these tests has the word `canary` in it, in the form in which it is
//! configured and in the form in which it is used, so that one search finds them all.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::KEY;

/// The part of each address that is as good as a password.
pub(crate) const PATH: &str = "services/canary-of-a-path?token=canary-of-a-query";

/// The token of each webhook.
pub(crate) const TOKEN: &str = "canary-of-a-bearer-token";

/// A secret that belongs into a body.
pub(crate) const KEY_OF_BODY: &str = "canaryofaroutingkey0123456789abc";

/// The password of a mail account, and the form in which it is sent (RFC 4616).
pub(crate) const PASSWORD: &str = "canary-of-a-password";
pub(crate) const AUTH_PLAIN: &str = "AHdhdGNoAGNhbmFyeS1vZi1hLXBhc3N3b3Jk";

#[test]
fn search_finds_each_secret() {
    assert_eq!(found_in(b"nothing"), None);
    for secret in [KEY, PATH, TOKEN, &signing(1), &decoded(1), KEY_OF_BODY, PASSWORD, AUTH_PLAIN] {
        assert!(found_in(&[b"\xff\0", secret.as_bytes(), b"\0"].concat()).is_some(), "{secret}");
    }
}

/// A signing secret; what it decodes to has the word in it.
pub(crate) fn signing(number: u8) -> String {
    format!("whsec_{}", STANDARD.encode(decoded(number)))
}

fn decoded(number: u8) -> String {
    format!("canary-of-signing-secret-{number:03}")
}

/// The texts that are searched for.
fn needles() -> Vec<String> {
    // The start of a secret and its end: what comes before it may shift the base64 of a longer
    // text.
    let encoded = STANDARD.encode("canary-of-signing-secret");
    vec![KEY.to_owned(), "canary".to_owned(), encoded, AUTH_PLAIN.to_owned()]
}

/// The secret that a text has in it, if it has one.
pub(crate) fn found_in(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    needles().into_iter().find(|needle| text.contains(needle))
}

/// Fails if a text has a secret in it.
#[track_caller]
pub(crate) fn none_in(what: &str, text: &[u8]) {
    assert_eq!(found_in(text), None, "{what} has a secret in it");
}

/// Fails if a file of a directory has a secret in it. Returns the number of files.
#[track_caller]
pub(crate) fn none_below(directory: &Path) -> usize {
    let files: Vec<_> = fs::read_dir(directory).expect("a directory").flatten().collect();
    for file in &files {
        none_in(&file.path().display().to_string(), &fs::read(file.path()).expect("a file"));
    }
    files.len()
}

/// Fails if the command line of a process, which every user may read, has a secret in it.
#[track_caller]
pub(crate) fn none_in_arguments(process: u32) {
    // An ended process has none; and not every system has /proc.
    if let Ok(arguments) = fs::read(format!("/proc/{process}/cmdline")) {
        none_in("the command line", &arguments);
    }
}
