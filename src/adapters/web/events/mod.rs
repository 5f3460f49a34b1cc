//! `/v1/events`: all that is emitted, as server-sent events.
//!
//! Invariant: the state is the only source. A stream has the id of the last event that its client
//! got, and reads on from there, so that there is neither a gap nor a repeat, however often the
//! client or the daemon is cut off.

mod feed;
mod message;
mod recent;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use url::form_urlencoded;

use feed::Feed;
use stream::Stream;

use super::context::Context;
use crate::adapters::report::{RequestError, RequestErrorKind};
use crate::model::{EventId, visible};

/// How many clients follow at once.
const MAX_CLIENTS: usize = 64;

/// In seconds.
const RETRY_AFTER: &str = "15";

const LAST_EVENT_ID: &str = "last-event-id";
const AFTER: &str = "after";

/// Answers with the events that follow the one that the header `Last-Event-ID` or the parameter
/// `after` gives; without either, with those that are emitted from now on.
pub(super) fn route(context: &Context) -> MethodRouter<Context> {
    let feed = Arc::new(Feed::new(context.clone(), MAX_CLIENTS));
    get(async move |headers: HeaderMap, RawQuery(query): RawQuery| {
        match after(&headers, query.as_deref().unwrap_or_default()) {
            Ok(after) => follow(feed, after),
            Err(error) => error.into_response(),
        }
    })
}

fn follow(feed: Arc<Feed>, after: Option<EventId>) -> Response {
    let Some(place) = feed.place() else {
        let text = format!("{MAX_CLIENTS} clients follow the events already; try again in {RETRY_AFTER} s\n");
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], text).into_response();
    };

    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects a response before it passes it on would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Stream::new(feed, place, after).into_body()).into_response()
}

/// The last event that a client got. The header is that of a client that comes back to an address
/// that has the parameter still.
fn after(headers: &HeaderMap, query: &str) -> Result<Option<EventId>, RequestError> {
    let header = headers.get(LAST_EVENT_ID).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let parameter = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == AFTER);

    let given =
        [("header `Last-Event-ID`", header), ("parameter `after`", parameter.map(|(_, value)| value))];
    let is_given = |text: &str| !text.trim().is_empty();
    let first =
        given.into_iter().find_map(|(place, text)| Some((place, text.filter(|text| is_given(text))?)));
    first.map(|(place, text)| id(&text).ok_or_else(|| no_id(place, &text))).transpose()
}

fn id(text: &str) -> Option<EventId> {
    text.trim().parse().ok().filter(|id: &EventId| id.has_known_form())
}

fn no_id(place: &str, text: &str) -> RequestError {
    let error = format!("the {place} is no id of an event: {}", visible(text));
    RequestError::new(RequestErrorKind::Invalid, error)
        .with_help("give the `id` of the last event that was received, or none to begin with the next one")
}
