//! Paging through the restore jobs, as unreliable as the scenario wants it.
//!
//! Invariant: within one listing (a first page and those its tokens lead to) rows keep their order;
//! whether a row is dropped or repeated is decided once a listing.

use std::cmp::Reverse;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::SignedDuration;
use serde::Deserialize;

use super::random::seeded;
use super::script::{ListScript, Order, Probability, Script};

/// The order of the jobs, and how many listings were begun.
#[derive(Debug)]
pub(super) struct JobList {
    newest_first: Vec<usize>,
    /// How many listings were begun.
    begun: u64,
}

/// The query of a list request, as sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ListQuery {
    pub(super) limit: Option<String>,
    pub(super) token: Option<String>,
}

/// What a token holds; the API's own are made alike.
#[derive(Debug, Deserialize)]
struct PageToken {
    limit: usize,
    offset: usize,
}

/// What is decided of a row by chance; each decision has random numbers of its own.
const DROPPED: u64 = 1;
const REPEATED: u64 = 2;
const MOVED: u64 = 3;

const BAD_LIMIT: &str = "limit must be between 1 and 100";
const BAD_TOKEN: &str = "Bad request. The request body included invalid request parameters.";

impl JobList {
    /// The list of jobs that were created at these scenario times.
    pub(super) fn new(created: impl IntoIterator<Item = SignedDuration>) -> Self {
        let created: Vec<SignedDuration> = created.into_iter().collect();
        let mut newest_first: Vec<usize> = (0..created.len()).collect();
        newest_first.sort_by_key(|&row| Reverse(created[row]));
        Self { newest_first, begun: 0 }
    }

    /// Adds a job that was created now.
    pub(super) fn add(&mut self) {
        self.newest_first.insert(0, self.newest_first.len());
    }

    /// The rows of the page that `query` asks for, among those that are `listed`, and the token of
    /// the next page. An error says why the query is refused.
    pub(super) fn page(
        &mut self,
        script: &Script,
        query: &ListQuery,
        listed: impl Fn(usize) -> bool,
    ) -> Result<(Vec<usize>, Option<String>), &'static str> {
        let limit = query.limit.as_deref().map(|text| text.parse().map_err(|_| BAD_LIMIT)).transpose()?;
        if limit.is_some_and(|limit| !(1..=100).contains(&limit)) {
            return Err(BAD_LIMIT);
        }
        let (limit, offset) = match query.token.as_deref() {
            None => {
                self.begun += 1;
                (limit.unwrap_or(script.answers.default_limit()), 0)
            }
            Some(token) => {
                let token = read_token(token).ok_or(BAD_TOKEN)?;
                // The place of the page is counted in pages of the limit that is sent, so that
                // another limit than the token's skips or repeats rows.
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
            seeded([script.seed, self.begun]).shuffle(&mut rows);
        }
        let happens = |probability: Option<Probability>, decision: u64, row: usize| {
            probability.is_some_and(|p| seeded([script.seed, self.begun, decision, row as u64]).f64() < p.0)
        };
        rows.retain(|&row| !happens(list.drop_rows, DROPPED, row));

        if list.repeat_rows.is_some() {
            let repeated: Vec<usize> =
                rows.iter().copied().filter(|&row| happens(list.repeat_rows, REPEATED, row)).collect();
            for row in repeated {
                let place = rows.iter().position(|&other| other == row).unwrap_or(0);
                let later = seeded([script.seed, self.begun, MOVED, row as u64]).usize(1..=5);
                rows.insert((place + later).min(rows.len()), row);
            }
        }

        rows
    }
}

fn write_token(list: &ListScript, limit: usize, offset: usize) -> String {
    let mut text = format!("{{\"limit\":{limit},\"offset\":{offset}");
    if list.awkward_tokens {
        // In every place modulo three, the characters whose base64 has `+` and `/`; then a length
        // that needs `=`.
        text.push_str(",\"note\":\"~~~???>>>\"");
        while text.len() % 3 != 0 {
            text.push(' ');
        }
    }
    let _ = write!(text, "}}");
    BASE64.encode(text)
}

fn read_token(text: &str) -> Option<PageToken> {
    let token: PageToken = serde_json::from_slice(&BASE64.decode(text).ok()?).ok()?;
    let sane = (1..=100).contains(&token.limit) && token.offset <= 1_000_000_000;
    sane.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(read_token(&BASE64.encode(text)).is_none(), "{text}");
        }
        assert!(read_token("dXNlcl9pZD11c2VyXzE=").is_none());
    }
}
