//! How webhooks reach their receiver: client certificates, and a proxy for each sink.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use restore_watch::simulate::Simulator;

use crate::Daemon;
use crate::support::{TlsPlane, TlsReceiver, Watch, certificate, done, play, receive};

const PASSWORD: &str = "canary-of-a-proxy";

fn plane() -> Simulator {
    play(&done(&[("rj-1", "completed")]))
}

/// A daemon with one webhook to `url`.
fn daemon(plane: &Simulator, url: &str, further: &str) -> Watch {
    let sink = format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{url}\"\n{further}\n");
    Daemon::new("").project("one", plane, &["rj-1"]).with(&sink).run(&[])
}

fn trusting() -> String {
    format!("ca_file = \"{}\"\n", TlsPlane::authority().display())
}

#[test]
fn client_certificate_is_shown_to_a_receiver_that_wants_one() {
    let (plane, receiver) = (plane(), TlsReceiver::for_certified_clients());
    let [cert, key] = ["client.pem", "key.pem"].map(|name| certificate(name).display().to_string());
    let shown = trusting() + &format!("client_cert = {{ cert = \"{cert}\", key = \"{key}\" }}");

    let mut without = daemon(&plane, &receiver.url(), &trusting()).start();
    without.until_logged("wants a client certificate: name one as `client_cert` of the sink");
    assert_eq!(receiver.count(), 0);
    let mut with = daemon(&plane, &receiver.url(), &shown).start();

    // Each request takes a connection of its own.
    with.until("both deliveries", |_| receiver.count() == 2);
}

#[test]
fn unusable_client_certificate_is_78_and_names_the_file() {
    let plane = plane();
    let [cert, other] = ["client.pem", "other-key.pem"].map(|name| certificate(name).display().to_string());
    for (further, said) in [
        (
            format!("client_cert = {{ cert = \"{cert}\", key = \"{other}\" }}"),
            "its key is not that of the certificate",
        ),
        (format!("client_cert = \"{cert}\""), "it holds no PEM private key"),
        (format!("client_cert = \"{other}\""), "it holds no PEM certificate"),
        (format!("client_cert = {{ cert = \"{cert}\", key = {{ env = \"NONE\" }} }}"), "NONE is not set"),
    ] {
        let done = daemon(&plane, "https://hooks.invalid/", &further).run().expect(78).logged("sink ops: ");
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
    }
}

#[test]
fn configured_proxy_replaces_that_of_the_environment() {
    let (plane, named, of_environment) = (plane(), receive([]), receive([]));
    // A name that never resolves (RFC 6761, section 6.4).
    let started = |proxy: &str, value: &str| {
        let further = format!("allow_http = true\nproxy = {proxy}");
        let daemon = daemon(&plane, "http://hooks.invalid/", &further);
        daemon.env("http_proxy", &of_environment.url()).env("PROXY", value).start()
    };

    let with_password = named.url().replace("://", &format!("://user:{PASSWORD}@"));
    let mut through = started("{ env = \"PROXY\" }", &with_password);
    through.until("both deliveries", |_| named.count() == 2);
    let mut direct = started("\"none\"", "");
    direct.until_logged("cannot connect to http://hooks.invalid: ");

    assert!(named.received()[0].header("proxy-authorization").is_some());
    assert_eq!(of_environment.count(), 0);
    assert!(!through.stderr().contains("canary"), "{}", through.stderr());
}

#[test]
fn https_goes_through_the_tunnel_of_a_proxy() {
    for protocol in ["http", "socks5", "socks5h"] {
        let (plane, receiver) = (plane(), TlsReceiver::for_all());
        let (proxy, tunnels) = tunneling(protocol, receiver.address());
        let further = trusting() + &format!("proxy = \"{protocol}://{proxy}\"");

        let mut daemon = daemon(&plane, &receiver.url(), &further).start();

        daemon.until("both deliveries", |_| receiver.count() == 2);
        assert!(tunnels.load(Ordering::SeqCst) > 0, "{protocol}");
    }
}

#[test]
fn refusal_of_a_configured_proxy_names_it_without_its_password() {
    let plane = plane();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            drop(socket.read(&mut [0; 4096]));
            drop(socket.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
        }
    });

    let daemon = daemon(&plane, "https://hooks.invalid/", "proxy = { env = \"PROXY\" }");
    let mut daemon = daemon.env("PROXY", &format!("http://user:{PASSWORD}@{address}")).start();

    daemon.until_logged(&format!(
        "the proxy http://{address} does not connect to hooks.invalid (HTTP 403): allow it there, or set `proxy` to \"none\""
    ));
    assert!(!daemon.stderr().contains("canary"), "{}", daemon.stderr());
}

/// A proxy whose tunnels all lead to `target`, and how many it made.
fn tunneling(protocol: &str, target: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let tunnels = Arc::new(AtomicUsize::new(0));
    let (count, is_socks) = (Arc::clone(&tunnels), protocol.starts_with("socks"));
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                let greeting: &[&[u8]] = if is_socks {
                    // No authentication, then connected (RFC 1928).
                    &[&[5, 0], &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]]
                } else {
                    &[b"HTTP/1.1 200 Connection established\r\n\r\n"]
                };
                for answer in greeting {
                    drop(socket.read(&mut [0; 4096]));
                    drop(socket.write_all(answer));
                }
                let far = TcpStream::connect(target).expect("the receiver");
                let (near, back) =
                    (socket.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
                thread::spawn(move || pass(&back, &near));
                pass(&socket, &far);
            });
        }
    });
    (address, tunnels)
}

/// Passes on what comes, until there is no more.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    drop(std::io::copy(&mut from, &mut to));
    drop(to.shutdown(Shutdown::Write));
}
