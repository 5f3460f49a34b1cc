//! The markup and length limits of services, and texts that fit into them.
//!
//! Invariant: a fitted text, its escapes included, is no longer than its limit, and is cut between
//! two characters, never within an escape.

/// What marks a cut.
const CUT: &str = "…";

/// How a service reads texts.
#[derive(Debug)]
pub struct Markup {
    /// Writes a character so that it has no meaning as markup.
    pub escape: fn(&mut String, char),
    /// The length of a text, in the unit of the service's limits. That of a whole is the sum of its
    /// parts.
    pub measure: fn(&str) -> usize,
}

impl Markup {
    /// The text in the service's markup, cut if it is longer than `limit`.
    pub fn fit(&self, text: &str, limit: usize) -> String {
        let room = limit.saturating_sub((self.measure)(CUT));
        let mut fitted = String::new();
        let (mut length, mut cut_at) = (0, 0);

        for c in text.chars() {
            let start = fitted.len();
            (self.escape)(&mut fitted, c);
            length += (self.measure)(&fitted[start..]);
            if length > limit {
                fitted.truncate(cut_at);
                fitted.push_str(CUT);
                break;
            }
            if length <= room {
                cut_at = fitted.len();
            }
        }

        fitted
    }
}

/// For services that have no markup.
pub fn plain(written: &mut String, c: char) {
    written.push(c);
}

/// For services that read Markdown, in which a backslash escapes any ASCII punctuation. Punctuation
/// without a meaning within a line is left alone, for the sake of readers that show the backslash.
pub fn markdown(written: &mut String, c: char) {
    if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '<' | '>' | '#' | '[' | ']') {
        written.push('\\');
    }
    written.push(c);
}

/// Counts UTF-16 code units, the largest count that a service can mean by "characters".
pub fn utf16(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: Markup = Markup { escape: markdown, measure: str::len };

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
        let markup = Markup { escape: plain, measure: utf16 };

        assert_eq!(markup.fit("😀😀😀", 6), "😀😀😀");
        assert_eq!(markup.fit("😀😀😀", 5), "😀😀…");
    }
}
