//! Masks secrets in texts that come from servers, which often repeat the request.
//!
//! Invariant: a secret is found in every encoding in which servers repeat a request:
//! percent-encoding, JSON and HTML escapes, form encoding, base64, hexadecimal digits, another
//! case, cut off, and one of these within another.
//!
//! A text is not searched for each encoding of each secret: it is decoded step by step, and each
//! byte of each step knows the stretch of the text that it stands for.

mod decode;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use secrecy::zeroize::Zeroizing;

use decode::{Piece, carried, fold, levels, pieces};

/// A long text is searched in parts of this many bytes, so that a server cannot make the search use
/// much memory.
const CHUNK: usize = 4096;

/// Each part begins this many bytes before the end of the one before. Secrets are shorter, even if
/// they are encoded twice.
const OVERLAP: usize = 1024;

/// Masks some secrets in texts.
#[derive(Clone)]
pub struct Redactor {
    /// The texts to mask by their length; sorted.
    needles: BTreeMap<usize, Vec<Zeroizing<Vec<u8>>>>,
    /// Whether one of them begins with this byte.
    begins: Box<[bool; 256]>,
}

impl Default for Redactor {
    fn default() -> Self {
        Self { needles: BTreeMap::new(), begins: Box::new([false; 256]) }
    }
}

impl Redactor {
    /// Masks `secret`, too, and each part of it that has `part` characters or more. One that is
    /// shorter than `least` characters is left in: it is part of ordinary words.
    #[must_use]
    pub fn with(mut self, secret: &str, least: usize, part: usize) -> Self {
        for level in levels(pieces(secret)) {
            let bytes = fold(&level).iter().map(|piece| piece.byte).collect();
            let folded: Zeroizing<Vec<u8>> = Zeroizing::new(bytes);
            if folded.len() < least.max(1) {
                continue;
            }

            let length = part.clamp(1, folded.len());
            let needles = self.needles.entry(length).or_default();
            for window in folded.windows(length) {
                self.begins[usize::from(window[0])] = true;
                needles.push(Zeroizing::new(window.to_vec()));
            }
            needles.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
            needles.dedup();
        }
        self
    }

    /// `text` with `***` in place of each secret.
    pub fn redact(&self, text: &str) -> String {
        let found = self.find(text);
        if found.is_empty() {
            return text.to_owned();
        }
        let mut shown = String::with_capacity(text.len());
        let mut at = 0;
        for Range { start, end } in found {
            shown.push_str(text.get(at..start).unwrap_or_default());
            shown.push_str("***");
            at = end;
        }
        shown.push_str(text.get(at..).unwrap_or_default());
        shown
    }

    /// Where secrets stand in `text`, in order and apart from each other.
    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        let mut start = 0;
        while !self.needles.is_empty() && start < text.len() {
            let end = text.floor_char_boundary(start + CHUNK);
            self.find_in(&text[start..end], start, &mut found);
            if end == text.len() {
                break;
            }
            start = text.floor_char_boundary(end - OVERLAP);
        }

        found.sort_unstable_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for range in found {
            match apart.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => apart.push(range),
            }
        }
        apart
    }

    /// Where secrets stand in a part of a text that begins at `offset`.
    fn find_in(&self, part: &str, offset: usize, found: &mut Vec<Range<usize>>) {
        let before = found.len();
        for level in levels(pieces(part)) {
            self.search(&level, found);
            for inner in carried(&level) {
                for level in levels(inner) {
                    self.search(&level, found);
                }
            }
        }
        for range in &mut found[before..] {
            *range = range.start + offset..range.end + offset;
        }
    }

    fn search(&self, level: &[Piece], found: &mut Vec<Range<usize>>) {
        let folded = fold(level);
        for (at, piece) in folded.iter().enumerate() {
            if self.begins[usize::from(piece.byte)]
                && let Some(length) = self.length_at(&folded[at..])
            {
                found.push(piece.from..folded[at + length - 1].to);
            }
        }
    }

    /// The length of the longest text to mask that `rest` begins with.
    fn length_at(&self, rest: &[Piece]) -> Option<usize> {
        let begins_with = |(length, needles): &(&usize, &Vec<Zeroizing<Vec<u8>>>)| {
            let Some(here) = rest.get(..**length) else { return false };
            let order =
                |needle: &Zeroizing<Vec<u8>>| needle.iter().copied().cmp(here.iter().map(|piece| piece.byte));
            needles.binary_search_by(order).is_ok()
        };
        self.needles.iter().rev().find(begins_with).map(|(length, _)| *length)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests;
