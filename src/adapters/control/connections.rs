//! The connections at the control socket.
//!
//! Invariant: only clients of the same user and of root are answered.

use std::io;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use super::RequestError;
use super::RequestErrorKind::Stopping;
use crate::adapters::http::{Connections, Listener, Refusal, ServingTerms, most_connections};

/// Serves clients of the same user and of root. A connection outlives this future: its client may
/// still wait for an answer.
pub(super) async fn serve(listener: UnixListener, router: Router) {
    let error = RequestError::new(Stopping, "there are too many connections to the daemon");
    let body = serde_json::to_string(&error).unwrap_or_default();
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let connections = Connections::new(ServingTerms {
        name: "the control socket",
        most: most_connections(),
        // A client that has its answer needs the connection no longer.
        idle: None,
        urgent: &[],
        refusal: Refusal { headers, body },
    });
    connections.serve(OfPermitted(listener), router).await;
}

/// The connections of permitted users.
struct OfPermitted(UnixListener);

impl Listener for OfPermitted {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        loop {
            let (stream, _) = self.0.accept().await?;
            if is_permitted(&stream) {
                return Ok(stream);
            }
        }
    }
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

    /// What is received until the connection is closed, from a socket whose one path repeats a
    /// number.
    async fn received(text: &str) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let router = Router::new().route("/", post(async |Body(number): Body<u64>| Json(number)));
        tokio::spawn(serve(UnixListener::bind(&path).unwrap(), router));

        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A reset closes the connection, too.
        drop(stream.read_to_string(&mut answer).await);
        answer
    }

    const HEAD: &str =
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 2\r\n";

    #[tokio::test(start_paused = true)]
    async fn late_request_ends_its_connection() {
        assert_eq!(received("").await, "");
        assert_eq!(received(HEAD).await, "");
        let half = received(&format!("{HEAD}\r\n4")).await;
        assert!(half.starts_with("HTTP/1.1 400 "), "{half}");
        assert!(half.contains("{\"error\":\"the request did not arrive within 10 s\""), "{half}");
        let whole = received(&format!("{HEAD}\r\n42")).await;
        assert!(whole.starts_with("HTTP/1.1 200 ") && whole.ends_with("42"), "{whole}");
    }
}
