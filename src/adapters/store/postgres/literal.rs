//! Literals of SQL.
//!
//! Invariant: a literal means its text to a server of any settings, and holds no U+0000, which
//! `PostgreSQL` has no text for.

use std::fmt;

/// A text as a literal. U+0000 becomes U+FFFD.
#[derive(Debug, Clone, Copy)]
pub(super) struct Literal<'a>(pub(super) &'a str);

impl fmt::Display for Literal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        // Without the E, `standard_conforming_strings` decides what a backslash means.
        f.write_str(if text.contains('\\') { "E'" } else { "'" })?;
        let mut rest = *text;
        while let Some(place) = rest.find(['\'', '\\', '\0']) {
            let (plain, special) = rest.split_at(place);
            f.write_str(plain)?;
            f.write_str(match special.as_bytes() {
                [b'\'', ..] => "''",
                [b'\\', ..] => "\\\\",
                _ => "\u{fffd}",
            })?;
            rest = special.get(1..).unwrap_or_default();
        }
        write!(f, "{rest}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_means_its_text_under_all_settings() {
        for (text, literal) in [
            ("", "''"),
            ("plain", "'plain'"),
            ("it's", "'it''s'"),
            (r"a\b'c", r"E'a\\b''c'"),
            ("a\0b", "'a\u{fffd}b'"),
            ("é'€", "'é''€'"),
            (r"\", r"E'\\'"),
        ] {
            assert_eq!(Literal(text).to_string(), literal);
        }
    }
}
