//! Commands for the runner of GitHub Actions, as lines of a log.
//!
//! Invariant: whatever is in a title or a message stays in it. The escapes are those of
//! `packages/core/src/command.ts` of `actions/toolkit`.

use super::inert;

/// `::name title=…::message`, with the end of its line. A title may be empty.
pub(super) fn line(name: &str, title: &str, message: &str) -> String {
    let title = if title.is_empty() { String::new() } else { format!(" title={}", property(title)) };
    format!("::{name}{title}::{}\n", data(message))
}

fn data(text: &str) -> String {
    // A runner that does not know the command looks for older ones in the same line.
    inert::part(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_and_messages_are_escaped() {
        for (title, message, command) in [
            ("", "", "::error::\n"),
            ("a", "b", "::error title=a::b\n"),
            ("50 %, or: b", "50 %, or: b", "::error title=50 %25%2C or%3A b::50 %25, or: b\n"),
            ("%0A", "%0A", "::error title=%250A::%250A\n"),
            ("a\r\nb", "a\r\nb", "::error title=a%0D%0Ab::a%0D%0Ab\n"),
            ("a::b", "::warning::b", "::error title=a%3A%3Ab::::warning::b\n"),
            ("##[group]", "##[add-mask]a", "::error title=## [group]::## [add-mask]a\n"),
            ("x,file=/etc/passwd,line=1", "", "::error title=x%2Cfile=/etc/passwd%2Cline=1::\n"),
        ] {
            assert_eq!(line("error", title, message), command);
        }
    }
}
