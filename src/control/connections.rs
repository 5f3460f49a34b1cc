//! The connections at the control socket.
//!
//! Invariant: a client keeps a connection only while it is answered. A request that does not arrive in time ends its
//! connection, and there is a bound on connections, so that no client takes the files that polls and deliveries need.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{debug, warn};

use super::Refusal;
use super::RefusalKind::Stopping;

/// How many connections there are at once. Each wait beside the daemon keeps one.
const MOST: usize = 256;

/// How long a request may take to arrive: its head, and then its body.
pub(super) const ARRIVAL: Duration = Duration::from_secs(10);

/// How long accepting rests after it failed, as it does where no further file can be opened.
const REST: Duration = Duration::from_secs(1);

/// Serves whoever connects and is familiar. A connection outlives this future: its client may still wait for an answer.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    let places = Arc::new(Semaphore::new(MOST));
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
            is_full = false;
            tokio::spawn(converse(stream, router.clone(), place));
        } else {
            // Once while it lasts.
            if !std::mem::replace(&mut is_full, true) {
                warn!("there are {MOST} connections to the control socket; further ones are refused");
            }
            turn_away(&stream);
        }
    }
}

/// One request, one answer.
async fn converse(stream: UnixStream, router: Router, _place: OwnedSemaphorePermit) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(ARRIVAL)
        // A client that has its answer needs the connection no longer.
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = connection.await {
        debug!("a connection to the control socket ended early: {error}");
    }
}

/// Answers without a look at the request. What does not fit into the buffer of the system is left out.
fn turn_away(stream: &UnixStream) {
    let refusal = Refusal::new(Stopping, "there are too many connections to the daemon");
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

/// Whether the other end is run by the same user, or by root. The permissions of the socket say the same, but on some
/// systems nobody asks them.
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
