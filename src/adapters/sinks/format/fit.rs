//! Texts made to fit into a service's markup and limits.
//!
//! Invariant: a fitted text, its escapes included, weighs no more than its limit, and is cut between two characters,
//! never within an escape.

/// What marks a cut.
const CUT: &str = "…";

/// How a service reads texts.
#[derive(Debug)]
pub(super) struct Rules {
    /// Writes a character so that it stands for itself.
    pub(super) write: fn(&mut String, char),
    /// How much of the limit a text takes. That of a whole is the sum of its parts.
    pub(super) weigh: fn(&str) -> usize,
}

impl Rules {
    /// The text in the service's markup, cut where it weighs more than `limit`.
    pub(super) fn fit(&self, text: &str, limit: usize) -> String {
        let room = limit.saturating_sub((self.weigh)(CUT));
        let mut fitted = String::new();
        let (mut weight, mut cut_at) = (0, 0);
        for c in text.chars() {
            let start = fitted.len();
            (self.write)(&mut fitted, c);
            weight += (self.weigh)(&fitted[start..]);
            if weight > limit {
                fitted.truncate(cut_at);
                fitted.push_str(CUT);
                break;
            }
            if weight <= room {
                cut_at = fitted.len();
            }
        }
        fitted
    }
}

/// For services that have no markup.
pub(super) fn plain(written: &mut String, c: char) {
    written.push(c);
}

/// For services that read Markdown, where a backslash takes the meaning from any ASCII punctuation. Those that mean
/// nothing within a line are left alone, for the sake of readers that show the backslash.
pub(super) fn markdown(written: &mut String, c: char) {
    if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '#' | '[' | ']') {
        written.push('\\');
    }
    written.push(c);
}

/// Counts in UTF-16, the most that a service can mean by «characters».
pub(super) fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: Rules = Rules { write: markdown, weigh: str::len };

    #[test]
    fn cuts_between_characters_and_escapes() {
        assert_eq!(BYTES.fit("abcdef", 6), "abcdef");
        assert_eq!(BYTES.fit("abcdefg", 6), "abc…");
        assert_eq!(BYTES.fit("a*b", 4), r"a\*b");
        assert_eq!(BYTES.fit("a****", 6), r"a\*…");
        assert_eq!(BYTES.fit("ééééé", 8), "éé…");
        assert_eq!(BYTES.fit("", 8), "");
    }

    #[test]
    fn counts_utf16() {
        let rules = Rules { write: plain, weigh: utf16 };
        assert_eq!(rules.fit("😀😀😀", 6), "😀😀😀");
        assert_eq!(rules.fit("😀😀😀", 5), "😀😀…");
    }
}
