//! Answers by which nothing was started: they end the command, but for those that may be asked again.

use std::time::Duration;

use crate::stage::{SOON, Stage};
use crate::support::{KEY, Watch, unused_address};

/// The first request that starts something gets this status, and starts nothing.
fn refusing(status: u16, further: &str) -> Stage {
    Stage::new(&format!(
        "{SOON}[[fault]]\nendpoint = \"create\"\nkind = \"status\"\nfirst = 1\nstatus = {status}\n{further}"
    ))
}

#[test]
fn refused_restore_is_not_asked_for_again() {
    for (status, code, help) in [
        (400, 1, "check --name and --tag"),
        (401, 4, "is the key complete"),
        (402, 1, "pay the invoices"),
        (403, 4, "ControlPlaneEditor"),
        (404, 3, "is the id right"),
        (405, 1, "nothing was started"),
        (412, 1, "--wait-backup waits until"),
        (422, 1, "--dry-run shows the request"),
    ] {
        let stage = refusing(status, "");
        let done = stage.run(&["--", "echo", "ran"]).expect(code);

        let said = format!("error: cannot restore backup b-1 into index docs: HTTP {status}: ");
        let done = done.logged(&said).logged("; nothing was started\n").logged(help);
        assert!(done.stdout.is_empty(), "{}", done.stdout);
        assert_eq!((stage.posts().len(), stage.plane.count()), (1, 1), "{status}");
    }
}

#[test]
fn backup_that_is_missing_or_not_ready_is_refused() {
    for (backups, code, said) in [
        ("[[backup]]\nid = \"b-2\"", 3, "HTTP 404: Backup b-1 not found; nothing was started"),
        ("[[backup]]\nid = \"b-1\"\nready_after = \"1h\"", 1, "HTTP 412: Backup b-1 is not ready"),
    ] {
        let stage = Stage::new(backups);
        stage.run(&[]).expect(code).logged(said);
        assert_eq!(stage.posts().len(), 1);
    }
}

#[test]
fn refusal_of_a_gateway_puts_the_address_in_doubt() {
    let stage = refusing(403, "body = \"html\"");

    stage
        .run(&[])
        .expect(4)
        .logged("an HTML page; nothing was started")
        .logged("the address of the Pinecone API?");

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn redirect_is_not_followed() {
    let stage = Stage::new(
        "[[fault]]\nendpoint = \"create\"\nkind = \"redirect\"\nlocation = \"http://127.0.0.1:9/x\"",
    );

    stage.run(&[]).expect(5).logged("which is not followed; nothing was started");

    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn throttled_request_is_sent_again_after_the_pause() {
    let stage = refusing(429, "retry_after = \"1s\"");

    stage.run(&[]).expect(0).logged("nothing was started yet; retrying in 1.0s");

    let posts = stage.posts();
    assert_eq!(posts.iter().map(|post| post.answered).collect::<Vec<_>>(), [Some(429), Some(202)]);
    assert!(posts[1].at >= posts[0].at + Duration::from_secs(1));
}

#[test]
fn pause_beyond_a_limit_ends_the_command() {
    for (limits, code) in [(["--timeout", "2s"], 124), (["--unreachable-after", "2s"], 5)] {
        let stage = refusing(429, "retry_after = \"1h\"");
        let done = stage.run(&limits).expect(code).logged("in time: HTTP 429");
        assert!(done.took < Duration::from_secs(2), "{:?}", done.took);
        assert_eq!(stage.posts().len(), 1);
    }
}

#[test]
fn server_that_cannot_be_reached_started_nothing() {
    let host = format!("http://{}", unused_address());
    let words = ["restore", "b-1", "--name", "docs", "--unreachable-after", "1s"];

    let done =
        Watch::new(words).env("PINECONE_CONTROLLER_HOST", &host).env("PINECONE_API_KEY", KEY).run().expect(5);

    done.logged("connection refused; nothing was started yet; retrying in ")
        .logged("is a server running at this port?");
}

#[test]
fn wrong_scheme_is_78() {
    let stage = Stage::new(SOON);
    let host = stage.plane.url().replace("http://", "https://");
    let words = ["restore", "b-1", "--name", "docs"];

    let done = Watch::new(words)
        .env("PINECONE_CONTROLLER_HOST", &host)
        .env("PINECONE_API_KEY", KEY)
        .run()
        .expect(78);

    done.logged("nothing was started");
    assert_eq!(stage.plane.count(), 0);
}

#[test]
fn key_repeated_by_the_server_is_masked() {
    for status in [400, 403, 409, 412, 503] {
        let body =
            format!("body = \"message\"\nbody_text = '{{\"message\":\"no {KEY}\"}}'\naccepted = false");
        let stage = refusing(status, &body);
        let limits = ["--not-found-grace", "0", "--timeout", "1s"];
        let done = stage.restore(&limits).env("RUST_LOG", "trace").run();
        assert!(done.stderr.contains("no ***"), "{status}: {}", done.stderr);
    }
}
