//! Texts in which no runner of GitHub Actions finds a command.
//!
//! Invariant: the results have no command of either form in them, and the same meaning for people;
//! JSON keeps its value.
//!
//! The rules are those of the runner itself (`src/Runner.Common/ActionCommand.cs` of
//! `actions/runner`), which reads each line of both streams of a step:
//!
//! - `::name …::data` is a command where `::` is the first thing of a line, white space aside
//!   (`TryParseV2`).
//! - `##[name …]data` is a command wherever `##[` is in a line (`TryParse`). It is looked for in
//!   each line that is no command of the first form, so also in one of a name that an older runner
//!   does not know.

/// Makes each line of a text inert.
pub(super) fn lines(text: String) -> String {
    if !text.contains("::") && !text.contains(OLD_COMMAND) {
        return text;
    }
    text.replace(OLD_COMMAND, "## [").split_inclusive(['\n', '\r']).map(beginning).collect()
}

/// Makes a text within a line inert, whose beginning is not that of the line.
pub(super) fn part(text: &str) -> String {
    text.replace(OLD_COMMAND, "## [")
}

/// Makes JSON inert. No line of it begins with a text, so only the older form can be in it, and
/// within texts only: there, the bracket can be written as an escape.
pub(super) fn json(text: String) -> String {
    if text.contains(OLD_COMMAND) { text.replace(OLD_COMMAND, "##\\u005b") } else { text }
}

/// The start of a command of the older form.
const OLD_COMMAND: &str = "##[";

fn beginning(line: &str) -> String {
    let words = line.trim_start();
    let indent = &line[..line.len() - words.len()];
    match words.strip_prefix("::") {
        Some(rest) => format!("{indent}: :{rest}"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_taken_apart() {
        for (text, inert) in [
            ("docs completed\n", "docs completed\n"),
            ("::error::x\n", ": :error::x\n"),
            (" \t::error::x", " \t: :error::x"),
            ("\u{a0}::error::x", "\u{a0}: :error::x"),
            (":::error::x", ": ::error::x"),
            ("a ::error::x\n", "a ::error::x\n"),
            ("a\n::stop-commands::x\nb\n", "a\n: :stop-commands::x\nb\n"),
            ("a\r::stop-commands::x\r\nb", "a\r: :stop-commands::x\r\nb"),
            ("a ##[add-mask]x ###[group]", "a ## [add-mask]x ### [group]"),
            ("##[##[", "## [## ["),
        ] {
            assert_eq!(lines(text.to_owned()), inert, "{text:?}");
        }

        assert_eq!(part("##[error]::x"), "## [error]::x");
    }

    #[test]
    fn json_keeps_its_value() {
        let value = serde_json::json!({ "##[error]a": ["###[b", "\\##[c", "\n::error::d", []] });
        let text = json(value.to_string());
        assert!(!text.contains("##[") && !text.contains('\n'), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
