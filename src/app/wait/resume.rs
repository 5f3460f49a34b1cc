//! The command by which a wait that was cut short goes on, as text for a shell.
//!
//! Invariant: a shell reads each word as it was given, whatever is in it.

use crate::platform::shell;

/// The command that waits for these jobs with these options.
pub(super) fn command(ids: Vec<&str>, options: &[String]) -> String {
    // An id that looks like an option is read from standard input instead.
    let is_piped = ids.iter().any(|id| id.starts_with('-'));
    let input = if is_piped {
        format!("{} | ", joined(["printf", "%s\\n"].iter().chain(&ids).copied()))
    } else {
        String::new()
    };
    let jobs = if is_piped { vec!["-"] } else { ids };

    input + &words(["restore-watch", "wait"].iter().chain(&jobs).copied(), options)
}

/// A command and its options.
pub(super) fn words<'a>(command: impl Iterator<Item = &'a str>, options: &'a [String]) -> String {
    joined(command.chain(options.iter().map(String::as_str)))
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(shell::word).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_if_a_shell_would_change_them() {
        let options = ["--index".to_owned(), "it's *".to_owned()];

        let command = command(vec!["rj-1"], &options);

        assert_eq!(command, r"restore-watch wait rj-1 --index 'it'\''s *'");
    }

    #[test]
    fn ids_that_look_like_options_are_piped() {
        let command = command(vec!["rj-1", "-x"], &[]);

        assert_eq!(command, r"printf '%s\n' rj-1 -x | restore-watch wait -");
    }
}
