//! Places in a file: from a span of bytes to a line, a column and what of the line may be shown.
//!
//! Invariant: any span of any text yields a place; one beyond the text or within a character is moved.

use std::ops::Range;

use super::problem::Place;
use super::redaction::{self, Mask};

/// The most characters of a line that are shown.
const WIDEST: usize = 120;

/// Of these, so many stand before the caret.
const BEFORE: usize = 40;

/// The text of a file, with what must not be shown of it.
#[derive(Debug)]
pub(super) struct Source<'a> {
    text: &'a str,
    /// Where each line starts.
    lines: Vec<usize>,
    /// Sorted; none where the text has syntax errors, and each line is masked by itself.
    masks: Option<Vec<Mask>>,
}

impl<'a> Source<'a> {
    /// `masks` are sorted; without them the text is taken to have syntax errors.
    pub(super) fn new(text: &'a str, masks: Option<Vec<Mask>>) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(breaks.map(|(at, _)| at + 1)).collect();
        Self { text, lines, masks }
    }

    /// The line (from 1) that holds this byte.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at)
    }

    /// Moves a position onto a character, and one in the white space at the end of the file to the end of the last line.
    pub(super) fn settle(&self, at: usize) -> usize {
        let mut at = at.min(self.text.trim_end().len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// The place where `span` starts; carets reach to its end or that of the line.
    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        let start = self.settle(span.start);
        let line = self.line(start);
        let from = self.lines[line - 1];
        let content = self.text[from..].split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let masks = match &self.masks {
            Some(masks) => {
                let first = masks.partition_point(|mask| mask.range.end <= from);
                let last = masks.partition_point(|mask| mask.range.start < from + content.len());
                masks.get(first..last).unwrap_or_default().to_vec()
            }
            None => redaction::of_broken_line(content, from),
        };
        let end = span.end.min(from + content.len());
        let (shown, caret) = redact(content, from, &masks, start..end);
        let (excerpt, indent, carets) = clip(&shown, caret);
        Place { line, column: self.text[from..start].chars().count() + 1, excerpt, indent, carets }
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
                    _ => shown.push(redaction::printable(c)),
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

/// Where a line is cut. Written out, so that carets stand where they should on every terminal.
const CUT: &str = "...";

/// Cuts a long line around the caret, and measures it in terminal cells.
fn clip(shown: &[char], caret: Range<usize>) -> (String, usize, usize) {
    let start = if shown.len() > WIDEST { caret.start.saturating_sub(BEFORE) } else { 0 };
    let end = shown.len().min(start + WIDEST);
    let mut excerpt = String::new();
    let mut indent = 0;
    if start > 0 {
        excerpt.push_str(CUT);
        indent = CUT.len();
    }
    excerpt.extend(&shown[start..end]);
    let excerpt = match shown.len() {
        length if end < length => excerpt + CUT,
        _ => excerpt.trim_end().to_owned(),
    };
    indent += cells(&shown[start..caret.start]);
    let carets = shown.get(caret.start..caret.end.min(end)).map_or(0, cells);
    (excerpt, indent, carets.max(1))
}

fn cells(text: &[char]) -> usize {
    text.iter().map(|c| width(*c)).sum()
}

/// How many cells of a terminal a character takes: two for East Asian scripts and emoji, none for marks that combine.
fn width(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drawn(text: &str, span: Range<usize>) -> String {
        let place = Source::new(text, Some(Vec::new())).place(&span);
        let caret = " ".repeat(place.indent) + &"^".repeat(place.carets);
        format!("{}:{}\n|{}\n|{caret}", place.line, place.column, place.excerpt)
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
    fn a_mask_that_began_on_an_earlier_line_hides_the_start_of_this_one() {
        let text = "a = ['''x\ncanary''', 5]";
        let masks = vec![Mask { range: 5..19, shown: "\"***\"" }];
        let place = Source::new(text, Some(masks)).place(&(21..22));
        assert_eq!((place.excerpt.as_str(), place.indent, place.column), ("\"***\", 5]", 7, 12));
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
                prop_assert!(place.carets >= 1 && place.column >= 1);
            }
        }
    }
}
