//! The command by which a wait that was cut short goes on, as text for a shell.
//!
//! Invariant: a shell reads each word as it was given, whatever is in it. No address of a webhook is
//! in the text: it may hold a secret.

use crate::platform::shell;

/// Stands for the address of a webhook. A shell that has no such variable makes it an error.
const WEBHOOK: &str = "--webhook \"$WEBHOOK_URL\"";

/// The options by which a command repeats a wait, without the ids of jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Again {
    /// All that can be shown.
    pub options: Vec<String>,
    /// Whether the wait posts to a webhook.
    pub webhook: bool,
}

/// The command that waits for these jobs with these options.
pub fn command(ids: Vec<&str>, again: &Again) -> String {
    // An id that looks like an option is read from standard input instead.
    let is_piped = ids.iter().any(|id| id.starts_with('-'));
    let input = if is_piped {
        format!("{} | ", joined(["printf", "%s\\n"].iter().chain(&ids).copied()))
    } else {
        String::new()
    };
    let jobs = if is_piped { vec!["-"] } else { ids };

    let wait = words(["restore-watch", "wait"].iter().chain(&jobs).copied(), &again.options);
    let webhook = if again.webhook { format!(" {WEBHOOK}") } else { String::new() };
    input + &wait + &webhook
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
        let options = vec!["--index".to_owned(), "it's *".to_owned()];

        let command = command(vec!["rj-1"], &Again { options, webhook: false });

        assert_eq!(command, r"restore-watch wait rj-1 --index 'it'\''s *'");
    }

    #[test]
    fn the_address_of_a_webhook_is_a_variable() {
        let options = vec!["--desktop".to_owned()];

        let command = command(vec!["rj-1"], &Again { options, webhook: true });

        assert_eq!(command, r#"restore-watch wait rj-1 --desktop --webhook "$WEBHOOK_URL""#);
    }

    #[test]
    fn ids_that_look_like_options_are_piped() {
        let command = command(vec!["rj-1", "-x"], &Again::default());

        assert_eq!(command, r"printf '%s\n' rj-1 -x | restore-watch wait -");
    }
}
