//! Words of a command that is printed to be pasted.

use std::borrow::Cow;

/// A word as a shell takes it.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''")).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_if_a_shell_would_change_it() {
        assert_eq!(quoted("/var/lib/state.db"), "/var/lib/state.db");
        assert_eq!(quoted("it's *"), r"'it'\''s *'");
    }
}
