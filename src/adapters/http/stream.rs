//! Connections to servers that speak another protocol than HTTP, made as those of the clients are:
//! names are looked up on threads of their own, and certificates are verified against the same roots.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::{bundled, certificates};
use super::error::{ClientError, MAX_TEXT, in_words, innermost};
use super::fault::{Fault, Peer};
use super::look_up::LookUps;
use super::tls;
use crate::model::{duration, one_line};

/// How long connecting to all addresses of a name may take; each gets an equal part.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Connects to a host, which is a name or an IP address. If `only_here` is set, an address of
/// another machine is not connected to, whatever name led to it.
pub async fn connect(host: &str, port: u16, only_here: bool) -> Result<TcpStream, Fault> {
    let server = shown(host, port);
    let found = addresses(host, port).await;
    let addresses =
        found.map_err(|error| Fault::passing(format!("cannot connect to {server}: {}", in_line(&error))))?;
    let is_here = |address: &SocketAddr| address.ip().to_canonical().is_loopback();
    if let Some(elsewhere) = addresses.iter().find(|address| only_here && !is_here(address)) {
        return Err(Fault::lasting(format!(
            "{server} is on another machine ({}), to which nothing is sent without TLS",
            elsewhere.ip()
        )));
    }

    let limit = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = format!("cannot connect to {server}: the host name has no address");
    for address in addresses {
        last = match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => format!("cannot connect to {server}: {}", in_line(&error)),
            Err(_) => format!("cannot connect to {server} within {}", duration::human(limit)),
        };
    }

    Err(Fault::passing(last))
}

async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let mut found = LookUps::of_process().find(host).await?;
    for address in &mut found {
        address.set_port(port);
    }
    Ok(found)
}

/// Diagnoses an error of a library that connects by itself, if TLS is its cause.
#[cfg(feature = "postgres")]
pub fn fault_of_handshake(
    error: &(dyn std::error::Error + 'static),
    server: &str,
    peer: Peer,
) -> Option<Fault> {
    innermost(error).downcast_ref().map(|fault| tls::fault(fault, server, peer))
}

/// What the system says about a connection, in words.
#[cfg(feature = "postgres")]
pub fn describe_io(error: &io::Error) -> String {
    in_line(error)
}

/// A server as messages name it.
fn shown(host: &str, port: u16) -> String {
    let host = one_line(host, MAX_TEXT);
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn in_line(error: &io::Error) -> String {
    in_words(error.kind()).map_or_else(|| one_line(&error.to_string(), MAX_TEXT), str::to_owned)
}

/// Encrypts connections, and verifies servers as HTTP clients do.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts the certificates of the system, and those in `ca_file`.
    pub fn new(ca_file: Option<&Path>) -> Result<Self, ClientError> {
        let named = ca_file.map(certificates).transpose()?.unwrap_or_default();
        let provider = Arc::new(ring::default_provider());
        let tls = |error: rustls::Error| ClientError::of_tls(error.to_string());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(tls)?;

        let config = if let Some(bundled) = bundled() {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(bundled.into_iter().chain(named));
            builder.with_root_certificates(roots).with_no_client_auth()
        } else {
            let verifier = Verifier::new_with_extra_roots(named, provider).map_err(tls)?;
            let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
            builder.with_no_client_auth()
        };
        Ok(Self(Arc::new(config)))
    }

    /// The configuration, for a library that makes its connections itself.
    #[cfg(feature = "postgres")]
    pub fn configuration(&self) -> ClientConfig {
        ClientConfig::clone(&self.0)
    }

    /// Encrypts a connection to this host.
    pub async fn secure(
        &self,
        stream: TcpStream,
        host: &str,
        port: u16,
        peer: Peer,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let server = shown(host, port);
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Fault::lasting(format!("no certificate can be for the host {server}")))?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector.connect(name, stream).await.map_err(|error| match innermost(&error).downcast_ref() {
            Some(fault) => tls::fault(fault, &server, peer),
            None => Fault::passing(format!("cannot connect to {server}: {}", in_line(&error))),
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
