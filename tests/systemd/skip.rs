//! Skipping of tests that cannot run here.
//!
//! Invariant: nothing is skipped silently, and nothing at all if `RESTORE_WATCH_REQUIRE_SYSTEMD` is
//! 1.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

/// Prints what is not tested without a systemd, and why, once for all tests that need it.
pub(crate) fn skipped(what: &str, why: &str) {
    skipped_unless_required("RESTORE_WATCH_REQUIRE_SYSTEMD", what, why);
}

/// The same, unless this variable is 1.
pub(crate) fn skipped_unless_required(variable: &str, what: &str, why: &str) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());

    let line = format!("{what}: {}", why.trim_end().replace('\n', "; "));
    let required = std::env::var(variable).is_ok_and(|value| value == "1");
    assert!(!required, "not tested here, and it must be: {line}");
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&line) {
        // Past the harness, which shows the output of failed tests only.
        drop(writeln!(std::io::stderr(), "SKIPPED: {line}"));
        said.push(line);
    }
}
