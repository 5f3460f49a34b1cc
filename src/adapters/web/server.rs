//! The daemon's end of the listener.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::context::{Context, Sources};
use super::guard::{self, Guard, guarded};
use super::health::Health;
use super::hosts::Hosts;
use super::router::router;
use super::token::Token;
use crate::adapters::http::{Connections, Refusal, ServingTerms, SocketError, SocketFile, most_connections};
use crate::adapters::report::{Question, Readers};
use crate::config::ListenAddress;

/// How many questions wait for the daemon's loop. Further ones wait for a place.
const BACKLOG: usize = 16;

/// How long a connection may wait for its next request: scrapers come once or twice a minute.
const IDLE: Duration = Duration::from_secs(65);

/// The mode of a Unix socket: a proxy in the group of the daemon may connect.
const SOCKET_MODE: u32 = 0o660;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error("cannot listen on {0}: another process listens there")]
    InUse(ListenAddress),
    #[error("cannot listen on {address}: {error}")]
    Unusable { address: ListenAddress, error: io::Error },
    #[error("cannot listen on {address}: {error}")]
    Socket { address: ListenAddress, error: SocketError },
    #[error("cannot start a thread: {0}")]
    NoThread(io::Error),
}

/// Which requests are answered.
#[derive(Debug, Default)]
pub struct Access {
    /// The token that they need, if one is needed.
    pub token: Option<Token>,
    /// Further values of their `Host` header.
    pub hosts: Vec<String>,
}

/// A listener that is being served. Dropping it ends that.
#[derive(Debug)]
pub struct Server {
    addresses: Vec<ListenAddress>,
    questions: mpsc::Receiver<Question>,
    health: Arc<Health>,
    commits: watch::Sender<u64>,
    token: watch::Sender<Option<Token>>,
    readers: [Readers; 2],
    _sockets: Vec<SocketFile>,
    /// Ends the thread when it is dropped.
    serving: Option<oneshot::Sender<()>>,
}

impl Server {
    /// Listens at these addresses and serves on a thread of its own.
    pub fn start(listen: &[ListenAddress], access: Access, sources: Sources) -> Result<Self, BindError> {
        let bound: Vec<_> = listen.iter().map(Bound::at).collect::<Result<_, _>>()?;

        let (sender, questions) = mpsc::channel(BACKLOG);
        let (commits, committed) = watch::channel(0);
        let (token, token_in_force) = watch::channel(access.token);
        let health = Arc::new(Health::default());
        let readers = [sources.readers.clone(), sources.events.clone()];
        let router =
            router(Context::new(sources, sender, Arc::clone(&health), committed, token_in_force.clone()));

        let mut addresses = Vec::new();
        let mut sockets = Vec::new();
        let mut listeners = Vec::new();
        for Bound { address, listener, socket } in bound {
            let hosts = Hosts::of(&address, &access.hosts);
            let guard = Guard { hosts, token: token_in_force.clone() };
            listeners.push((listener, guarded(router.clone(), guard)));
            addresses.push(address);
            sockets.extend(socket);
        }
        let serving = serve(listeners).map_err(BindError::NoThread)?;
        Ok(Self {
            addresses,
            questions,
            health,
            commits,
            token,
            readers,
            _sockets: sockets,
            serving: Some(serving),
        })
    }

    /// Where it listens, with the ports that it took.
    pub fn addresses(&self) -> &[ListenAddress] {
        &self.addresses
    }

    /// The next question; none once the thread has ended, which is a bug. Dropping the future loses
    /// none.
    pub async fn next(&mut self) -> Option<Question> {
        self.questions.recv().await
    }

    /// Where the loop reports that it lives.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Something was committed, for clients that follow events.
    pub fn committed(&self) {
        self.commits.send_modify(|count| *count += 1);
    }

    /// Requests need this token from now on.
    pub fn use_token(&self, token: Option<Token>) {
        self.token.send_if_modified(|used| {
            let is_new = *used != token;
            *used = token;
            is_new
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.serving.take());
        // The thread ends later, maybe after the state is closed.
        self.readers.iter().for_each(Readers::close);
    }
}

impl BindError {
    /// What to do about it.
    pub fn help(&self) -> String {
        match self {
            Self::InUse(ListenAddress::Tcp(address)) => format!(
                "see which: ss -ltnp 'sport = :{}'; stop it, or write another port in [http] listen or --http",
                address.port()
            ),
            Self::Unusable { error, .. } if error.kind() == ErrorKind::AddrNotAvailable => {
                "this machine has no such address: write one of its own in [http] listen or --http".to_owned()
            }
            Self::Unusable { error, .. } if error.kind() == ErrorKind::PermissionDenied => {
                "ports below 1024 take a privilege: write a higher one in [http] listen or --http".to_owned()
            }
            Self::Socket { error: SocketError::Unusable { path, error }, .. }
                if error.kind() == ErrorKind::NotFound =>
            {
                let directory = path.parent().unwrap_or(path).display();
                format!(
                    "create the directory {directory}, or write another address in [http] listen or --http"
                )
            }
            Self::NoThread(_) => "raise the limit of threads of this process".to_owned(),
            Self::InUse(_) | Self::Unusable { .. } | Self::Socket { .. } => {
                "write another address in [http] listen or --http".to_owned()
            }
        }
    }
}

/// An address that is listened at.
struct Bound {
    address: ListenAddress,
    listener: Listener,
    socket: Option<SocketFile>,
}

/// The sockets, which belong to no runtime yet.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Bound {
    fn at(address: &ListenAddress) -> Result<Self, BindError> {
        match address {
            ListenAddress::Tcp(wanted) => {
                let (listener, bound) = bind(*wanted).map_err(|error| match error.kind() {
                    ErrorKind::AddrInUse => BindError::InUse(address.clone()),
                    _ => BindError::Unusable { address: address.clone(), error },
                })?;
                Ok(Self {
                    address: ListenAddress::Tcp(bound),
                    listener: Listener::Tcp(listener),
                    socket: None,
                })
            }
            ListenAddress::Unix(path) => {
                let (socket, listener) =
                    SocketFile::bind(path, SOCKET_MODE).map_err(|error| match error {
                        SocketError::InUse(_) => BindError::InUse(address.clone()),
                        error => BindError::Socket { address: address.clone(), error },
                    })?;
                Ok(Self {
                    address: address.clone(),
                    listener: Listener::Unix(listener),
                    socket: Some(socket),
                })
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Serves on a thread of its own, until what is returned is dropped.
fn serve(listeners: Vec<(Listener, Router)>) -> io::Result<oneshot::Sender<()>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build()?;
    let (serving, ended) = oneshot::channel();
    let connections = Connections::new(ServingTerms {
        name: "the HTTP listener",
        most: most_connections(),
        idle: Some(IDLE),
        urgent: &guard::OPEN_PATHS,
        refusal: Refusal {
            headers: guard::headers_of_text(),
            body: "error: there are too many connections to the daemon\n".to_owned(),
        },
    });

    let work = move || {
        runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for (listener, router) in listeners {
                tasks.spawn(accept(connections.clone(), listener, router));
            }
            tokio::select! {
                // Its sender is dropped.
                _ = ended => {}
                // Without one of its addresses, the listener is of no use: its end is noticed.
                _ = tasks.join_next() => {}
            }
        });
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name("web".to_owned()).spawn(work)?;
    Ok(serving)
}

async fn accept(connections: Connections, listener: Listener, router: Router) {
    // A socket fails to join the runtime only if there is no runtime.
    match listener {
        Listener::Tcp(listener) => {
            if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                connections.serve(listener, router).await;
            }
        }
        Listener::Unix(listener) => {
            if let Ok(listener) = tokio::net::UnixListener::from_std(listener) {
                connections.serve(listener, router).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::store::{Store as _, Volatile};
    use crate::platform::clock::Clock;

    #[tokio::test]
    async fn end_of_the_thread_is_the_end_of_the_questions() {
        let readers = Readers::new(Volatile::with_history().reader().unwrap());
        let sources = Sources { events: readers.clone(), readers, clock: Clock::system() };
        let address = ListenAddress::Tcp(([127, 0, 0, 1], 0).into());
        let mut server = Server::start(&[address], Access::default(), sources).unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(10), server.next()).await;
        assert!(waits.is_err(), "while it is served: {waits:?}");

        server.serving = None;

        assert!(server.next().await.is_none());
    }
}
