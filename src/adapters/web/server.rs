//! The daemon's end of the listener.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use super::context::{Context, Sources};
use super::health::Health;
use super::router::router;
use crate::adapters::report::Question;

/// How many questions wait for the daemon's loop. Further ones wait for a place.
const BACKLOG: usize = 16;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {address}: {error}")]
    Unusable { address: SocketAddr, error: std::io::Error },
    #[error("cannot start a thread: {0}")]
    NoThread(std::io::Error),
}

/// A listener that is being served. Dropping it ends that.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    questions: mpsc::Receiver<Question>,
    health: Arc<Health>,
    commits: watch::Sender<u64>,
    /// Ends the thread when it is dropped.
    _serving: oneshot::Sender<()>,
}

impl Server {
    /// Listens on `address` and serves on a thread of its own.
    pub fn start(address: SocketAddr, sources: Sources) -> Result<Self, BindError> {
        let unusable = |error| BindError::Unusable { address, error };
        let listener = TcpListener::bind(address).map_err(unusable)?;
        listener.set_nonblocking(true).map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;

        let (sender, questions) = mpsc::channel(BACKLOG);
        let (commits, committed) = watch::channel(0);
        let (serving, mut ended) = oneshot::channel();
        let health = Arc::new(Health::default());
        let router = router(Context::new(sources, sender, Arc::clone(&health), committed));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(1)
            .build()
            .map_err(BindError::NoThread)?;
        let serve = move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    _ = axum::serve(listener, router) => {}
                    _ = &mut ended => {}
                }
            });
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("web".to_owned()).spawn(serve).map_err(BindError::NoThread)?;
        Ok(Self { address, questions, health, commits, _serving: serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next question. Dropping the future loses none.
    pub async fn next(&mut self) -> Question {
        match self.questions.recv().await {
            Some(question) => question,
            None => std::future::pending().await,
        }
    }

    /// Where the loop reports that it lives.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Something was committed, for clients that follow events.
    pub fn committed(&self) {
        self.commits.send_modify(|count| *count += 1);
    }
}
