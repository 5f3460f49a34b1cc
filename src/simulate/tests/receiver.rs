//! The receiver of webhooks.

use std::time::Duration;

use super::super::{Receiver, Reply, Timeline};
use super::{client, pass};

async fn start(replies: impl IntoIterator<Item = Reply>) -> Receiver {
    let clock = Timeline::start("2026-11-23T12:00:00Z".parse().unwrap());
    Receiver::start(replies, "127.0.0.1:0".parse().unwrap(), clock).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn replies_follow_the_script_then_200() {
    let receiver = start([
        Reply::status(503).header("retry-after", "7").header("bad name", "x"),
        Reply::drop_connection(),
        Reply::hang(),
        Reply::status(204).after(Duration::from_secs(3)),
        Reply::status(1),
    ])
    .await;

    let url = format!("{}/hook?a=b", receiver.url());
    let client = client();
    let post = |body: &'static str| client.post(&url).header("X-Sign", "s").body(body).send();

    let first = post("one").await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers()["retry-after"].as_bytes()), (503, &b"7"[..]));
    assert!(!post("two").await.unwrap_err().is_timeout());
    assert!(post("three").await.unwrap_err().is_timeout());
    assert_eq!(post("four").await.unwrap().status(), 204);
    assert_eq!(post("five").await.unwrap().status(), 500);
    assert_eq!(post("six").await.unwrap().status(), 200);

    receiver.otherwise(Reply::status(410));
    assert_eq!(post("seven").await.unwrap().status(), 410);

    let taken = receiver.received();
    let bodies: Vec<&[u8]> = taken.iter().map(|one| &one.body[..]).collect();

    assert_eq!(bodies, [&b"one"[..], b"two", b"three", b"four", b"five", b"six", b"seven"]);
    assert_eq!((taken[0].method.as_str(), taken[0].path.as_str()), ("POST", "/hook?a=b"));
    assert_eq!((taken[0].header("x-sign"), taken[0].header("x-none")), (Some("s"), None));
    assert!((13.0..13.1).contains(&taken[4].at.as_secs_f64()), "{:?}", taken[4].at);
}

#[tokio::test(start_paused = true)]
async fn decide_answers_unscripted_requests() {
    let receiver = start([Reply::status(503)]).await;
    receiver.decide(|received| Reply::status(299).body(received.body.clone()));
    let post = || client().post(receiver.url()).body("echo").send();
    assert_eq!(post().await.unwrap().status(), 503);
    let decided = post().await.unwrap();
    assert_eq!(decided.status(), 299);
    assert_eq!(decided.bytes().await.unwrap(), "echo");
}

#[tokio::test(start_paused = true)]
async fn wait_for_returns_once_enough_requests_came() {
    let receiver = start([]).await;
    let url = receiver.url();
    tokio::spawn(async move {
        for body in ["one", "two"] {
            pass(1800.0).await;
            client().post(&url).body(body).send().await.unwrap();
        }
    });
    assert_eq!(receiver.wait_for(1).await.len(), 1);
    assert_eq!(receiver.wait_for(2).await[1].body, "two");
    assert_eq!(receiver.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_too_large_body_is_refused() {
    let receiver = start([]).await;
    let sent = client().post(receiver.url()).body(vec![b'x'; (1 << 20) + 1]).send().await;
    // The answer may come, or the connection may end, before all was sent.
    assert!(sent.map_or(true, |response| response.status() == 413));
    assert_eq!(receiver.count(), 0);
}
