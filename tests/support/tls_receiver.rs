//! A receiver of webhooks over TLS, which may want a certificate of its client.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::WebPkiClientVerifier;
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, ServerConnection, Stream, WantsVerifier};

use super::tls_plane::{pem, server_config};

/// Serves until the process ends, each request on a connection and a thread of its own.
pub struct TlsReceiver {
    address: SocketAddr,
    posts: Arc<AtomicUsize>,
}

impl TlsReceiver {
    /// Starts at any free port; only a client with a certificate is served.
    pub fn for_certified_clients() -> Self {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(pem("ca.pem")).expect("a certificate");
        roots.add(authority).expect("an authority");
        let provider = Arc::new(ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Self::start(server_config(|builder| {
            builder.with_client_cert_verifier(verifier.expect("an authority"))
        }))
    }

    /// Starts at any free port; every client is served.
    pub fn for_all() -> Self {
        Self::start(server_config(ConfigBuilder::<ServerConfig, WantsVerifier>::with_no_client_auth))
    }

    fn start(config: Arc<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let posts = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&posts);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, count) = (Arc::clone(&config), Arc::clone(&count));
                // A client that is not served, or that does not trust it, goes away.
                thread::spawn(move || drop(serve(socket, config, &count)));
            }
        });
        Self { address, posts }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// How many requests it took.
    pub fn count(&self) -> usize {
        self.posts.load(Ordering::SeqCst)
    }
}

/// Takes one request.
fn serve(mut socket: TcpStream, config: Arc<ServerConfig>, count: &AtomicUsize) -> io::Result<()> {
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    while !is_whole(&read) {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => read.extend_from_slice(&buffer[..length]),
        }
    }
    count.fetch_add(1, Ordering::SeqCst);
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}

/// Whether this is a head and a body of the length that it says.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
