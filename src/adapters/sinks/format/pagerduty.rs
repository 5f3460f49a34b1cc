//! Alerts for `PagerDuty`'s Events API v2: trouble triggers an alert, and its good end resolves it.
//!
//! Invariant: all events of a job have one deduplication key, no other job has it, and it depends
//! on the event alone, so that a resolution finds its alert whatever was restarted in between. The
//! routing key is in no committed body.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::StatusCode;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::binding::{Binding, bind};
use super::markup::{Markup, plain, utf16};
use super::{Format, Read};
use crate::adapters::sinks::SinkError;
use crate::adapters::sinks::card::Card;
use crate::adapters::sinks::refusal;
use crate::config::WebhookSettings;
use crate::engine::{FailureClass, Rejection};
use crate::model::{Event, EventKind, Severity, presentable};
use crate::template::placeholder;

/// The summary (developer.pagerduty.com, "Send an Alert Event": at most 1,024 characters).
const MAX_SUMMARY: usize = 1024;

/// The deduplication key (the same: at most 255 characters).
const MAX_KEY: usize = 255;

/// The other texts of a payload; no limit is documented. It is long enough for a job id.
const MAX_TEXT: usize = 256;

/// A text of the details, in UTF-16 code units. A body has at most 512 KB (developer.pagerduty.com,
/// "Events API v2 Overview", "Size Limits"); an event has some 15 texts, of which each unit takes
/// at most six bytes as JSON, so that all stay below without a look at the whole.
const MAX_DETAIL: usize = 4000;

/// The key of all tests, so that however many there were, one alert is open.
const KEY_OF_TESTS: &str = "restore-watch test";

/// The routing key, as its placeholder in a committed body calls it.
const ROUTING_KEY: &str = "routing_key";

const MARKUP: Markup = Markup { escape: plain, measure: utf16 };

#[derive(Debug)]
pub(super) struct PagerDuty {
    routing_key: Binding,
}

impl PagerDuty {
    /// The format of the sink `name`, whose routing key `read` reads. Settings without one come from
    /// no configuration, and `PagerDuty` refuses what is sent with them.
    pub(super) fn new(name: &str, settings: &WebhookSettings, read: &Read<'_>) -> Result<Self, SinkError> {
        let secret = settings.routing_key.as_ref().map(read).transpose();
        let secret = secret.map_err(|error| SinkError::Secret {
            name: name.to_owned(),
            what: "routing key",
            error,
        })?;
        let routing_key = Binding { name: ROUTING_KEY.to_owned(), secret: secret.unwrap_or_default() };
        Ok(Self { routing_key })
    }
}

impl Format for PagerDuty {
    fn body(&self, event: &Event) -> Vec<u8> {
        alert(&Card::new(event), event).to_string().into_bytes()
    }

    fn bind<'a>(&self, committed: &'a [u8]) -> Cow<'a, [u8]> {
        bind(committed, std::slice::from_ref(&self.routing_key))
    }

    fn secrets(&self) -> Vec<&str> {
        vec![self.routing_key.secret.expose_secret()]
    }

    // A late trigger opens an alert again that nothing resolves.
    fn keeps_state(&self) -> bool {
        true
    }

    // Of what is retried, a bad request is none (developer.pagerduty.com, "Events API v2 Overview",
    // "Response Codes & Retry Logic").
    fn final_rejection(&self) -> Option<Rejection> {
        Some(Rejection::Body)
    }

    fn advice(&self, rejection: Rejection) -> Option<&'static str> {
        let advice = "PagerDuty refuses the alert; check `routing_key`";
        (rejection == Rejection::Body).then_some(advice)
    }

    // The same: all that is taken is answered with 202. Another service is behind this address.
    fn objection(&self, status: StatusCode) -> Option<&'static str> {
        (status != StatusCode::ACCEPTED).then_some("not accepted by PagerDuty")
    }

    fn class_of(&self, status: StatusCode) -> FailureClass {
        if status.is_success() {
            return FailureClass::Rejected(Rejection::Address);
        }
        refusal::class_of(status)
    }
}

fn alert(card: &Card, event: &Event) -> Value {
    let index = event.job.as_ref().and_then(|job| job.facts.target_index_name.as_deref());
    let details = details(event);

    let mut payload = json!({
        "summary": MARKUP.fit(&format!("{}: {}", card.heading, card.summary), MAX_SUMMARY),
        "source": source(event.project.as_str(), index),
        "severity": severity(card.severity),
        "timestamp": details["timestamp"],
        "class": event.kind.as_str(),
    });
    let optional = [("group", Some(event.project.as_str())), ("component", index)];
    for (name, value) in optional {
        if let Some(value) = value.and_then(shown) {
            payload[name] = Value::from(value);
        }
    }
    payload["custom_details"] = details;

    json!({
        "routing_key": placeholder(ROUTING_KEY),
        "event_action": action(event.kind),
        "dedup_key": key(event),
        "client": "restore-watch",
        "payload": payload,
    })
}

/// An event of success resolves the alert. All else that is sent is for a person to look at: what is
/// for the record is sent only if the configuration says so, and then as `info`.
fn action(kind: EventKind) -> &'static str {
    match kind.severity() {
        Severity::Success => "resolve",
        Severity::Error | Severity::Warning | Severity::Info => "trigger",
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Success | Severity::Info => "info",
    }
}

/// What has the problem: the index of a project, or the project.
fn source(project: &str, index: Option<&str>) -> String {
    let parts: Vec<_> = [Some(project), index].into_iter().flatten().filter_map(shown).collect();
    if parts.is_empty() { "restore-watch".to_owned() } else { parts.join("/") }
}

/// The text fit for display, unless nothing of it is left then.
fn shown(text: &str) -> Option<String> {
    Some(MARKUP.fit(&presentable(text, MAX_TEXT), MAX_TEXT)).filter(|text| !text.is_empty())
}

/// The deduplication key. The first word says what it is of; an id has no blank, so the last one
/// separates project and job.
fn key(event: &Event) -> String {
    let whole = match &event.job {
        _ if event.kind == EventKind::Test => return KEY_OF_TESTS.to_owned(),
        Some(job) => format!("restore {} {}", event.project, job.id),
        None => format!("project {}", event.project),
    };
    if utf16(&whole) <= MAX_KEY {
        return whole;
    }

    // The hash is the first word, so that no short key looks like this one.
    let hash: [u8; 32] = Sha256::digest(&whole).into();
    let hash = URL_SAFE_NO_PAD.encode(hash);
    let room = MAX_KEY - hash.len() - 1;
    format!("{hash} {}", MARKUP.fit(&whole, room))
}

/// The published event, with long texts cut.
fn details(event: &Event) -> Value {
    let mut details = serde_json::to_value(event).unwrap_or_default();
    cut(&mut details);
    details
}

fn cut(value: &mut Value) {
    match value {
        Value::String(text) if utf16(text) > MAX_DETAIL => *text = MARKUP.fit(text, MAX_DETAIL),
        Value::Array(values) => values.iter_mut().for_each(cut),
        Value::Object(values) => values.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::sample_events;
    use super::*;
    use crate::config::{SecretSource, UrlSource, WebhookUrl};
    use crate::model::{JobId, ProjectName};

    const SECRET: &str = "0123456789abcdef0123456789canary";

    fn format() -> PagerDuty {
        let url = UrlSource::Given(WebhookUrl::parse("https://example.com", false).unwrap());
        let routing_key = Some(SecretSource::Public(SECRET));
        let settings = WebhookSettings { routing_key, ..WebhookSettings::new(url) };
        PagerDuty::new("pages", &settings, &SecretSource::read).unwrap()
    }

    fn shown(event: &Event) -> String {
        alert(&Card::new(event), event).to_string()
    }

    fn of_job(project: &str, job: &str, kind: EventKind) -> Event {
        let mut event = Event { kind, project: ProjectName::new(project), ..sample_events::completed() };
        event.job.as_mut().unwrap().id = JobId::new(job).unwrap();
        event
    }

    #[test]
    fn completed() {
        insta::assert_snapshot!(shown(&sample_events::completed()), @r#"{"routing_key":{"restore-watch:secret":"routing_key"},"event_action":"resolve","dedup_key":"restore default rj-1","client":"restore-watch","payload":{"summary":"Restore completed: restore nightly (rj-1) into index docs completed after 6.0s","source":"default/docs","severity":"info","timestamp":"2026-11-23T12:00:00.500Z","class":"restore_job.completed","group":"default","component":"docs","custom_details":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_job.completed","timestamp":"2026-11-23T12:00:00.500Z","project":"default","job":{"id":"rj-1","name":"nightly","backup_id":"bk-1","target_index_name":"docs","target_index_id":"ix-1","created_at":"2026-11-23T11:59:54Z","completed_at":"2026-11-23T12:00:00Z","percent_complete":100.0},"previous_status":"Pending","status":"Completed","elapsed_seconds":6.0,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":0.5,"reason":null}}}"#);
    }

    #[test]
    fn failed() {
        insta::assert_snapshot!(shown(&sample_events::failed()), @r#"{"routing_key":{"restore-watch:secret":"routing_key"},"event_action":"trigger","dedup_key":"restore EU & co rj-2","client":"restore-watch","payload":{"summary":"Restore failed: restore rj-2 into index docs_*v2* failed within 1h 30m of its start: <b>no & why</b>","source":"EU & co/docs_*v2*","severity":"error","timestamp":"2026-11-23T12:00:00.500Z","class":"restore_job.failed","group":"EU & co","component":"docs_*v2*","custom_details":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_job.failed","timestamp":"2026-11-23T12:00:00.500Z","project":"EU & co","job":{"id":"rj-2","name":null,"backup_id":null,"target_index_name":"docs_*v2*","target_index_id":null,"created_at":null,"completed_at":null,"percent_complete":42.0},"previous_status":"Failed","status":"Failed","elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":5400.0,"detection_delay_seconds":null,"reason":"<b>no & why</b>"}}}"#);
    }

    #[test]
    fn unauthorized() {
        insta::assert_snapshot!(shown(&sample_events::unauthorized()), @r#"{"routing_key":{"restore-watch:secret":"routing_key"},"event_action":"trigger","dedup_key":"project EU & co","client":"restore-watch","payload":{"summary":"Pinecone refuses the API key: project EU & co: the API refuses the key or its permission: HTTP 403: Forbidden","source":"EU & co","severity":"error","timestamp":"2026-11-23T12:00:00.500Z","class":"project.unauthorized","group":"EU & co","custom_details":{"id":"01a20846-fe00-7000-8000-000000000000","type":"project.unauthorized","timestamp":"2026-11-23T12:00:00.500Z","project":"EU & co","job":null,"previous_status":null,"status":null,"elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":null,"reason":"HTTP 403: Forbidden"}}}"#);
    }

    #[test]
    fn tests_share_one_alert_of_the_lowest_severity() {
        insta::assert_snapshot!(shown(&sample_events::test()), @r#"{"routing_key":{"restore-watch:secret":"routing_key"},"event_action":"trigger","dedup_key":"restore-watch test","client":"restore-watch","payload":{"summary":"Test of restore-watch, nothing happened: a test of restore-watch; no restore is meant","source":"default","severity":"info","timestamp":"2026-11-23T12:00:00.500Z","class":"restore_watch.test","group":"default","custom_details":{"id":"01a20846-fe00-7000-8000-000000000000","type":"restore_watch.test","timestamp":"2026-11-23T12:00:00.500Z","project":"default","job":null,"previous_status":null,"status":null,"elapsed_seconds":null,"elapsed_lower_bound_seconds":null,"elapsed_upper_bound_seconds":null,"detection_delay_seconds":null,"reason":null}}}"#);
    }

    #[test]
    fn trouble_triggers_and_its_good_end_resolves() {
        use EventKind::{Completed, IndexReady, ProjectRecovered, Recovered};

        let resolving: Vec<_> =
            EventKind::ALL.iter().copied().filter(|kind| action(*kind) == "resolve").collect();
        assert_eq!(resolving, [Completed, Recovered, IndexReady, ProjectRecovered]);
    }

    #[test]
    fn events_of_one_job_and_no_other_share_a_key() {
        let long = "p".repeat(400);
        let key_of = |project: &str, job: &str, kind| key(&of_job(project, job, kind));

        for project in ["one", &long] {
            let triggered = key_of(project, "rj-1", EventKind::Overdue);
            assert_eq!(triggered, key_of(project, "rj-1", EventKind::Completed));
            assert_ne!(triggered, key_of(project, "rj-2", EventKind::Overdue));
            let other = project.to_owned() + "q";
            assert_ne!(triggered, key_of(&other, "rj-1", EventKind::Overdue));
            assert_eq!(utf16(&triggered) == MAX_KEY, project.len() > MAX_KEY, "{triggered}");
        }
        assert_ne!(key_of("a b", "c", EventKind::Failed), key_of("a", "b-c", EventKind::Failed));
        let of_project =
            |name: &str| Event { project: ProjectName::new(name), ..sample_events::unauthorized() };
        assert_eq!(key(&of_project("one")), "project one");
        assert_ne!(key(&of_project("one rj-1")), key_of("one", "rj-1", EventKind::Failed));
    }

    #[test]
    fn the_routing_key_comes_in_with_the_request() {
        let format = format();
        let committed = format.body(&sample_events::failed());
        let contains = |body: &[u8]| String::from_utf8_lossy(body).contains("canary");

        assert!(!contains(&committed) && !format!("{format:?}").contains("canary"));
        let bound = format.bind(&committed);
        let body: Value = serde_json::from_slice(&bound).unwrap();
        assert_eq!(body["routing_key"], SECRET);
        assert_eq!(bound, format.bind(&committed));
    }

    #[test]
    fn what_is_invalid_is_never_retried() {
        let class = |status| format().class_of(StatusCode::from_u16(status).unwrap());

        assert_eq!(class(400), FailureClass::Rejected(format().final_rejection().unwrap()));
        assert_eq!(class(429), FailureClass::Throttled);
        assert_eq!(class(500), FailureClass::Transient);
        assert_eq!(class(404), FailureClass::Rejected(Rejection::Address));
    }

    #[test]
    fn only_202_is_success() {
        let objection = |status| format().objection(StatusCode::from_u16(status).unwrap());

        assert_eq!(objection(202), None);
        assert_eq!(objection(200), Some("not accepted by PagerDuty"));
        assert_eq!(format().class_of(StatusCode::OK), FailureClass::Rejected(Rejection::Address));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_event_keeps_structure_and_limits(event in sample_events::any_event()) {
            let format = format();
            let body = format.bind(&format.body(&event)).into_owned();
            prop_assert!(body.len() <= 512_000, "{}", body.len());

            let body: Value = serde_json::from_slice(&body).unwrap();
            let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            prop_assert_eq!(keys(&body), ["routing_key", "event_action", "dedup_key", "client", "payload"]);
            prop_assert!(utf16(body["dedup_key"].as_str().unwrap()) <= MAX_KEY);

            let payload = &body["payload"];
            let known = ["summary", "source", "severity", "timestamp", "class", "group", "component", "custom_details"];
            prop_assert!(keys(payload).iter().all(|key| known.contains(&key.as_str())));
            let summary = payload["summary"].as_str().unwrap();
            prop_assert!((1..=MAX_SUMMARY).contains(&utf16(summary)));
            prop_assert!(!payload["source"].as_str().unwrap().is_empty());
            prop_assert!(["error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
            prop_assert_eq!(keys(&payload["custom_details"]), keys(&serde_json::to_value(&event).unwrap()));
        }
    }
}
