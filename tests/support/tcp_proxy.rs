//! A proxy between a client and a server, which breaks the connections as a network does.
//!
//! Invariant: what arrives is passed on in order, or the connection is cut; a tap sees every byte
//! when it arrives, before it is passed on.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Time between two looks at what may have changed.
const TICK: Duration = Duration::from_millis(2);

/// How the network behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Network {
    /// As it should.
    #[default]
    Well,
    /// Nothing listens; connections that were open are cut.
    Refuses,
    /// What is sent is held until it is well again, and no error is reported.
    Silent,
    /// What is sent arrives later by this time.
    Slow(Duration),
}

/// Where a proxy connects to.
#[derive(Debug, Clone)]
pub enum Server {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What is done with some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    All,
    None,
    /// Only the first of them; then the connection is cut.
    ThenCut(usize),
}

/// Sees what passes over one connection.
pub trait Tap: Send + 'static {
    fn sent(&mut self, bytes: &[u8]) -> Pass;

    fn answered(&mut self, bytes: &[u8]) -> Pass;
}

/// A proxy, until it is dropped.
pub struct TcpProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    network: Mutex<Network>,
    /// Both ends of each connection.
    connections: Mutex<Vec<(End, End)>>,
    has_ended: AtomicBool,
}

impl TcpProxy {
    /// A proxy to this server; `tap` makes the tap of each connection.
    pub fn start<T: Tap>(server: Server, tap: impl Fn() -> T + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            network: Mutex::default(),
            connections: Mutex::default(),
            has_ended: AtomicBool::new(false),
        });
        let of_thread = Arc::clone(&shared);
        thread::spawn(move || of_thread.listen(listener, address, &server, tap));
        Self { address, shared }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Has the network behave like this from now on.
    pub fn set(&self, network: Network) {
        *lock(&self.shared.network) = network;
        if network == Network::Refuses {
            self.cut();
        }
    }

    /// Cuts all connections that are open.
    pub fn cut(&self) {
        for (client, server) in lock(&self.shared.connections).drain(..) {
            client.cut();
            server.cut();
        }
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::SeqCst);
        self.cut();
    }
}

impl Shared {
    fn network(&self) -> Network {
        *lock(&self.network)
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::SeqCst)
    }

    fn listen<T: Tap>(
        self: &Arc<Self>,
        listener: TcpListener,
        address: SocketAddr,
        server: &Server,
        tap: impl Fn() -> T,
    ) {
        let mut listener = Some(listener);
        while !self.has_ended() {
            if self.network() == Network::Refuses {
                listener = None;
            } else if listener.is_none() {
                // Another may have the port for a moment.
                listener = TcpListener::bind(address).ok();
            }
            let accepted = listener.as_ref().and_then(|listener| {
                listener.set_nonblocking(true).expect("a listener");
                listener.accept().ok()
            });
            let Some((client, _)) = accepted else {
                thread::sleep(TICK);
                continue;
            };
            client.set_nonblocking(false).expect("a connection");
            client.set_nodelay(true).expect("a connection");
            let (shared, server, tap) = (Arc::clone(self), server.clone(), tap());
            thread::spawn(move || drop(shared.connect(&End::Tcp(client), &server, tap)));
        }
    }

    /// Serves one connection to its end.
    fn connect<T: Tap>(self: &Arc<Self>, client: &End, server: &Server, tap: T) -> io::Result<()> {
        self.wait_for_the_network();
        let server = match server {
            Server::Tcp(address) => End::Tcp(TcpStream::connect(address)?),
            Server::Unix(path) => End::Unix(UnixStream::connect(path)?),
        };
        lock(&self.connections).push((client.again()?, server.again()?));
        if self.has_ended() || self.network() == Network::Refuses {
            // The others were cut before this one was listed.
            client.cut();
            server.cut();
        }

        let tap = Arc::new(Mutex::new(tap));
        let back = {
            let (shared, tap) = (Arc::clone(self), Arc::clone(&tap));
            let (client, server) = (client.again()?, server.again()?);
            thread::spawn(move || shared.pass(&server, &client, |bytes| lock(&tap).answered(bytes)))
        };
        self.pass(client, &server, |bytes| lock(&tap).sent(bytes));
        drop(back.join());
        Ok(())
    }

    /// Passes bytes on until an end is closed; then cuts both.
    fn pass(&self, mut from: &End, mut to: &End, mut tap: impl FnMut(&[u8]) -> Pass) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let (length, goes_on) = match tap(&buffer[..length]) {
                Pass::All => (length, true),
                Pass::None => (0, true),
                Pass::ThenCut(length) => (length, false),
            };
            self.wait_for_the_network();
            if to.write_all(&buffer[..length]).is_err() || !goes_on {
                break;
            }
        }
        // The end of a connection is not seen through a silent network either.
        self.wait_for_the_network();
        from.cut();
        to.cut();
    }

    fn wait_for_the_network(&self) {
        if let Network::Slow(by) = self.network() {
            thread::sleep(by);
        }
        while self.network() == Network::Silent && !self.has_ended() {
            thread::sleep(TICK);
        }
    }
}

/// An end of a connection.
#[derive(Debug)]
enum End {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl End {
    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
            Self::Unix(stream) => Self::Unix(stream.try_clone()?),
        })
    }

    fn cut(&self) {
        // It fails if it is closed already.
        drop(match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        });
    }
}

impl Read for &End {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            End::Tcp(stream) => (&mut &*stream).read(buffer),
            End::Unix(stream) => (&mut &*stream).read(buffer),
        }
    }
}

impl Write for &End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            End::Tcp(stream) => (&mut &*stream).write(bytes),
            End::Unix(stream) => (&mut &*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
