//! A control plane over TLS, in which the restore `rj-1` has completed.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WantsServerCert;
use rustls::{ConfigBuilder, ServerConfig, ServerConnection, Stream, WantsVerifier};

const JOB: &str = r#"{"restore_job_id":"rj-1","status":"Completed","percent_complete":100}"#;

/// Serves until the process ends, each connection on a thread.
pub struct TlsPlane(SocketAddr);

impl TlsPlane {
    /// Starts at any free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let config = server_config(ConfigBuilder::<ServerConfig, WantsVerifier>::with_no_client_auth);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                // A client that does not trust it goes away.
                thread::spawn(move || drop(serve(socket, config)));
            }
        });
        Self(address)
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.0)
    }

    /// The file of the certificate of the authority that certifies it.
    pub fn authority() -> PathBuf {
        pem("ca.pem")
    }
}

/// A file of the certificates and keys of the tests.
pub fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/http/failure/pem").join(name)
}

/// A server with the good certificate; `verify` says which clients it serves.
pub(super) fn server_config(
    verify: impl FnOnce(
        ConfigBuilder<ServerConfig, WantsVerifier>,
    ) -> ConfigBuilder<ServerConfig, WantsServerCert>,
) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(pem("good.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(pem("key.pem")).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS");
    Arc::new(verify(builder).with_single_cert(chain, key).expect("a key of the certificate"))
}

/// Answers each request of a connection with the job.
fn serve(mut socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{JOB}",
        JOB.len()
    );

    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        read.extend_from_slice(&buffer[..length]);
        if read.ends_with(b"\r\n\r\n") {
            read.clear();
            stream.write_all(answer.as_bytes())?;
            stream.flush()?;
        }
    }
}
