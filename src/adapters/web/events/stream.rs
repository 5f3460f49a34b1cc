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

use super::feed::Feed;
use crate::adapters::report::Parts;
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
    /// The last event that the client got.
    last: EventId,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    /// What follows this event.
    pub(super) fn new(feed: Arc<Feed>, place: OwnedSemaphorePermit, last: EventId) -> Self {
        Self { commits: feed.commits(), token: feed.token(), feed, last, _place: place }
    }

    pub(super) fn into_body(self) -> Body {
        // An id without data is no event, but a client that is cut off before the first event comes
        // back with it.
        let beginning = format!("retry: {RETRY}\nid: {}\n\n", self.last);
        Parts::into_body(self, beginning.into())
    }
}

impl Parts for Stream {
    /// The end, if the daemon stops, the token is replaced or the state cannot be read, is that of
    /// the body: a client comes back.
    async fn next(mut self) -> io::Result<(Bytes, Option<Self>)> {
        let end = Ok((Bytes::new(), None));
        loop {
            if self.token.has_changed().unwrap_or_default() {
                return end;
            }
            let commit = *self.commits.borrow_and_update();
            let Ok(messages) = self.feed.after(self.last, commit).await else { return end };
            if let Some(last) = messages.last() {
                self.last = last.id;
                let texts: Vec<_> = messages.iter().map(|message| &*message.text).collect();
                return Ok((texts.concat().into(), Some(self)));
            }

            tokio::select! {
                changed = self.commits.changed() => if changed.is_err() { return end },
                () = replaced(&mut self.token) => return end,
                () = tokio::time::sleep(PING_INTERVAL) => return Ok((PING.into(), Some(self))),
            }
        }
    }
}

/// Waits until another token is in force.
async fn replaced(token: &mut watch::Receiver<Option<Token>>) {
    if token.changed().await.is_err() {
        // The listener ends, which ends streams by itself.
        std::future::pending::<()>().await;
    }
}
