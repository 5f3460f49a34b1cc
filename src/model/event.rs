//! A published change of a job or project, and its JSON form.
//!
//! Invariant: the JSON form is the same in logs, webhooks, NDJSON and the state, and reads back to
//! an equal event, but for parts of a millisecond.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::schema::DateTime;
use super::{Elapsed, EventId, EventKind, JobFacts, JobId, ProjectName, Status, time};

/// The job an event is about.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRef {
    /// Its id.
    pub id: JobId,
    /// The name the user gave it in the configuration.
    pub name: Option<String>,
    /// What the API says of it, as far as known.
    pub facts: JobFacts,
}

/// A published change.
// The comments of its fields are the descriptions of the published schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(
    rename = "Transition",
    description = "A published change: a line of `restore-watch wait --output ndjson`, the body of a webhook, the \
                          data of an event of `/v1/events`, and `transition` in lines of the JSON log."
)]
pub struct Event {
    /// The same on every attempt at a delivery.
    pub id: EventId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When it was observed.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub timestamp: Timestamp,
    /// The project it happened in.
    pub project: ProjectName,
    /// The job it happened to; `null` for those of a project.
    pub job: Option<JobRef>,
    /// The last known status before it: that of the job, or of its index if the type is `index.…`.
    pub previous_status: Option<Status>,
    /// The last known status now.
    pub status: Option<Status>,
    /// How long the job took, or has been taking.
    #[serde(flatten)]
    pub elapsed: Elapsed,
    /// Seconds from `completed_at` to `timestamp`, if both are known; not below 0. Events about an
    /// index have none: the API does not say since when it serves.
    pub detection_delay_seconds: Option<f64>,
    /// The reason in words, if the status does not give it: the last error of the API, or how long
    /// a restore may take before it is slow.
    pub reason: Option<String>,
}

impl Event {
    /// An event about a project as a whole, without a reason.
    pub fn of_project(id: EventId, kind: EventKind, timestamp: Timestamp, project: ProjectName) -> Self {
        Self {
            id,
            kind,
            timestamp,
            project,
            job: None,
            previous_status: None,
            status: None,
            elapsed: Elapsed::Unknown,
            detection_delay_seconds: None,
            reason: None,
        }
    }
}

/// A restore job: its names, and what the API reports about it, as far as known.
// The published shape: one flat object. The comments are descriptions of the published schema.
#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Job")]
struct FlatJob {
    /// Its id.
    id: JobId,
    /// The name that the configuration gives it.
    name: Option<String>,
    /// The backup that is restored.
    backup_id: Option<String>,
    /// The name of the index that is made.
    target_index_name: Option<String>,
    /// The id of the index that is made.
    target_index_id: Option<String>,
    /// When the restore started.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    created_at: Option<Timestamp>,
    /// When the restore ended; the API sets it on completed jobs only.
    #[serde(serialize_with = "time::publish_known")]
    #[schemars(with = "Option<DateTime>")]
    completed_at: Option<Timestamp>,
    /// Progress, 0 to 100; most answers have none before the end.
    percent_complete: Option<f64>,
}

impl JsonSchema for JobRef {
    fn schema_name() -> Cow<'static, str> {
        FlatJob::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        FlatJob::json_schema(generator)
    }
}

impl Serialize for JobRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, name, facts } = self.clone();
        FlatJob {
            id,
            name,
            backup_id: facts.backup_id,
            target_index_name: facts.target_index_name,
            target_index_id: facts.target_index_id,
            created_at: facts.created_at,
            completed_at: facts.completed_at,
            percent_complete: facts.percent_complete,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = FlatJob::deserialize(deserializer)?;
        let facts = JobFacts {
            backup_id: flat.backup_id,
            target_index_name: flat.target_index_name,
            target_index_id: flat.target_index_id,
            created_at: flat.created_at,
            completed_at: flat.completed_at,
            percent_complete: flat.percent_complete,
        };
        Ok(Self { id: flat.id, name: flat.name, facts })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_are_repeatable_uuids_of_version_7() {
        let at: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let id = EventId::from_parts(at, [7; 10]);
        assert_eq!(id, EventId::from_parts(at, [7; 10]));
        assert_eq!(id.to_string().as_bytes()[14], b'7');
    }

    #[test]
    fn the_published_shape() {
        let event = Event {
            id: EventId::from_parts("2026-11-23T12:00:00Z".parse().unwrap(), [0; 10]),
            kind: EventKind::Completed,
            timestamp: "2026-11-23T12:00:00.5Z".parse().unwrap(),
            project: ProjectName::default(),
            job: Some(JobRef {
                id: JobId::new("rj-1").unwrap(),
                name: None,
                facts: JobFacts { target_index_name: Some("docs".into()), ..JobFacts::default() },
            }),
            previous_status: Some(Status::Pending),
            status: Some(Status::Completed),
            elapsed: Elapsed::Exact(Duration::from_secs(6)),
            detection_delay_seconds: None,
            reason: None,
        };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "and back");
        insta::assert_snapshot!(json, @r#"{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_job.completed","timestamp":"2026-11-23T12:00:00.500Z","project":"default","job":{"id":"rj-1","name":null,"backup_id":null,"target_index_name":"docs","target_index_id":null,"created_at":null,"completed_at":null,"percent_complete":null},"previous_status":"Pending","status":"Completed","elapsed_seconds":6.0,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":null,"reason":null}"#);
    }
}
