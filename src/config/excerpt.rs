//! Places in a file: from a span of bytes to a line, a column and what of the line may be shown.
//!
//! Invariant: any span of any text yields a place; one beyond the text or within a character is
//! moved.

use std::fmt;
use std::ops::Range;

use console::measure_text_width;

use super::broken::quotable_lines;
use super::masks::Mask;
use super::quote::printable;

/// The most characters of a line that are shown.
const MAX_SHOWN: usize = 120;

/// How many of these stand before the caret.
const MAX_BEFORE_CARET: usize = 40;

/// What stands for the rest of a line. Three letters, so that carets stand where they should on
/// every terminal.
const CUT: &str = "...";

/// The text of a file, with what must not be shown of it.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    shown: Shown,
}

/// What may be shown of a text.
#[derive(Debug)]
enum Shown {
    /// All but these stretches, which are sorted.
    Masked(Vec<Mask>),
    /// The lines for which this says so: the text has syntax errors.
    Lines(Vec<bool>),
}

/// A place in a file. Its `Display` form is the line with carets below it, or nothing if the line
/// must not be quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    line: usize,
    column: usize,
    excerpt: Option<Excerpt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    /// The line, with secrets masked and tabs widened.
    text: String,
    /// How many terminal cells of it stand before the caret.
    indent: usize,
    /// How many carets, at least one.
    carets: usize,
}

impl<'a> Source<'a> {
    /// `masks` are sorted; without them the text is taken to have syntax errors.
    pub(crate) fn new(text: &'a str, masks: Option<Vec<Mask>>) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        let shown = masks.map_or_else(|| Shown::Lines(quotable_lines(text)), Shown::Masked);
        Self { text, lines, shown }
    }

    /// The place where `span` starts; carets reach to its end or that of the line.
    pub(crate) fn place(&self, span: &Range<usize>) -> Place {
        let start = self.settle(span.start);
        let line = self.line(start);
        let from = self.lines[line - 1];
        let content = self.text[from..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let end = span.end.min(from + content.len());

        let excerpt = self.masks_of(line, content).map(|masks| {
            let (shown, caret) = redact(content, from, masks, start..end);
            clip(&shown, caret)
        });
        Place { line, column: self.text[from..start].chars().count() + 1, excerpt }
    }

    /// Whether this line (from 1) may be quoted.
    pub(super) fn shows(&self, line: usize) -> bool {
        match &self.shown {
            Shown::Masked(_) => true,
            Shown::Lines(lines) => lines.get(line - 1).is_some_and(|shows| *shows),
        }
    }

    /// The line (from 1) that holds this byte.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Moves a position onto a character, and one in the white space at the end of the file to the
    /// end of the last line.
    pub(super) fn settle(&self, at: usize) -> usize {
        let mut at = at.min(self.text.trim_end().len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The masks of this line (from 1), which has this content; none if it must not be quoted.
    fn masks_of(&self, line: usize, content: &str) -> Option<&[Mask]> {
        let masks = match &self.shown {
            Shown::Masked(masks) => masks,
            Shown::Lines(lines) => return lines.get(line - 1)?.then_some(&[]),
        };
        let from = self.lines[line - 1];
        let first = masks.partition_point(|mask| mask.range.end <= from);
        let last = masks.partition_point(|mask| mask.range.start < from + content.len());
        Some(masks.get(first..last).unwrap_or_default())
    }
}

impl Place {
    /// Counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// Counted in characters from 1.
    pub(crate) fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Excerpt { text, indent, carets }) = &self.excerpt else { return Ok(()) };
        let line = self.line.to_string();
        let blank = " ".repeat(line.len());
        writeln!(f, "{blank} |\n{line} | {text}")?;
        writeln!(f, "{blank} | {}{}", " ".repeat(*indent), "^".repeat(*carets))
    }
}

/// The line with its masks applied, as characters, and which of them `span` became.
fn redact(content: &str, from: usize, masks: &[Mask], span: Range<usize>) -> (Vec<char>, Range<usize>) {
    let mut shown = Vec::new();
    let mut caret = None;
    let mut caret_end = 0;
    let mut masks = masks.iter().peekable();
    let mut at = from;
    while let Some(c) = content.get(at - from..).and_then(|rest| rest.chars().next()) {
        let first = shown.len();
        while masks.next_if(|mask| mask.range.end <= at).is_some() {}

        let next = match masks.peek() {
            // `<=`: a text of several lines may have begun before this one.
            Some(mask) if mask.range.start <= at => {
                shown.extend(mask.shown.chars());
                mask.range.end
            }
            _ => {
                match c {
                    '\t' => shown.extend([' '; 4]),
                    _ => shown.push(printable(c)),
                }
                at + c.len_utf8()
            }
        };
        if span.start < next {
            caret.get_or_insert(first);
        }
        if at < span.end {
            caret_end = shown.len();
        }
        at = next;
    }
    let caret = caret.unwrap_or(shown.len());
    (shown, caret..caret_end)
}

/// Cuts a long line around the caret, and measures it in terminal cells.
fn clip(shown: &[char], caret: Range<usize>) -> Excerpt {
    let start = if shown.len() > MAX_SHOWN { caret.start.saturating_sub(MAX_BEFORE_CARET) } else { 0 };
    let end = shown.len().min(start + MAX_SHOWN);

    let mut text = if start > 0 { CUT.to_owned() } else { String::new() };
    let indent = text.len() + cells(&shown[start..caret.start]);
    let carets = shown.get(caret.start..caret.end.min(end)).map_or(0, cells).max(1);

    text.extend(&shown[start..end]);
    let text = if end < shown.len() { text + CUT } else { text.trim_end().to_owned() };
    Excerpt { text, indent, carets }
}

fn cells(text: &[char]) -> usize {
    measure_text_width(&text.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(text: &str, span: Range<usize>) -> String {
        let place = Source::new(text, Some(Vec::new())).place(&span);
        let Excerpt { text, indent, carets } = place.excerpt.unwrap();
        let caret = " ".repeat(indent) + &"^".repeat(carets);
        format!("{}:{}\n|{text}\n|{caret}", place.line, place.column)
    }

    #[test]
    fn carets_reach_to_the_end_of_the_span_or_the_line() {
        insta::assert_snapshot!(drawn("a = 1\n\tbc = 2\r\nd", 7..9), @"
2:2
|    bc = 2
|    ^^
");
        insta::assert_snapshot!(drawn("a = [\n1,\n2]", 4..11), @"
1:5
|a = [
|    ^
");
        insta::assert_snapshot!(drawn("日本 = 'ab'", 9..13), @"
1:6
|日本 = 'ab'
|       ^^^^
");
        insta::assert_snapshot!(drawn("a = [\n\n\n", 8..8), @"
1:6
|a = [
|     ^
");
        insta::assert_snapshot!(drawn("", Range { start: 5, end: 2 }), @"
1:1
|
|^
");
    }

    #[test]
    fn mask_from_an_earlier_line_hides_the_start_of_this_one() {
        let text = "a = ['''x\ncanary''', 5]";
        let masks = vec![Mask { range: 5..19, shown: "\"***\"" }];

        let place = Source::new(text, Some(masks)).place(&(21..22));

        let excerpt = place.excerpt.unwrap();
        assert_eq!((excerpt.text.as_str(), excerpt.indent, place.column), ("\"***\", 5]", 7, 12));
    }

    #[test]
    fn line_within_a_text_of_several_lines_is_not_quoted() {
        let text = "name = 15\napi_key = \"\"\"\nname = canary";

        let [before, within] = [0..4, 24..28].map(|span| Source::new(text, None).place(&span));

        assert!(before.to_string().contains("name = 15"));
        assert_eq!((within.line, within.column, within.to_string().as_str()), (3, 1, ""));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_span_of_any_text_has_a_place(
            text in "[\\PC\\t\\n\r\"'#=]{0,300}",
            start in 0..400_usize,
            end in 0..400_usize,
            masks in prop::collection::vec((0..300_usize, 0..40_usize), 0..4),
        ) {
            let mut at = 0;
            let masks: Vec<_> = masks
                .into_iter()
                .map(|(gap, length)| {
                    let start = at + gap;
                    at = start + length;
                    Mask { range: start..at, shown: "***" }
                })
                .collect();
            for masks in [None, Some(masks)] {
                let place = Source::new(&text, masks).place(&(start..end));
                prop_assert!(place.column >= 1);
                prop_assert!(place.excerpt.is_none_or(|excerpt| excerpt.carets >= 1));
            }
        }
    }
}
