//! Texts that are made to fit a number of columns.

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

/// A space at which [`wrap`] begins no row; what it returns has none.
pub(super) const NO_BREAK: char = '\u{a0}';

/// The text in one row, if that is wide enough.
pub(super) fn unbroken(text: &str) -> String {
    text.replace(' ', NO_BREAK.encode_utf8(&mut [0; 4]))
}

/// A text in rows of at most this width, parted at its spaces if it can be.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut rows = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        loop {
            let last = rows.last_mut().map(|row| (measure_text_width(row), row));
            let Some((used, row)) = last else { break };
            let gap = usize::from(used > 0);
            if used + gap + measure_text_width(rest) <= width {
                row.push_str(&" ".repeat(gap));
                row.push_str(rest);
                break;
            }
            if used > 0 {
                rows.push(String::new());
                continue;
            }
            // A word that is too long for a row.
            let part = truncate_str(rest, width, "").into_owned();
            let at = if part.is_empty() { rest.chars().next().map_or(0, char::len_utf8) } else { part.len() };
            row.push_str(&rest[..at]);
            rest = &rest[at..];
            if rest.is_empty() {
                break;
            }
            rows.push(String::new());
        }
    }
    rows.into_iter().map(|row| row.replace(NO_BREAK, " ")).collect()
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
}
