//! What happens to a test that cannot run here.
//!
//! Invariant: nothing is skipped in silence, and nothing at all where `RESTORE_WATCH_REQUIRE_SYSTEMD` is 1.

use std::io::Write as _;

/// Says that something is not tested, and why.
pub(crate) fn skipped(what: &str, why: &str) {
    let why = why.trim_end().replace('\n', "; ");
    let required = std::env::var("RESTORE_WATCH_REQUIRE_SYSTEMD").is_ok_and(|value| value == "1");
    assert!(!required, "{what} must be tested: {why}");
    // Past the test harness, which shows what a test prints only where it fails.
    drop(writeln!(std::io::stderr(), "SKIPPED: {what}: {why}"));
}
