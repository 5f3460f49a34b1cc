//! Skipping of tests that cannot run here.
//!
//! Invariant: nothing is skipped silently, and nothing at all if `RESTORE_WATCH_REQUIRE_BROWSER` is
//! 1.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Prints what is not tested, and why, once for all tests that need it.
pub(crate) fn skipped(what: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    let line = format!("{what}: {why}");
    let required = std::env::var("RESTORE_WATCH_REQUIRE_BROWSER").is_ok_and(|value| value == "1");
    assert!(!required, "not tested here, and it must be: {line}");
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
        crate::support::skipped(&line);
    }
}
