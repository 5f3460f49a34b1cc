//! Webhooks that may not go to private addresses.

use restore_watch::simulate::{Receiver, Simulator};

use crate::Daemon;
use crate::support::{Watch, done, play, receive};

#[test]
fn name_of_a_private_address_is_logged_and_not_reached() {
    let (plane, receiver) = (plane(), receive([]));
    let url = format!("\"http://localhost:{}/canary\"", port(&receiver));
    let mut daemon = daemon(&plane, &url, "block_private = true").start();
    daemon.until_logged(": localhost leads to the private address ");
    daemon.until_logged(", and block_private is set");
    assert!(!daemon.stderr().contains("canary"), "{}", daemon.stderr());
    assert_eq!(receiver.count(), 0);
}

#[test]
fn private_address_in_a_variable_is_refused_too() {
    let (plane, receiver) = (plane(), receive([]));
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433"] {
        let url = format!("http://{host}:{}/canary", port(&receiver));
        let daemon = daemon(&plane, "{ env = \"OPS\" }", "block_private = true\nallow_http = true");
        let done = daemon
            .env("OPS", &url)
            .run()
            .expect(78)
            .logged("sink ops: the URL leads to the private address ");
        assert!(!done.stderr.contains("canary"), "{}", done.stderr);
    }

    assert_eq!(receiver.count(), 0);
}

/// A proxy would look the name up again, and may lead anywhere.
#[test]
fn proxy_is_used_only_if_private_addresses_are_allowed() {
    let (plane, proxy) = (plane(), receive([]));
    // A name that never resolves (RFC 6761, section 6.4).
    let url = "\"http://hooks.invalid/\"";
    let started = |further| daemon(&plane, url, further).env("http_proxy", &proxy.url()).start();
    let mut blocking = started("allow_http = true\nblock_private = true");
    blocking.until_logged("cannot connect to http://hooks.invalid: ");
    assert_eq!(proxy.count(), 0);
    let mut lenient = started("allow_http = true");
    lenient.until("a request through the proxy", |_| proxy.count() > 0);
}

fn plane() -> Simulator {
    play(&done(&[("rj-1", "completed")]))
}

/// A daemon with one webhook, `url` being the value of that key.
fn daemon(plane: &Simulator, url: &str, further: &str) -> Watch {
    let sink = format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = {url}\n{further}\n");
    Daemon::new("").project("one", plane, &["rj-1"]).with(&sink).run(&[])
}

fn port(receiver: &Receiver) -> u16 {
    receiver.address().port()
}
