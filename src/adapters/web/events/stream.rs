//! The body that one client gets.
//!
//! Invariant: what comes next is read once the client took what came before, so that a slow client
//! costs a page of memory, and no time of others.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinHandle;

use super::feed::Feed;
use super::message::Page;
use crate::adapters::report::{Parts, RequestError};
use crate::adapters::web::Token;
use crate::model::EventId;

/// How long nothing is sent at most. Proxies close connections that are silent for a minute.
const PING_INTERVAL: Duration = Duration::from_secs(15);

/// A comment, which clients ignore.
const PING: &[u8] = b": ping\n\n";

/// How long a client that was cut off waits before it comes back, in milliseconds.
const RETRY: u32 = 3000;

pub(super) struct Stream {
    feed: Arc<Feed>,
    commits: watch::Receiver<u64>,
    token: watch::Receiver<Option<Token>>,
    /// The last event that the client got; none until it is known which one is the last.
    last: Option<EventId>,
    /// What is being read, if something is: a task of its own, so that a client that stops after a
    /// ping does not hold up the reads of others.
    reading: Option<JoinHandle<Result<Page, RequestError>>>,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// What follows this event, or what is emitted from now on.
    pub(super) fn new(feed: Arc<Feed>, place: OwnedSemaphorePermit, last: Option<EventId>) -> Self {
        let mut commits = feed.commits();
        commits.mark_changed();
        Self { commits, token: feed.token(), feed, last, reading: None, _place: place }
    }

    pub(super) fn into_body(self) -> Body {
        Parts::into_body(self, format!("retry: {RETRY}\n\n").into())
    }

    /// What is emitted next; none at the end. Dropping the future loses nothing.
    async fn news(&mut self) -> Option<Bytes> {
        loop {
            let reading = if let Some(reading) = &mut self.reading {
                reading
            } else {
                self.commits.changed().await.ok()?;
                let commit = *self.commits.borrow_and_update();
                self.reading.insert(tokio::spawn(Arc::clone(&self.feed).after(self.last, commit)))
            };
            let page = reading.await;
            self.reading = None;

            let page = page.ok()?.ok()?;
            if self.last != Some(page.last) {
                self.last = Some(page.last);
                // There may be more.
                self.commits.mark_changed();
                return Some(page.text());
            }
        }
    }
}

impl Parts for Stream {
    /// The end, if the daemon stops, the token is replaced or the state cannot be read, is that of
    /// the body: a client comes back.
    async fn next(mut self) -> io::Result<(Bytes, Option<Self>)> {
        let mut token = self.token.clone();
        let next = tokio::select! {
            biased;
            () = replaced(&mut token) => None,
            news = self.news() => news,
            () = tokio::time::sleep(PING_INTERVAL) => Some(PING.into()),
        };
        Ok(match next {
            Some(text) => (text, Some(self)),
            None => (Bytes::new(), None),
        })
    }
}

/// Waits until another token is in force.
async fn replaced(token: &mut watch::Receiver<Option<Token>>) {
    if token.changed().await.is_err() {
        // The listener ends, which ends streams by itself.
        std::future::pending::<()>().await;
    }
}
