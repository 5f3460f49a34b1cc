//! HTML in the making.
//!
//! Invariant: markup stands in the source of this program. Any other text is escaped on its way in,
//! with its invisible characters written out, and is cut if it is long: whatever a name has in it,
//! it is text of the page.

use crate::model::{ProjectName, SinkName, write_visible};

/// The most characters of a text that are shown.
const LONGEST: usize = 240;

/// Markup with the texts in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Html(String);

/// What can be part of HTML, as text or as the value of an attribute in double quotes.
pub(super) trait Part {
    fn write(self, html: &mut Html);
}

/// The value of an attribute that is not shown, such as an address: it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value(pub(super) String);

/// A length or a place in a drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pixels(pub(super) f64);

/// Makes [`Html`], which must be in scope: literals are markup, what stands in parentheses is a
/// [`Part`].
macro_rules! html {
    (@part $html:ident $markup:literal) => { $html.markup($markup) };
    (@part $html:ident ($part:expr)) => { $html.add($part) };
    ($($part:tt)*) => {{
        let mut html = Html::default();
        $(html!(@part html $part);)*
        html
    }};
}
pub(super) use html;

impl Html {
    /// Adds markup of this program.
    pub(super) fn markup(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    pub(super) fn add(&mut self, part: impl Part) {
        part.write(self);
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn escape(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }
}

/// A text as people see it.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars().take(LONGEST) {
        write_visible(&mut shown, c);
    }
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

impl Part for &str {
    fn write(self, html: &mut Html) {
        html.escape(&shown(self));
    }
}

impl Part for String {
    fn write(self, html: &mut Html) {
        html.add(&*self);
    }
}

impl Part for &String {
    fn write(self, html: &mut Html) {
        html.add(&**self);
    }
}

impl Part for &ProjectName {
    fn write(self, html: &mut Html) {
        html.add(self.as_str());
    }
}

impl Part for &SinkName {
    fn write(self, html: &mut Html) {
        html.add(self.as_str());
    }
}

impl Part for Value {
    fn write(self, html: &mut Html) {
        html.escape(&self.0);
    }
}

impl Part for usize {
    fn write(self, html: &mut Html) {
        html.0.push_str(&self.to_string());
    }
}

impl Part for Pixels {
    fn write(self, html: &mut Html) {
        // One digit of a fraction, and none that is zero.
        let text = format!("{:.1}", self.0);
        html.0.push_str(text.strip_suffix(".0").unwrap_or(&text));
    }
}

impl Part for Html {
    fn write(self, html: &mut Html) {
        html.0.push_str(&self.0);
    }
}

impl Part for &Option<String> {
    fn write(self, html: &mut Html) {
        html.add(self.as_deref());
    }
}

impl<T: Part> Part for Option<T> {
    fn write(self, html: &mut Html) {
        if let Some(part) = self {
            html.add(part);
        }
    }
}

impl FromIterator<Html> for Html {
    fn from_iter<I: IntoIterator<Item = Html>>(parts: I) -> Self {
        parts.into_iter().fold(Self::default(), |mut html, part| {
            html.add(part);
            html
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_text_whatever_is_in_it() {
        for (text, shown) in [
            ("docs", "docs"),
            ("<b>&\"'", "&lt;b&gt;&amp;&quot;&#39;"),
            ("a\u{202e}b\0c\n", r"a\u{202e}b\u{0}c\n"),
            ("مرحبا 漢 😀", "مرحبا 漢 😀"),
        ] {
            assert_eq!(html!("<p>" (text) "</p>").into_string(), format!("<p>{shown}</p>"));
        }
    }

    #[test]
    fn a_long_text_is_cut_and_a_value_is_not() {
        let long = "x".repeat(1000);

        assert_eq!(html!((&*long)).into_string(), format!("{}…", "x".repeat(LONGEST)));
        assert_eq!(html!((Value(long.clone()))).into_string(), long);
    }

    #[test]
    fn pixels_have_no_digits_that_say_nothing() {
        let texts = [0.0, 12.04, 12.06, 12.96].map(|at| html!((Pixels(at))).into_string());
        assert_eq!(texts, ["0", "12", "12.1", "13"]);
    }
}
