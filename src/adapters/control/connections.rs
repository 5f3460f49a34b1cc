//! The connections at the control socket.
//!
//! Invariant: a client keeps a connection only while it is answered. A request that does not arrive in time ends its
//! connection, as does an answer that is not taken in time, and there is a bound on connections, so that no client takes
//! the files that polls and deliveries need.

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

/// How many connections there are at once.
const MOST: usize = 256;

/// How long a request may take to arrive: its head, and then its body.
pub(super) const ARRIVAL: Duration = Duration::from_secs(10);

/// How long a client may take to read an answer.
const TAKING: Duration = Duration::from_secs(30);

/// How long accepting rests after it failed, as it does where no further file can be opened.
const REST: Duration = Duration::from_secs(1);

/// Serves the clients that `is_familiar` accepts. A connection outlives this future: its client may still wait for an answer.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    serve_at_most(MOST, listener, router).await;
}

async fn serve_at_most(most: usize, listener: UnixListener, router: Router) {
    let places = Arc::new(Semaphore::new(most));
    let mut is_full = false;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!("a connection to the control socket was not accepted: {error}");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        if !is_familiar(&stream) {
            continue;
        }
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            // Not before half of them are free: at the bound, places come and go.
            is_full &= places.available_permits() < most / 2;
            tokio::spawn(converse(stream, router.clone(), place));
        } else {
            // Once while it lasts.
            if !std::mem::replace(&mut is_full, true) {
                warn!("there are {most} connections to the control socket; further ones are refused");
            }
            turn_away(&stream);
        }
    }
}

/// One request, one answer.
async fn converse(stream: UnixStream, router: Router, _place: OwnedSemaphorePermit) {
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
        .header_read_timeout(ARRIVAL)
        // A client that has its answer needs the connection no longer.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let is_late = async {
        is_answered.notified().await;
        tokio::time::sleep(TAKING).await;
    };
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            debug!("a connection to the control socket ended early: {error}");
        },
        () = is_late => debug!("an answer at the control socket was not read within {} s", TAKING.as_secs()),
    }
}

/// Answers without reading the request. What does not fit into the buffer of the system is left out.
fn turn_away(stream: &UnixStream) {
    let refusal = RequestError::new(Stopping, "there are too many connections to the daemon");
    let body = serde_json::to_string(&refusal).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: \
         close\r\n\r\n{body}",
        Stopping.status(),
        body.len()
    );
    // The client may be gone.
    drop(stream.try_write(answer.as_bytes()));
}

/// Whether the other end is run by the same user, or by root. The permissions of the socket say the same, but some
/// systems do not check them.
fn is_familiar(stream: &UnixStream) -> bool {
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

    use super::super::server::Wanted;
    use super::*;

    /// More than the buffers of a socket hold.
    static LARGE: [u8; 8 * 1024 * 1024] = [b'x'; 8 * 1024 * 1024];

    /// A socket for at most `most` connections, which answers one path.
    struct Served(tempfile::TempDir);

    impl Served {
        fn new(most: usize) -> Self {
            let served = Self(tempfile::tempdir().unwrap());
            let listener = UnixListener::bind(served.0.path().join("socket")).unwrap();
            let router = Router::new()
                .route("/", post(async |Wanted(number): Wanted<u64>| Json(number)))
                .route("/large", post(async || &LARGE[..]))
                .route("/slow", post(std::future::pending::<()>));
            tokio::spawn(serve_at_most(most, listener, router));
            served
        }

        async fn send(&self, text: &str) -> UnixStream {
            let mut stream = UnixStream::connect(self.0.path().join("socket")).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            stream
        }
    }

    /// What comes until the connection is closed.
    async fn rest(mut stream: UnixStream) -> String {
        let mut text = String::new();
        // A connection that is reset is closed, too.
        drop(stream.read_to_string(&mut text).await);
        text
    }

    const HEAD: &str =
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_arrive_ends_its_connection() {
        let served = Served::new(8);
        assert_eq!(rest(served.send("").await).await, "");
        assert_eq!(rest(served.send(HEAD).await).await, "");
        let half = rest(served.send(&format!("{HEAD}\r\n4")).await).await;
        assert!(half.starts_with("HTTP/1.1 400 "), "{half}");
        assert!(half.contains("{\"error\":\"the request did not arrive within 10 s\""), "{half}");
        let whole = rest(served.send(&format!("{HEAD}\r\n42")).await).await;
        assert!(whole.starts_with("HTTP/1.1 200 ") && whole.ends_with("42"), "{whole}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_ends_its_connection() {
        let served = Served::new(8);
        let mut stream = served.send(&format!("{}\r\n42", HEAD.replace("/ ", "/large "))).await;
        // It has begun to answer.
        stream.read_exact(&mut [0; 9]).await.unwrap();
        tokio::time::sleep(TAKING * 100).await;
        assert!(rest(stream).await.len() < LARGE.len());
    }

    #[tokio::test]
    async fn further_connections_are_refused_and_their_places_come_back() {
        let served = Served::new(2);
        let slow = HEAD.replace("/ ", "/slow ") + "\r\n42";
        let first = [served.send(&slow).await, served.send(&slow).await];
        let third = rest(served.send("").await).await;
        assert!(third.starts_with("HTTP/1.1 503 ") && third.contains("too many connections"), "{third}");
        drop(first);
        let asks = async {
            loop {
                let answer = rest(served.send(&format!("{HEAD}\r\n42")).await).await;
                if answer.starts_with("HTTP/1.1 200 ") {
                    break;
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(1), asks).await.expect("a place");
    }
}
