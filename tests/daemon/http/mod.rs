//! The HTTP listener: where it listens, whom it answers, and how it is bounded.

mod token;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;

use restore_watch::simulate::Simulator;

use crate::support::state::is_about_files;
use crate::support::{PATIENCE, Running, Watch, json_lines, play};
use crate::{Daemon, ask};

const TOKEN: &str = "canary-of-the-http-token";

/// Settings of a daemon that listens.
const LISTENS: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";

/// The same, with the token in a file.
const HAS_TOKEN: &str = "[http]\nlisten = \"127.0.0.1:0\"\ntoken = { file = \"token\" }\n";

/// A control plane with one restore that lasts.
fn plane() -> Simulator {
    play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n")
}

/// A daemon with these settings, and where it listens.
fn listening(plane: &Simulator, settings: &str) -> (Running, String) {
    let daemon = Daemon::new(settings);
    daemon.folder.write("token", TOKEN);
    let mut daemon = daemon.project("one", plane, &["rj-1"]).run(&[]).start();
    let address = address(&mut daemon);
    (daemon, address)
}

/// Where a daemon listens for HTTP, once it does.
pub(crate) fn address(daemon: &mut Running) -> String {
    const BEFORE: &str = "listening on http://";

    daemon.until_logged(BEFORE);
    daemon.until("the whole line", |daemon| {
        daemon.stderr().split_once(BEFORE).is_some_and(|(_, rest)| rest.contains('\n'))
    });
    let log = daemon.stderr();
    let (_, rest) = log.split_once(BEFORE).expect("the line");
    let end = rest.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ':')).expect("its end");
    rest[..end].to_owned()
}

/// The status and the text of the answer to a GET.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n"))
}

/// The status and the text of the answer to a request with this head.
fn request(address: &str, head: &str) -> (u16, String) {
    parsed(&exchange(connect(address), head))
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    stream
}

/// What is received for a request, the whole answer.
fn exchange(mut stream: impl Read + Write, head: &str) -> String {
    write!(stream, "{head}Connection: close\r\n\r\n").expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

fn parsed(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let (_, text) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    (status.unwrap_or_else(|| panic!("no status: {answer}")), text.to_owned())
}

#[test]
fn foreign_hosts_and_methods_are_refused() {
    let plane = plane();
    let (_daemon, address) = listening(&plane, &format!("{LISTENS}hosts = [\"monitor.example\"]\n"));
    let port = address.rsplit_once(':').expect("a port").1;

    for host in [&address, &format!("localhost:{port}"), "monitor.example"] {
        assert_eq!(request(&address, &format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n")).0, 200, "{host}");
    }
    let (status, text) = request(&address, "GET /livez HTTP/1.1\r\nHost: evil.example\r\n");
    assert_eq!(status, 403);
    assert!(text.contains("[http] hosts = [\"evil.example\"]"), "{text}");

    for method in ["POST", "DELETE", "OPTIONS"] {
        let head = format!("{method} /v1/status HTTP/1.1\r\nHost: {address}\r\nContent-Length: 999999\r\n");
        let answer = exchange(connect(&address), &head);
        assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("allow: GET, HEAD\r\n"), "{answer}");
    }
    let answer = exchange(connect(&address), &format!("HEAD /livez HTTP/1.1\r\nHost: {address}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert!(answer.contains("content-security-policy: default-src 'none'\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("\r\nserver:"), "{answer}");
}

/// What is wrong with a configuration names files, which other machines are not to learn.
#[test]
fn no_place_of_a_file_is_shown_after_a_failed_reload() {
    let plane = plane();
    let (daemon, address) = listening(&plane, LISTENS);
    let folder = daemon.folder().path().to_string_lossy().into_owned();

    let missing = format!("{folder}/missing");
    for (fault, logged) in [
        ("jbos = []\n".to_owned(), "did you mean"),
        (
            format!("[[project]]\nname = \"two\"\njobs = [\"x\"]\napi_key = {{ file = \"{missing}\" }}\n"),
            "cannot read",
        ),
        (format!("{LISTENS}token = {{ file = \"{missing}\" }}\n"), "the token cannot be read"),
        (format!("[heartbeat]\nurl = {{ file = \"{missing}\" }}\n"), "missing"),
    ] {
        Daemon::new(&*fault).project("one", &plane, &["rj-1"]).rewrite(&daemon);
        ask(&daemon, &["reload"]).expect(78).logged(logged);

        for path in ["/", "/v1/status", "/metrics"] {
            let (status, text) = get(&address, path);
            assert_eq!(status, 200, "{path}");
            assert!(!text.contains(&folder), "{path}: {text}");
        }
        let status: serde_json::Value = serde_json::from_str(&get(&address, "/v1/status").1).expect("JSON");
        assert_eq!(status["last_reload"]["error"], "the log of the daemon says why", "{fault}");
        let trouble = "the configuration was not reloaded; the log of the daemon says why";
        assert_eq!(status["troubles"], serde_json::json!([trouble]), "{fault}");
    }
}

#[test]
fn addresses_are_logged_and_the_command_line_wins() {
    let plane = plane();
    let settings = "[http]\nlisten = \"127.0.0.1:1\"\n[[sink]]\ntype = \"log\"\nformat = \"json\"\n";
    let arguments = ["--http", "127.0.0.1:0", "--http", "localhost:0"];
    let mut daemon = Daemon::new(settings).project("one", &plane, &["rj-1"]).run(&arguments).start();
    daemon.until_logged("watching 1 restore");

    let lines = json_lines(&daemon.stderr());
    let addresses: Vec<_> = lines.iter().filter_map(|line| line["address"].as_str()).collect();
    assert_eq!(addresses.len(), 2, "{lines:?}");
    for address in addresses {
        let address = address.strip_prefix("http://").expect("an address");
        assert!(!address.ends_with(":0") && !address.ends_with(":1"), "{address}");
        assert_eq!(get(address, "/livez"), (200, "ok\n".to_owned()));
    }
}

#[test]
fn address_in_use_ends_the_start_with_74() {
    let plane = plane();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");

    let daemon = Daemon::new(format!("[http]\nlisten = \"{address}\"\n")).project("one", &plane, &["rj-1"]);
    let done = daemon.run(&[]).run().expect(74);

    assert!(
        done.stderr.contains(&format!(
            "error: cannot listen on http://{address}: another process listens there\n  help: see which: ss -ltnp"
        )),
        "{}",
        done.stderr
    );
    assert_eq!(plane.count(), 0);
}

#[test]
fn remote_addresses_must_be_allowed() {
    let plane = plane();
    let remote = ["--http", "0.0.0.0:0"];
    let daemon = |text: &str| Daemon::new(text).project("one", &plane, &["rj-1"]);

    daemon("").run(&remote).run().expect(2).logged("set `allow_remote = true` in [http]");
    daemon("[http]\nlisten = \"[::]:0\"\n")
        .run(&[])
        .run()
        .expect(78)
        .logged("which other machines can reach");
    Watch::new(["run", "--http", "9115"]).run().expect(2).logged("write \"127.0.0.1:9115\"");

    let mut open = daemon("[http]\nallow_remote = true\n").run(&remote).start();
    let port = address(&mut open).rsplit_once(':').expect("a port").1.to_owned();
    open.until_logged("every machine that can reach http://0.0.0.0:0 may read what the listener shows");
    // Any address of this machine will do as the Host, but no name.
    assert_eq!(get(&format!("127.0.0.1:{port}"), "/livez").0, 200);
    let named = request(&format!("127.0.0.1:{port}"), "GET /livez HTTP/1.1\r\nHost: evil.example\r\n");
    assert_eq!(named.0, 403);
}

#[test]
fn addresses_are_named_once() {
    let plane = plane();
    let daemon = |text: &str| Daemon::new(text).project("one", &plane, &["rj-1"]);
    let twice = ["--http", "127.0.0.1:1", "--http", "localhost:1"];
    let control = |path: &'static str| ["--socket", path, "--http", "unix:/nowhere/a.sock"];

    daemon("").run(&twice).run().expect(2).logged("--http: http://127.0.0.1:1 is there twice");
    let done = daemon("").run(&control("/nowhere/a.sock")).run().expect(2);
    done.logged("--http: unix:/nowhere/a.sock is the control socket");
    let settings = "[http]\nlisten = \"unix:/nowhere/a.sock\"\n";
    let done = daemon(settings).run(&["--socket", "/nowhere/a.sock"]).run().expect(78);
    done.logged("[http] listen: unix:/nowhere/a.sock is the control socket");
    let done = daemon(settings).run(&[]).run().expect(74);
    done.logged("help: create the directory /nowhere, or");
    assert_eq!(plane.count(), 0);
}

/// Every answer: of pages, files, data, and to requests that are refused.
#[test]
fn every_path_has_the_headers_of_caution() {
    let plane = plane();
    let (_daemon, address) = listening(&plane, HAS_TOKEN);
    let known = format!("Host: {address}\r\nAuthorization: Bearer {TOKEN}\r\n");

    let paths = [
        ("/", 200),
        ("/style.css", 200),
        ("/script.js", 200),
        ("/favicon.svg", 200),
        ("/livez", 200),
        ("/readyz?verbose", 200),
        ("/metrics", 200),
        ("/v1/status", 200),
        ("/v1/history", 200),
        ("/v1/history?limit=x", 400),
        ("/v1/events?after=x", 400),
        ("/v1/durations.svg?project=one", 200),
        ("/v1/durations.svg", 400),
        ("/nothing", 404),
        ("/v1/nothing", 404),
    ];
    let mut asked: Vec<_> =
        paths.iter().map(|(path, status)| (format!("GET {path} HTTP/1.1\r\n{known}"), *status)).collect();
    asked.push((format!("POST / HTTP/1.1\r\n{known}"), 405));
    asked.push((format!("GET / HTTP/1.1\r\nHost: {address}\r\n"), 401));
    asked.push(("GET / HTTP/1.1\r\nHost: evil.example\r\n".to_owned(), 403));
    asked.push(("GET / HTTP/1.1\r\n".to_owned(), 400));

    for (head, status) in asked {
        let answer = exchange(connect(&address), &head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}{answer}");
        for header in [
            "x-content-type-options: nosniff\r\n",
            "referrer-policy: no-referrer\r\n",
            "content-security-policy: default-src 'none'",
            "cross-origin-resource-policy: ",
            "cache-control: ",
        ] {
            assert!(answer.contains(header), "{header}{head}{answer}");
        }
    }
}

#[test]
fn connections_leave_open_files_to_the_daemon() {
    let plane = plane();
    let launcher = ["sh", "-c", "ulimit -n 150; exec \"$0\" \"$@\""];
    let mut daemon = Daemon::new("[http]\nlisten = \"127.0.0.1:0\"\n")
        .project("one", &plane, &["rj-1"])
        .run_through(&launcher, &[])
        .start();
    let address = address(&mut daemon);

    let idle: Vec<_> = (0..250).map(|_| connect(&address)).collect();

    assert_eq!(get(&address, "/livez").0, 200);
    ask(&daemon, &["status", "--check"]).expect(0);
    assert!(!daemon.stderr().contains("was not accepted"), "{}", daemon.stderr());
    drop(idle);
}

#[test]
fn unix_socket_serves_and_is_removed_at_the_end() {
    let plane = plane();
    let daemon = Daemon::new("[http]\nlisten = \"unix:http.sock\"\n").project("one", &plane, &["rj-1"]);
    let path = daemon.folder.path().join("http.sock");
    // A process that was killed left one behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 1 restore");

    let stream = UnixStream::connect(&path).expect("a connection");
    let answer = exchange(stream, "GET /livez HTTP/1.1\r\nHost: anything\r\n");

    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(std::fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o660);
    daemon.signal("TERM");
    daemon.finish().expect(0);
    assert!(!path.exists());
}

#[test]
fn a_clean_stop_leaves_no_log_of_the_state_behind() {
    if is_about_files("the log is a file") {
        return;
    }
    let plane = plane();
    let (mut daemon, address) = listening(&plane, LISTENS);
    assert_eq!(get(&address, "/v1/history").0, 200);
    let log = daemon.folder().path().join("state/state.db-wal");
    assert!(log.exists());
    // An idle connection and a stream of events do not keep it open.
    let idle = connect(&address);
    let mut stream = connect(&address);
    write!(stream, "GET /v1/events HTTP/1.1\r\nHost: {address}\r\n\r\n").expect("it is sent");
    stream.read_exact(&mut [0; 16]).expect("a beginning");

    daemon.signal("TERM");
    assert!(daemon.ends_within(PATIENCE));

    assert!(!log.exists());
    daemon.finish().expect(0);
    drop((idle, stream));
}

#[test]
fn half_open_connections_delay_no_poll() {
    let plane = plane();
    let (mut daemon, address) = listening(&plane, LISTENS);

    let half_open: Vec<_> = (0..400)
        .map(|_| {
            let mut stream = connect(&address);
            drop(stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n"));
            stream
        })
        .collect();

    let polls = plane.count();
    daemon.until("further polls", |_| plane.count() > polls + 20);
    ask(&daemon, &["status", "--check"]).expect(0);
    assert_eq!(get(&address, "/livez"), (200, "ok\n".to_owned()));
    assert!(!daemon.stderr().contains("are refused"), "{}", daemon.stderr());
    drop(half_open);
}
