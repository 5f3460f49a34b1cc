//! Syntax errors: where a text is no TOML, and what was meant there.
//!
//! Invariant: a message repeats nothing of the text, but an id on a line that may be quoted.

use std::ops::Range;
use std::path::Path;

use super::report::{Finding, Report, Span};
use crate::config::Problems;
use crate::config::broken::depth_after;
use crate::config::excerpt::Source;
use crate::model::is_uuid;

/// The problems of a text with these syntax errors: the first of each line, as the others mostly
/// follow from it.
pub(super) fn problems(text: &str, errors: &[toml::de::Error], file: &Path) -> Problems {
    let source = Source::new(text, None);
    let report = Report::default();
    if let Some(finding) = other_format(text) {
        report.push(finding);
        return report.into_problems(&source, file);
    }
    let mut errors: Vec<_> = errors.iter().map(|error| (error.span().unwrap_or_default(), error)).collect();
    errors.sort_by_key(|(span, _)| span.start);

    let mut last = 0;
    for (span, error) in errors {
        let at = source.settle(span.start);
        let line = source.line(at);
        if line == last {
            continue;
        }
        last = line;

        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let fault = Fault::of(error.message(), text[start..].lines().next().unwrap_or_default());
        report.push(fault.finding(text, &span, source.shows(line)));
        // What follows is taken for a part of the array or the table.
        if matches!(fault, Fault::UnclosedString(_)) && depth_after(&text[start..at], 0) > 0 {
            break;
        }
    }
    report.into_problems(&source, file)
}

/// What is wrong at a place.
enum Fault<'a> {
    /// A string begins with this quotation mark and does not end on its line.
    UnclosedString(char),
    /// What looks like a string stands outside of quotation marks, as one of the line has no other
    /// one to it.
    LoneMark,
    /// What looks like a string has no quotation marks.
    Unquoted,
    /// The parser's words, and what it expected, if it said so.
    Other(&'a str, &'a str),
}

impl<'a> Fault<'a> {
    /// Of a message of the parser about this line.
    fn of(message: &'a str, line: &str) -> Self {
        let (message, expected) = message.split_once(", expected ").unwrap_or((message, ""));
        match (message, expected) {
            (_, "`\"`") => Self::UnclosedString('"'),
            (_, "`'`") => Self::UnclosedString('\''),
            _ if line.replace("\\\"", "").matches('"').count() % 2 == 1 => Self::LoneMark,
            // No key takes a date, so what looks like one is a string.
            ("string values must be quoted" | "invalid date", _) => Self::Unquoted,
            _ => Self::Other(message, expected),
        }
    }

    fn finding(&self, text: &str, span: &Span, is_shown: bool) -> Finding {
        let word = word_at(text, span.start);
        let id = &text[word.clone()];
        match self {
            Self::UnclosedString(mark) => {
                Finding::new(span, "unclosed string").help(format!("end the text with `{mark}`"))
            }
            Self::LoneMark => Finding::new(span, "unclosed string on this line")
                .help("put each text between two quotation marks: \"…\""),
            _ if is_uuid(id) && is_shown => {
                Finding::new(&word, "a restore job id without quotes").help(format!("write \"{id}\""))
            }
            Self::Unquoted => {
                Finding::new(span, "string values must be quoted").help("put the value in quotes")
            }
            _ if is_uuid(id) => Finding::new(span, "a UUID without quotes").help("put the value in quotes"),
            Self::Other(message, "" | "nothing") => Finding::new(span, *message),
            Self::Other(message, expected) => {
                Finding::new(span, *message).help(format!("expected {expected}"))
            }
        }
    }
}

/// Where the word of letters, digits and `-` is that has this byte.
fn word_at(text: &str, at: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    let at = at.min(bytes.len());
    let before = bytes[..at].iter().rev().take_while(|byte| is_of_word(byte)).count();
    let after = bytes[at..].iter().take_while(|byte| is_of_word(byte)).count();
    at - before..at + after
}

/// What is wrong with a text that is in another format, which is better said once than at each of
/// its lines.
fn other_format(text: &str) -> Option<Finding> {
    let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line.trim()))
    });
    let (start, line) = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))?;

    let is_key = |key: &str| {
        let key = key.trim_matches(['"', '\'']);
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_mapping = line
        .split_once(':')
        .is_some_and(|(key, value)| is_key(key) && (value.is_empty() || value.starts_with([' ', '\t'])));
    let format = match line {
        _ if line.starts_with('{') => "JSON",
        _ if line == "---" || line.starts_with("- ") || is_mapping => "YAML",
        _ => return None,
    };

    let finding = Finding::new(&(start..start), format!("this looks like {format}; a configuration is TOML"));
    Some(finding.help(
        "write it like jobs = [\"RESTORE_JOB_ID\"], or begin with the file that `restore-watch init` prints",
    ))
}

#[cfg(test)]
mod tests {
    use crate::config::reader::tests::printed;

    #[test]
    fn id_without_quotes_is_shown_with_what_to_write() {
        insta::assert_snapshot!(printed("jobs = [9857add2-99d4-4399-870e-aa7f15d8d326]"), @r#"
error: a restore job id without quotes
 --> config.toml:1:9
  |
1 | jobs = [9857add2-99d4-4399-870e-aa7f15d8d326]
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: write "9857add2-99d4-4399-870e-aa7f15d8d326"

1 problem in config.toml
"#);
        // One that begins with a letter, and one that begins as a date does.
        for id in ["a857add2-99d4-4399-870e-aa7f15d8d326", "12345678-99d4-4399-870e-aa7f15d8d326"] {
            let said = printed(&format!("jobs = [\n  {id},\n]"));
            assert!(
                said.contains(&format!("2 |   {id},\n")) && said.contains(&format!("write \"{id}\"")),
                "{said}"
            );
        }
    }

    #[test]
    fn key_that_is_a_uuid_is_not_shown() {
        for text in [
            "api_key = 9857add2-99d4-4399-870e-aa7f15d8d326",
            "[[project]]\napi_key = [9857add2-99d4-4399-870e-aa7f15d8d326]",
            "jobs = [\n]\ntoken = [\n9857add2-99d4-4399-870e-aa7f15d8d326\n]",
        ] {
            let said = printed(text);

            assert!(!said.contains("9857add2") && said.contains("put the value in quotes"), "{said}");
        }
    }

    #[test]
    fn unclosed_string_is_one_problem() {
        insta::assert_snapshot!(printed("jobs = [\"a]\ndiscover = true\n[api]\nburst = 4"), @r#"
error: unclosed string
 --> config.toml:1:12
  = help: end the text with `"`

1 problem in config.toml
"#);
        for (text, help) in [
            ("discover = true\n[state]\npath = '/var/lib\n[api]\nburst = 4", "end the text with `'`"),
            ("jobs = [\"a\", \"b, \"c\"]", "put each text between two quotation marks"),
        ] {
            let said = printed(text);
            assert!(said.contains(help) && said.ends_with("\n1 problem in config.toml"), "{said}");
        }
    }

    #[test]
    fn another_format_is_named_once() {
        insta::assert_snapshot!(printed("# restores\njobs:\n  - a\n  - b\napi:\n  burst: 4\n"), @r#"
error: this looks like YAML; a configuration is TOML
 --> config.toml:2:1
  = help: write it like jobs = ["RESTORE_JOB_ID"], or begin with the file that `restore-watch init` prints

1 problem in config.toml
"#);
        for (text, format) in [
            ("---\njobs: [a]\n", "YAML"),
            ("- a\n- b\n", "YAML"),
            ("\"jobs\": x\n", "YAML"),
            ("{\n \"jobs\": [\"a\"]\n}\n", "JSON"),
        ] {
            assert!(printed(text).starts_with(&format!("error: this looks like {format};")), "{text}");
        }
        for text in ["jobs = [a:b]", "<html>", "url: https", "a b: c", "x:y"] {
            assert_eq!(printed(text).contains("looks like"), text.starts_with("url"), "{text}");
        }
    }
}
