//! Receivers that mean harm, or are out of their minds.
//!
//! Invariant: an attempt ends within 15 s, with what can be known by then, whatever bytes come back and however slowly.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Sink;
use super::format::samples::test;
use crate::config::{SinkSettings, UrlSource, WebhookSettings, WebhookUrl};
use crate::engine::{Failure, FailureClass};
use crate::model::Payload;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// What a receiver answers: something first, then something again and again, so much later each time.
struct Answer {
    head: &'static str,
    again: &'static str,
    pause: Duration,
}

const fn at_once(head: &'static str, again: &'static str) -> Answer {
    Answer { head, again, pause: Duration::ZERO }
}

const fn slowly(head: &'static str, again: &'static str) -> Answer {
    Answer { head, again, pause: Duration::from_secs(1) }
}

/// Gives this answer to the first who asks. Ends once that one has heard enough.
async fn give(answer: Answer, listener: TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let (mut request, mut asked) = ([0; 4096], 0);
    while !request[..asked].ends_with(b"the body") {
        asked += stream.read(&mut request[asked..]).await?;
    }
    stream.write_all(answer.head.as_bytes()).await?;
    let again = answer.again.repeat(if answer.pause.is_zero() { 1000 } else { 1 });
    while !again.is_empty() {
        stream.write_all(again.as_bytes()).await?;
        tokio::time::sleep(answer.pause).await;
    }
    hang(&mut stream).await
}

/// Says nothing more, and listens.
async fn hang(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.map(drop)
}

fn payload() -> Payload {
    Payload { event: test(), body: b"the body".to_vec() }
}

/// What an attempt comes to that is answered like this, and how long it took.
async fn attempt(answer: Answer) -> (Result<(), String>, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = WebhookUrl::parse(&format!("http://{address}/secret"), false).unwrap();
    let settings = SinkSettings::Webhook(WebhookSettings::new(UrlSource::Given(url)));
    let sink = Sink::new(&settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap();
    let server = tokio::spawn(give(answer, listener));
    let clock = Clock::set_to("2026-11-24T12:00:00Z".parse().unwrap());
    let result = sink.deliver(&payload(), clock.now().wall).await;
    let took = clock.now().instant.since(Instant::default());
    drop(sink);
    // It ends by itself once nobody listens any more.
    drop(server.await.unwrap());
    let failed = |failure: Failure| {
        assert_eq!((failure.class, failure.retry_after), (FailureClass::Transient, None));
        assert!(failure.message.chars().count() < 300, "{}", failure.message);
        failure.message.replace(&address.to_string(), "RECEIVER")
    };
    (result.map_err(failed), took)
}

const LIMIT: std::ops::RangeInclusive<f64> = 14.9..=15.1;

#[tokio::test(start_paused = true)]
async fn who_is_slow_costs_15_seconds_and_no_more() {
    for answer in [
        slowly("", ""),
        slowly("HTTP/1.1", ""),
        slowly("HTTP/1.1 200 OK\r\nx: ", "a"),
        slowly("HTTP/1.1 200 OK\r\n", "x: a\r\n"),
        slowly("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let head = answer.head;
        let (result, took) = attempt(answer).await;
        assert_eq!(result, Err("http://RECEIVER: it took too long".to_owned()), "{head:?}");
        assert!(LIMIT.contains(&took.as_secs_f64()), "{head:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_counts_however_slow_or_long_the_body_is() {
    for (answer, refused) in [
        (slowly("HTTP/1.1 200 OK\r\n\r\n", "a"), false),
        (slowly("HTTP/1.1 500 No\r\ncontent-length: 9999\r\n\r\n", "a"), true),
        (at_once("HTTP/1.1 200 OK\r\n\r\n", "0123456789"), false),
        (at_once("HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n"), true),
        (at_once("HTTP/1.1 500 No\r\ncontent-length: 99999999999\r\n\r\n", "0123456789"), true),
        (at_once("HTTP/1.1 204 OK\r\ncontent-length: 99999999999\r\n\r\n", "0123456789"), false),
    ] {
        let (head, is_slow) = (answer.head, !answer.pause.is_zero());
        let (result, took) = attempt(answer).await;
        let expected = if refused { Err("http://RECEIVER answered HTTP 500".to_owned()) } else { Ok(()) };
        assert_eq!(result, expected, "{head:?}");
        let took = took.as_secs_f64();
        assert!(if is_slow { LIMIT.contains(&took) } else { took < 1.0 }, "{head:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_answer_ends_at_once() {
    for answer in [
        at_once("HTTP/1.1 200 OK\r\n", "name: value\r\n"),
        at_once("HTTP/1.1 200 OK\r\nname: ", "value"),
        at_once("HTTP/1.1 200 ", "OK"),
        at_once("HTTP/9.9 200 OK\r\n\r\n", ""),
        at_once("SSH-2.0-OpenSSH_9.2\r\n", ""),
        at_once("\u{0}\u{1}\u{2}", "\u{7f}"),
    ] {
        let head = answer.head;
        let (result, took) = attempt(answer).await;
        assert!(result.is_err_and(|said| said.starts_with("http://RECEIVER: ")), "{head:?}");
        assert!(took < Duration::from_secs(1), "{head:?}: {took:?}");
    }
}
