//! The API key appears in no output, at any log level and whatever the server does.
//!
//! Every process of these tests is checked for it, by [`Done`](crate::support::Done).

use crate::support::{KEY, Watch, play, receive};

#[test]
fn key_is_not_printed_by_a_good_wait() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"500ms\"");
    let receiver = receive([]);
    at_trace(&plane, &["rj-1", "--webhook", &receiver.url()], 0);
}

#[test]
fn key_repeated_by_the_server_is_masked() {
    let bodies = [
        ("text", format!("the key {KEY} is unknown")),
        (
            "json",
            format!(
                "{{\"error\":{{\"code\":\"UNAUTHENTICATED\",\"message\":\"bad key {KEY}\"}},\"status\":401}}"
            ),
        ),
        ("message", format!("{{\"message\":\"{KEY}\"}}")),
        ("html", format!("<html>{KEY}</html>")),
    ];
    for status in [401, 403, 404, 400, 503] {
        for (kind, body) in &bodies {
            let plane = play(&format!(
                "[[job]]\nid = \"rj-1\"\n\
                 [[fault]]\nkind = \"status\"\nstatus = {status}\nbody = \"{kind}\"\nbody_text = '{body}'"
            ));
            let graces = ["--unreachable-after", "0", "--not-found-grace", "0", "--unauthorized-grace", "0"];
            let limits = [&["rj-1", "--output", "json"], &graces[..]].concat();
            let code = match status {
                401 | 403 => 4,
                400 | 404 => 3,
                _ => 5,
            };
            let done = Watch::wait(&plane, &limits).env("RUST_LOG", "trace").run().expect(code);
            assert_eq!(
                done.stdout.contains("***"),
                *kind != "html",
                "the message is printed: {}",
                done.stdout
            );
        }
    }
}

#[test]
fn key_repeated_in_an_escaped_form_is_masked() {
    let escaped = KEY.replace('_', "\\u005f");
    let plane = play(&format!(
        "[[job]]\nid = \"rj-1\"\n\
         [[fault]]\nkind = \"status\"\nstatus = 401\nbody_text = '{{\"message\":\"bad key {escaped}\"}}'"
    ));
    Watch::wait(&plane, &["rj-1"]).run().expect(4).logged("bad key ***");
}

#[test]
fn key_in_a_redirect_is_masked() {
    let plane = play(&format!(
        "[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"redirect\"\nlocation = \"http://127.0.0.1:9/?key={KEY}\""
    ));
    at_trace(&plane, &["rj-1", "--unreachable-after", "0"], 5);
}

#[test]
fn unusable_key_is_not_printed() {
    for fault in ["\n", " and more", "é", "\u{7f}"] {
        let key = format!("{KEY}{fault}{KEY}");
        let done = Watch::new(["wait", "rj-1"]).env("PINECONE_API_KEY", &key).env("RUST_LOG", "trace").run();
        done.expect(78).logged("the API key from environment variable PINECONE_API_KEY has ");
    }
}

#[test]
fn key_in_the_wrong_place_is_not_printed() {
    let host = format!("https://{KEY}@127.0.0.1:9");
    Watch::new(["wait", "rj-1"])
        .env("PINECONE_API_KEY", KEY)
        .env("PINECONE_CONTROLLER_HOST", &host)
        .run()
        .expect(78)
        .logged("PINECONE_CONTROLLER_HOST: the URL carries a user name or password");
}

/// Waits with the log level `trace`.
fn at_trace(plane: &restore_watch::simulate::Simulator, arguments: &[&str], code: i32) {
    let done = Watch::wait(plane, arguments).env("RUST_LOG", "trace").run().expect(code);
    assert!(done.stderr.contains("TRACE"), "{}", done.stderr);
}
