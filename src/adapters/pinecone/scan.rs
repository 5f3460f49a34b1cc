//! One scan of the list of jobs.
//!
//! Invariant: a scan ends. The list is best effort: its rows can be dropped or repeated, and its
//! tokens can end early or form a cycle, so absence from it proves nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::warn;

use super::{Client, Error, Page};
use crate::engine::FailureClass;
use crate::engine::retry::Backoff;
use crate::engine::token_bucket::TokenBucket;
use crate::model::{Observation, duration};
use crate::platform::clock::Clock;
use crate::platform::randomness;

/// Attempts at one page.
const MAX_ATTEMPTS: u32 = 6;

/// The longest `Retry-After` that is waited for.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// More pages than this are taken for a list without an end: 100,000 jobs.
const MAX_PAGES: usize = 1000;

/// How often a scan restarts because the API no longer takes its own token.
const MAX_RESTARTS: u32 = 2;

/// A scan of the list of one project.
#[derive(Debug)]
pub struct Scan<'a> {
    client: &'a Client,
    token_bucket: &'a mut TokenBucket,
    clock: Clock,
    rng: fastrand::Rng,
}

impl<'a> Scan<'a> {
    /// A scan with `client` that keeps to the rate of `token_bucket`.
    pub fn new(client: &'a Client, token_bucket: &'a mut TokenBucket, clock: Clock) -> Self {
        Self { client, token_bucket, clock, rng: randomness::generator() }
    }

    /// All jobs of all pages, each once, in the order of the list. After a transient failure, a
    /// page is requested again, up to six times in all; a token that the API refuses restarts the
    /// scan.
    pub async fn all(mut self) -> Result<Vec<Observation>, Error> {
        let mut restarts = 0;
        loop {
            match self.pages().await {
                Err(ScanError::Token) if restarts < MAX_RESTARTS => restarts += 1,
                Err(ScanError::Token) => {
                    return Err(Error::Unreadable("it refuses its own tokens".to_owned()));
                }
                Err(ScanError::Page(error)) => return Err(error),
                Ok(jobs) => return Ok(jobs),
            }
        }
    }

    async fn pages(&mut self) -> Result<Vec<Observation>, ScanError> {
        let (mut jobs, mut seen, mut tokens) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (mut token, mut has_surplus) = (None, false);

        for _ in 0..MAX_PAGES {
            let page = self.page(token.as_deref()).await?;
            if page.unreadable > 0 {
                let (rows, fault) = (page.unreadable, page.fault.unwrap_or_default());
                warn!(rows, "{rows} rows of the list cannot be read and are left out: {fault}");
            }
            if page.surplus > 0 && !std::mem::replace(&mut has_surplus, true) {
                warn!("a page of the list has more rows than were requested; the rest is left out");
            }
            jobs.extend(page.jobs.into_iter().filter(|job| seen.insert(job.id.clone())));
            match page.next {
                Some(next) if tokens.insert(next.clone()) => token = Some(next),
                _ => return Ok(jobs),
            }
        }

        warn!("the list has more than {MAX_PAGES} pages; the rest is left out");

        Ok(jobs)
    }

    async fn page(&mut self, token: Option<&str>) -> Result<Page, ScanError> {
        let mut attempt = 1;
        loop {
            self.clock.sleep_until(Some(self.token_bucket.ready_at())).await;
            self.token_bucket.take(self.clock.now().instant);
            let error = match self.client.list_page(token).await.result {
                Ok(page) => return Ok(page),
                Err(error) if token.is_some() && error.is_bad_request() => return Err(ScanError::Token),
                Err(error) => error,
            };

            let now = self.clock.now();
            let pause = error.retry_after().map(|asked| asked.from(now)).unwrap_or_default();
            let passing = matches!(
                error.class(),
                FailureClass::Transient | FailureClass::Throttled | FailureClass::Blocked
            );
            if !passing || attempt >= MAX_ATTEMPTS || pause > MAX_PAUSE {
                return Err(ScanError::Page(error));
            }

            let delay = Backoff::POLL.delay(attempt, pause, &mut self.rng);
            warn!("{error}; retrying in {}", duration::human(delay));
            self.clock.sleep_until(Some(now.instant + delay)).await;
            attempt += 1;
        }
    }
}

/// Why a scan cannot go on.
enum ScanError {
    /// The API does not take the token that it gave.
    Token,
    /// A page cannot be fetched.
    Page(Error),
}
