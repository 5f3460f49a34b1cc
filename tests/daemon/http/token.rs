//! The token of the HTTP listener.

use std::io::{Read as _, Write as _};

use super::{HAS_TOKEN, TOKEN, connect, get, listening, plane, request};
use crate::{Daemon, ask};

#[test]
fn token_is_needed_and_never_shown() {
    let plane = plane();
    let (mut daemon, address) = listening(&plane, HAS_TOKEN);
    let with = |token: &str| {
        request(
            &address,
            &format!("GET /v1/status HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n"),
        )
    };

    let answers = [get(&address, "/v1/status"), with("wrong"), with(&TOKEN[1..])];
    let shown = [&answers[..], &[with(TOKEN), get(&address, "/livez?verbose")]].concat();
    assert!(answers.iter().all(|(status, _)| *status == 401), "{answers:?}");
    assert_eq!(shown[3].0, 200);
    assert_eq!(get(&address, "/livez").0, 200, "a probe needs none");

    // A new token in the same file is used after a reload, other settings after a restart.
    daemon.folder().write("token", "another-canary-of-the-token");
    ask(&daemon, &["reload"]).expect(0);
    assert_eq!((with(TOKEN).0, with("another-canary-of-the-token").0), (401, 200));
    Daemon::new(HAS_TOKEN.replace("token\" }", "token\" }\nhosts = [\"a\"]"))
        .project("one", &plane, &["rj-1"])
        .rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    daemon.until_logged("the settings of [http] changed: that takes a restart");
    daemon.folder().write("token", "a-third-canary-of-the-token");
    ask(&daemon, &["reload"]).expect(0);
    assert_eq!((with("another-canary-of-the-token").0, with("a-third-canary-of-the-token").0), (401, 200));
    assert!(!daemon.stderr().contains("the source of the token"));

    daemon.folder().write("token", "canary");
    let refused = ask(&daemon, &["reload"]).expect(78).logged("is shorter than 16 characters");
    let status = ask(&daemon, &["status"]).expect(0);
    daemon.signal("TERM");
    let done = daemon.finish().expect(0);
    for text in [done.stderr, refused.stderr, status.stdout, format!("{shown:?}")] {
        assert!(!text.contains("canary"), "{text}");
    }
}

#[test]
fn token_of_another_source_takes_a_restart() {
    let plane = plane();
    let (daemon, address) = listening(&plane, HAS_TOKEN);

    for changed in ["", "token = { file = \"another\" }"] {
        daemon.folder().write("another", "another-canary-of-the-token");
        Daemon::new(HAS_TOKEN.replace("token = { file = \"token\" }", changed))
            .project("one", &plane, &["rj-1"])
            .rewrite(&daemon);
        let reloaded = ask(&daemon, &["reload"]).expect(0);

        let warning = "warning: the source of the token in [http] changed: that takes a restart";
        assert!(reloaded.stdout.contains(warning), "{}", reloaded.stdout);
        assert!(!reloaded.stdout.contains("the settings of [http] changed"), "{}", reloaded.stdout);
        let head = format!("GET /v1/status HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n");
        assert_eq!((request(&address, &head).0, get(&address, "/v1/status").0), (200, 401));
    }
}

#[test]
fn stream_ends_when_its_token_is_replaced() {
    let plane = plane();
    let (daemon, address) = listening(&plane, HAS_TOKEN);
    let mut stream = connect(&address);
    let head = format!("GET /v1/events HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n");
    write!(stream, "{head}Connection: close\r\n\r\n").expect("it is sent");
    stream.read_exact(&mut [0; 9]).expect("an answer");

    ask(&daemon, &["reload"]).expect(0);
    stream.set_nonblocking(true).expect("a socket");
    let mut received = Vec::new();
    let open = stream.read_to_end(&mut received).expect_err("it goes on with the same token");
    assert_eq!(open.kind(), std::io::ErrorKind::WouldBlock);
    daemon.folder().write("token", "another-canary-of-the-token");
    ask(&daemon, &["reload"]).expect(0);

    stream.set_nonblocking(false).expect("a socket");
    stream.read_to_end(&mut received).expect("the end");
}
