//! A mail server that answers as a test wants it to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::super::dialog::Stream;

/// The answer of a server that says nothing, and keeps the connection.
pub(super) const SILENCE: &str = "";

/// The answer of a server that closes the connection.
pub(super) const CLOSE: &str = "close";

/// A mail server of one connection after another, which accepts everything but what `replies` says.
#[derive(Clone, Default)]
pub(super) struct Server {
    /// Answers by the beginning of the command; `greeting` and `content` are those without one.
    replies: Vec<(&'static str, &'static str)>,
    /// The certificate, for TLS from the start or after STARTTLS.
    certificate: Option<&'static str>,
    starts_tls: bool,
    /// What it got: commands, and contents of mails.
    received: Arc<Mutex<Vec<String>>>,
}

pub(super) fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/http/failure/pem").join(name)
}

impl Server {
    pub(super) fn saying(replies: &[(&'static str, &'static str)]) -> Self {
        Self { replies: replies.to_vec(), ..Self::default() }
    }

    pub(super) fn with_tls(self, certificate: &'static str, starts_tls: bool) -> Self {
        Self { certificate: Some(certificate), starts_tls, ..self }
    }

    pub(super) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    fn note(&self, what: &str) {
        self.received.lock().unwrap().push(what.to_owned());
    }

    fn reply(&self, to: &str, usual: &'static str) -> &'static str {
        let special = self.replies.iter().find(|(command, _)| to.starts_with(command));
        special.map_or(usual, |(_, reply)| reply)
    }

    /// Serves in the background. Returns its port.
    pub(super) async fn start(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let server = server.clone();
                // A client that gives up is no fault of the server.
                tokio::spawn(async move { drop(server.serve(tcp).await) });
            }
        });
        port
    }

    async fn serve(&self, tcp: TcpStream) -> std::io::Result<()> {
        let acceptor = self.certificate.map(acceptor);
        let Some(acceptor) = acceptor else { return self.talk(tcp).await.map(drop) };
        if !self.starts_tls {
            return self.talk(acceptor.accept(tcp).await?).await.map(drop);
        }
        match self.talk(tcp).await? {
            Some(tcp) => self.talk_on(acceptor.accept(tcp).await?).await.map(drop),
            None => Ok(()),
        }
    }

    async fn talk<S: Stream>(&self, mut stream: S) -> std::io::Result<Option<S>> {
        if !say(&mut stream, self.reply("greeting", "220 ready\r\n")).await? {
            return Ok(None);
        }
        self.talk_on(stream).await
    }

    /// Returns the connection once it is to have TLS.
    async fn talk_on<S: Stream>(&self, stream: S) -> std::io::Result<Option<S>> {
        let mut stream = BufReader::new(stream);
        let mut in_content = false;
        let mut content = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let usual = match line.get(..4).unwrap_or_default() {
                _ if in_content => {
                    if line != ".\r\n" {
                        content += &line;
                        continue;
                    }
                    self.note(&std::mem::take(&mut content));
                    line = "content".to_owned();
                    "250 taken\r\n"
                }
                "EHLO" => "250-here\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN\r\n",
                "AUTH" => "235 welcome\r\n",
                "DATA" => "354 go on\r\n",
                "QUIT" => "221 bye\r\n",
                "STAR" => "220 go on\r\n",
                _ => "250 ok\r\n",
            };
            if line != "content" {
                self.note(line.trim_end());
            }

            let reply = self.reply(&line, usual);
            if !say(stream.get_mut(), reply).await? {
                return Ok(None);
            }
            in_content = line.starts_with("DATA") && reply.starts_with("354");
            if line.starts_with("STARTTLS") && reply.starts_with("220") {
                return Ok(Some(stream.into_inner()));
            }
        }
    }
}

/// Says a reply. Returns whether the dialog goes on.
async fn say<S: Stream>(stream: &mut S, reply: &str) -> std::io::Result<bool> {
    if let Some(drop) = reply.strip_prefix("drip ") {
        loop {
            stream.write_all(drop.as_bytes()).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    match reply {
        CLOSE => return Ok(false),
        "endless" => loop {
            stream.write_all(&[b'a'; 4096]).await?;
        },
        reply => stream.write_all(reply.as_bytes()).await?,
    }
    stream.flush().await?;
    Ok(true)
}

fn acceptor(certificate: &str) -> TlsAcceptor {
    let chain = vec![CertificateDer::from_pem_file(pem(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pem("key.pem")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
}
