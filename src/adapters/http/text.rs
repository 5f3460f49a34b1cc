//! Texts from elsewhere, made inert before they are kept or shown.

use crate::model::is_control_or_format;

/// A text from elsewhere as [`presentable`] has it, but without a byte-order mark and with single blanks in place of line
/// breaks and indentation.
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = presentable(text.trim_start_matches('\u{feff}'), usize::MAX - 1);
    presentable(&shown.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

/// Makes a text from elsewhere fit for a log or a terminal: one line without control and format characters, at most `limit`
/// characters long, and `…` where it was cut.
pub fn presentable(text: &str, limit: usize) -> String {
    let mut shown: String =
        text.chars().map(|c| if is_control_or_format(c) { ' ' } else { c }).take(limit + 1).collect();
    if shown.chars().count() > limit {
        shown.pop();
        shown.push('…');
    }
    shown.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_elsewhere_are_made_presentable() {
        assert_eq!(presentable("a\u{1b}[31mb\nc", 20), "a [31mb c");
        assert_eq!(presentable("a\u{202e}b", 20), "a b");
        assert_eq!(presentable("a\u{200b}b\u{feff}c\u{2028}d", 20), "a b c d");
        assert_eq!(presentable("\u{2764}\u{fe0f}", 20), "\u{2764}\u{fe0f}");
        assert_eq!(presentable("abcdef", 3), "abc…");
        assert_eq!(presentable("  ", 3), "");
    }
}
