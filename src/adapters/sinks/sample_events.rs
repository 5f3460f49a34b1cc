//! Events for the tests of messages: four that are typical, and any that a hostile API could lead
//! to.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;

use crate::model::{Elapsed, Event, EventId, EventKind, JobFacts, JobId, JobRef, ProjectName, Status};

/// About a job of which all is known.
pub(super) fn completed() -> Event {
    let facts = JobFacts {
        backup_id: Some("bk-1".into()),
        target_index_name: Some("docs".into()),
        target_index_id: Some("ix-1".into()),
        created_at: Some(at("2026-11-23T11:59:54Z")),
        completed_at: Some(at("2026-11-23T12:00:00Z")),
        percent_complete: Some(100.0),
    };
    let job = JobRef { id: JobId::new("rj-1").unwrap(), name: Some("nightly".into()), facts };
    Event {
        kind: EventKind::Completed,
        job: Some(job),
        previous_status: Some(Status::Pending),
        status: Some(Status::Completed),
        elapsed: Elapsed::Exact(Duration::from_secs(6)),
        detection_delay_seconds: Some(0.5),
        ..test()
    }
}

/// About a job of which little is known, with characters that are markup for some service.
pub(super) fn failed() -> Event {
    let facts = JobFacts {
        target_index_name: Some("docs_*v2*".into()),
        percent_complete: Some(42.0),
        ..JobFacts::default()
    };
    Event {
        kind: EventKind::Failed,
        project: ProjectName::new("EU & co"),
        job: Some(JobRef { id: JobId::new("rj-2").unwrap(), name: None, facts }),
        previous_status: Some(Status::Failed),
        status: Some(Status::Failed),
        elapsed: Elapsed::AtMost { bound: Duration::from_mins(90), seen_running: None },
        reason: Some("<b>no & why</b>".into()),
        ..test()
    }
}

/// About a project.
pub(super) fn unauthorized() -> Event {
    Event {
        kind: EventKind::ProjectUnauthorized,
        project: ProjectName::new("EU & co"),
        reason: Some("HTTP 403: Forbidden".into()),
        ..test()
    }
}

/// About nothing.
pub(super) fn test() -> Event {
    let id = EventId::from_parts(at("2026-11-23T12:00:00Z"), [0; 10]);
    let timestamp = at("2026-11-23T12:00:00.5Z");
    Event::of_project(id, EventKind::Test, timestamp, ProjectName::default())
}

/// Of any type, with any fields present, with texts of any length and any characters; one in four
/// has every field, and the same long text everywhere, which makes the longest messages.
pub(super) fn any_event() -> impl Strategy<Value = Event> {
    let everything =
        prop::sample::select(vec!['&', '*', '"', '<', '@', '\\', '😀']).prop_flat_map(|c: char| {
            let long = c.to_string().repeat(2000);
            event(&Just(long.clone()).boxed(), &Just(Some(long)).boxed())
        });
    prop_oneof![3 => event(&text().boxed(), &prop::option::of(text()).boxed()), 1 => everything]
}

fn event(given: &BoxedStrategy<String>, maybe: &BoxedStrategy<Option<String>>) -> BoxedStrategy<Event> {
    let status = || maybe.clone().prop_map(|text| text.map(|text| Status::parse(&text)));
    let seconds = prop::option::of(prop::num::f64::ANY);
    let times = (-10_000_000_000_i64..10_000_000_000).prop_map(|s| Timestamp::from_second(s).unwrap());
    let job = prop::option::weighted(0.9, job(given, maybe));
    let head = (prop::sample::select(EventKind::ALL_AND_TEST), times, given.clone(), job);
    let tail = (status(), status(), elapsed(), seconds, maybe.clone());
    let parts = (head, tail);

    let made = parts.prop_map(|((kind, timestamp, project, job), tail)| Event {
        id: EventId::from_parts(timestamp, [7; 10]),
        kind,
        timestamp,
        project: ProjectName::new(project),
        job,
        previous_status: tail.0,
        status: tail.1,
        elapsed: tail.2,
        detection_delay_seconds: tail.3,
        reason: tail.4,
    });

    made.boxed()
}

fn elapsed() -> impl Strategy<Value = Elapsed> {
    let duration = || any::<u64>().prop_map(Duration::from_millis);
    prop_oneof![
        Just(Elapsed::Unknown),
        duration().prop_map(Elapsed::Exact),
        (duration(), prop::option::of(duration()))
            .prop_map(|(bound, seen_running)| Elapsed::AtMost { bound, seen_running }),
    ]
}

fn job(given: &BoxedStrategy<String>, maybe: &BoxedStrategy<Option<String>>) -> BoxedStrategy<JobRef> {
    let percent = prop::option::of(prop::num::f64::ANY);
    let parts = (given.clone(), maybe.clone(), maybe.clone(), maybe.clone(), percent);

    let made = parts.prop_map(|(id, name, backup_id, target_index_name, percent_complete)| {
        let mut id: String = id.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
        id.truncate((0..=JobId::MAX_LEN).rfind(|end| id.is_char_boundary(*end)).unwrap_or_default());
        let id = JobId::new(id).unwrap_or_else(|_| JobId::new("rj-3").unwrap());
        let facts = JobFacts { backup_id, target_index_name, percent_complete, ..JobFacts::default() };
        JobRef { id, name, facts }
    });

    made.boxed()
}

/// Runs of characters, many of which are markup for some service.
fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![any::<char>(), prop::sample::select(markup_characters())];
    let run = (character, prop_oneof![1..4_usize, 1..5000_usize]).prop_map(|(c, n)| c.to_string().repeat(n));
    prop::collection::vec(run, 0..6).prop_map(|runs| runs.concat())
}

fn markup_characters() -> Vec<char> {
    "&<>*_~`|#[]()\\\"'/@:% \n\0\u{7f}\u{202e}\u{200b}\u{fffe}é漢😀".chars().collect()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
