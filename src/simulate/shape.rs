//! The JSON of the API, in the shape of either description.
//!
//! Invariant: fields are named and typed as in the description the scenario chose; only `extra` of
//! a job adds to them.

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::Timeline;
use super::script::{Answers, BodyKind, Script, TimestampSuffix, Unauthorized};
use super::world::{IndexState, JobPage, JobState, Refusal, SimulatedJob};

/// An answer before it goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiAnswer {
    pub(super) status: StatusCode,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

impl ApiAnswer {
    fn json(status: StatusCode, value: &Value) -> Self {
        Self { status, content_type: JSON, body: value.to_string() }
    }

    pub(super) fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// The error object of the description.
    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        let error = json!({ "code": code(status), "message": message });
        Self::json(status, &json!({ "error": error, "status": status.as_u16() }))
    }

    /// An error with a body of this kind, whose content is `text` if that is given.
    pub(super) fn failure(status: StatusCode, kind: BodyKind, text: Option<&str>) -> Self {
        let message = message(status);
        let (content_type, body) = match kind {
            BodyKind::Json => (JSON, Self::error(status, message).body),
            BodyKind::Message => (JSON, json!({ "message": message }).to_string()),
            BodyKind::Text => (TEXT, message.to_owned()),
            BodyKind::Html => (HTML, page(status, message)),
            BodyKind::Empty => (TEXT, String::new()),
        };
        Self { status, content_type, body: text.map_or(body, str::to_owned) }
    }

    /// The answer to a key that is not accepted.
    pub(super) fn unauthorized(script: &Script) -> Self {
        let kind = script.unauthorized.unwrap_or(match script.answers {
            Answers::V2026_04 => Unauthorized::Json,
            Answers::V2026_07 => Unauthorized::Text,
        });
        match kind {
            Unauthorized::Json => Self::error(StatusCode::UNAUTHORIZED, "Invalid API key."),
            Unauthorized::Text => Self::failure(StatusCode::UNAUTHORIZED, BodyKind::Text, None),
        }
    }
}

pub(super) fn job(script: &Script, timeline: Timeline, job: &SimulatedJob, view: &JobState<'_>) -> Value {
    let time = |at| Value::String(timestamp(script, timeline, at));
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    set("restore_job_id", json!(job.id));
    set("backup_id", json!(job.backup_id));
    set("target_index_name", json!(job.index));
    set("target_index_id", json!(job.index_id));
    set("status", json!(view.status));
    set("created_at", view.created.map_or(Value::Null, time));
    match (script.answers, view.completed) {
        (_, Some(at)) => _ = set("completed_at", time(at)),
        (Answers::V2026_07, None) => _ = set("completed_at", Value::Null),
        (Answers::V2026_04, None) => {}
    }

    match script.answers {
        Answers::V2026_04 => _ = set("percent_complete", json!(view.percent)),
        Answers::V2026_07 if view.is_completed => _ = set("percent_complete", json!(100)),
        Answers::V2026_07 => {}
    }

    for (key, value) in view.extra {
        set(key, serde_json::to_value(value).unwrap_or(Value::Null));
    }

    Value::Object(fields)
}

/// A page of the list.
pub(super) fn list(script: &Script, timeline: Timeline, page: &JobPage<'_>) -> Value {
    let rows: Vec<Value> = page.rows.iter().map(|(one, view)| job(script, timeline, one, view)).collect();
    match (&page.next, script.answers) {
        (Some(next), _) => json!({ "data": rows, "pagination": { "next": next } }),
        (None, Answers::V2026_04) => json!({ "data": rows, "pagination": null }),
        (None, Answers::V2026_07) => json!({ "data": rows }),
    }
}

/// What is accepted: a restore that begins.
pub(super) fn started(job: &SimulatedJob) -> ApiAnswer {
    let body = json!({ "restore_job_id": job.id, "index_id": job.index_id });
    ApiAnswer::json(StatusCode::ACCEPTED, &body)
}

/// Why no restore is started.
pub(super) fn refused(refusal: &Refusal, backup: &str, name: &str) -> ApiAnswer {
    let (status, message) = match refusal {
        Refusal::NoBackup => (StatusCode::NOT_FOUND, format!("Backup {backup} not found.")),
        Refusal::NotReady(status) => (
            StatusCode::PRECONDITION_FAILED,
            format!("Backup {backup} is not ready. Its status is {status}."),
        ),
        Refusal::NameTaken => (StatusCode::CONFLICT, format!("Index {name} already exists.")),
    };
    ApiAnswer::error(status, &message)
}

/// A backup.
pub(super) fn backup(id: &str, status: &str) -> Value {
    json!({
        "backup_id": id,
        "source_index_name": "docs",
        "source_index_id": "00000000-0000-4000-8000-000000000001",
        "status": status,
        "cloud": "aws",
        "region": "us-east-1",
        "tags": {},
    })
}

/// An index, serverless.
pub(super) fn index(script: &Script, view: &IndexState<'_>) -> Value {
    let mut index = json!({
        "name": view.name,
        "dimension": 1536,
        "metric": "cosine",
        "host": format!("{}-c01b5b5.svc.simulated.invalid", view.name),
        "spec": { "serverless": {
            "cloud": "aws",
            "region": "us-east-1",
            "read_capacity": { "mode": "OnDemand", "status": { "state": "Ready" } },
        } },
        "status": { "ready": view.ready, "state": view.state },
        "vector_type": "dense",
        "deletion_protection": "disabled",
        "tags": {},
    });
    if let (Answers::V2026_07, Value::Object(fields)) = (script.answers, &mut index) {
        fields.insert("source_backup_id".to_owned(), json!(view.backup));
    }
    index
}

/// A web page, as proxies send with errors.
pub(super) fn page(status: StatusCode, message: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>{message}</h1></body></html>\n"
    )
}

fn timestamp(script: &Script, timeline: Timeline, at: SignedDuration) -> String {
    let digits = script.fraction_digits.as_ref().map_or(6, |digits| usize::from(*digits.get_ref()));
    let text = format!("{:.digits$}", timeline.wall_at(at));
    match script.timestamps {
        TimestampSuffix::Z => text,
        TimestampSuffix::Offset => format!("{}+00:00", text.trim_end_matches('Z')),
    }
}

fn code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        402 => "PAYMENT_REQUIRED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ALREADY_EXISTS",
        412 => "FAILED_PRECONDITION",
        422 => "UNPROCESSABLE_ENTITY",
        429 => "RESOURCE_EXHAUSTED",
        502 | 503 => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}

/// What the API says, or would, with a status.
fn message(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "Bad request. The request body included invalid request parameters.",
        401 => "Invalid API key",
        402 => "Request failed. Pay all past due invoices to lift restrictions on your account.",
        403 => "Access denied: Permission control::backups::list is required",
        404 => "Restore job not found.",
        429 => "Too many requests. Please retry later.",
        500 => "Internal server error",
        _ => status.canonical_reason().unwrap_or("Unknown error"),
    }
}
