//! Names that are made to fit a number of columns.

use console::{measure_text_width, truncate_str};

/// A text without its middle, if it is wider than this: both ends of a name tell it from others.
pub(super) fn shorten(text: &str, width: usize, ellipsis: &str) -> String {
    if measure_text_width(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(measure_text_width(ellipsis));
    let head = truncate_str(text, room - room / 2, "");
    let reversed: String = text.chars().rev().collect();
    let tail: String = truncate_str(&reversed, room / 2, "").chars().rev().collect();
    let cut = format!("{head}{ellipsis}{tail}");

    truncate_str(&cut, width, "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_loses_its_middle() {
        for (text, width, shortened) in [
            ("orders", 6, "orders"),
            ("670e8400-e29b-41d4-a716-446655440001", 13, "670e84…440001"),
            ("orders-nightly", 6, "ord…ly"),
            ("orders", 1, "…"),
            ("orders", 0, ""),
            ("日本語のインデックス", 9, "日本…クス"),
        ] {
            let found = shorten(text, width, "…");

            assert_eq!(found, shortened);
            assert!(measure_text_width(&found) <= width);
        }
        assert_eq!(shorten("orders-nightly", 8, "..."), "ord...ly");
    }
}
