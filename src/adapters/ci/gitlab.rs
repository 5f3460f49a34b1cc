//! Sections in the log of a job of GitLab CI/CD.
//!
//! Invariant: the name of a section is made of letters, digits, `_`, `.` and `-`, and no other
//! section of the same log has it (docs.gitlab.com, "CI/CD job logs", custom collapsible sections).

use jiff::Timestamp;

/// Begins a section that is called `title`.
pub(super) fn begin(name: &str, title: &str, at: Timestamp) -> String {
    format!("\u{1b}[0Ksection_start:{}:{name}\r\u{1b}[0K{title}\n", at.as_second())
}

/// Ends it.
pub(super) fn end(name: &str, at: Timestamp) -> String {
    format!("\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K\n", at.as_second())
}
