//! A silence, as it is reported, and in words.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::{Silence, SilenceMatcher};
use crate::model::schema::DateTime;
use crate::model::time::{Now, wall_between};
use crate::model::{ProjectName, SilenceId, SinkName, duration, time};

/// A silence in force: deliveries of events that match every part are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SilenceStatus {
    /// Its number.
    #[schemars(with = "u64")]
    pub id: SilenceId,
    /// A pattern for the names of the indexes that restores make, if it is only about some.
    pub index: Option<String>,
    /// The project, if it is only about one.
    pub project: Option<ProjectName>,
    /// The sink, if it is only about one.
    pub sink: Option<SinkName>,
    /// Why it was set.
    pub comment: String,
    /// Who set it, as the client said.
    pub set_by: Option<String>,
    /// When it was set.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub set_at: Timestamp,
    /// When it ends.
    #[serde(serialize_with = "time::publish")]
    #[schemars(with = "DateTime")]
    pub until: Timestamp,
}

impl SilenceStatus {
    pub fn of(silence: &Silence, now: Now) -> Self {
        let SilenceMatcher { index, project, sink } = &silence.matcher;
        Self {
            id: silence.id,
            index: index.as_ref().map(ToString::to_string),
            project: project.clone(),
            sink: sink.clone(),
            comment: silence.comment.clone(),
            set_by: silence.set_by.clone(),
            set_at: silence.set_at,
            until: now.wall_at(silence.ends),
        }
    }

    /// What is silenced, such as `index prod-*, sink ops`.
    pub fn subject(&self) -> String {
        let index = self.index.as_ref().map(|index| format!("index {index}"));
        let project = self.project.as_ref().map(|project| format!("project {project}"));
        let sink = self.sink.as_ref().map(|sink| format!("sink {sink}"));
        index.into_iter().chain(project).chain(sink).collect::<Vec<_>>().join(", ")
    }

    /// All of it in one line.
    pub fn line(&self, now: Timestamp) -> String {
        let (until, left) = (shown(self.until), duration::remaining(wall_between(now, self.until)));
        let by = self.set_by.as_ref().map(|name| format!(" (by {name})")).unwrap_or_default();
        format!("silence {} until {until}, {left} left: {}: {}{by}", self.id, self.subject(), self.comment)
    }
}

/// A time to come, to the minute.
pub fn shown(at: Timestamp) -> String {
    at.strftime("%F %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_is_said_in_one_line() {
        let silence: SilenceStatus = serde_json::from_value(serde_json::json!({
            "id": 3, "index": "prod-*", "sink": "ops", "comment": "maintenance", "set_by": "alice",
            "set_at": "2026-11-26T20:00:00Z", "until": "2026-11-26T22:00:00Z",
        }))
        .unwrap();

        let line = silence.line("2026-11-26T20:30:00Z".parse().unwrap());

        assert_eq!(
            line,
            "silence 3 until 2026-11-26 22:00 UTC, 1h 30m left: index prod-*, sink ops: maintenance (by alice)"
        );
    }
}
