//! `format = "template"` of a running daemon.

use restore_watch::simulate::Reply;
use serde_json::Value;

use crate::Daemon;
use crate::support::state::kept;
use crate::support::{done, play, receive};

#[test]
fn a_secret_of_a_body_is_sent_and_never_kept() {
    let plane = play(&done(&[("rj-1", "failed")]));
    let receiver = receive([Reply::status(500).body("no canary-token-of-a-body")]);
    let mut daemon = Daemon::new("")
        .project("one", &plane, &["rj-1"])
        .with(&format!(
            "[[sink]]\ntype = \"webhook\"\nname = \"push\"\nurl = \"{}\"\nformat = \"template\"\n\
             retry_schedule = [\"50ms\"]\nsecrets = {{ token = {{ env = \"PUSH\" }} }}\n\
             [sink.payload]\nmessage = \"{{{{ summary }}}}\"\ntoken = \"{{{{ secret.token }}}}\"\n",
            receiver.url()
        ))
        .run(&[])
        .env("PUSH", "canary-token-of-a-body")
        .env("RUST_LOG", "debug")
        .start();
    daemon.until("a second attempt", |_| receiver.count() == 2);
    daemon.signal("TERM");
    daemon.until("the end of the log", |daemon| daemon.stderr().contains("HTTP 500"));

    let posts = receiver.received();
    assert_eq!(posts[0].body, posts[1].body);
    let body: Value = serde_json::from_slice(&posts[0].body).expect("JSON");
    assert_eq!(body["token"], "canary-token-of-a-body");
    assert!(body["message"].as_str().expect("a text").contains("rj-1"), "{body}");

    for (name, bytes) in kept(&daemon.folder().path().join("state/state.db")) {
        assert!(!bytes.windows(6).any(|window| window == b"canary"), "{name}");
    }
    assert!(!daemon.stderr().contains("canary"), "{}", daemon.stderr());
    daemon.finish().expect(0);
}
