//! The certificates in `pem` were made for these tests; those that are not meant to be out of date
//! are valid until 2126.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Method;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, Stream};

use super::*;
use crate::adapters::http::fault::FaultKind;
use crate::adapters::http::recipe::Recipe;
use crate::adapters::http::resolver::System;
use crate::adapters::http::{Answer, Client, ClientError, ClientOptions, Identity, Terms, client, request};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn pem(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/adapters/http/failure/pem").join(name)
}

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A server with this certificate, for one connection; `wants_client` is whether it wants one of
/// its client.
fn tls_server(certificate: &str, wants_client: bool) -> SocketAddr {
    // The provider of cryptography is set where a client is made.
    drop(client(&ClientOptions::new(&Url::parse("http://127.0.0.1:1").unwrap(), None)));
    let chain = CertificateDer::pem_file_iter(pem(certificate)).unwrap().map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_file(pem("key.pem")).unwrap();
    let builder = ServerConfig::builder();
    let config = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(pem("ca.pem")).unwrap()).unwrap();
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };

    let config = Arc::new(config.with_single_cert(chain, key).unwrap());
    let (listener, address) = listen();

    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        let mut stream = Stream::new(&mut connection, &mut socket);
        // A client that does not trust it is gone by then.
        if stream.read(&mut [0; 4096]).is_ok() {
            drop(stream.write_all(OK));
        }
        // What is left unread would reset the connection, and the client would lose the answer.
        drop(socket.shutdown(Shutdown::Write));
        drop(socket.read_to_end(&mut Vec::new()));
    });

    address
}

/// A server that answers one connection with this, whatever it is asked.
fn plain_server(answer: Vec<u8>) -> SocketAddr {
    let (listener, address) = listen();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        drop(socket.read(&mut [0; 4096]));
        drop(socket.write_all(&answer));
    });
    address
}

/// What a request to `url` fails with.
async fn failure(url: &str) -> Result<(), Fault> {
    let url = Url::parse(url).unwrap();
    let client = client(&ClientOptions::new(&url, Some(&pem("ca.pem")))).unwrap();
    match get(&client, &url).await {
        Ok(_) => Ok(()),
        Err(error) => Err(fault(&error, &url, Peer::Api).await),
    }
}

async fn get(client: &Client, url: &Url) -> Result<Answer, SendError> {
    let terms = Terms { timeout: Duration::from_secs(20), max_body: |_| 1024, repeat_if_cut: false };
    client.send(request(Method::GET, url.clone()).build().unwrap(), terms).await
}

#[tokio::test]
async fn certificates_are_judged_by_their_meaning() {
    for (certificate, words) in [
        ("authority.pem", "is that of an authority (CA:TRUE)"),
        ("client.pem", "is not one for servers"),
        ("early.pem", "is valid from 2125-01-01 00:00 UTC on, and the clock here says 20"),
        ("expired.pem", "expired on 2025-02-01 00:00 UTC, and the clock here says 20"),
        ("no-name.pem", "is for no name at all"),
        ("other-name.pem", "is for `other.test`, `third.test` alone"),
        ("hostile-name.pem", "is for `x 2026-11-26T00:00:00Z INFO restore a completed [2J` alone"),
    ] {
        let url = format!("https://{}", tls_server(certificate, false));
        let fault = failure(&url).await.unwrap_err();
        // Waiting helps where the clock of this machine is yet to be set.
        let kind = if certificate == "early.pem" { FaultKind::Passing } else { FaultKind::Misconfigured };
        assert_eq!(fault.kind, kind, "{certificate}: {}", fault.text);
        assert!(
            fault.text.starts_with(&format!("the certificate of {url} ")),
            "{certificate}: {}",
            fault.text
        );
        assert!(fault.text.contains(words), "{certificate}: {}", fault.text);
        assert!(!fault.text.contains(char::is_control), "{certificate}: {:?}", fault.text);
    }

    assert_eq!(failure(&format!("https://{}", tls_server("good.pem", false))).await, Ok(()));
}

#[tokio::test]
async fn a_client_error_names_the_remedy() {
    let url = Url::parse("https://127.0.0.1/").unwrap();
    let fault = fault(&SendError::Client(ClientError::NoRoots), &url, Peer::Api).await;
    assert!(fault.text.contains("install the package ca-certificates"), "{}", fault.text);
}

#[tokio::test]
async fn an_untrusted_authority_names_the_remedy() {
    let url = Url::parse(&format!("https://{}", tls_server("good.pem", false))).unwrap();
    // Trusts no authority that signed this certificate.
    let client = client(&ClientOptions::new(&url, Some(&pem("authority.pem")))).unwrap();
    let error = get(&client, &url).await.unwrap_err();
    for (peer, cure) in
        [(Peer::Api, "`ca_file`"), (Peer::Receiver, "`ca_file`"), (Peer::Monitor, "SSL_CERT_FILE")]
    {
        let fault = fault(&error, &url, peer).await;
        assert!(fault.kind == FaultKind::Misconfigured && fault.text.contains(cure), "{}", fault.text);
        assert!(fault.text.contains("issued by an authority that is not trusted"), "{}", fault.text);
    }
}

#[tokio::test]
async fn a_required_client_certificate_is_reported() {
    let fault = failure(&format!("https://{}", tls_server("good.pem", true))).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Misconfigured && fault.text.contains("wants a client certificate"),
        "{}",
        fault.text
    );
}

fn identity(certificate: &str) -> Identity {
    let key = std::fs::read_to_string(pem("key.pem")).unwrap();
    Identity::new(&key.into(), "file KEY", Some(&pem(certificate))).unwrap()
}

#[tokio::test]
async fn a_receiver_that_wants_a_certificate_names_the_remedy() {
    let url = Url::parse(&format!("https://{}", tls_server("good.pem", true))).unwrap();
    let client = client(&ClientOptions::new(&url, Some(&pem("ca.pem")))).unwrap();
    let error = get(&client, &url).await.unwrap_err();

    for (peer, remedy) in
        [(Peer::Receiver, "name one as `client_cert` of the sink"), (Peer::Monitor, "only show to webhooks")]
    {
        let fault = fault(&error, &url, peer).await;
        assert!(fault.text.contains(remedy), "{}", fault.text);
    }
}

#[tokio::test]
async fn each_connection_shows_the_client_certificate() {
    let server = || Url::parse(&format!("https://{}", tls_server("good.pem", true))).unwrap();
    let options =
        ClientOptions::new(&server(), Some(&pem("ca.pem"))).identified_by(Some(identity("client.pem")));
    let recipe = Recipe::new(&options, System).unwrap();

    // As a client builds one for each further connection.
    for _ in 0..3 {
        let answer = recipe.build(false).unwrap().get(server()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    assert!(!format!("{options:?}").contains("BEGIN"), "{options:?}");
}

#[tokio::test]
async fn a_refused_client_certificate_is_reported() {
    let url = Url::parse(&format!("https://{}", tls_server("good.pem", true))).unwrap();
    let options = ClientOptions::new(&url, Some(&pem("ca.pem"))).identified_by(Some(identity("expired.pem")));
    let client = client(&options).unwrap();

    let error = get(&client, &url).await.unwrap_err();
    let fault = client.fault(&error, &url, Peer::CertifiedReceiver).await;

    let words = format!("{} refuses the client certificate (alert CertificateExpired)", address(&url));
    assert!(fault.kind == FaultKind::Misconfigured && fault.text.starts_with(&words), "{}", fault.text);
}

#[tokio::test]
async fn a_configured_proxy_is_named_in_place_of_the_environment() {
    let (hop, url, _asked) = proxy("HTTP/1.1 403 Forbidden\r\n\r\n");
    let hop = Hop { is_configured: true, ..hop };

    assert!(refusal(&hop, &url, Some(403)).text.ends_with("set `proxy` to \"none\""));
    assert!(refusal(&hop, &url, Some(407)).text.contains("that the configuration has for it"));
}

#[tokio::test]
async fn a_wrong_protocol_is_named() {
    let server = plain_server(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let url = format!("https://{server}");
    assert_eq!(
        failure(&url).await,
        Err(Fault::wrong_protocol(format!("cannot connect to {url}: it does not speak TLS")))
    );

    let alert = b"\x15\x03\x03\x00\x02\x02\x16".to_vec();
    for answer in [alert, b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()] {
        let url = format!("http://{}", plain_server(answer));
        assert_eq!(
            failure(&url).await,
            Err(Fault::wrong_protocol(format!("cannot connect to {url}: it does not speak plain HTTP")))
        );
    }
}

#[tokio::test]
async fn a_wrong_protocol_behind_a_proxy_is_not_the_servers() {
    let matcher = Matcher::builder().all("http://user:canary@proxy.example:3128").build();
    let proxy = matcher.intercept(&"https://api.example".parse().unwrap()).unwrap();
    let proxy = Hop { proxy, is_configured: false };
    let server = plain_server(b"HTTP/1.1 503 Service Unavailable\r\n\r\n".to_vec());
    let url = Url::parse(&format!("https://{server}")).unwrap();
    let client = client(&ClientOptions::new(&url, None)).unwrap();
    let SendError::Failed(error) = get(&client, &url).await.unwrap_err() else {
        panic!("no exchange failed")
    };

    let fault = of_exchange(&error, &url, Some(proxy), Peer::Api).await.behind_proxy();

    let text = format!(
        "cannot connect to https://{server} through the proxy http://proxy.example:3128: it does not speak TLS"
    );
    assert_eq!(fault, Fault { text, kind: FaultKind::Intercepted });
}

#[tokio::test]
async fn a_malformed_answer_is_no_wrong_protocol() {
    let url = format!("http://{}", plain_server(b"HTTP/1.1 200 OK\r\nno field\r\n\r\n".to_vec()));
    let fault = failure(&url).await.unwrap_err();
    assert!(fault.kind == FaultKind::Passing, "{}", fault.text);
    assert!(fault.text.starts_with(&format!("the answer of {url} is not valid HTTP (")), "{}", fault.text);
}

#[tokio::test]
async fn an_outage_is_no_misconfiguration() {
    let (_, address) = listen();
    for url in [format!("https://{address}"), format!("http://{address}")] {
        assert_eq!(
            failure(&url).await,
            Err(Fault::passing(format!("cannot connect to {url}: connection refused")))
        );
    }
    let url = format!("http://{}", plain_server(Vec::new()));
    assert_eq!(
        failure(&url).await,
        Err(Fault::passing(format!("{url} closed the connection without an answer")))
    );
}

#[tokio::test]
async fn an_unknown_host_is_named() {
    let fault = failure("https://nosuch.invalid/canary?canary").await.unwrap_err();
    let text = "cannot connect to https://nosuch.invalid: the host name cannot be resolved (";
    assert!(fault.kind == FaultKind::Passing && fault.text.starts_with(text), "{}", fault.text);
    assert!(!fault.text.contains("canary"), "{}", fault.text);
}

#[tokio::test]
async fn time_limits_are_named_with_the_address() {
    let url = Url::parse("https://canary:canary@127.0.0.1:8443/canary").unwrap();
    let limit = Duration::from_secs(10);
    for (error, text) in [
        (SendError::Timeout(limit), "no answer from https://127.0.0.1:8443 within 10s"),
        (SendError::ConnectTimeout(limit), "cannot connect to https://127.0.0.1:8443 within 10s"),
        (SendError::ConnectionLost, "the connection to https://127.0.0.1:8443 was lost"),
    ] {
        assert_eq!(fault(&error, &url, Peer::Api).await, Fault::passing(text.to_owned()));
    }
}

#[tokio::test]
async fn too_many_header_fields_are_named() {
    let fields = "x-h: v\r\n".repeat(150);
    let server = plain_server(format!("HTTP/1.1 200 OK\r\n{fields}\r\n").into_bytes());
    let fault = failure(&format!("http://{server}")).await.unwrap_err();
    assert!(
        fault.kind == FaultKind::Passing && fault.text.contains("more than 100 header fields"),
        "{}",
        fault.text
    );
}

#[test]
fn answers_that_want_tls() {
    for answer in [
        "<title>400 The plain HTTP request was sent to HTTPS port</title>",
        "Client sent an HTTP request to an HTTPS server.\n",
        "Reason: You're speaking plain HTTP to an SSL-enabled server port.",
    ] {
        let found = |url: &str| fault_of_answer(answer, &Url::parse(url).unwrap());
        let text = "cannot connect to http://127.0.0.1:8443: it does not speak plain HTTP";
        assert_eq!(found("http://127.0.0.1:8443/canary"), Some(Fault::wrong_protocol(text.to_owned())));
        assert_eq!(found("https://127.0.0.1:8443"), None);
    }
    assert_eq!(fault_of_answer("no such job", &Url::parse("http://127.0.0.1").unwrap()), None);
}

#[test]
fn a_file_of_certificates_says_which_one_is_bad() {
    let directory = tempfile::tempdir().unwrap();
    let good = std::fs::read_to_string(pem("ca.pem")).unwrap();
    let read = |text: String| {
        let path = directory.path().join("ca\n.pem");
        std::fs::write(&path, text).unwrap();
        client(&ClientOptions::new(&Url::parse("https://127.0.0.1:1").unwrap(), Some(&path)))
    };

    for usable in
        [good.clone(), format!("\u{feff}{good}"), good.replace('\n', "\r\n"), format!("a note\n{good}")]
    {
        assert!(read(usable).is_ok());
    }
    let bad = "-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n";
    for (text, number) in
        [(format!("{good}{bad}"), 2), (format!("{good}{good}{bad}"), 3), (bad.to_owned(), 1)]
    {
        let error = read(text).unwrap_err();
        assert!(
            matches!(error, ClientError::BadCertificate { number: found, .. } if found == number),
            "{error}"
        );
        assert!(!error.to_string().contains('\n'), "{error}");
    }

    let cut = good.replace("END", "ND");
    let error = read(cut).unwrap_err().to_string();

    assert!(error.ends_with("its line with END is missing"), "{error}");
}

/// A proxy that refuses, and what it was asked.
fn proxy(answer: &'static str) -> (Hop, Url, thread::JoinHandle<String>) {
    let (listener, address) = listen();
    let asked = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut asked = [0; 4096];
        let length = socket.read(&mut asked).unwrap();
        socket.write_all(answer.as_bytes()).unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let matcher = Matcher::builder().all(format!("http://user:canary@{address}")).build();
    let url = Url::parse("https://api.example/restore-jobs/canary?canary").unwrap();
    let proxy = matcher.intercept(&url.as_str().parse().unwrap()).unwrap();
    (Hop { proxy, is_configured: false }, url, asked)
}

#[tokio::test]
async fn a_proxy_that_refuses_is_asked_for_its_status() {
    for (answer, status, misconfigured) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", Some(403), true),
        ("HTTP/1.0 407 No\r\n\r\n", Some(407), true),
        ("HTTP/1.1 503 Later\r\n\r\n", Some(503), false),
        ("HTTP/1.1 200 Connection established\r\n\r\n", Some(200), false),
        ("SSH-2.0-OpenSSH_9.2\r\n", None, false),
        ("HTTP/1.1 \u{1b}[2J\r\n", None, false),
    ] {
        let (proxy, url, asked) = proxy(answer);
        let found = ask_again(&proxy, &url).await;
        assert_eq!(found, status, "{answer}");
        let asked = asked.join().unwrap();
        assert!(
            asked.starts_with("CONNECT api.example:443 HTTP/1.1\r\nHost: api.example:443\r\n"),
            "{asked}"
        );
        assert!(asked.contains("Proxy-Authorization: Basic "), "{asked}");

        let fault = refusal(&proxy, &url, found);
        assert_eq!(fault.kind == FaultKind::Misconfigured, misconfigured, "{answer}: {}", fault.text);
        assert!(fault.text.contains("the proxy http://127.0.0.1:"), "{}", fault.text);
        assert!(!fault.text.contains("canary"), "{}", fault.text);
        if let Some(status) = status.filter(|status| *status >= 300) {
            assert!(fault.text.contains(&format!("(HTTP {status})")), "{}", fault.text);
        }
    }
}

/// The library has no type for these that could be named.
#[tokio::test]
async fn the_words_by_which_refusals_of_proxies_are_known() {
    for (answer, words) in [
        ("HTTP/1.1 407 No\r\n\r\n", UNAUTHORIZED),
        ("HTTP/1.1 403 No\r\n\r\n", UNSUCCESSFUL),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", UNSUCCESSFUL),
    ] {
        let proxy = reqwest::Proxy::all(format!("http://{}", plain_server(answer.into()))).unwrap();
        let client = reqwest::Client::builder().proxy(proxy).tls_certs_only([]).build().unwrap();
        let error = client.get("https://api.example/").send().await.unwrap_err();
        assert!(causes(&error).any(|cause| cause.to_string() == words), "{answer}: {error:?}");
    }
}
