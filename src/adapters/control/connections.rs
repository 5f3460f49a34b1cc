//! The connections at the control socket.
//!
//! Invariant: a client has a connection only until it is answered. A request that does not arrive
//! in time ends its connection, as does an answer that is not read in time, and connections are
//! bounded, so that no client uses up the file descriptors that polls and deliveries need.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::RequestError;
use super::RequestErrorKind::Stopping;

/// How many connections there are at once, at most.
const MAX_CONNECTIONS: usize = 256;

/// How long a request may take to arrive: its head, and then its body.
pub(super) const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a request is read ahead, and of an answer made ahead, in bytes. A request has a
/// shorter head than this. A long answer is made in parts that are larger, so that one of them at a
/// time waits for its client.
const MAX_BUFFER: usize = 64 * 1024;

/// How long a client may take to read an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause after a connection could not be accepted, as when no further file can be opened.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Serves clients of the same user and of root. A connection outlives this future: its client may
/// still wait for an answer.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    serve_at_most(MAX_CONNECTIONS, listener, router).await;
}

async fn serve_at_most(max: usize, listener: UnixListener, router: Router) {
    let permits = Arc::new(Semaphore::new(max));
    let mut is_full = false;

    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!("a connection to the control socket was not accepted: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if !is_permitted(&stream) {
            continue;
        }

        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            // At the bound, permits come and go: it is warned of again only after half of them were
            // free.
            is_full &= permits.available_permits() < max / 2;
            tokio::spawn(converse(stream, router.clone(), permit));
        } else {
            if !std::mem::replace(&mut is_full, true) {
                warn!("there are {max} connections to the control socket; further ones are refused");
            }
            reject(&stream);
        }
    }
}

/// Answers one request.
async fn converse(stream: UnixStream, router: Router, _permit: OwnedSemaphorePermit) {
    let router = TowerToHyperService::new(router);
    let is_answered = Notify::new();
    let service = service_fn(|request| {
        let answer = router.call(request);
        async {
            let answer = answer.await?;
            is_answered.notify_one();
            Ok::<_, Infallible>(answer)
        }
    });

    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL_TIMEOUT)
        .max_buf_size(MAX_BUFFER)
        // A client that has its answer needs the connection no longer.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let answer_is_late = async {
        is_answered.notified().await;
        tokio::time::sleep(READ_TIMEOUT).await;
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            debug!("a connection to the control socket ended early: {error}");
        },
        () = answer_is_late => debug!("an answer at the control socket was not read within {} s", READ_TIMEOUT.as_secs()),
    }
}

/// Answers without reading the request, as far as the buffer of the socket goes: this must not
/// wait.
fn reject(stream: &UnixStream) {
    let error = RequestError::new(Stopping, "there are too many connections to the daemon");
    let body = serde_json::to_string(&error).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n{body}",
        Stopping.status(),
        body.len()
    );
    // The client may have left.
    drop(stream.try_write(answer.as_bytes()));
}

/// Whether the client runs as the same user, or as root. The permissions of the socket demand the
/// same, but some systems do not check them.
fn is_permitted(stream: &UnixStream) -> bool {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == 0 || peer.uid() == rustix::process::geteuid().as_raw() => true,
        Ok(peer) => {
            warn!(uid = peer.uid(), "the user {} was refused at the control socket", peer.uid());
            false
        }
        Err(error) => {
            debug!("a connection to the control socket was refused: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Json;
    use axum::routing::post;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::server::Body;
    use super::*;

    /// Larger than the buffers of a socket.
    static LARGE: [u8; 8 * 1024 * 1024] = [b'x'; 8 * 1024 * 1024];

    /// A socket for at most `max` connections.
    struct Served(tempfile::TempDir);

    impl Served {
        fn new(max: usize) -> Self {
            let served = Self(tempfile::tempdir().unwrap());
            let listener = UnixListener::bind(served.0.path().join("socket")).unwrap();
            let router = Router::new()
                .route("/", post(async |Body(number): Body<u64>| Json(number)))
                .route("/large", post(async || &LARGE[..]))
                .route("/slow", post(std::future::pending::<()>));
            tokio::spawn(serve_at_most(max, listener, router));
            served
        }

        async fn send(&self, text: &str) -> UnixStream {
            let mut stream = UnixStream::connect(self.0.path().join("socket")).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    }

    /// What is received until the connection is closed.
    async fn received(mut stream: UnixStream) -> String {
        let mut text = String::new();
        // A reset closes the connection, too.
        drop(stream.read_to_string(&mut text).await);
        text
    }

    const HEAD: &str =
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";

    #[tokio::test(start_paused = true)]
    async fn late_request_ends_its_connection() {
        let served = Served::new(8);
        assert_eq!(received(served.send("").await).await, "");
        assert_eq!(received(served.send(HEAD).await).await, "");
        let half = received(served.send(&format!("{HEAD}\r\n4")).await).await;
        assert!(half.starts_with("HTTP/1.1 400 "), "{half}");
        assert!(half.contains("{\"error\":\"the request did not arrive within 10 s\""), "{half}");
        let whole = received(served.send(&format!("{HEAD}\r\n42")).await).await;
        assert!(whole.starts_with("HTTP/1.1 200 ") && whole.ends_with("42"), "{whole}");
    }

    #[tokio::test(start_paused = true)]
    async fn unread_answer_ends_its_connection() {
        let served = Served::new(8);
        let mut stream = served.send(&format!("{}\r\n42", HEAD.replace("/ ", "/large "))).await;
        // The answer has begun.
        stream.read_exact(&mut [0; 9]).await.unwrap();
        tokio::time::sleep(READ_TIMEOUT * 100).await;
        assert!(received(stream).await.len() < LARGE.len());
    }

    #[tokio::test]
    async fn connections_beyond_the_bound_get_503_until_one_ends() {
        let served = Served::new(2);
        let slow = HEAD.replace("/ ", "/slow ") + "\r\n42";
        let first = [served.send(&slow).await, served.send(&slow).await];
        let third = received(served.send("").await).await;
        assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("too many connections"), "{third}");
        drop(first);
        let until_served = async {
            loop {
                let answer = received(served.send(&format!("{HEAD}\r\n42")).await).await;
                if answer.starts_with("HTTP/1.1 200 ") {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), until_served).await.expect("a permit");
    }
}
