//! The JSON of a batch, as the function `commit_1` of the schema takes it.
//!
//! Invariant: what is kept as text is written as it is: the server unpacks the strings of this
//! document and looks into none of them. They hold no U+0000, which `jsonb` refuses; that of a record
//! or an event is escaped within its own JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde::Serialize;

use crate::adapters::store::Body;
use crate::adapters::store::record::Record;
use crate::engine::snapshot::{JobRecord, ProjectRecord, SinkRecord};
use crate::engine::{Batch, BatchEnd, BatchEntry, DeliveryUpdate, RequestAnswer};
use crate::model::{DeliveryId, EndedRestore, EventKind, Keyword as _, Status};

/// The document of a batch, with the bodies of its deliveries.
pub(super) fn of(batch: &Batch, bodies: Vec<Body>) -> serde_json::Result<String> {
    let mut bodies: BTreeMap<_, _> = bodies.into_iter().collect();
    let document = Document {
        projects: batch.projects.iter().map(project).collect::<Result<_, _>>()?,
        jobs: batch.jobs.iter().map(job).collect::<Result<_, _>>()?,
        sinks: batch.sinks.iter().map(sink).collect::<Result<_, _>>()?,
        events: batch.entries.iter().map(|entry| event(entry, &mut bodies)).collect::<Result<_, _>>()?,
        ends: batch.ends.iter().map(end).collect::<Result<_, _>>()?,
        reported_ends: batch.reported_ends().map(reported_end).collect(),
        deliveries: batch.deliveries.iter().map(delivery).collect(),
        silences: batch.silences.as_ref().map(Record::to_json).transpose()?,
        forgotten: batch
            .forgotten
            .iter()
            .map(|(project, job)| (text(project.as_str()), text(job.as_str())))
            .collect(),
        answers: batch.answers.iter().map(answer).collect(),
        deliveries_before: batch.prune.deliveries_before.map(Timestamp::as_millisecond),
        history_before: batch.prune.history_before.map(Timestamp::as_millisecond),
    };
    serde_json::to_string(&document)
}

/// What is missing is left as it is.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    projects: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    jobs: Vec<Job<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sinks: Vec<Named<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ends: Vec<End<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reported_ends: Vec<ReportedEnd<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deliveries: Vec<Delivery<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    silences: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    forgotten: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Reply<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deliveries_before: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_before: Option<i64>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: Cow<'a, str>,
    record: String,
}

#[derive(Serialize)]
struct Job<'a> {
    project: Cow<'a, str>,
    id: Cow<'a, str>,
    status: Option<Cow<'a, str>>,
    ended_at: Option<i64>,
    written_at: i64,
    record: String,
}

#[derive(Serialize)]
struct Event<'a> {
    id: String,
    emitted_at: i64,
    kind: &'static str,
    project: Cow<'a, str>,
    job: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    target_index_name: Option<Cow<'a, str>>,
    body: String,
    deliveries: Vec<Recipient<'a>>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    sink: Cow<'a, str>,
    /// In base64; none if the event itself is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the names of columns")]
struct End<'a> {
    project: Cow<'a, str>,
    job: Cow<'a, str>,
    outcome: String,
    end_observed_at: i64,
    aged_from: i64,
    target_index_name: Option<Cow<'a, str>>,
    created_at: Option<String>,
    completed_at: Option<String>,
    event: Option<String>,
    /// The type of the events that report such an end.
    reported_as: Option<&'static str>,
    body: String,
}

#[derive(Serialize)]
struct ReportedEnd<'a> {
    project: Cow<'a, str>,
    outcome: String,
    ended_at: i64,
}

#[derive(Serialize)]
struct Delivery<'a> {
    id: String,
    sink: Cow<'a, str>,
    state: &'static str,
    attempts: u32,
    due: Option<i64>,
    at: i64,
    reason: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct Reply<'a> {
    /// The id of the request.
    id: Cow<'a, str>,
    answer: Cow<'a, str>,
}

fn project(record: &ProjectRecord) -> serde_json::Result<Named<'_>> {
    Ok(Named { name: text(record.name.as_str()), record: record.snapshot.to_json()? })
}

fn job(record: &JobRecord) -> serde_json::Result<Job<'_>> {
    Ok(Job {
        project: text(record.project.as_str()),
        id: text(record.id.as_str()),
        status: record.snapshot.status.as_ref().map(Status::as_str).map(text),
        ended_at: record.snapshot.end.map(|end| end.observed_at.as_millisecond()),
        written_at: record.written_at.as_millisecond(),
        record: record.snapshot.to_json()?,
    })
}

fn sink(record: &SinkRecord) -> serde_json::Result<Named<'_>> {
    Ok(Named { name: text(record.name.as_str()), record: record.snapshot.to_json()? })
}

fn event<'a>(
    BatchEntry { event, recipients }: &'a BatchEntry,
    bodies: &mut BTreeMap<DeliveryId, Vec<u8>>,
) -> serde_json::Result<Event<'a>> {
    let recipients = recipients.iter().map(|sink| {
        let body = bodies.remove(&DeliveryId { event: event.id, sink: sink.clone() });
        Recipient { sink: text(sink.as_str()), body: body.map(|body| BASE64_STANDARD.encode(body)) }
    });
    let job = event.job.as_ref();
    Ok(Event {
        id: event.id.to_string(),
        emitted_at: event.timestamp.as_millisecond(),
        kind: event.kind.as_str(),
        project: text(event.project.as_str()),
        job: job.map(|job| text(job.id.as_str())),
        name: job.and_then(|job| job.name.as_deref()).map(text),
        target_index_name: job.and_then(|job| job.facts.target_index_name.as_deref()).map(text),
        body: serde_json::to_string(&**event)?,
        deliveries: recipients.collect(),
    })
}

fn end(BatchEnd { restore, event }: &BatchEnd) -> serde_json::Result<End<'_>> {
    let facts = &restore.job.facts;
    Ok(End {
        project: text(restore.project.as_str()),
        job: text(restore.job.id.as_str()),
        outcome: restore.outcome.to_string(),
        end_observed_at: restore.end_observed_at.as_millisecond(),
        aged_from: restore.aged_from().as_millisecond(),
        target_index_name: facts.target_index_name.as_deref().map(text),
        created_at: facts.created_at.map(|at| at.to_string()),
        completed_at: facts.completed_at.map(|at| at.to_string()),
        event: event.as_ref().map(ToString::to_string),
        reported_as: restore.outcome.event().map(EventKind::as_str),
        body: serde_json::to_string(restore)?,
    })
}

fn reported_end(restore: &EndedRestore) -> ReportedEnd<'_> {
    ReportedEnd {
        project: text(restore.project.as_str()),
        outcome: restore.outcome.to_string(),
        ended_at: restore.ended_at().as_millisecond(),
    }
}

fn answer(answer: &RequestAnswer) -> Reply<'_> {
    Reply { id: text(answer.request.as_str()), answer: text(&answer.text) }
}

fn delivery(update: &DeliveryUpdate) -> Delivery<'_> {
    Delivery {
        id: update.id.event.to_string(),
        sink: text(update.id.sink.as_str()),
        state: update.change.state().as_str(),
        attempts: update.attempts,
        due: update.change.due().map(Timestamp::as_millisecond),
        at: update.at.as_millisecond(),
        reason: update.reason.as_deref().map(text),
    }
}

/// A text of a column. U+0000 becomes U+FFFD.
fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{fffd}").into() } else { text.into() }
}
