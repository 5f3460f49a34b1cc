//! Proxies, certificates and schemes that cannot work: reported at once, not as an outage.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::support::{Done, KEY, Watch};

/// Root certificates that do not depend on the system.
const ROOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/adapters/http/failure/pem/ca.pem");

#[test]
fn unusable_proxy_is_78_at_once() {
    for (variable, value, said) in [
        ("HTTPS_PROXY", "http://canary.invalid:1 ", "has a blank"),
        ("https_proxy", "\"http://canary.invalid:1\"", "is in quotes"),
        ("ALL_PROXY", "http://user:canary#1@proxy.invalid:1", "%23"),
        ("all_proxy", "ftp://canary.invalid", "socks5h"),
        ("HTTPS_PROXY", "::::", "is no address of a proxy"),
    ] {
        for arguments in [&["wait", "rj-1"][..], &["list"]] {
            let done = run(arguments, &[(variable, value)]).expect(78);
            let done = done.logged(&format!("the proxy in {variable} cannot be used: the value "));
            assert!(done.stderr.contains(said) && !done.stderr.contains("canary"), "{}", done.stderr);
        }
    }
}

#[test]
fn proxy_for_other_hosts_is_not_used() {
    let broken = "http://canary.invalid:1 ";
    for variables in [
        &[("HTTP_PROXY", broken)][..],
        &[("HTTPS_PROXY", broken), ("NO_PROXY", "api.invalid")],
        &[("HTTPS_PROXY", ""), ("ALL_PROXY", "")],
    ] {
        // The name does not resolve, which is an outage.
        run(&["wait", "rj-1", "--unreachable-after", "0"], variables).expect(5);
    }
}

#[test]
fn proxy_that_wants_credentials_is_78() {
    let address = proxy("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    for (credentials, said) in
        [("", "wants a user name and a password"), ("user:canary@", "refuses the user name")]
    {
        let value = format!("http://{credentials}{address}");
        let done =
            run(&["wait", "rj-1", "--output", "json", "--max-interval", "1s"], &[("HTTPS_PROXY", &value)]);
        let done = done.expect(78);
        let report: serde_json::Value = serde_json::from_str(&done.stdout).expect("a report");
        assert_eq!(report["outcome"], "misconfigured");
        assert_eq!(report["jobs"][0]["outcome"], "misconfigured");
        let done = done.logged(&format!("the proxy http://{address} {said}"));
        let done = done.logged("the API cannot be reached as it is configured");
        assert_eq!(done.stderr.matches("retrying").count(), 1, "once: {}", done.stderr);
        assert!(!done.stderr.contains("canary") && !done.stdout.contains("canary"), "{}", done.stderr);
    }
}

#[test]
fn overloaded_proxy_is_an_outage() {
    let address = proxy("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n");
    let done = run(&["wait", "rj-1", "--unreachable-after", "0"], &[("HTTPS_PROXY", &address)]).expect(5);
    let said = format!("the proxy http://{address} does not connect to api.invalid (HTTP 503)");
    assert!(done.stdout.contains(&said), "{}", done.stdout);
}

#[test]
fn list_that_cannot_be_requested_is_78() {
    let address = proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let done = run(&["list"], &[("HTTPS_PROXY", &address)]).expect(78);
    done.logged("does not connect to api.invalid (HTTP 403): allow it there, or name the host in NO_PROXY");
}

#[test]
fn one_plain_answer_within_a_tunnel_is_no_proof() {
    let address = intercepting_proxy();
    let options = ["wait", "rj-1", "--unreachable-after", "1s", "--max-interval", "200ms"];
    let done = run(&options, &[("HTTPS_PROXY", &format!("http://user:canary@{address}"))]).expect(5);
    let done = done.logged(&format!(
        "cannot connect to https://api.invalid through the proxy http://{address}: it does not speak TLS; retrying"
    ));
    assert!(!done.stderr.contains("canary"), "{}", done.stderr);
}

/// Starts a proxy that makes one tunnel, in which it answers by itself, and is overloaded then.
/// Returns its address.
fn intercepting_proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        let overloaded: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        let connected: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
        let mut answers = vec![connected, overloaded];
        for mut socket in listener.incoming().flatten() {
            for answer in std::mem::replace(&mut answers, vec![overloaded]) {
                drop(socket.read(&mut [0; 4096]));
                drop(socket.write_all(answer));
            }
        }
    });
    address
}

/// Starts a proxy that answers every request with `answer`. Returns its address.
fn proxy(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            drop(socket.read(&mut [0; 4096]));
            drop(socket.write_all(answer.as_bytes()));
        }
    });
    address
}

/// Runs the program against a control plane that is reachable only through a proxy.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Done {
    let watch = Watch::new(arguments)
        .env("PINECONE_CONTROLLER_HOST", "https://api.invalid")
        .env("PINECONE_API_KEY", KEY)
        .env("SSL_CERT_FILE", ROOTS);
    variables.iter().fold(watch, |watch, (name, value)| watch.env(name, value)).run()
}
