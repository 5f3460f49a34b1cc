//! Connections in paused time.

use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::*;
use crate::model::time::Instant;
use crate::platform::clock::Clock;

/// Larger than the buffers of a socket.
static LARGE: [u8; 8 * 1024 * 1024] = [b'x'; 8 * 1024 * 1024];

const IDLE: Duration = Duration::from_mins(1);

const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// A socket for at most `most` connections.
struct Served(tempfile::TempDir);

impl Served {
    fn new(most: usize, idle: Option<Duration>) -> Self {
        Self::with_urgent(most, idle, &[])
    }

    fn with_urgent(most: usize, idle: Option<Duration>, urgent: &'static [&'static str]) -> Self {
        let served = Self(tempfile::tempdir().unwrap());
        let listener = UnixListener::bind(served.0.path().join("socket")).unwrap();
        let router = Router::new()
            .route("/", get(async || "answer"))
            .route("/large", get(async || &LARGE[..]))
            .route("/stream", get(stream))
            .route("/slow", get(std::future::pending::<()>));
        let terms = Terms {
            name: "the test",
            most,
            idle,
            urgent,
            refusal: Refusal { headers: HeaderMap::new(), body: "too many connections".to_owned() },
        };
        tokio::spawn(Connections::new(terms).serve(listener, router));
        served
    }

    async fn send(&self, text: &str) -> UnixStream {
        let mut stream = UnixStream::connect(self.0.path().join("socket")).await.unwrap();
        // A request that is refused is not read to its end.
        drop(stream.write_all(text.as_bytes()).await);
        stream
    }
}

/// A body with one line an hour, without an end.
async fn stream() -> axum::body::Body {
    let (sender, mut lines) = mpsc::channel::<bytes::Bytes>(1);
    tokio::spawn(async move {
        while sender.send("line\n".into()).await.is_ok() {
            tokio::time::sleep(Duration::from_hours(1)).await;
        }
    });
    let next = move |cx: &mut std::task::Context<'_>| lines.poll_recv(cx);
    axum::body::Body::new(Lines(next))
}

struct Lines<F>(F);

impl<F> axum::body::HttpBody for Lines<F>
where
    F: FnMut(&mut std::task::Context<'_>) -> std::task::Poll<Option<bytes::Bytes>> + Unpin,
{
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        (self.0)(cx).map(|line| line.map(|line| Ok(http_body::Frame::data(line))))
    }
}

/// A clock of paused time, and what it shows.
fn begun() -> (Clock, Instant) {
    let clock = Clock::set_to(jiff::Timestamp::UNIX_EPOCH);
    (clock, clock.now().instant)
}

/// What is received until the connection is closed.
async fn received(mut stream: UnixStream) -> String {
    let mut text = String::new();
    // A reset closes the connection, too.
    drop(stream.read_to_string(&mut text).await);
    text
}

async fn read_answer(stream: &mut UnixStream) -> String {
    let mut bytes = vec![0; 4096];
    let length = stream.read(&mut bytes).await.unwrap();
    String::from_utf8(bytes[..length].to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn late_head_ends_its_connection() {
    for idle in [None, Some(IDLE)] {
        let served = Served::new(8, idle);
        let (clock, begun) = begun();

        assert_eq!(received(served.send("").await).await, "");
        assert_eq!(received(served.send("GET / HTTP/1.1\r\nhost: x\r\n").await).await, "");

        assert!(
            clock.now().instant.since(begun) < ARRIVAL_TIMEOUT * 3,
            "{:?}",
            clock.now().instant.since(begun)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn head_beyond_the_bound_is_refused() {
    let served = Served::new(8, Some(IDLE));

    let answer =
        received(served.send(&format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "x".repeat(MAX_BUFFER * 4))).await)
            .await;

    // The rest of it is not read, which may reset the connection before the answer is.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn idle_connection_is_kept_for_a_while_and_then_closed() {
    let served = Served::new(8, Some(IDLE));
    let mut stream = served.send(REQUEST).await;
    for _ in 0..3 {
        assert!(read_answer(&mut stream).await.ends_with("answer"));
        tokio::time::sleep(IDLE / 2).await;
        stream.write_all(REQUEST.as_bytes()).await.unwrap();
    }
    assert!(read_answer(&mut stream).await.ends_with("answer"));

    let (clock, begun) = begun();
    assert_eq!(received(stream).await, "");

    assert!(clock.now().instant.since(begun) < IDLE * 2, "{:?}", clock.now().instant.since(begun));
}

#[tokio::test(start_paused = true)]
async fn connection_without_keep_alive_ends_with_its_answer() {
    let served = Served::new(8, None);

    let answer = received(served.send(REQUEST).await).await;

    assert!(answer.contains("connection: close\r\n") && answer.ends_with("answer"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn unread_answer_ends_its_connection() {
    let served = Served::new(8, Some(IDLE));
    let mut stream = served.send(&REQUEST.replace("/ ", "/large ")).await;
    // The answer has begun.
    stream.read_exact(&mut [0; 9]).await.unwrap();

    tokio::time::sleep(READ_TIMEOUT * 100).await;

    assert!(received(stream).await.len() < LARGE.len());
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_read_too_slowly_ends_its_connection() {
    let served = Served::new(8, Some(IDLE));
    let mut stream = served.send(&REQUEST.replace("/ ", "/large ")).await;
    let (clock, begun) = begun();
    let mut length = 0;

    // Some of it every ten seconds.
    let mut part = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = stream.read(&mut part).await {
        length += read;
        tokio::time::sleep(READ_TIMEOUT / 3).await;
    }

    assert!(
        length < LARGE.len() && clock.now().instant.since(begun) < READ_TIMEOUT * 10,
        "{length} in {:?}",
        clock.now().instant.since(begun)
    );
}

#[tokio::test(start_paused = true)]
async fn stream_that_is_read_lives_on() {
    let served = Served::new(8, Some(IDLE));
    let mut stream = served.send(&REQUEST.replace("/ ", "/stream ")).await;
    read_answer(&mut stream).await;

    for _ in 0..24 {
        assert!(read_answer(&mut stream).await.contains("line"));
    }
}

/// No time passes: no connection ends by a timeout.
#[tokio::test(start_paused = true)]
async fn new_connection_replaces_a_half_open_one() {
    for idle in [None, Some(IDLE)] {
        let served = Served::new(256, idle);
        let (clock, begun) = begun();
        let mut half_open = Vec::new();
        for _ in 0..1000 {
            half_open.push(served.send("GET / HTTP/1.1\r\nhost: x\r\n").await);
        }

        let answer = read_answer(&mut served.send(REQUEST).await).await;

        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert_eq!(clock.now().instant, begun);
    }
}

#[tokio::test(start_paused = true)]
async fn new_connection_replaces_the_one_that_idles_longest() {
    let served = Served::new(256, Some(IDLE));
    let mut idle = Vec::new();
    for _ in 0..256 {
        let mut stream = served.send(REQUEST).await;
        assert!(read_answer(&mut stream).await.ends_with("answer"));
        idle.push(stream);
    }
    // The first one is the last one that was answered.
    idle[0].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(read_answer(&mut idle[0]).await.ends_with("answer"));
    let (clock, begun) = begun();

    assert!(read_answer(&mut served.send(REQUEST).await).await.starts_with("HTTP/1.1 200 "));

    assert_eq!(received(idle.remove(1)).await, "", "it is closed");
    idle[0].write_all(REQUEST.as_bytes()).await.unwrap();
    assert!(read_answer(&mut idle[0]).await.ends_with("answer"));
    assert_eq!(clock.now().instant, begun);
}

#[tokio::test(start_paused = true)]
async fn answer_that_is_not_read_yet_keeps_its_place() {
    let served = Served::new(1, Some(IDLE));
    let mut stream = served.send(&REQUEST.replace("/ ", "/large ")).await;
    stream.read_exact(&mut [0; 9]).await.unwrap();

    assert!(received(served.send("").await).await.starts_with("HTTP/1.1 503 "));

    let mut length = 9;
    let mut part = vec![0; 64 * 1024];
    while length < LARGE.len() {
        length += stream.read(&mut part).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn urgent_requests_are_answered_if_all_are_busy() {
    let served = Served::with_urgent(32, Some(IDLE), &["/"]);
    let slow = REQUEST.replace("/ ", "/slow ");
    let mut busy = Vec::new();
    for _ in 0..32 {
        busy.push(served.send(&slow).await);
    }
    let half_open = [served.send("").await, served.send("").await];

    for _ in 0..2 {
        let answer = received(served.send(REQUEST).await).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("connection: close"), "{answer}");
    }

    let other = received(served.send(&slow).await).await;
    assert!(other.starts_with("HTTP/1.1 503 ") && other.ends_with("too many connections"), "{other}");
    drop(half_open);
}

#[tokio::test]
async fn connections_beyond_the_bound_get_503_until_one_ends() {
    let served = Served::new(2, Some(IDLE));
    let slow = REQUEST.replace("/ ", "/slow ");
    let first = [served.send(&slow).await, served.send(&slow).await];
    let third = received(served.send("").await).await;
    assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("too many connections"), "{third}");

    drop(first);

    let until_served = async {
        loop {
            let request = REQUEST.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            if received(served.send(&request).await).await.starts_with("HTTP/1.1 200 ") {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), until_served).await.expect("a place");
}

#[test]
fn a_listener_has_a_share_of_the_open_files() {
    for (limit, most) in [(None, 256), (Some(1 << 20), 256), (Some(1024), 256), (Some(150), 37), (Some(0), 1)]
    {
        assert_eq!(share(limit), most, "{limit:?}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn accepted_connections_end_if_their_client_vanishes() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();

    let (client, accepted) = tokio::join!(TcpStream::connect(address), Listener::accept(&listener));

    let timeout = rustix::net::sockopt::tcp_user_timeout(accepted.unwrap()).unwrap();
    assert_eq!(timeout, VANISHED_AFTER);
    drop(client);
}
