//! The JSON of the records in a state.
//!
//! Invariant: what a release wrote, all later ones read. A field that came later has a default, and
//! a field keeps its name here if the engine changes its own.

mod job;
mod project;
mod silences;
mod sink;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A snapshot that a store keeps as text.
pub(super) trait Record: Sized + Clone {
    /// Its form in JSON.
    type Json: From<Self> + Into<Self> + Serialize + DeserializeOwned;

    /// The text of this snapshot.
    fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&Self::Json::from(self.clone()))
    }

    /// The snapshot of this text.
    fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str::<Self::Json>(text).map(Into::into)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::adapters::store::samples::{full, job, limited, noon};
    use crate::engine::Fingerprint;
    use crate::engine::snapshot::{
        EndSnapshot, JobSnapshot, Origin, PastRestore, ProjectSnapshot, SinkSnapshot, ThrottleSnapshot,
    };
    use crate::model::Outcome;

    /// What a release before wrote for this snapshot: without the fields that came later.
    fn written_before<T: Record>(snapshot: &T, added: &[(&str, &str)]) -> T {
        let mut json: serde_json::Value = serde_json::from_str(&snapshot.to_json().unwrap()).unwrap();
        for (parent, key) in added {
            let fields = json.pointer_mut(parent).and_then(serde_json::Value::as_object_mut).unwrap();
            fields.remove(*key).unwrap_or_else(|| panic!("{parent}/{key}"));
        }
        T::from_json(&json.to_string()).unwrap()
    }

    #[test]
    fn a_project_of_the_release_before_is_read() {
        let throttled = ThrottleSnapshot { until: noon(), reason: "HTTP 429".to_owned(), is_backoff: true };
        let project = ProjectSnapshot { throttled: Some(throttled), written_at: Some(noon()), ..limited() };

        let read = written_before(&project, &[("", "written_at"), ("/throttled", "is_backoff")]);

        assert_eq!(read.written_at, None);
        assert_eq!(read.throttled.map(|throttled| throttled.is_backoff), Some(false));
    }

    #[test]
    fn a_project_with_a_refused_key_alone_is_read() {
        let read = ProjectSnapshot::from_json(r#"{"refused":"401","throttled":null}"#).unwrap();
        assert_eq!((read.unauthorized.as_deref(), read.learned), (Some("401"), None));
    }

    #[test]
    fn past_restores_keep_what_they_restored() {
        let origin = Origin { backup: None, index: Fingerprint::of("orders") };
        let known = PastRestore { completed: 7, took: 60_000, origin };
        let unknown = PastRestore { completed: 9, took: 90_000, origin: Origin::default() };
        let project = ProjectSnapshot { past: vec![known, unknown], ..limited() };

        let read = ProjectSnapshot::from_json(&project.to_json().unwrap()).unwrap();
        let before = written_before(&project, &[("", "past_origins")]);

        assert_eq!(read, project);
        assert_eq!(before.past, [PastRestore { origin: Origin::default(), ..known }, unknown]);
    }

    #[test]
    fn a_discovery_without_its_begin_is_read() {
        let kept = r#"{ "discovery": { "since": "2026-09-23T11:00:00Z", "has_baseline": true,
            "ignored": [["forgotten", "2026-11-23T11:00:00Z"]] } }"#;

        let discovery = ProjectSnapshot::from_json(kept).unwrap().discovery.unwrap();

        assert_eq!((discovery.began, discovery.has_baseline, discovery.ignored.len()), (None, true, 1));
    }

    #[test]
    fn a_job_of_the_release_before_is_read() {
        let end = EndSnapshot {
            outcome: Outcome::Failed,
            observed_at: noon(),
            age: Some(Duration::from_secs(20)),
            seen_running: Some(Duration::from_secs(5)),
            is_before_watch: true,
        };
        let job = JobSnapshot { end: Some(end), ..job("rj-1", 0).snapshot };

        let added = [
            ("", "started_at"),
            ("/end", "age"),
            ("/end", "seen_running"),
            ("/end", "is_before_watch"),
            ("/index", "age"),
            ("", "gone_for"),
        ];
        let read = written_before(&job, &added);

        let read_end = EndSnapshot { age: None, seen_running: None, is_before_watch: false, ..end };
        assert_eq!((read.started_at, read.end), (None, Some(read_end)));
        assert_eq!(JobSnapshot::from_json(&job.to_json().unwrap()).unwrap(), job);
        assert_eq!(read.not_found_for, Duration::ZERO);
    }

    #[test]
    fn a_job_with_an_end_that_is_none_is_refused() {
        let job = |how| {
            let end = EndSnapshot {
                outcome: how,
                observed_at: noon(),
                age: None,
                seen_running: None,
                is_before_watch: false,
            };
            JobSnapshot { end: Some(end), ..job("rj-1", 0).snapshot }
        };
        let read = |how| JobSnapshot::from_json(&job(how).to_json().unwrap());

        for how in [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Unrecognised] {
            assert_eq!(read(how).unwrap(), job(how));
        }
        for how in [
            Outcome::Open,
            Outcome::Ready,
            Outcome::NotReady,
            Outcome::NotFound,
            Outcome::Misconfigured,
            Outcome::Unreachable,
            Outcome::Unauthorized,
        ] {
            let error = read(how).unwrap_err().to_string();
            assert!(error.contains(&format!("no restore ends as `{how}`")), "{error}");
        }
    }

    #[test]
    fn a_sink_that_took_nothing_yet_is_recorded_as_such() {
        let sink = SinkSnapshot { has_accepted: false, ..full().sinks.remove(0).snapshot };
        assert_eq!(SinkSnapshot::from_json(&sink.to_json().unwrap()).unwrap(), sink);
    }

    #[test]
    fn a_sink_of_the_release_before_is_read() {
        let sink = SinkSnapshot { has_accepted: false, ..full().sinks.remove(0).snapshot };
        let added = [("", "written_at"), ("", "has_accepted"), ("", "failing")];
        let read = written_before(&sink, &added);
        assert_eq!(read, SinkSnapshot { written_at: None, has_accepted: true, failing: None, ..sink });
    }
}
