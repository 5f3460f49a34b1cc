//! `CloudEvents` 1.0, JSON format in structured mode, with the event as its data.
//!
//! Invariant: `source` and `id` together name one event, and `data` is its published shape, uncut.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::Format;
use crate::model::{Event, EventId, EventKind, time};

#[derive(Debug)]
pub(super) struct CloudEvents;

impl Format for CloudEvents {
    fn body(&self, event: &Event) -> Vec<u8> {
        // Nothing in an event can fail to be written.
        serde_json::to_vec(&cloud_event(event)).unwrap_or_default()
    }

    // `CloudEvents` JSON format 1.0.2, section 3 ("Envelope").
    fn content_type(&self) -> &'static str {
        "application/cloudevents+json"
    }
}

/// The attributes of `CloudEvents` 1.0.2, sections "Required Attributes" and "Optional Attributes".
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: EventId,
    source: String,
    #[serde(rename = "type")]
    kind: EventKind,
    #[serde(serialize_with = "time::publish")]
    time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    datacontenttype: &'static str,
    data: &'a Event,
}

fn cloud_event(event: &Event) -> CloudEvent<'_> {
    let job = event.job.as_ref().map(|job| job.id.as_str());

    CloudEvent {
        specversion: "1.0",
        id: event.id,
        source: format!("/restore-watch/projects/{}", segment(event.project.as_str())),
        kind: event.kind,
        time: event.timestamp,
        // An id that cannot be an attribute is only in the data.
        subject: job.filter(|id| id.chars().all(is_allowed)),
        datacontenttype: "application/json",
        data: event,
    }
}

/// A text as one segment of the path of a URI: all but the unreserved characters encoded (RFC 3986,
/// section 2).
fn segment(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether a character may be in an attribute (`CloudEvents` 1.0.2, "Type System"): no control
/// characters and none of Unicode's noncharacters.
fn is_allowed(c: char) -> bool {
    let code = u32::from(c);
    !c.is_control() && !(0xfdd0..=0xfdef).contains(&code) && code & 0xfffe != 0xfffe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::super::super::sample_events;
    use super::*;

    #[test]
    fn completed() {
        insta::assert_snapshot!(shown(&sample_events::completed()), @r#"{"specversion":"1.0","id":"01a20846-fe00-7000-8000-000000000000","source":"/restore-watch/projects/default","type":"restore_job.completed","time":"2026-11-23T12:00:00.500Z","subject":"rj-1","datacontenttype":"application/json","data":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_job.completed","timestamp":"2026-11-23T12:00:00.500Z","project":"default","job":{"id":"rj-1","name":"nightly","backup_id":"bk-1","target_index_name":"docs","target_index_id":"ix-1","created_at":"2026-11-23T11:59:54Z","completed_at":"2026-11-23T12:00:00Z","percent_complete":100.0},"previous_status":"Pending","status":"Completed","elapsed_seconds":6.0,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":0.5,"reason":null}}"#);
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r#"{"specversion":"1.0","id":"01a20846-fe00-7000-8000-000000000000","source":"/restore-watch/projects/EU%20%26%20co","type":"restore_job.failed","time":"2026-11-23T12:00:00.500Z","subject":"rj-2","datacontenttype":"application/json","data":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_job.failed","timestamp":"2026-11-23T12:00:00.500Z","project":"EU & co","job":{"id":"rj-2","name":null,"backup_id":null,"target_index_name":"docs_*v2*","target_index_id":null,"created_at":null,"completed_at":null,"percent_complete":42.0},"previous_status":"Failed","status":"Failed","elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":5400.0,"detection_delay_seconds":null,"reason":"<b>no & why</b>"}}"#);
    }

    #[test]
    fn unauthorized_has_no_subject() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r#"{"specversion":"1.0","id":"01a20846-fe00-7000-8000-000000000000","source":"/restore-watch/projects/EU%20%26%20co","type":"project.unauthorized","time":"2026-11-23T12:00:00.500Z","datacontenttype":"application/json","data":{"id":"01a20846-fe00-7000-8000-000000000000","type":"project.unauthorized","timestamp":"2026-11-23T12:00:00.500Z","project":"EU & co","job":null,"previous_status":null,"status":null,"elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":null,"reason":"HTTP 403: Forbidden"}}"#);
    }

    #[test]
    fn test() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r#"{"specversion":"1.0","id":"01a20846-fe00-7000-8000-000000000000","source":"/restore-watch/projects/default","type":"restore_watch.test","time":"2026-11-23T12:00:00.500Z","datacontenttype":"application/json","data":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_watch.test","timestamp":"2026-11-23T12:00:00.500Z","project":"default","job":null,"previous_status":null,"status":null,"elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":null,"reason":null}}"#);
    }

    #[test]
    fn an_id_that_cannot_be_an_attribute_is_only_in_the_data() {
        let mut event = sample_events::completed();
        event.job.as_mut().unwrap().id = crate::model::JobId::new("a\u{fffe}").unwrap();

        let cloud_event: Value = serde_json::from_str(&shown(&event)).unwrap();

        assert_eq!(cloud_event["subject"], Value::Null);
        assert_eq!(cloud_event["data"]["job"]["id"], "a\u{fffe}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn attributes_are_what_the_specification_allows(event in sample_events::any_event()) {
            let cloud_event: Value = serde_json::from_slice(&CloudEvents.body(&event)).unwrap();
            let source = cloud_event["source"].as_str().unwrap();
            prop_assert!(source.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b)));
            for (name, value) in cloud_event.as_object().unwrap().iter().filter(|(name, _)| *name != "data") {
                let text = value.as_str().unwrap();
                prop_assert!(!text.is_empty() && text.chars().all(is_allowed), "{}", name);
            }
            let published: Value = serde_json::from_slice(&serde_json::to_vec(&event).unwrap()).unwrap();
            prop_assert_eq!(&cloud_event["data"], &published);
        }
    }

    fn shown(event: &Event) -> String {
        String::from_utf8(CloudEvents.body(event)).unwrap()
    }
}
