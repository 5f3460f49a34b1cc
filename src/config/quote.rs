//! How messages show texts of a configuration: names, values and paths.
//!
//! Invariant: what is shown neither moves the cursor nor looks like a secret.

use std::fmt::{self, Write as _};
use std::path::Path;

use super::secret_words::{has_named_password, has_token};
use crate::model::is_invisible;

/// Shows a word of the configuration in a message: cut short, without control characters, and not
/// at all if it may be a secret.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;

    if may_be_secret(text) {
        return "`***`".to_owned();
    }
    let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Shows a path without what would move the cursor, color the terminal or reorder the line.
#[derive(Debug, Clone, Copy)]
pub struct ShownPath<'a>(pub &'a Path);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().chars().map(printable).try_for_each(|c| f.write_char(c))
    }
}

/// The character itself, or a replacement for one that would move the cursor, color the terminal or
/// reorder the line.
pub(super) fn printable(c: char) -> char {
    if is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// Whether `text` looks like a token of a well-known service, a URL with more than an address in it, or a
/// connection string with a password, wherever it stands.
pub(super) fn may_be_secret(text: &str) -> bool {
    has_token(text) || has_named_password(text) || (text.contains("://") && text.contains(['@', '?']))
}
