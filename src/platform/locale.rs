//! The character set of the terminal: UTF-8, or ASCII alone.
//!
//! Invariant: what this program adds to a text for people is ASCII if the locale is; names from
//! elsewhere and data for programs stay as they are.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::OnceLock;

static UTF8: OnceLock<bool> = OnceLock::new();

/// Adopts the locale of the environment; before, texts are UTF-8.
pub fn adopt() {
    // Asked once: the environment does not change.
    UTF8.get_or_init(|| is_utf8_by(&|name| std::env::var_os(name)));
}

/// Whether more than ASCII can be shown.
pub fn is_utf8() -> bool {
    UTF8.get().copied().unwrap_or(true)
}

/// A text for people in a form that can be shown.
pub fn shown(text: &str) -> Cow<'_, str> {
    shown_as(is_utf8(), text)
}

/// A text for people in the form that can be shown if UTF-8 can, or cannot.
pub fn shown_as(utf8: bool, text: &str) -> Cow<'_, str> {
    if utf8 { Cow::Borrowed(text) } else { plain(text) }
}

/// The text with `…`, the mark of a cut text, written as ASCII.
fn plain(text: &str) -> Cow<'_, str> {
    if text.contains('…') { Cow::Owned(text.replace('…', "...")) } else { Cow::Borrowed(text) }
}

/// The first of the three that is set and not empty decides; without any, the locale is POSIX,
/// which is ASCII (POSIX, Base Definitions, 8.2).
fn is_utf8_by(variable: &dyn Fn(&'static str) -> Option<OsString>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        for (variables, utf8) in [
            (&[][..], false),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "de_DE.utf8")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LANG", "C")], false),
            (&[("LANG", "C.UTF-8"), ("LC_CTYPE", "POSIX")], false),
            (&[("LANG", "C"), ("LC_CTYPE", "UTF-8")], true),
            (&[("LANG", "C.UTF-8"), ("LC_CTYPE", "C.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "C"), ("LC_ALL", "en_US.UTF-8@euro")], true),
            (&[("LANG", "C.UTF-8"), ("LC_ALL", "")], true),
        ] {
            let found = is_utf8_by(&|name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            });
            assert_eq!(found, utf8, "{variables:?}");
        }
    }

    #[test]
    fn the_mark_of_a_cut_text_is_ascii() {
        assert_eq!(plain("not fou…"), "not fou...");
        assert_eq!(plain("日本"), "日本", "a name stays what it is");
        assert_eq!(shown("not fou…"), "not fou…", "nothing was adopted");
    }
}
