//! Words of commands that are printed to be pasted into a shell.
//!
//! Invariant: a shell reads each word as it was given, whatever is in it.

use std::borrow::Cow;

/// A word as a shell takes it.
pub fn word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into()
    } else {
        format!("'{}'", text.replace('\'', "'\\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_if_a_shell_would_change_them() {
        for (text, written) in
            [("/etc/a.toml", "/etc/a.toml"), ("a b", "'a b'"), ("it's *", r"'it'\''s *'"), ("", "''")]
        {
            assert_eq!(word(text), written);
        }
    }
}
