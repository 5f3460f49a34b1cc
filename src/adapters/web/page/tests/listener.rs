//! The page over a listener, before a daemon that the test plays.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::{mpsc, watch};

use super::samples;
use crate::adapters::report::samples::HistoryOnly;
use crate::adapters::report::{
    History, HistoryFilter, HistoryRange, JobCursor, JobsPart, Question, Reader, Readers, RequestError,
    RequestErrorKind, Status, StatusPart, StatusQuery,
};
use crate::adapters::web::context::{Context, Sources};
use crate::adapters::web::health::Health;
use crate::adapters::web::page;
use crate::model::{Outcome, OutcomeCounts};
use crate::platform::clock::Clock;

/// What a history is asked for.
type Asked = Arc<Mutex<Vec<(HistoryFilter, HistoryRange)>>>;

/// A state without restores that notes what it is asked for.
fn noting(asked: Asked) -> impl Reader {
    HistoryOnly(move |filter: &HistoryFilter, range| {
        asked.lock().unwrap().push((filter.clone(), range));
        Ok(History::default())
    })
}

fn empty() -> impl Reader {
    HistoryOnly(|_: &HistoryFilter, _| Ok(History::default()))
}

fn context(reader: impl Reader + 'static) -> (Context, mpsc::Receiver<Question>) {
    let (questions, asked) = mpsc::channel(1);
    let (_, commits) = watch::channel(0);
    let readers = Readers::new(Box::new(reader));
    let sources = Sources { events: readers.clone(), readers, clock: Clock::system() };
    let token = watch::channel(None).1;
    (Context::new(sources, questions, Arc::new(Health::default()), commits, token), asked)
}

/// Answers like a daemon with 9 jobs in two parts, and returns the first query that it
/// answers. It watches no project
/// `other`.
async fn answer(mut asked: mpsc::Receiver<Question>) -> StatusQuery {
    let content = samples::busy();
    let mut answered = None;
    while let Some(question) = asked.recv().await {
        match question {
            Question::Status(query, reply) => {
                let is_watched = query.projects.iter().flatten().all(|name| name.as_str() != "other");
                answered = answered.or(is_watched.then_some(query));
                let status = Status {
                    daemon: content.daemon.clone(),
                    jobs: content.open.jobs[..1].to_vec(),
                    outcomes: OutcomeCounts::default(),
                    outbox: content.outbox.clone(),
                };
                let part = StatusPart { status, rest: Some(JobCursor::default()) };
                let refused = || RequestError::new(RequestErrorKind::NotFound, "there is no project other");
                drop(reply.send(if is_watched { Ok(part) } else { Err(refused()) }));
            }
            Question::Jobs(_, reply) => {
                let mut outcomes = OutcomeCounts::default();
                outcomes.add(Outcome::Open, 9);
                drop(reply.send(Ok(JobsPart {
                    jobs: content.open.jobs[1..].to_vec(),
                    outcomes,
                    rest: None,
                })));
            }
            other => panic!("the page does not ask {other:?}"),
        }
    }
    answered.expect("a status is asked for")
}

/// Asks for the page of a query. Returns it with what the daemon was asked for.
async fn get(reader: impl Reader + 'static, query: &'static str) -> (Response, String, StatusQuery) {
    let (context, asked) = context(reader);
    let daemon = tokio::spawn(answer(asked));
    let response = page::page(State(context), RawQuery(Some(query.to_owned()))).await;
    let (head, body) = response.into_parts();
    let text = text(body).await;
    (Response::from_parts(head, Body::empty()), text, daemon.await.unwrap())
}

async fn text(mut body: Body) -> String {
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        bytes.extend(frame.unwrap().into_data().unwrap());
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn the_parts_of_an_answer_make_one_list() {
    let (response, page, query) = get(empty(), "open=3").await;

    assert_eq!(response.status(), 200);
    assert!(page.contains("Open restores <span class=\"count\">9</span>"), "{page}");
    let limits = query.limits.unwrap();
    assert_eq!((limits.of_section, limits.skip), (50, Some(100)));
    assert!(query.outcomes.unwrap().iter().all(|outcome| !outcome.is_final()));
}

#[tokio::test]
async fn filters_reach_the_daemon_and_the_state() {
    let asked = Asked::default();
    let (_, _, query) = get(noting(Arc::clone(&asked)), "project=eu&index=d*&outcome=failed&ended=2").await;

    assert!(query.outcomes.unwrap().is_empty(), "no open restore failed");
    let asked = asked.lock().unwrap();
    let (filter, range) = &asked[0];
    assert_eq!(filter.outcomes.as_ref().unwrap().iter().collect::<Vec<_>>(), [&Outcome::Failed]);
    assert_eq!(filter.indexes.as_ref().unwrap()[0].to_string(), "d*");
    assert_eq!((range.skip, range.limit), (50, 50));
    // Those of the banner, and that of the one project that is drawn.
    assert_eq!(asked.len(), 1 + 3 + 1);
}

#[tokio::test]
async fn a_project_that_is_not_watched_is_no_dead_end() {
    let (response, page, query) = get(empty(), "project=other").await;

    assert_eq!(response.status(), 200);
    assert!(page.contains("there is no project other"));
    assert_eq!(query.projects, None);
}

#[tokio::test]
async fn the_page_has_its_policy_and_no_cookie() {
    let (response, ..) = get(empty(), "").await;

    let head = response.headers();
    let policy = head["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(head["x-content-type-options"], "nosniff");
    assert_eq!(head["referrer-policy"], "no-referrer");
    assert!(!head.contains_key("set-cookie"));
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_does_not_answer_is_said_to_be_so() {
    // The question waits in the channel, and its answer never comes.
    let (context, _asked) = context(empty());
    let request = page::page(State(context), RawQuery(None));

    let response = tokio::time::timeout(Duration::from_secs(60), request).await.unwrap();

    assert_eq!(response.status(), 503);
    let page = text(response.into_body()).await;
    assert!(page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(page.contains("The daemon does not answer"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn a_history_that_is_not_read_in_time_hides_nothing_else() {
    let (release, held) = std::sync::mpsc::channel::<()>();
    let on_a_disk_that_hangs = HistoryOnly(move |_: &HistoryFilter, _| {
        _ = held.recv();
        Ok(History::default())
    });
    let (context, asked) = context(on_a_disk_that_hangs);
    tokio::spawn(answer(asked));

    let response = page::page(State(context), RawQuery(None)).await;

    drop(release);
    assert_eq!(response.status(), 200);
    let page = text(response.into_body()).await;
    assert!(page.contains("Open restores <span class=\"count\">9</span>"), "{page}");
    assert!(page.contains("the state was not read within 2 seconds"), "{page}");
    assert!(!page.contains("All is well"), "{page}");
}

#[tokio::test]
async fn a_drawing_is_framed_by_no_page_and_refused_in_json() {
    let (context, asked) = context(empty());
    tokio::spawn(answer(asked));
    let mut answers = Vec::new();
    for query in ["project=eu", "project=other", ""] {
        let answer = page::durations(State(context.clone()), RawQuery(Some(query.to_owned()))).await;
        answers.push(answer.into_response());
    }

    let statuses: Vec<_> = answers.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses, [200, 404, 400]);
    let types = answers.iter().map(|answer| answer.headers()["content-type"].to_str().unwrap());
    assert_eq!(types.collect::<Vec<_>>(), ["image/svg+xml", "application/json", "application/json"]);
    let policy = answers[0].headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
}

#[tokio::test]
async fn a_daemon_that_stops_is_said_to_be_so() {
    let (context, asked) = context(empty());
    drop(asked);

    let response = page::page(State(context), RawQuery(None)).await;

    assert_eq!(response.status(), 503);
    assert!(text(response.into_body()).await.contains("the daemon is stopping"));
}
