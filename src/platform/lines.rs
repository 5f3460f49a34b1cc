//! Texts in lines of a width, for terminals.

use console::{measure_text_width, truncate_str};

/// A space at which no line begins; the lines have usual ones in its place.
pub const NO_BREAK: char = '\u{a0}';

/// The text in one line, if that is wide enough.
#[must_use]
pub fn unbroken(text: &str) -> String {
    text.replace(' ', NO_BREAK.encode_utf8(&mut [0; 4]))
}

/// A text in lines of at most this width, parted at its spaces if it can be.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    filled(words(text).flat_map(|word| parts(word, width)), width)
}

/// A text in lines that are parted at its spaces alone: a word that is wider than the lines has one
/// of its own.
#[must_use]
pub fn wrap_at_spaces(text: &str, width: usize) -> Vec<String> {
    filled(words(text), width)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| c.is_whitespace() && c != NO_BREAK);
    parts.filter(|word| !word.is_empty())
}

/// A word in parts that fit the width. Two parts together do not.
fn parts(word: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = word;
    while measure_text_width(rest) > width {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let at = truncate_str(rest, width, "").len().max(first);
        parts.push(&rest[..at]);
        rest = &rest[at..];
    }

    parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
    parts
}

/// Lines with as many of the words as fit, at least one.
fn filled<'a>(words: impl Iterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.into_iter().map(|line| line.replace(NO_BREAK, " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_parted_at_spaces() {
        for (text, width, rows) in [
            ("cannot connect to it", 10, &["cannot", "connect to", "it"][..]),
            ("connect", 10, &["connect"]),
            ("to http://127.0.0.1:9: no", 10, &["to", "http://127", ".0.0.1:9:", "no"]),
            ("日本語", 4, &["日本", "語"]),
            ("日本", 1, &["日", "本"]),
            ("", 10, &[""]),
            (&format!("it {}", unbroken("gives up")), 10, &["it", "gives up"]),
        ] {
            assert_eq!(wrap(text, width), rows);
        }
    }

    #[test]
    fn a_long_word_can_have_a_line_of_its_own() {
        for (text, width, lines) in [
            ("cannot connect to it", 10, &["cannot", "connect to", "it"][..]),
            ("to http://127.0.0.1:9: no", 10, &["to", "http://127.0.0.1:9:", "no"]),
            ("a b", 0, &["a", "b"]),
            ("", 10, &[""]),
        ] {
            assert_eq!(wrap_at_spaces(text, width), lines);
        }
    }
}
