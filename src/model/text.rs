//! Texts from elsewhere: what of them is shown, and placeholders that nothing replaced.
//!
//! Invariant: what is shown of a text that was refused has no invisible character in it.

use std::fmt;

/// The most characters of a refused text that are shown.
const LONGEST: usize = 80;

/// Whether a terminal shows nothing for this character, or shows what follows in another order:
/// control characters, the code points that have the property `Default_Ignorable_Code_Point`
/// (Unicode Standard Annex 44), and the marks of interlinear annotation.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Whether an invisible character is a control or format character or a separator of lines, and no
/// letter or mark that a text may have: variation selectors, and the fillers of Hangul, Khmer and
/// Mongolian (general categories Mn and Lo).
pub fn is_control_or_format(c: char) -> bool {
    is_invisible(c)
        && !matches!(
            c,
            '\u{34f}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180d}'
                | '\u{180f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{ffa0}'
                | '\u{e0100}'..='\u{e01ef}'
        )
}

/// A text as a message shows it: invisible characters are written out, as in `\u{200b}`, and a long
/// text is cut.
pub fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(LONGEST) {
        write_visible(&mut shown, c);
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Writes a character, or if it is invisible what stands for it, as in `\u{200b}`.
pub fn write_visible(shown: &mut String, c: char) {
    if is_invisible(c) { shown.extend(c.escape_default()) } else { shown.push(c) }
}

/// The form of a placeholder: a text that a shell, a template or a person was to replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// `${NAME}`
    Braced,
    /// `$(command)`
    Command,
    /// `$NAME`
    Variable,
    /// `%NAME%`
    Percent,
    /// `{{ name }}`
    Template,
    /// `{NAME}`
    Field,
    /// `<name>`
    Angled,
}

impl Placeholder {
    /// The first placeholder in an address, an id or a path. A lone `$`, `%` or `<` is none, nor
    /// are a percent-encoded octet, a `$word` in lower case in the middle, and a `$WORD` within a
    /// token, which addresses and names of files can have.
    pub fn find(text: &str) -> Option<Self> {
        // Searched for once: the time does not grow with the square of the length.
        let closed = text.rfind("}}").unwrap_or_default();
        text.char_indices().find_map(|(at, c)| {
            let (before, rest) = (&text[..at], &text[at + c.len_utf8()..]);
            // A token may have `$ABC` in it.
            let is_token =
                c == '$' && before.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '~'));
            Self::at(rest, c, at == 0, at < closed).filter(|found| !is_token || *found != Self::Variable)
        })
    }

    /// The placeholder that is the whole of a text.
    pub fn whole(text: &str) -> Option<Self> {
        let is_whole = |found: &Self| match found {
            Self::Braced | Self::Template | Self::Field => text.ends_with('}'),
            Self::Command => text.ends_with(')'),
            Self::Variable => name_length(&text[1..]) + 1 == text.len(),
            Self::Percent => text.ends_with('%'),
            Self::Angled => text.ends_with('>'),
        };
        let first = text.chars().next()?;
        Self::at(&text[first.len_utf8()..], first, true, text.ends_with("}}")).filter(is_whole)
    }

    /// Whether the form has no other meaning, so that no name for people has it.
    pub fn is_unmistakable(self) -> bool {
        matches!(self, Self::Braced | Self::Template)
    }

    /// The placeholder that begins with `c` and goes on with `rest`, in which `}}` follows if it
    /// `is_closed`.
    fn at(rest: &str, c: char, is_first: bool, is_closed: bool) -> Option<Self> {
        if !matches!(c, '$' | '{' | '<' | '%') {
            return None;
        }
        let length = name_length(rest);
        let (name, behind) = rest.split_at(length);
        match c {
            '$' if rest.starts_with('{') => Some(Self::Braced),
            '$' if rest.starts_with('(') => Some(Self::Command),
            '$' if length > 0 && is_first => Some(Self::Variable),
            '$' if length > 1 && !name.contains(|c: char| c.is_ascii_lowercase()) => Some(Self::Variable),
            '{' if rest.starts_with('{') && is_closed => Some(Self::Template),
            '{' if length > 0 && behind.starts_with('}') => Some(Self::Field),
            '<' if rest.find(['<', '>']).is_some_and(|at| at > 0 && rest[at..].starts_with('>')) => {
                Some(Self::Angled)
            }
            '%' if length > 0 && behind.starts_with('%') => {
                let are_octets = begins_with_octet(rest) && begins_with_octet(&behind[1..]);
                (!are_octets).then_some(Self::Percent)
            }
            _ => None,
        }
    }
}

/// The length of the name of a variable at the start of a text.
fn name_length(text: &str) -> usize {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if text.starts_with(|c: char| c.is_ascii_digit()) { 0 } else { length }
}

fn begins_with_octet(text: &str) -> bool {
    text.as_bytes().get(..2).is_some_and(|octet| octet.iter().all(u8::is_ascii_hexdigit))
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never the text itself, which may stand beside a secret.
        f.write_str(match self {
            Self::Braced => "${NAME}",
            Self::Command => "$(COMMAND)",
            Self::Variable => "$NAME",
            Self::Percent => "%NAME%",
            Self::Template => "{{ NAME }}",
            Self::Field => "{NAME}",
            Self::Angled => "<NAME>",
        })
    }
}

/// A text from elsewhere as [`presentable`] has it, but without a byte-order mark and with single
/// blanks in place of line breaks and indentation.
pub fn one_line(text: &str, limit: usize) -> String {
    let shown = presentable(text.trim_start_matches('\u{feff}'), usize::MAX - 1);
    presentable(&shown.split_whitespace().collect::<Vec<_>>().join(" "), limit)
}

/// Makes a text from elsewhere fit for a log or a terminal: one line without control and format
/// characters, at most `limit` characters long, and `…` where it was cut.
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
    fn placeholders_in_every_form() {
        for (text, form) in [
            ("https://${HOST}/x", Placeholder::Braced),
            ("${HOST:-api}", Placeholder::Braced),
            ("/srv/$(hostname)/key", Placeholder::Command),
            ("$HOME/state.db", Placeholder::Variable),
            ("$job", Placeholder::Variable),
            ("https://example.com/$TOKEN", Placeholder::Variable),
            ("%APPDATA%\\key", Placeholder::Percent),
            ("https://example.com/%BASE%/x", Placeholder::Percent),
            ("{{ .Values.job }}", Placeholder::Template),
            ("https://example.com/{token}", Placeholder::Field),
            ("<your-restore-job-id>", Placeholder::Angled),
        ] {
            assert_eq!(Placeholder::find(text), Some(form), "{text}");
        }
    }

    #[test]
    fn texts_that_only_look_like_placeholders() {
        for text in [
            "a/b?c=d%",
            "https://example.com/a?$filter=x&$top=1",
            "https://example.com/%E6%97%A5%E6%9C%AC",
            "https://example.com/a%20b%2Fc?sp=%2Ftriggers%2Fmanual",
            "/mnt/c$/state.db",
            "/srv/a$b",
            "https://example.com/abc$DEFG",
            "https://example.com/a?sig=x-$ABC",
            "/srv/{670e8400-e29b-41d4-a716-446655440001}",
            "a<b",
            "a>b<c",
            "100%",
            "$",
            "$5",
            "",
        ] {
            assert_eq!(Placeholder::find(text), None, "{text}");
        }
    }

    #[test]
    fn long_texts_take_no_time() {
        for mark in ["x", "$", "{", "%", "<", "%a", "{a", "<>", "${"] {
            // A million characters squared would not end today.
            let _ = Placeholder::find(&mark.repeat(1_000_000));
        }
    }

    #[test]
    fn a_whole_placeholder_is_nothing_else() {
        for text in ["${KEY}", "$KEY", "$key", "%KEY%", "{{ key }}", "<key>", "$(cat key)"] {
            assert!(Placeholder::whole(text).is_some(), "{text}");
        }
        for text in ["a${KEY}", "${KEY}a", "$KEY-", "pcsk_$KEY", "", "日"] {
            assert_eq!(Placeholder::whole(text), None, "{text}");
        }
    }

    #[test]
    fn invisible_letters_and_marks_are_no_format_characters() {
        for c in [
            '\u{34f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180d}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{ffa0}',
            '\u{e0100}',
            'a',
        ] {
            assert!(!is_control_or_format(c), "{c:?}");
        }
        for c in [
            '\n',
            '\u{ad}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{2028}',
            '\u{202e}',
            '\u{feff}',
            '\u{e0041}',
        ] {
            assert!(is_control_or_format(c), "{c:?}");
        }
    }

    #[test]
    fn invisible_characters_are_written_out() {
        assert_eq!(visible("a\u{200b}b\u{202e}\n"), "a\\u{200b}b\\u{202e}\\n");
        assert_eq!(visible("日本 a-b"), "日本 a-b");
        assert_eq!(visible(&"x".repeat(81)), "x".repeat(80) + "…");
    }

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
