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

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Whether servers have threads of their own in this process.
static ENABLED: AtomicBool = AtomicBool::new(false);

/// From now on, each server has a thread of its own, which begins with the first request to it.
/// Without this call, requests run on the runtime of the caller, so that a test that pauses its
/// time pauses all of it.
pub fn use_threads() {
    ENABLED.store(true, Ordering::Relaxed);
}

/// The thread of one server; it ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct ServerThread(OnceLock<Option<Running>>);

#[derive(Debug)]
struct Running {
    runtime: Handle,
    /// Dropped with this, which ends the thread.
    _end: oneshot::Sender<()>,
}

impl ServerThread {
    /// Where requests run. If the system gives no thread, that is the runtime of the caller.
    pub(super) fn runtime(&self) -> Handle {
        let running = self.0.get_or_init(|| ENABLED.load(Ordering::Relaxed).then(start).flatten());
        running.as_ref().map_or_else(Handle::current, |running| running.runtime.clone())
    }
}

fn start() -> Option<Running> {
    let runtime = Builder::new_current_thread().enable_all().build().ok()?;
    let handle = runtime.handle().clone();
    let (end, ended) = oneshot::channel();
    let serve = move || {
        drop(runtime.block_on(ended));
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name("http".to_owned()).spawn(serve).ok()?;
    Some(Running { runtime: handle, _end: end })
}
