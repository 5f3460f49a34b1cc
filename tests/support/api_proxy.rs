//! A proxy of HTTP between one replica and the control plane, which records when it polls.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use restore_watch::model::time::Instant;
use restore_watch::platform::clock::Clock;

use super::tcp_proxy::{Network, Pass, Server, Tap, TcpProxy};

/// The clock of all times of the tests, so that those of several proxies can be compared.
pub static CLOCK: LazyLock<Clock> = LazyLock::new(Clock::system);

/// The proxy, until it is dropped.
pub struct ApiProxy {
    proxy: TcpProxy,
    polls: Arc<Mutex<Vec<Instant>>>,
}

impl ApiProxy {
    /// A proxy to this control plane, whatever the host that is asked for.
    pub fn start(plane: SocketAddr) -> Self {
        let polls = Arc::<Mutex<Vec<Instant>>>::default();
        let of_taps = Arc::clone(&polls);
        let proxy = TcpProxy::start(Server::Tcp(plane), move || Requests(Arc::clone(&of_taps)));
        Self { proxy, polls }
    }

    /// What `http_proxy` is set to.
    pub fn url(&self) -> String {
        format!("http://{}", self.proxy.address())
    }

    /// Has the network behave like this from now on.
    pub fn set(&self, network: Network) {
        self.proxy.set(network);
    }

    /// When each request was sent.
    pub fn polls(&self) -> Vec<Instant> {
        self.polls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Records the requests of one connection. Each is sent by itself: it is small and has no body.
struct Requests(Arc<Mutex<Vec<Instant>>>);

impl Tap for Requests {
    fn sent(&mut self, bytes: &[u8]) -> Pass {
        if bytes.starts_with(b"GET ") {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(CLOCK.now().instant);
        }
        Pass::All
    }

    fn answered(&mut self, _bytes: &[u8]) -> Pass {
        Pass::All
    }
}
