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
    for (range, hidden) in leaves {
        comments(text, at..range.start, &mut masks);
        at = at.max(range.end);
        if hidden {
            let is_text = text.get(range.clone()).is_some_and(|leaf| leaf.starts_with(['"', '\'']));
            masks.push(Mask { range, shown: if is_text { "\"***\"" } else { "***" } });
        }
    }
    comments(text, at..text.len(), &mut masks);
    masks
}

fn leaves_of_table(table: &DeTable<'_>, outer: Shown, leaves: &mut Vec<(Range<usize>, bool)>) {
    for (key, value) in table {
        let shown = match outer {
            Shown::Nothing | Shown::Everything | Shown::Templates => outer,
            Shown::Texts | Shown::Numbers => keys::shown(key.get_ref()),
        };
        leaves.push((key.span(), may_be_secret(key.get_ref())));
        leaves_of_value(value.get_ref(), &value.span(), shown, leaves);
    }
}

fn leaves_of_value(
    value: &DeValue<'_>,
    span: &Range<usize>,
    shown: Shown,
    leaves: &mut Vec<(Range<usize>, bool)>,
) {
    match value {
        DeValue::Table(table) => leaves_of_table(table, shown, leaves),
        DeValue::Array(array) => {
            for item in array {
                leaves_of_value(item.get_ref(), &item.span(), shown, leaves);
            }
        }
        DeValue::String(text) => {
            let hidden = match shown {
                Shown::Numbers | Shown::Nothing => true,
                // A text without a template may be a secret that was pasted.
                Shown::Templates => may_be_secret(text) || !(text.contains("{{") || text.contains("{%")),
                Shown::Everything | Shown::Texts => may_be_secret(text),
            };
            leaves.push((span.clone(), hidden));
        }
        _ => leaves.push((span.clone(), shown == Shown::Nothing)),
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
