//! A thread for the connections of one server.
//!
//! Invariant: whatever a server sends, it costs time of its own thread only. A connection is served
//! by code of `hyper` and `rustls` that goes on for as long as bytes come: interim answers (`100
//! Continue`) without end, for one, are skipped for a second or more before it yields, and no
//! option bounds that. On one thread for all, a single receiver would stop the polls, the other
//! sinks and all timers. The system's scheduler is fair to threads, whatever they do, so no
//! protocol's way to flood has to be known here. The time limits of requests run on the thread of
//! the caller.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

/// Whether servers have threads of their own in this process.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// From now on, each server has a thread of its own, which begins with the first request to it.
/// Without this call, requests run on the runtime of the caller, so that a test that pauses its
/// time pauses all of it.
pub fn use_threads() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// The thread of one server; it ends when this is dropped.
///
/// What goes to the thread and what comes back is queued, because to wake another thread's runtime
/// takes a system call each time: the first of a queue wakes, and the rest is found with it.
#[derive(Debug, Default)]
pub(super) struct ServerThread(OnceLock<Option<Queues>>);

#[derive(Debug)]
struct Queues {
    /// Exchanges with the server, for its thread.
    exchanges: mpsc::UnboundedSender<Work>,
    /// Their results, for the runtime that made the first request.
    results: mpsc::UnboundedSender<Work>,
}

/// Begins an exchange, or hands its result to the task that waits for it.
type Work = Box<dyn FnOnce() + Send>;

impl ServerThread {
    /// Runs an exchange with the server, until it ends or the receiver of its result is dropped. If
    /// the system gives no thread, it runs on the runtime of the caller. The result is missing if
    /// the exchange panics.
    pub(super) fn run<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        exchange: impl FnOnce() -> F + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (reply, result) = oneshot::channel();
        let queues = self.0.get_or_init(|| ENABLED.load(Ordering::Relaxed).then(start).flatten()).as_ref();
        let results = queues.map(|queues| queues.results.clone());
        let begin = move || drop(tokio::spawn(conduct(exchange(), reply, results)));
        match queues {
            // The thread ends with the queue, and not before.
            Some(queues) => drop(queues.exchanges.send(Box::new(begin))),
            None => begin(),
        }
        result
    }
}

/// Carries out an exchange while its result is waited for, and replies with it.
async fn conduct<T: Send + 'static>(
    exchange: impl Future<Output = T>,
    mut reply: oneshot::Sender<T>,
    results: Option<mpsc::UnboundedSender<Work>>,
) {
    let result = tokio::select! {
        biased;
        () = reply.closed() => return,
        result = exchange => result,
    };
    // Fails only if no result is waited for any more.
    let hand_over = move || drop(reply.send(result));
    match results {
        Some(results) => drop(results.send(Box::new(hand_over))),
        None => hand_over(),
    }
}

fn start() -> Option<Queues> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let (exchanges, queue) = mpsc::unbounded_channel();
    let serve = move || {
        runtime.block_on(work(queue));
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name("http".to_owned()).spawn(serve).ok()?;

    let (results, queue) = mpsc::unbounded_channel();
    tokio::spawn(work(queue));
    Some(Queues { exchanges, results })
}

async fn work(mut queue: mpsc::UnboundedReceiver<Work>) {
    while let Some(work) = queue.recv().await {
        work();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with a thread, whatever the rest of this process uses.
    fn on_a_thread() -> ServerThread {
        ServerThread(OnceLock::from(start()))
    }

    fn name() -> Option<String> {
        std::thread::current().name().map(str::to_owned)
    }

    #[tokio::test]
    async fn exchanges_run_on_the_thread() {
        let server = on_a_thread();
        let results: Vec<_> =
            (0..300).map(|number| server.run(move || async move { (number, name()) })).collect();
        for (number, result) in results.into_iter().enumerate() {
            assert_eq!(result.await.unwrap(), (number, Some("http".to_owned())));
        }
    }

    #[tokio::test]
    async fn an_exchange_ends_with_its_receiver() {
        for server in [on_a_thread(), ServerThread::default()] {
            let (held, dropped) = oneshot::channel::<()>();
            let result = server.run(move || async move {
                std::future::pending::<()>().await;
                drop(held);
            });
            drop(result);
            dropped.await.unwrap_err();
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_missing_result() {
        for server in [on_a_thread(), ServerThread::default()] {
            server.run(|| async { panic!("as expected") }).await.unwrap_err();
            assert_eq!(server.run(|| async { 7 }).await.unwrap(), 7, "the next one is not concerned");
        }
    }
}
