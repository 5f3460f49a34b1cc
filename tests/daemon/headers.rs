//! Headers of webhooks: they reach the receiver, and no secret among them reaches anything else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use restore_watch::simulate::{Received, Receiver, Reply};

use crate::support::state::kept;
use crate::support::{Folder, Watch, done, play, receive};
use crate::{Daemon, ask};

const TOKEN: &str = "canary-of-a-token-7Kd2";

/// A receiver that takes requests with this value of `Authorization`, and repeats what others have.
fn guarded(authorization: &str) -> (Receiver, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let receiver = receive([]);
    receiver.decide({
        let (taken, authorization) = (Arc::clone(&taken), authorization.to_owned());
        move |received: &Received| {
            let found = received.header("authorization").unwrap_or_default();
            if found == authorization {
                taken.fetch_add(1, Ordering::SeqCst);
                return Reply::status(204);
            }
            let echo = found.rsplit(' ').next().unwrap_or_default();
            Reply::status(401).body(format!("no such token: {found} ({echo}), {:?}", received.headers))
        }
    });
    (receiver, taken)
}

fn sink(receiver: &Receiver, further: &str) -> String {
    let url = receiver.url();
    format!("[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{url}\"\n{further}\n")
}

#[test]
fn headers_of_each_kind_reach_the_receiver() {
    let basic = "Basic b3BzOmNhbmFyeS1vZi1hLXRva2VuLTdLZDI=";
    for (further, sent) in [
        ("bearer = { env = \"TOKEN\" }", format!("Bearer {TOKEN}")),
        ("basic = { user = \"ops\", password = { env = \"TOKEN\" } }", basic.to_owned()),
        ("headers = { X-Team = \"search\", Authorization = { env = \"TOKEN\" } }", TOKEN.to_owned()),
    ] {
        let plane = play(&done(&[("rj-1", "completed")]));
        let (receiver, taken) = guarded(&sent);
        let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink(&receiver, further));

        let done =
            daemon.run(&["--exit-when-done"]).env("TOKEN", TOKEN).env("RUST_LOG", "trace").run().expect(0);

        assert_eq!(taken.load(Ordering::SeqCst), 2, "{further}: {}", done.stderr);
        assert!(!done.stderr.contains("canary"), "{}", done.stderr);
        let posts = receiver.received();
        let team = posts[0].header("x-team");
        assert_eq!(team, further.contains("X-Team").then_some("search"));
        assert_eq!(posts[0].header("content-type"), Some("application/json"));
    }
}

#[test]
fn rotated_token_is_used_at_once_after_a_reload() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let (receiver, taken) = guarded(&format!("Bearer {TOKEN}"));
    let further = "bearer = { file = \"token\" }\nretry_schedule = [\"1h\"]";
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]).with(&sink(&receiver, further));
    daemon.folder.write("token", "canary-of-an-old-token");
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("HTTP 401: no such token: ");

    for arguments in [
        &["status"][..],
        &["status", "--output", "json"],
        &["deliveries", "--output", "json"],
        &["notify-test", "--output", "json"],
    ] {
        let done = ask(&daemon, arguments);
        assert!(!(done.stdout + &done.stderr).contains("canary"), "{arguments:?}");
    }
    daemon.folder().write("token", format!("{TOKEN}\n"));
    ask(&daemon, &["reload"]).expect(0);
    daemon.until("the delivery", |_| taken.load(Ordering::SeqCst) > 0);

    assert!(!daemon.stderr().contains("canary"), "{}", daemon.stderr());
    for (name, bytes) in kept(&daemon.folder().path().join("state/state.db")) {
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name}");
    }
}

#[test]
fn check_shows_headers_and_no_secret_and_notify_test_sends_them() {
    let (receiver, taken) = guarded(&format!("Bearer {TOKEN}"));
    let folder = Folder::new();
    let further = "bearer = { env = \"TOKEN\" }\nheaders = { X-Team = \"search\", X-Api-Key = { file = \"key\" } }\n\
                   proxy = \"none\"";
    let config = folder.write("config.toml", format!("jobs = [\"a\"]\n{}", sink(&receiver, further)));
    folder.write("key", "canary-of-a-key");
    let run = |arguments: &[&str]| {
        Watch::new([arguments, &["--config", &config]].concat())
            .env("TOKEN", TOKEN)
            .env("PINECONE_API_KEY", "pcsk_canary")
            .run()
    };

    let checked = run(&["check", "--secrets"]).expect(0);
    let tested = run(&["notify-test", "ops"]).expect(0);

    for line in [
        "  header    X-Team: search\n",
        &format!("  header    X-Api-Key from file {}/key\n", folder.path().display()),
        "  header    Authorization, the bearer token from environment variable TOKEN\n",
        "  proxy     none\n",
        "  ok      sink ops: bearer token from environment variable TOKEN\n",
        &format!("  ok      sink ops: header from file {}/key\n", folder.path().display()),
    ] {
        assert!(checked.stdout.contains(line), "{line}: {}", checked.stdout);
    }
    assert_eq!(taken.load(Ordering::SeqCst), 1);
    for text in [checked.stdout, checked.stderr, tested.stdout, tested.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }

    folder.write("key", "canary\nX-Other: canary");
    let bad = run(&["check", "--secrets"]).expect(78).logged("the header X-Api-Key from file ");
    assert!(bad.stderr.contains("has a line break in it"), "{}", bad.stderr);
    assert!(!bad.stderr.contains("canary"), "{}", bad.stderr);
}
