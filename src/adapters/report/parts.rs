//! A body that is made part by part.
//!
//! Invariant: the next part is made after the one before was taken, so that a client that does not
//! read costs the memory of a part or two, and no time of others.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::Frame;

/// Makes the parts of a body.
pub trait Parts: Sized + Send + 'static {
    /// Makes the next part, and says what makes those after it, if there are any. An error ends the
    /// body before its end, which the client notices.
    fn next(self) -> impl Future<Output = io::Result<(Bytes, Option<Self>)>> + Send;

    /// The body that begins with this part.
    fn into_body(self, first: Bytes) -> Body {
        Body::new(PartsBody { first: Some(first), next: Some(Box::pin(self.next())) })
    }
}

struct PartsBody<P> {
    first: Option<Bytes>,
    /// Makes the next part; none after the last one.
    next: Option<Next<P>>,
}

/// A part that is under way, and what comes after it.
type Next<P> = Pin<Box<dyn Future<Output = io::Result<(Bytes, Option<P>)>> + Send>>;

impl<P: Parts> HttpBody for PartsBody<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let Some(next) = &mut self.next else { return Poll::Ready(None) };

        let part = ready!(next.as_mut().poll(cx));
        self.next = None;
        Poll::Ready(Some(part.map(|(part, rest)| {
            self.next = rest.map(|rest| Box::pin(rest.next()) as Next<P>);
            Frame::data(part)
        })))
    }
}
