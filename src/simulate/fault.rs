//! Carrying out a fault on the wire.
//!
//! Invariant: a fault takes an answer that was good, and bends it; what the world knows is not changed by it.

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
use super::script::{BodyKind, FaultKind, FaultScript};
use super::server::http_date;
use super::shape::{self, Answer};
use super::wire::{Cut, Line};

/// The longest a request is left hanging.
const HANG: Duration = Duration::from_hours(1);

/// What goes out in place of a good answer: all of it data, so that the world need not be held while it does.
#[derive(Debug)]
pub(super) struct Bent {
    delay: Duration,
    outcome: Outcome,
}

#[derive(Debug)]
enum Outcome {
    Answer(Answer, Option<(HeaderName, HeaderValue)>),
    Hang,
    Drip(Answer, Duration),
    Truncated(Answer),
    Oversized(Answer, u64),
    Cut(Cut),
}

impl Bent {
    /// `good` as this fault bends it; `number` is that of the request among those the fault is about.
    pub(super) fn new(fault: &FaultScript, number: u64, good: Answer, timeline: Timeline) -> Self {
        let ok =
            |content_type, body| Outcome::Answer(Answer { status: StatusCode::OK, content_type, body }, None);
        let outcome = match fault.kind {
            FaultKind::Status => {
                let answer = Answer::failure(
                    status(fault, 503),
                    fault.body.unwrap_or_default(),
                    fault.body_text.as_deref(),
                );
                Outcome::Answer(
                    answer,
                    retry_after(fault, timeline).map(|value| (header::RETRY_AFTER, value)),
                )
            }
            FaultKind::Redirect => {
                let location = fault.location.as_deref().and_then(|text| HeaderValue::from_str(text).ok());
                let answer = Answer::failure(status(fault, 302), BodyKind::Empty, None);
                Outcome::Answer(answer, location.map(|value| (header::LOCATION, value)))
            }
            FaultKind::Late => Outcome::Answer(good, None),
            FaultKind::Hang => Outcome::Hang,
            FaultKind::SlowBody => {
                Outcome::Drip(good, fault.pace.map_or(Duration::from_secs(1), |pace| pace.0))
            }
            FaultKind::Truncated => Outcome::Truncated(good),
            FaultKind::Oversized => Outcome::Oversized(good, fault.bytes.unwrap_or(4 << 20)),
            FaultKind::BadJson => ok(shape::JSON, half(&good.body).to_owned()),
            FaultKind::WrongType => ok(shape::JSON, wrong_type(number).to_string()),
            FaultKind::Html => ok(shape::HTML, shape::page(StatusCode::OK, "We will be right back")),
            FaultKind::Empty => ok(shape::JSON, String::new()),
            FaultKind::OtherJob => Outcome::Answer(other_job(good), None),
            FaultKind::Drop => Outcome::Cut(Cut::Close),
            FaultKind::Reset => Outcome::Cut(Cut::Reset),
        };
        Self { delay: fault.delay.0, outcome }
    }

    /// The status that goes out; `None` where none does.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match &self.outcome {
            Outcome::Answer(answer, _)
            | Outcome::Drip(answer, _)
            | Outcome::Truncated(answer)
            | Outcome::Oversized(answer, _) => Some(answer.status),
            Outcome::Hang | Outcome::Cut(_) => None,
        }
    }

    /// Lets it happen on the connection of the request.
    pub(super) async fn carry_out(self, line: &Line) -> Response {
        tokio::time::sleep(self.delay).await;
        match self.outcome {
            Outcome::Answer(answer, header) => {
                let mut response = answer.into_response();
                response.headers_mut().extend(header);
                response
            }
            Outcome::Hang => {
                tokio::time::sleep(HANG).await;
                cut(line, Cut::Close)
            }
            Outcome::Drip(answer, pace) => {
                let length = answer.body.len();
                let drip = Drip::new(Source::Bytes(Bytes::from(answer.body)), pace, End::Whole);
                streamed(answer.status, answer.content_type, Some(length), drip)
            }
            Outcome::Truncated(answer) => {
                let sent = Bytes::copy_from_slice(half(&answer.body).as_bytes());
                // A pause before the end, so that the first half is on its way when the connection ends.
                let drip = Drip::new(Source::Once(sent), Duration::from_millis(1), End::Cut);
                streamed(answer.status, answer.content_type, Some(answer.body.len().max(1)), drip)
            }
            Outcome::Oversized(answer, bytes) => {
                let source = Source::Flood(Bytes::from(answer.body), bytes.div_ceil(CHUNK.len() as u64));
                let drip = Drip::new(source, Duration::ZERO, End::Whole);
                streamed(answer.status, answer.content_type, None, drip)
            }
            Outcome::Cut(how) => cut(line, how),
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, self.content_type)];
        (self.status, content_type, self.body).into_response()
    }
}

fn cut(line: &Line, how: Cut) -> Response {
    line.cut(how);
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
            http_date(Timestamp::from_second(at.as_second() + i64::from(at.subsec_nanosecond() > 0)).ok()?)
        }
        (None, Some(after)) => Some((after.0.as_secs() + u64::from(after.0.subsec_nanos() > 0)).into()),
        (None, None) => None,
    }
}

/// The first half of a text, at least a byte of it where it has one.
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
fn other_job(good: Answer) -> Answer {
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
    Answer { body: value.to_string(), ..good }
}

/// A streamed response; the length that is promised is not necessarily that of the body.
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

/// What makes a body too large: white space, so that a client that reads it all finds good JSON in it.
static CHUNK: [u8; 64 * 1024] = [b' '; 64 * 1024];

/// A body that comes in pieces, with a pause before each but the first.
struct Drip {
    source: Source,
    pace: Duration,
    end: End,
    pause: Option<Pin<Box<Sleep>>>,
}

enum Source {
    /// Byte by byte.
    Bytes(Bytes),
    /// In one piece; empty when sent.
    Once(Bytes),
    /// Some bytes, then so many chunks.
    Flood(Bytes, u64),
}

#[derive(PartialEq, Eq)]
enum End {
    /// As promised.
    Whole,
    /// An error, which ends the connection.
    Cut,
}

impl Drip {
    fn new(source: Source, pace: Duration, end: End) -> Self {
        Self { source, pace, end, pause: None }
    }

    fn next(&mut self) -> Option<Bytes> {
        match &mut self.source {
            Source::Bytes(rest) if rest.is_empty() => None,
            Source::Bytes(rest) => Some(rest.split_to(1)),
            Source::Once(rest) => Some(std::mem::take(rest)).filter(|piece| !piece.is_empty()),
            Source::Flood(first, _) if !first.is_empty() => Some(std::mem::take(first)),
            Source::Flood(_, 0) => None,
            Source::Flood(_, left) => {
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
            None if self.end == End::Cut => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
            None => Poll::Ready(None),
        }
    }
}
