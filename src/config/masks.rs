//! Which parts of a configuration messages may quote.
//!
//! Invariant: no text is shown because it does not look secret; it is shown because of the key it
//! stands at. A key with a typo is not declared, so an API key at `api_kye` is masked as well.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::keys::{self, Shown};
use super::quote::may_be_secret;

/// A stretch of text (in bytes) that is shown as something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) range: Range<usize>,
    pub(crate) shown: &'static str,
}

/// The masks of a document without syntax errors, sorted: texts at keys whose texts are not shown,
/// everything at keys of secrets, and comments.
pub(super) fn of_document(document: &DeTable<'_>, text: &str) -> Vec<Mask> {
    let mut leaves = Vec::new();
    leaves_of_table(document, Shown::Numbers, &mut leaves);
    leaves.sort_by_key(|(range, _)| range.start);

    let mut masks = Vec::new();
    let mut at = 0;
    for (range, part) in leaves {
        comments(text, at..range.start, &mut masks);
        at = at.max(range.end);
        let leaf = text.get(range.clone()).unwrap_or_default();
        match part {
            Part::All => {}
            Part::Expressions => masks.extend(literals_within(leaf, range.start)),
            Part::None => {
                let is_text = leaf.starts_with(['"', '\'']);
                masks.push(Mask { range, shown: if is_text { "\"***\"" } else { "***" } });
            }
        }
    }
    comments(text, at..text.len(), &mut masks);
    masks
}

/// What is shown of a key or a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    /// Of a template: a secret may have been pasted beside them.
    Expressions,
    None,
}

impl Part {
    fn all_unless(hidden: bool) -> Self {
        if hidden { Self::None } else { Self::All }
    }
}

/// Where the expressions and the statements of a template are. One that is not closed ends with
/// its line, at a single brace, or before the next one.
pub(super) fn expressions(template: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = template.get(at..) {
        let Some(start) = ["{{", "{%"].iter().filter_map(|opening| rest.find(opening)).min() else { break };
        let closing = if rest[start..].starts_with("{{") { "}}" } else { "%}" };
        let inner = &rest[start + 2..];
        // The end of a later one is not its own.
        let next = ["{{", "{%"].iter().filter_map(|opening| inner.find(opening)).min().unwrap_or(inner.len());
        let unclosed = inner.find(['\n', '}']).map_or(inner.len(), |end| end + 1);
        let length = inner[..next].find(closing).map_or(unclosed.min(next), |end| end + 2);
        found.push(at + start..at + start + 2 + length);
        at += start + 2 + length;
    }
    found
}

/// Where a template has text between them.
pub(super) fn literals(template: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut found: Vec<_> = expressions(template)
        .into_iter()
        .map(|expression| std::mem::replace(&mut at, expression.end)..expression.start)
        .collect();
    found.push(at..template.len());
    found.retain(|range| !range.is_empty());
    found
}

/// Masks what is not part of an expression in a text with its quotes, which starts at `from`.
fn literals_within(text: &str, from: usize) -> Vec<Mask> {
    let quotes = if ["\"\"\"", "'''"].iter().any(|three| text.starts_with(three)) { 3 } else { 1 };
    let inner = text.get(quotes..text.len().saturating_sub(quotes)).unwrap_or_default();
    let is_text = |range: &Range<usize>| !inner[range.clone()].trim().is_empty();
    let shift = from + quotes;
    literals(inner)
        .into_iter()
        .filter(is_text)
        .map(|range| Mask { range: range.start + shift..range.end + shift, shown: "***" })
        .collect()
}

fn leaves_of_table(table: &DeTable<'_>, outer: Shown, leaves: &mut Vec<(Range<usize>, Part)>) {
    for (key, value) in table {
        let shown = match outer {
            Shown::Nothing | Shown::Everything | Shown::Templates => outer,
            Shown::Texts | Shown::Numbers => keys::shown(key.get_ref()),
        };
        leaves.push((key.span(), Part::all_unless(may_be_secret(key.get_ref()))));
        leaves_of_value(value.get_ref(), &value.span(), shown, leaves);
    }
}

fn leaves_of_value(
    value: &DeValue<'_>,
    span: &Range<usize>,
    shown: Shown,
    leaves: &mut Vec<(Range<usize>, Part)>,
) {
    match value {
        DeValue::Table(table) => leaves_of_table(table, shown, leaves),
        DeValue::Array(array) => {
            for item in array {
                leaves_of_value(item.get_ref(), &item.span(), shown, leaves);
            }
        }
        DeValue::String(text) => {
            let part = match shown {
                Shown::Numbers | Shown::Nothing => Part::None,
                _ if may_be_secret(text) => Part::None,
                Shown::Templates if expressions(text).is_empty() => Part::None,
                Shown::Templates => Part::Expressions,
                Shown::Everything | Shown::Texts => Part::All,
            };
            leaves.push((span.clone(), part));
        }
        _ => leaves.push((span.clone(), Part::all_unless(shown == Shown::Nothing))),
    }
}

/// Masks the comments in a stretch of text between keys and values.
fn comments(text: &str, stretch: Range<usize>, masks: &mut Vec<Mask>) {
    let mut at = stretch.start;
    while let Some(found) = text.get(at..stretch.end).and_then(|rest| rest.find('#')) {
        let start = at + found;
        let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
        masks.push(Mask { range: start..end, shown: "" });
        at = end;
    }
}
