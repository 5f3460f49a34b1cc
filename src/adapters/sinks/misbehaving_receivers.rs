//! Tests of webhooks whose receivers are slow, endless or speak no HTTP.
//!
//! Invariant: an attempt ends within 15 s, whatever bytes the receiver sends and however slowly.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Sink;
use super::sample_events;
use crate::config::{SinkSettings, SinkTarget, UrlSource, WebhookSettings, WebhookUrl};
use crate::engine::{Failure, FailureClass};
use crate::model::Payload;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// In seconds of paused time.
const TIME_LIMIT: std::ops::RangeInclusive<f64> = 14.9..=15.1;

#[tokio::test(start_paused = true)]
async fn a_slow_receiver_times_out_after_15_seconds() {
    for answer in [
        slowly("", ""),
        slowly("HTTP/1.1", ""),
        slowly("HTTP/1.1 200 OK\r\nx: ", "a"),
        slowly("HTTP/1.1 200 OK\r\n", "x: a\r\n"),
        slowly("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let head = answer.head;

        let (result, took) = attempt(answer).await;

        assert_eq!(result, Err("no answer from http://RECEIVER within 15s".to_owned()), "{head:?}");
        assert!(TIME_LIMIT.contains(&took.as_secs_f64()), "{head:?}: {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_counts_however_slow_or_long_its_body() {
    for (answer, is_refused) in [
        (slowly("HTTP/1.1 200 OK\r\n\r\n", "a"), false),
        (slowly("HTTP/1.1 500 No\r\ncontent-length: 9999\r\n\r\n", "a"), true),
        (at_once("HTTP/1.1 200 OK\r\n\r\n", "0123456789"), false),
        (at_once("HTTP/1.1 500 No\r\ntransfer-encoding: chunked\r\n\r\n", "a\r\n0123456789\r\n"), true),
        (at_once("HTTP/1.1 500 No\r\ncontent-length: 99999999999\r\n\r\n", "0123456789"), true),
        (at_once("HTTP/1.1 204 OK\r\ncontent-length: 99999999999\r\n\r\n", "0123456789"), false),
    ] {
        let (head, is_slow) = (answer.head, !answer.pause.is_zero());

        let (result, took) = attempt(answer).await;

        let expected = if is_refused { Err("HTTP 500".to_owned()) } else { Ok(()) };
        assert_eq!(result, expected, "{head:?}");
        let took = took.as_secs_f64();
        assert!(if is_slow { TIME_LIMIT.contains(&took) } else { took < 1.0 }, "{head:?}: {took}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_http_fails_at_once() {
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

        assert!(result.is_err_and(|message| message.contains("http://RECEIVER")), "{head:?}");
        assert!(took < Duration::from_secs(1), "{head:?}: {took:?}");
    }
}

/// What a receiver sends: `head`, then `body` again and again, with a pause after each.
struct Answer {
    head: &'static str,
    body: &'static str,
    pause: Duration,
}

const fn at_once(head: &'static str, body: &'static str) -> Answer {
    Answer { head, body, pause: Duration::ZERO }
}

const fn slowly(head: &'static str, body: &'static str) -> Answer {
    Answer { head, body, pause: Duration::from_secs(1) }
}

/// The result of a delivery that is answered like this, and how long it took.
async fn attempt(answer: Answer) -> (Result<(), String>, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = WebhookUrl::parse(&format!("http://{address}/secret"), false).unwrap();
    let settings = SinkSettings::new(SinkTarget::Webhook(WebhookSettings::new(UrlSource::Given(url))));
    let sink = Sink::new(&settings, |_| Box::pin(std::future::ready(Ok(())))).unwrap();
    let event = sample_events::test();
    let payload = Payload { body: serde_json::to_vec(&event).unwrap(), event };
    let server = tokio::spawn(serve(answer, listener));

    let clock = Clock::set_to("2026-11-24T12:00:00Z".parse().unwrap());
    let result = sink.deliver(&payload, clock.now().wall).await;
    let took = clock.now().instant.since(Instant::default());

    drop(sink);
    // It ends once the client closes the connection.
    drop(server.await.unwrap());
    let failed = |failure: Failure| {
        assert_eq!((failure.class, failure.retry_after), (FailureClass::Transient, None));
        assert!(failure.message.chars().count() < 300, "{}", failure.message);
        failure.message.replace(&address.to_string(), "RECEIVER")
    };
    (result.map_err(failed), took)
}

/// Gives this answer to the first request. Ends once the client closes the connection.
async fn serve(answer: Answer, listener: TcpListener) -> std::io::Result<()> {
    let (mut stream, _) = listener.accept().await?;
    let (mut request, mut received) = ([0; 4096], 0);
    while !request[..received].ends_with(b"\"reason\":null}") {
        received += stream.read(&mut request[received..]).await?;
    }

    stream.write_all(answer.head.as_bytes()).await?;
    let chunk = answer.body.repeat(if answer.pause.is_zero() { 1000 } else { 1 });
    while !chunk.is_empty() {
        stream.write_all(chunk.as_bytes()).await?;
        tokio::time::sleep(answer.pause).await;
    }
    read_to_close(&mut stream).await
}

async fn read_to_close(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.map(drop)
}
