//! Clients of the listener: one that asks and reads, and those that do not read.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use restore_watch::platform::clock::Clock;
use tokio::net::TcpSocket;
use tokio::runtime::Runtime;

use super::daemon_process::Daemon;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// So that what is sent to a client that does not read is soon more than the buffers take.
const SMALL_BUFFER: u32 = 4096;

/// Where a daemon listens, as it logged it.
pub(crate) fn address(daemon: &Daemon) -> SocketAddr {
    let log = daemon.log();
    let (_, rest) = log.split_once("listening on http://").expect("an address");
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// The status of an answer, its length in bytes, and how long it took, from the connection to its
/// end.
pub(crate) fn get(address: SocketAddr, path: &str) -> (u16, String, Duration) {
    let clock = Clock::system();
    let began = clock.now().instant;
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let took = clock.now().instant.since(began);

    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned(), took)
}

/// Clients that follow the events and never read, and connections whose request does not end. They
/// last until this is dropped.
pub(crate) struct Crowd {
    runtime: Runtime,
    connections: Vec<tokio::net::TcpStream>,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { runtime, connections: Vec::new() }
    }

    /// Adds connections that send this and read nothing. Those that the daemon refuses are none.
    pub(crate) fn add(&mut self, count: usize, address: SocketAddr, request: &str) {
        for _ in 0..count {
            let connection = self.runtime.block_on(async {
                let socket = TcpSocket::new_v4()?;
                socket.set_recv_buffer_size(SMALL_BUFFER)?;
                socket.connect(address).await
            });
            let connection = connection.unwrap();
            drop(connection.try_write(request.as_bytes()));
            self.connections.push(connection);
        }
    }
}
