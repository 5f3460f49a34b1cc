//! Faults on the wire: an answer that is late, broken, wrong or missing.
//!
//! Invariant: a fault replaces or damages an answer that was good; it never changes the world, but
//! can keep a request from doing so.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::Sleep;

use super::Timeline;
use super::connection::{ConnectionHandle, Cut};
use super::script::{BodyKind, FaultKind, FaultScript};
use super::shape::{self, ApiAnswer};
use crate::model::http_date;

/// The longest a request is left hanging.
const HANG: Duration = Duration::from_hours(1);

/// The response that goes out in place of a good answer. It is data alone, so that the world is not
/// locked while it is sent.
#[derive(Debug)]
pub(super) struct FaultyResponse {
    delay: Duration,
    effect: Effect,
}

#[derive(Debug)]
enum Effect {
    Answer(ApiAnswer, Option<(HeaderName, HeaderValue)>),
    Hang,
    Drip(ApiAnswer, Duration),
    Truncated(ApiAnswer),
    Oversized(ApiAnswer, u64),
    Cut(Cut),
}

impl FaultyResponse {
    /// `good` as this fault changes it; `number` counts the requests the fault is about.
    pub(super) fn new(fault: &FaultScript, number: u64, good: ApiAnswer, timeline: Timeline) -> Self {
        let good_status = if good.status.is_success() { good.status } else { StatusCode::OK };
        let ok =
            |content_type, body| Effect::Answer(ApiAnswer { status: good_status, content_type, body }, None);
        let effect = match fault.kind {
            FaultKind::Status => {
                let answer = ApiAnswer::failure(
                    status(fault, 503),
                    fault.body.unwrap_or_default(),
                    fault.body_text.as_deref(),
                );
                Effect::Answer(answer, retry_after(fault, timeline).map(|value| (header::RETRY_AFTER, value)))
            }
            FaultKind::Redirect => {
                let location = fault.location.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
                let answer = ApiAnswer::failure(status(fault, 302), BodyKind::Empty, None);
                Effect::Answer(answer, location.map(|value| (header::LOCATION, value)))
            }
            FaultKind::Late => Effect::Answer(good, None),
            FaultKind::Hang => Effect::Hang,
            FaultKind::SlowBody => {
                Effect::Drip(good, fault.pace.map_or(Duration::from_secs(1), |pace| pace.0))
            }
            FaultKind::Truncated => Effect::Truncated(good),
            FaultKind::Oversized => Effect::Oversized(good, fault.bytes.unwrap_or(4 << 20)),
            FaultKind::BadJson => ok(shape::JSON, half(&good.body).to_owned()),
            FaultKind::WrongType => ok(shape::JSON, wrong_type(number).to_string()),
            FaultKind::Html => ok(shape::HTML, shape::page(StatusCode::OK, "We will be right back")),
            FaultKind::Empty => ok(shape::JSON, String::new()),
            FaultKind::OtherJob => Effect::Answer(other_job(good), None),
            FaultKind::Drop => Effect::Cut(Cut::Close),
            FaultKind::Reset => Effect::Cut(Cut::Reset),
        };

        Self { delay: fault.delay.0, effect }
    }

    /// The status that is sent; `None` if none is.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match &self.effect {
            Effect::Answer(answer, _)
            | Effect::Drip(answer, _)
            | Effect::Truncated(answer)
            | Effect::Oversized(answer, _) => Some(answer.status),
            Effect::Hang | Effect::Cut(_) => None,
        }
    }

    /// Sends the response on the connection of the request, or cuts that.
    pub(super) async fn carry_out(self, connection: &ConnectionHandle) -> Response {
        tokio::time::sleep(self.delay).await;

        match self.effect {
            Effect::Answer(answer, header) => {
                let mut response = answer.into_response();
                response.headers_mut().extend(header);
                response
            }
            Effect::Hang => {
                tokio::time::sleep(HANG).await;
                cut(connection, Cut::Close)
            }
            Effect::Drip(answer, pace) => {
                let length = answer.body.len();
                let drip = Drip::new(DripContent::Bytes(Bytes::from(answer.body)), pace, DripEnd::Whole);
                streamed(answer.status, answer.content_type, Some(length), drip)
            }
            Effect::Truncated(answer) => {
                let sent = Bytes::copy_from_slice(half(&answer.body).as_bytes());
                // A pause before the end, so that the first half is on its way when the connection
                // ends.
                let drip = Drip::new(DripContent::Once(sent), Duration::from_millis(1), DripEnd::Cut);
                streamed(answer.status, answer.content_type, Some(answer.body.len().max(1)), drip)
            }
            Effect::Oversized(answer, bytes) => {
                let content =
                    DripContent::Flood(Bytes::from(answer.body), bytes.div_ceil(CHUNK.len() as u64));
                let drip = Drip::new(content, Duration::ZERO, DripEnd::Whole);
                streamed(answer.status, answer.content_type, None, drip)
            }
            Effect::Cut(how) => cut(connection, how),
        }
    }
}

impl IntoResponse for ApiAnswer {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, self.content_type)];
        (self.status, content_type, self.body).into_response()
    }
}

fn cut(connection: &ConnectionHandle, how: Cut) -> Response {
    connection.cut(how);
    // Never leaves: the connection ends when it is written.
    StatusCode::BAD_GATEWAY.into_response()
}

fn status(fault: &FaultScript, default: u16) -> StatusCode {
    StatusCode::from_u16(fault.status.unwrap_or(default)).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

fn retry_after(fault: &FaultScript, timeline: Timeline) -> Option<HeaderValue> {
    match (&fault.retry_after_raw, fault.retry_after) {
        (Some(text), _) => HeaderValue::from_str(text).ok(),
        (None, Some(after)) if fault.retry_after_date => {
            // Dates have whole seconds; one that is rounded down would lie too early.
            let wait = SignedDuration::try_from(after.0).ok()?;
            let at = timeline.wall().checked_add(wait).ok()?;
            let rounded_up = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
            http_date::write(Timestamp::from_second(rounded_up).ok()?)?.try_into().ok()
        }
        (None, Some(after)) => Some((after.0.as_secs() + u64::from(after.0.subsec_nanos() > 0)).into()),
        (None, None) => None,
    }
}

/// The first half of a text, at least one byte of it if it is not empty.
fn half(text: &str) -> &str {
    let mut middle = text.len().div_ceil(2);
    while !text.is_char_boundary(middle) {
        middle += 1;
    }
    &text[..middle]
}

fn wrong_type(number: u64) -> Value {
    match number % 4 {
        1 => json!([]),
        2 => json!(42),
        3 => Value::Null,
        _ => json!({
            "restore_job_id": 7, "backup_id": null, "target_index_name": [], "target_index_id": {}, "status": 1,
            "created_at": true, "completed_at": "yesterday", "percent_complete": "half", "data": {}, "pagination": 3,
            "name": 7,
        }),
    }
}

/// The same answer, about something else.
fn other_job(good: ApiAnswer) -> ApiAnswer {
    const OTHER: &str = "00000000-0000-4000-8000-000000000000";
    fn rename(value: &mut Value) {
        for key in ["restore_job_id", "name"] {
            if let Some(field) = value.get_mut(key) {
                *field = json!(OTHER);
            }
        }
    }
    let Ok(mut value) = serde_json::from_str::<Value>(&good.body) else { return good };
    rename(&mut value);
    value.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten().for_each(rename);
    ApiAnswer { body: value.to_string(), ..good }
}

/// A streamed response; the promised length is not necessarily that of the body.
fn streamed(status: StatusCode, content_type: &'static str, promised: Option<usize>, drip: Drip) -> Response {
    let mut response = Response::new(Body::new(drip));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(promised) = promised {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(promised));
    }
    response
}

/// Padding that makes a body too large: white space, so that a client that reads all of it finds
/// good JSON.
static CHUNK: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// A body that is sent in pieces, with a pause before each but the first.
struct Drip {
    content: DripContent,
    pace: Duration,
    end: DripEnd,
    pause: Option<Pin<Box<Sleep>>>,
}

enum DripContent {
    /// Byte by byte.
    Bytes(Bytes),
    /// In one piece; empty when sent.
    Once(Bytes),
    /// Some bytes, then so many chunks.
    Flood(Bytes, u64),
}

#[derive(PartialEq, Eq)]
enum DripEnd {
    /// As promised.
    Whole,
    /// An error, which ends the connection.
    Cut,
}

impl Drip {
    fn new(content: DripContent, pace: Duration, end: DripEnd) -> Self {
        Self { content, pace, end, pause: None }
    }

    fn next(&mut self) -> Option<Bytes> {
        match &mut self.content {
            DripContent::Bytes(rest) if rest.is_empty() => None,
            DripContent::Bytes(rest) => Some(rest.split_to(1)),
            DripContent::Once(rest) => Some(std::mem::take(rest)).filter(|piece| !piece.is_empty()),
            DripContent::Flood(first, _) if !first.is_empty() => Some(std::mem::take(first)),
            DripContent::Flood(_, 0) => None,
            DripContent::Flood(_, left) => {
                *left -= 1;
                Some(Bytes::from_static(&CHUNK))
            }
        }
    }
}

impl HttpBody for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(pause) = &mut self.pause {
            std::task::ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }

        match self.next() {
            Some(piece) => {
                if !self.pace.is_zero() {
                    self.pause = Some(Box::pin(tokio::time::sleep(self.pace)));
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            None if self.end == DripEnd::Cut => {
                Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())))
            }
            None => Poll::Ready(None),
        }
    }
}
