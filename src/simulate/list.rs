//! Paging through the restore jobs, as unreliable as the scenario wants it.
//!
//! Invariant: within one listing (a first page and those its tokens lead to) rows keep their order; whether a row is
//! dropped or repeated is decided once a listing.

use std::cmp::Reverse;
use std::fmt::Write as _;

use serde::Deserialize;

use super::script::{ListScript, Order, Script};
use super::world::{Job, ListQuery, dice};

/// The rows of the list, and how often it has been asked for.
#[derive(Debug)]
pub(super) struct Listing {
    newest_first: Vec<usize>,
    /// How many listings were begun.
    begun: u64,
}

/// What a token holds; the API's own are made alike.
#[derive(Debug, Deserialize)]
struct Token {
    limit: usize,
    offset: usize,
}

const LIMIT: &str = "limit must be between 1 and 100";
const TOKEN: &str = "Bad request. The request body included invalid request parameters.";

impl Listing {
    pub(super) fn new(jobs: &[Job]) -> Self {
        let mut newest_first: Vec<usize> = (0..jobs.len()).collect();
        newest_first.sort_by_key(|&row| Reverse(jobs[row].created));
        Self { newest_first, begun: 0 }
    }

    /// The rows of the page that `query` asks for, among those that are `listed`, and the token of the next page. An
    /// error says why the query is refused.
    pub(super) fn page(
        &mut self,
        script: &Script,
        query: &ListQuery,
        listed: impl Fn(usize) -> bool,
    ) -> Result<(Vec<usize>, Option<String>), &'static str> {
        let limit = query.limit.as_deref().map(|text| text.parse().map_err(|_| LIMIT)).transpose()?;
        if limit.is_some_and(|limit| !(1..=100).contains(&limit)) {
            return Err(LIMIT);
        }
        let (limit, offset) = match query.token.as_deref() {
            None => {
                self.begun += 1;
                (limit.unwrap_or(script.answers.default_limit()), 0)
            }
            Some(token) => {
                let token = read_token(token).ok_or(TOKEN)?;
                // The place of the page is counted in pages of the limit that is sent, so that another limit than the
                // token's skips or repeats rows.
                let limit = limit.unwrap_or(token.limit);
                (limit, token.offset / token.limit * limit)
            }
        };
        let rows = self.rows(script, listed);
        let page: Vec<usize> = rows.into_iter().skip(offset).take(limit).collect();
        let end = offset + limit;
        let early = script.list.end_early_after.as_ref();
        let ended = early.is_some_and(|pages| end >= limit.saturating_mul(*pages.get_ref() as usize));
        let more = page.len() == limit && !ended;
        Ok((page, more.then(|| write_token(&script.list, limit, end))))
    }

    fn rows(&self, script: &Script, listed: impl Fn(usize) -> bool) -> Vec<usize> {
        let list = &script.list;
        let mut rows: Vec<usize> = self.newest_first.iter().copied().filter(|&row| listed(row)).collect();
        if list.order == Order::Shuffled {
            dice([script.seed, self.begun]).shuffle(&mut rows);
        }
        let happens = |probability: Option<super::script::Probability>, what: u64, row: usize| {
            probability.is_some_and(|p| dice([script.seed, self.begun, what, row as u64]).f64() < p.0)
        };
        rows.retain(|&row| !happens(list.drop_rows, 1, row));
        if list.repeat_rows.is_some() {
            let repeated: Vec<usize> =
                rows.iter().copied().filter(|&row| happens(list.repeat_rows, 2, row)).collect();
            for row in repeated {
                let place = rows.iter().position(|&other| other == row).unwrap_or(0);
                let later = dice([script.seed, self.begun, 3, row as u64]).usize(1..=5);
                rows.insert((place + later).min(rows.len()), row);
            }
        }
        rows
    }
}

fn write_token(list: &ListScript, limit: usize, offset: usize) -> String {
    let mut text = format!("{{\"limit\":{limit},\"offset\":{offset}");
    if list.awkward_tokens {
        // In every place modulo three, the characters whose base64 has `+` and `/`; then a length that needs `=`.
        text.push_str(",\"note\":\"~~~???>>>\"");
        while text.len() % 3 != 0 {
            text.push(' ');
        }
    }
    let _ = write!(text, "}}");
    encode(text.as_bytes())
}

fn read_token(text: &str) -> Option<Token> {
    let token: Token = serde_json::from_slice(&decode(text)?).ok()?;
    let sane = (1..=100).contains(&token.limit) && token.offset <= 1_000_000_000;
    sane.then_some(token)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Standard base64, padded.
fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[digit as usize]) } else { '=' });
        }
    }
    text
}

/// Reads standard base64, which must be padded.
fn decode(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let mut group = 0_u32;
    for (place, digit) in digits.bytes().chain(std::iter::repeat_n(b'A', padding)).enumerate() {
        let value = ALPHABET.iter().position(|&letter| letter == digit)?;
        group = group << 6 | u32::try_from(value).ok()?;
        if place % 4 == 3 {
            bytes.extend_from_slice(&group.to_be_bytes()[1..]);
            group = 0;
        }
    }
    bytes.truncate(bytes.len().checked_sub(padding)?);
    (padding <= 2).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_standard() {
        for (bytes, text) in
            [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("~?>", "fj8+")]
        {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        for bad in ["", "Zg", "Zg=", "Z===", "Zm9v ", "Z m9", "====", "Zm9_", "日本"] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn awkward_tokens_are_awkward() {
        let list = ListScript { awkward_tokens: true, ..ListScript::default() };
        for offset in [1, 10, 100, 1000] {
            let token = write_token(&list, 100, offset);
            for letter in ['+', '/', '='] {
                assert!(token.contains(letter), "{token}");
            }
            assert_eq!(read_token(&token).unwrap().offset, offset);
        }
    }

    #[test]
    fn tokens_that_are_refused() {
        for text in ["{}", "{\"limit\":0,\"offset\":0}", "{\"limit\":101,\"offset\":0}", "[]", "x"] {
            assert!(read_token(&encode(text.as_bytes())).is_none(), "{text}");
        }
        assert!(read_token("dXNlcl9pZD11c2VyXzE=").is_none());
    }
}
