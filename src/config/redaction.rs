//! Which parts of a configuration may be shown to people.
//!
//! Invariant: no text is shown because it does not look secret; it is shown because of the key it stands at. A key with
//! a typo is no known key, so an API key at `api_kye` is masked as well.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::model::is_invisible;

/// Keys whose values are secrets, or name places of secrets: everything below them is masked.
const SECRET: &[&str] = &["api_key", "url", "signing_secret"];

/// Keys whose texts may be shown.
const OPEN: &[&str] = &[
    "ca_file",
    "deadline",
    "effort",
    "endpoint",
    "events",
    "exclude",
    "format",
    "id",
    "indexes",
    "jobs",
    "keep",
    "max_interval",
    "min_interval",
    "name",
    "not_found_grace",
    "path",
    "request_timeout",
    "retry_schedule",
    "slow_after",
    "type",
    "unauthorized_grace",
    "unreachable_after",
    "until",
    "version",
];

/// Further words of the configuration, which hold tables, numbers or booleans.
const WORDS: &[&str] = &[
    "allow_http",
    "api",
    "block_private",
    "burst",
    "cadence",
    "credential",
    "discover",
    "env",
    "false",
    "file",
    "heartbeat",
    "levels",
    "max_jobs",
    "project",
    "requests_per_second",
    "sink",
    "state",
    "true",
    "watch",
];

/// A stretch of text (in bytes) that is shown as something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) range: Range<usize>,
    pub(super) shown: &'static str,
}

/// Shows a word of the configuration in a message: cut short, without control characters, and not at all where it may
/// be a secret.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    if may_be_secret(text) {
        return "`***`".to_owned();
    }
    let mut shown: String = text.chars().take(LONGEST).map(printable).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Shows a path without what would move the cursor, color the terminal or reorder the line.
#[derive(Debug, Clone, Copy)]
pub struct ShownPath<'a>(pub &'a Path);

impl fmt::Display for ShownPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string_lossy().chars().map(printable).try_for_each(|c| f.write_char(c))
    }
}

/// The character itself, or a stand-in for one that would move the cursor, colour the terminal or reorder the line.
pub(super) fn printable(c: char) -> char {
    if is_invisible(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// The one of `candidates` that is meant by `word`, if one is close.
pub(super) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Distances take quadratic time, and nothing this long is a typo.
    if word.len() > 64 {
        return None;
    }
    let word = word.to_lowercase().replace('-', "_");
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether `text` looks like an API key of Pinecone or a URL with more than an address in it, wherever it stands.
pub(super) fn may_be_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("pcsk_") || text.contains("whsec_") || (text.contains("://") && text.contains(['@', '?']))
}

/// The masks of a document without syntax errors, sorted: texts at keys that are not known to be open, everything at
/// secret keys, and comments.
pub(super) fn of_document(document: &DeTable<'_>, text: &str) -> Vec<Mask> {
    let mut leaves = Vec::new();
    leaves_of_table(document, Level::NoText, &mut leaves);
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

/// How much of what stands below a key may be shown.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    /// All of it, whatever the keys.
    All,
    /// A text at this key, and what open keys have below it.
    Open,
    /// Numbers, booleans and dates.
    NoText,
    /// Nothing.
    Secret,
}

fn leaves_of_table(table: &DeTable<'_>, outer: Level, leaves: &mut Vec<(Range<usize>, bool)>) {
    for (key, value) in table {
        let level = match key.get_ref().as_ref() {
            _ if matches!(outer, Level::Secret | Level::All) => outer,
            key if SECRET.contains(&key) => Level::Secret,
            // Its keys are kinds of transition.
            "levels" => Level::All,
            key if OPEN.contains(&key) => Level::Open,
            _ => Level::NoText,
        };
        leaves.push((key.span(), may_be_secret(key.get_ref())));
        leaves_of_value(value.get_ref(), &value.span(), level, leaves);
    }
}

fn leaves_of_value(
    value: &DeValue<'_>,
    span: &Range<usize>,
    level: Level,
    leaves: &mut Vec<(Range<usize>, bool)>,
) {
    match value {
        DeValue::Table(table) => leaves_of_table(table, level, leaves),
        DeValue::Array(array) => {
            for item in array {
                leaves_of_value(item.get_ref(), &item.span(), level, leaves);
            }
        }
        DeValue::String(text) => {
            let hidden = matches!(level, Level::NoText | Level::Secret) || may_be_secret(text);
            leaves.push((span.clone(), hidden));
        }
        _ => leaves.push((span.clone(), level == Level::Secret)),
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

/// The masks of one line of a file with syntax errors, sorted: there, a line may be in the midst of anything, so only
/// words of the configuration (misspelt ones too), short numbers and punctuation are shown.
pub(super) fn of_broken_line(line: &str, offset: usize) -> Vec<Mask> {
    let words = || SECRET.iter().chain(OPEN).chain(WORDS).copied();
    let secret = line
        .split(|c: char| !is_word(c))
        .flat_map(|word| word.split('.'))
        .any(|word| nearest(word, SECRET.iter().copied()).is_some());
    let mut masks = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let start = offset + line.len() - rest.len();
        let (length, shown) = match c {
            '#' => (rest.len(), Some("")),
            '"' | '\'' => (string_length(rest, c), Some("\"***\"")),
            _ if is_word(c) => {
                let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
                let word = &rest[..length];
                let is_number =
                    length <= 16 && !secret && word.chars().all(|c| "0123456789._+-:".contains(c));
                let is_known = word.split('.').all(|part| nearest(part, words()).is_some());
                (length, (!is_number && !is_known).then_some("***"))
            }
            _ => (c.len_utf8(), None),
        };
        masks.extend(shown.map(|shown| Mask { range: start..start + length, shown }));
        rest = &rest[length..];
    }
    masks
}

fn is_word(c: char) -> bool {
    !c.is_whitespace() && !"=[]{},\"'#".contains(c)
}

/// The length of the quoted text that `rest` starts with, up to its end or that of the line.
fn string_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}
