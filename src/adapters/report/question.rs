//! Questions to the loop of a daemon.

use tokio::sync::{mpsc, oneshot};

use super::{DaemonStatus, JobCursor, JobsPart, RequestError, RequestErrorKind, StatusPart, StatusQuery};
use crate::adapters::metrics::Reading;

/// A question of a client, and how to answer it.
#[derive(Debug)]
pub enum Question {
    /// How everything stands, with the first jobs that are meant.
    Status(StatusQuery, Responder<StatusPart>),
    /// What the daemon is, and how its projects stand.
    Daemon(Responder<DaemonStatus>),
    /// How further jobs stand.
    Jobs(Box<JobCursor>, Responder<JobsPart>),
    /// What the metrics are.
    Metrics(Responder<Reading>),
}

/// Takes the answer to a request. If it is dropped, the client is answered that the daemon is
/// stopping.
pub type Responder<T> = oneshot::Sender<Result<T, RequestError>>;

/// Passes a request to the daemon's loop. Returns its answer.
pub async fn ask<Q, T>(
    requests: &mpsc::Sender<Q>,
    request: impl FnOnce(Responder<T>) -> Q,
) -> Result<T, RequestError> {
    let (reply, answer) = oneshot::channel();
    // If the loop has ended, the reply is dropped with the request, which is answered below.
    drop(requests.send(request(reply)).await);
    let stopping = |_| Err(RequestError::new(RequestErrorKind::Stopping, "the daemon is stopping"));
    answer.await.unwrap_or_else(stopping)
}
