//! What a page shows, for tests.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::adapters::report::{History, JobStatus};
use crate::adapters::web::page::content::{Content, OpenRestores, Past};
use crate::model::{EndedRestore, EventId, Outcome, OutcomeCounts, ProjectName};

pub(super) const NOW: &str = "2026-11-23T12:00:00Z";

/// Texts that mean something to a browser, a terminal or a reader.
pub(super) const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></style></svg>&lt;b&gt;&#0;",
    "\u{202e}gnp.exe\u{2066}\0\u{1b}[31m\r\n",
    "]]>--><!--",
    "مرحبا بالعالم",
];

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// So many minutes before [`NOW`].
fn before(minutes: i64) -> String {
    now().saturating_sub(SignedDuration::from_mins(minutes)).unwrap().to_string()
}

/// Nothing has ever happened.
pub(super) fn empty(projects: &[&str]) -> Content {
    let project = |name: &&str| json!({ "name": name, "requests_per_second": 20.0, "open": 0, "ended": 0 });
    let daemon = json!({
        "version": "1.2.3", "pid": 42, "started_at": before(600), "timestamp": NOW,
        "summary": "watching 0 restores", "projects": projects.iter().map(project).collect::<Vec<_>>(),
    });
    let outbox = json!({ "sinks": [], "deliveries": { "pending": 0, "dead": 0 } });
    let past_of = |name: &&str| (ProjectName::new(*name), History::default());
    Content {
        daemon: serde_json::from_value(daemon).unwrap(),
        outbox: serde_json::from_value(outbox).unwrap(),
        open: OpenRestores { jobs: Vec::new(), total: 0, all: 0 },
        running: Vec::new(),
        past: Ok(Past {
            ended: History::default(),
            failed: OutcomeCounts::default(),
            of_projects: projects.iter().map(past_of).collect(),
        }),
        last_event: EventId::BEFORE_ALL,
        news: Vec::new(),
    }
}

/// Two projects with restores of each kind, and a sink.
pub(super) fn busy() -> Content {
    named("nightly", "docs")
}

/// The same with this name and this index of every restore, also as words of the API.
pub(super) fn named(name: &str, index: &str) -> Content {
    let mut content = empty(&["eu", "us"]);
    let expected =
        json!({ "restores": 34, "p50_seconds": 540.0, "p90_seconds": 720.0, "group": { "index": index } });
    let jobs = [
        job("eu", 1, name, index, "open", json!({ "elapsed_seconds": 422.0, "expected": expected })),
        job(
            "eu",
            2,
            name,
            index,
            "open",
            json!({ "elapsed_seconds": 900.0, "expected": expected, "status": index }),
        ),
        job(
            "us",
            3,
            name,
            index,
            "open",
            json!({ "elapsed_seconds": 12.0, "next_poll_at": null, "paused": true }),
        ),
        job("us", 4, name, index, "unreachable", json!({ "last_error": name })),
    ];
    content.running = jobs.to_vec();
    content.open = OpenRestores { total: jobs.len(), all: jobs.len(), jobs: jobs.to_vec() };
    let ended: Vec<_> =
        [Outcome::Completed, Outcome::Failed, Outcome::Cancelled, Outcome::Ready, Outcome::Unrecognised]
            .into_iter()
            .zip(1..)
            .map(|(outcome, number)| self::ended("eu", number, name, index, outcome))
            .collect();
    let history = History { total: ended.len(), restores: ended };
    let past = content.past.as_mut().unwrap();
    past.ended = history.clone();
    past.failed.add(Outcome::Failed, 2);
    past.of_projects[0].1 = history;

    content.daemon.projects[0].expected = Some(serde_json::from_value(expected).unwrap());
    content.daemon.projects[1].paused_since = Some(now());
    content.outbox = serde_json::from_value(json!({
        "sinks": [
            { "name": "log", "configured": true, "pending": 0, "dead": 0 },
            { "name": "slack", "configured": true, "pending": 3, "dead": 0, "failing_since": before(5), "last_error": name },
            { "name": "old", "configured": false, "pending": 0, "dead": 0 },
        ],
        "deliveries": { "pending": 3, "dead": 0 },
    }))
    .unwrap();
    content
}

/// A job that has not ended.
#[expect(clippy::needless_pass_by_value, reason = "for calls with json!")]
pub(super) fn job(
    project: &str,
    number: usize,
    name: &str,
    index: &str,
    outcome: &str,
    other: Value,
) -> JobStatus {
    let mut job = json!({
        "project": project,
        "job": { "id": format!("9857add2-99d4-4399-870e-{number:012}"), "name": name, "target_index_name": index, "created_at": before(300) },
        "outcome": outcome, "until": "completed", "status": "Pending", "elapsed_seconds": 20.0,
        "answered_at": "2026-11-23T11:59:56Z", "next_poll_at": "2026-11-23T12:00:04Z", "polls": 3,
        "pending_deliveries": 0, "configured": true, "added": false, "discovered": false, "paused": false,
    });
    job.as_object_mut().unwrap().extend(other.as_object().expect("an object").clone());
    serde_json::from_value(job).unwrap()
}

/// A restore that ended `number` hours ago after as many minutes; if it failed, at a time that is
/// not known.
pub(super) fn ended(project: &str, number: u32, name: &str, index: &str, outcome: Outcome) -> EndedRestore {
    let minutes = i64::from(number) * 60;
    let is_dated = outcome.is_success();
    let took = if is_dated {
        json!({ "elapsed_seconds": f64::from(number) * 60.0 })
    } else {
        json!({ "elapsed_seconds": null, "elapsed_upper_bound_seconds": f64::from(number) * 60.0 })
    };
    let mut restore = json!({
        "project": project,
        "job": {
            "id": format!("0d8aed24-adf8-4b77-8e10-{number:012}"), "name": name, "target_index_name": index,
            "created_at": before(minutes + i64::from(number)),
            "completed_at": is_dated.then(|| before(minutes)),
        },
        "outcome": outcome, "end_observed_at": before(minutes),
        "deliveries": { "pending": 0, "delivered": 1, "dead": 1, "dropped": 0 },
    });
    restore.as_object_mut().unwrap().extend(took.as_object().unwrap().clone());
    serde_json::from_value(restore).unwrap()
}
