//! The JSON of good answers of the API, read with tolerance.
//!
//! Invariant: only the id and the status of a job must be there and be texts. Whatever else is
//! missing, unknown or of another type than documented counts as absent, because a job that ended
//! must not go unnoticed for the sake of a malformed detail.

use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::page::Page;
use crate::config::Redactor;
use crate::model::{IndexObservation, JobFacts, JobId, Observation, Status, presentable};

/// Longer texts of an answer are cut.
const MAX_TEXT: usize = 256;

/// Limit of the length of a page token, in bytes: no server takes a longer address.
const MAX_TOKEN: usize = 8 * 1024;

/// Times outside of these years are placeholders for "not set", such as 0001-01-01, 1970-01-01 or
/// 9999-12-30: Pinecone did not exist before 2019.
const YEARS: Range<Timestamp> = Timestamp::constant(1_546_300_800, 0)..Timestamp::constant(32_503_680_000, 0);

pub(super) fn job(value: &Value) -> Result<Observation, String> {
    let Value::Object(fields) = value else {
        return Err(format!("a job was expected, {} was sent", kind_of(value)));
    };
    let text = |key: &str| match fields.get(key) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(other) => Err(format!("`{key}` should be a text, it is {}", kind_of(other))),
        None => Err(format!("`{key}` is missing")),
    };

    let id = JobId::new(text("restore_job_id")?).map_err(|error| error.to_string())?;
    let status = Status::parse(&presentable(text("status")?, MAX_TEXT));
    let optional = |key: &str| text(key).ok().map(shown).filter(|text| !text.is_empty());
    let time = |key: &str| text(key).ok().and_then(timestamp);
    let created_at = time("created_at");
    // No restore ends before or when it begins: such an end is a placeholder, too.
    let completed_at = time("completed_at").filter(|end| created_at.is_none_or(|start| *end > start));
    let facts = JobFacts {
        backup_id: optional("backup_id"),
        target_index_name: optional("target_index_name"),
        target_index_id: optional("target_index_id"),
        created_at,
        completed_at,
        percent_complete: fields
            .get("percent_complete")
            .and_then(Value::as_f64)
            .filter(|percent| (0.0..=100.0).contains(percent)),
    };

    Ok(Observation { id, status, facts })
}

/// Reads an index: its name, and of its status whether it is ready, which must be there.
pub(super) fn index(value: &Value) -> Result<IndexObservation, String> {
    let Value::Object(fields) = value else {
        return Err(format!("an index was expected, {} was sent", kind_of(value)));
    };
    let name = match fields.get("name") {
        Some(Value::String(name)) => presentable(name, MAX_TEXT),
        Some(other) => return Err(format!("`name` should be a text, it is {}", kind_of(other))),
        None => return Err("`name` is missing".to_owned()),
    };

    let status = fields.get("status");
    let state = status.and_then(|status| status.get("state")).and_then(Value::as_str);
    let state = state.map(|state| presentable(state, MAX_TEXT)).filter(|state| !state.is_empty());
    let ready = match status.and_then(|status| status.get("ready")) {
        Some(Value::Bool(ready)) => *ready,
        // A state other than `ready` counts as not ready.
        _ if state.as_ref().is_some_and(|state| !state.eq_ignore_ascii_case("ready")) => false,
        Some(other) => {
            return Err(format!("`status.ready` should be true or false, it is {}", kind_of(other)));
        }
        None => return Err("`status.ready` is missing".to_owned()),
    };

    Ok(IndexObservation { name, state: state.map(|state| Status::parse(&state)), ready })
}

/// Reads a page of jobs, and at most `limit` rows of it.
pub(super) fn page(value: &Value, limit: usize) -> Result<Page, String> {
    let Some(Value::Array(rows)) = value.get("data") else {
        return Err("`data` should be a list of jobs".to_owned());
    };
    let surplus = rows.len().saturating_sub(limit);
    let mut page = Page { jobs: Vec::new(), unreadable: 0, fault: None, surplus, next: None };
    for row in rows.iter().take(limit) {
        match job(row) {
            Ok(job) => page.jobs.push(job),
            Err(fault) => {
                page.unreadable += 1;
                page.fault.get_or_insert(fault);
            }
        }
    }

    let next = value
        .get("pagination")
        .and_then(|pagination| pagination.get("next"))
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty());

    if let Some(token) = next.filter(|token| token.len() > MAX_TOKEN) {
        return Err(format!("the token of the next page has {} bytes", token.len()));
    }
    page.next = next.map(str::to_owned);

    Ok(page)
}

/// A text of an answer, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    presentable(text, MAX_TEXT)
}

/// Takes secrets out of every text of an answer.
pub(super) fn redact(value: &mut Value, secrets: &Redactor) {
    match value {
        Value::String(text) => *text = secrets.redact(text),
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, secrets)),
        Value::Object(fields) => fields.values_mut().for_each(|value| redact(value, secrets)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A timestamp in RFC 3339; one without a zone is taken as UTC. A placeholder is none.
fn timestamp(text: &str) -> Option<Timestamp> {
    let local = || text.parse::<DateTime>().ok()?.to_zoned_datetime(TimeZone::UTC).ok();
    let time = text.parse().ok().or_else(|| local().map(|time| time.timestamp()));
    time.filter(|time| YEARS.contains(time))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::config::ApiKey;

    fn secrets() -> Redactor {
        ApiKey::new("pcsk_canary".into()).unwrap().redactor()
    }

    fn minimal(extra: Value) -> Value {
        let mut value = json!({ "restore_job_id": "rj-1", "status": "Pending" });
        if let (Value::Object(fields), Value::Object(extra)) = (&mut value, extra) {
            fields.extend(extra);
        }
        value
    }

    #[test]
    fn the_documented_example() {
        let value = json!({
            "backup_id": "670e8400-e29b-41d4-a716-446655440000",
            "completed_at": "2024-03-15T10:35:00Z",
            "created_at": "2024-03-15T10:30:00Z",
            "percent_complete": 100,
            "restore_job_id": "670e8400-e29b-41d4-a716-446655440001",
            "status": "Completed",
            "target_index_id": "idx_456",
            "target_index_name": "my-index"
        });

        let Observation { id, status, facts } = job(&value).unwrap();

        assert_eq!(id.as_str(), "670e8400-e29b-41d4-a716-446655440001");
        assert_eq!(status, Status::Completed);
        assert_eq!(facts.target_index_name.as_deref(), Some("my-index"));
        assert_eq!(facts.created_at.unwrap().to_string(), "2024-03-15T10:30:00Z");
        assert_eq!(facts.percent_complete, Some(100.0));
    }

    #[test]
    fn the_shapes_of_2026_07() {
        // A job that runs has no progress and no end; what the API may add one day is passed over.
        let running = json!({
            "restore_job_id": "670e8400-e29b-41d4-a716-446655440001",
            "backup_id": "670e8400-e29b-41d4-a716-446655440000",
            "target_index_name": "my-index",
            "target_index_id": "670e8400-e29b-41d4-a716-446655440002",
            "status": "Pending",
            "created_at": null,
            "completed_at": null,
            "phase": { "name": "copying", "of": [1, 2] },
            "cloud": "aws"
        });

        let Observation { status, facts, .. } = job(&running).unwrap();

        assert_eq!((status, facts.created_at, facts.completed_at), (Status::Pending, None, None));
        assert_eq!((facts.percent_complete, facts.intermediate_progress()), (None, None));

        let Page { jobs, unreadable, fault, next, .. } =
            page(&json!({ "data": [running], "next_field": {} }), 100).unwrap();
        assert_eq!((jobs.len(), unreadable, fault, next), (1, 0, None, None));
    }

    #[test]
    fn progress_in_every_shape() {
        for (sent, read) in [
            (json!(100), Some(100.0)),
            (json!(100.0), Some(100.0)),
            (json!(42.2), Some(42.2)),
            (json!(0), Some(0.0)),
            (json!(null), None),
            (json!("42"), None),
            (json!(-1), None),
            (json!(101), None),
        ] {
            let observation = job(&minimal(json!({ "percent_complete": sent }))).unwrap();
            assert_eq!(observation.facts.percent_complete, read);
        }

        assert_eq!(job(&minimal(json!({}))).unwrap().facts, JobFacts::default());
    }

    #[test]
    fn timestamps_in_every_shape() {
        let digits = "123456789";

        for zone in ["Z", "+00:00"] {
            for n in 0..=9 {
                let fraction = if n == 0 { String::new() } else { format!(".{}", &digits[..n]) };
                let text = format!("2025-02-04T13:00:00{fraction}{zone}");
                let observation = job(&minimal(json!({ "created_at": text }))).unwrap();
                let shown = observation.facts.created_at.map(|time| time.to_string());
                assert_eq!(shown, Some(format!("2025-02-04T13:00:00{fraction}Z")));
            }
        }

        let local = job(&minimal(json!({ "created_at": "2025-02-04T13:00:00.5" }))).unwrap();

        assert_eq!(local.facts.created_at.unwrap().to_string(), "2025-02-04T13:00:00.5Z");

        for bad in [json!(null), json!(7), json!("yesterday"), json!("")] {
            assert_eq!(job(&minimal(json!({ "created_at": bad }))).unwrap().facts.created_at, None);
        }
    }

    #[test]
    fn placeholder_times_are_not_set() {
        let read = |created_at: &str, completed_at: &str| {
            let value = minimal(json!({ "created_at": created_at, "completed_at": completed_at }));
            let facts = job(&value).unwrap().facts;
            (facts.created_at.is_some(), facts.completed_at.is_some())
        };

        let (start, end) = ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00.001Z");

        assert_eq!(read(start, end), (true, true));

        for placeholder in [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00",
            "-009999-01-02T01:59:59Z",
            "1900-01-01T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "1970-01-01T01:00:00+01:00",
            "1999-12-31T23:59:59.999Z",
            "2018-12-31T23:59:59.999999999Z",
            "3000-01-01T00:00:00Z",
            "9999-12-30T22:00:00Z",
        ] {
            assert_eq!(read(start, placeholder), (true, false), "end {placeholder}");
            assert_eq!(read(placeholder, end), (false, true), "start {placeholder}");
        }

        for early in [start, "2026-11-23T11:59:59Z", "2026-11-23T13:00:00+01:00"] {
            assert_eq!(read(start, early), (true, false), "no end before the start: {early}");
        }

        assert_eq!(read("2019-01-01T00:00:00Z", "2019-01-01T00:00:01Z"), (true, true));
    }

    #[test]
    fn malformed_jobs_are_refused() {
        for (value, why) in [
            (json!([]), "a job was expected, a list was sent"),
            (json!(null), "a job was expected, null was sent"),
            (json!({ "status": "Pending" }), "`restore_job_id` is missing"),
            (json!({ "restore_job_id": "a" }), "`status` is missing"),
            (
                json!({ "restore_job_id": 7, "status": "x" }),
                "`restore_job_id` should be a text, it is a number",
            ),
            (json!({ "restore_job_id": "", "status": "x" }), "a restore job id cannot be empty"),
            (
                json!({ "restore_job_id": "a\u{202e}", "status": "x" }),
                "a restore job id has no invisible characters, this one has U+202E (mark of the direction of text)",
            ),
        ] {
            assert_eq!(job(&value).unwrap_err(), why);
        }
    }

    #[test]
    fn indexes() {
        let described = |status: Value| index(&json!({ "name": "docs", "status": status, "host": "h" }));
        let scaling = described(json!({ "ready": true, "state": "ScalingUpPodSize" })).unwrap();

        assert_eq!(
            (scaling.ready, scaling.state),
            (true, Some(Status::Other("ScalingUpPodSize".to_owned())))
        );

        let bare = described(json!({ "ready": false, "state": 7 })).unwrap();
        assert_eq!((bare.name.as_str(), bare.ready, bare.state), ("docs", false, None));

        let mute = described(json!({ "state": "Failed" })).unwrap();
        assert_eq!((mute.ready, mute.state), (false, Some(Status::Failed)));

        for (value, why) in [
            (json!([]), "an index was expected, a list was sent"),
            (json!({ "status": { "ready": true } }), "`name` is missing"),
            (json!({ "name": 7 }), "`name` should be a text, it is a number"),
            (json!({ "name": "docs" }), "`status.ready` is missing"),
            (json!({ "name": "docs", "status": "Ready" }), "`status.ready` is missing"),
            (
                json!({ "name": "docs", "status": { "ready": "yes", "state": "Ready" } }),
                "`status.ready` should be true or false, it is a text",
            ),
        ] {
            assert_eq!(index(&value).unwrap_err(), why);
        }
    }

    #[test]
    fn pages_end_in_every_shape() {
        for (value, next) in [
            (json!({ "data": [], "pagination": null }), None),
            (json!({ "data": [] }), None),
            (json!({ "data": [], "pagination": { "next": "" } }), None),
            (json!({ "data": [], "pagination": { "next": null } }), None),
            (json!({ "data": [], "pagination": { "next": "abc=" } }), Some("abc=".to_owned())),
        ] {
            assert_eq!(page(&value, 100).unwrap().next, next);
        }

        let rows = json!({ "data": [minimal(json!({})), 7, {}] });
        for (limit, sizes) in [(100, (1, 2, 0)), (3, (1, 2, 0)), (2, (1, 1, 1)), (0, (0, 0, 3))] {
            let page = page(&rows, limit).unwrap();
            assert_eq!((page.jobs.len(), page.unreadable, page.surplus), sizes, "at most {limit}");
            let fault = (page.unreadable > 0).then_some("a job was expected, a number was sent");
            assert_eq!(page.fault.as_deref(), fault);
        }

        assert!(page(&json!([]), 100).is_err());

        let leads_to = |token: &str| page(&json!({ "data": [], "pagination": { "next": token } }), 100);
        assert!(leads_to(&"t".repeat(8192)).is_ok());
        assert_eq!(leads_to(&"t".repeat(8193)).unwrap_err(), "the token of the next page has 8193 bytes");
    }

    #[test]
    fn the_key_is_taken_out_of_an_answer_that_repeats_it() {
        let mut value = json!({ "data": [{ "target_index_name": "x-pcsk_canary" }], "n": 1 });
        redact(&mut value, &secrets());
        assert_eq!(value, json!({ "data": [{ "target_index_name": "x-***" }], "n": 1 }));
    }

    proptest! {
        #[test]
        fn no_answer_causes_a_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(value) = serde_json::from_slice::<Value>(&body) {
                let _ = (job(&value), index(&value), page(&value, 100));
            }
        }

        #[test]
        fn any_text_is_a_status_and_is_kept(text in "[^\\p{C}\\s]{1,40}") {
            let value = minimal(json!({ "status": text, "created_at": text, "percent_complete": text }));
            prop_assert!(job(&value).unwrap().status.as_str().eq_ignore_ascii_case(&text));
        }
    }
}
