//! Bad answers are passing failures: the wait goes on and succeeds.

use crate::support::{Folder, KEY, Watch, fast, play, receive};

/// The keys of a fault for each way in which an answer can be bad.
const BAD: [(&str, &str); 17] = [
    ("empty", "kind = \"empty\""),
    ("truncated", "kind = \"truncated\""),
    ("bad-json", "kind = \"bad_json\""),
    ("html", "kind = \"html\""),
    ("wrong-type", "kind = \"wrong_type\""),
    ("oversized", "kind = \"oversized\""),
    ("other-job", "kind = \"other_job\""),
    ("drop", "kind = \"drop\""),
    ("reset", "kind = \"reset\""),
    ("slow-body", "kind = \"slow_body\"\npace = \"100ms\""),
    ("hang", "kind = \"hang\""),
    ("500", "kind = \"status\"\nstatus = 500\nbody = \"html\""),
    ("408", "kind = \"status\"\nstatus = 408\nbody = \"empty\""),
    ("418", "kind = \"status\"\nstatus = 418\nbody = \"message\""),
    ("204", "kind = \"status\"\nstatus = 204\nbody = \"empty\""),
    ("404", "kind = \"status\"\nstatus = 404\nbody = \"text\""),
    ("503", "kind = \"status\"\nstatus = 503\nretry_after_raw = \"soon\""),
];

#[test]
fn bad_answers_end_no_wait() {
    let one = |(job, fault): (&str, &str)| {
        format!(
            "[[job]]\nid = \"{job}\"\nage = \"1h\"\ntakes = \"1s\"\n\
             [[fault]]\njob = \"{job}\"\nfirst = 2\n{fault}\n"
        )
    };
    let plane = play(&BAD.map(one).concat());
    let folder = Folder::new();
    let jobs = BAD.map(|(job, _)| job);
    let tables = fast(&plane).replace("[api]", "[api]\nrequest_timeout = \"400ms\"");
    let config = folder.write("config.toml", format!("jobs = {jobs:?}\n{tables}"));

    let done =
        Watch::new(["wait", "--config", &config, "--output", "json"]).env("PINECONE_API_KEY", KEY).run();
    let report = done.expect(0).json();
    for job in report["jobs"].as_array().unwrap() {
        let found = (&job["outcome"], &job["polls"], &job["last_error"]);
        assert_eq!(found, (&"completed".into(), &3.into(), &().into()), "{job}");
    }
    assert_eq!(report["jobs"].as_array().unwrap().len(), BAD.len());
}

#[test]
fn bad_answers_are_named_in_the_report() {
    for (fault, name) in [
        ("empty", "the answer cannot be used: it is empty"),
        ("truncated", "the answer broke off: "),
        ("bad_json", "the answer cannot be used: its JSON is broken ("),
        ("html", " answered HTML instead of JSON"),
        ("wrong_type", "the answer cannot be used: a job was expected, a list was sent"),
        ("oversized", "the answer is larger than 1024 KiB"),
        ("other_job", "the answer cannot be used: "),
        (
            "redirect\"\nlocation = \"http://127.0.0.1:9/",
            "HTTP 302: a redirect to http://127.0.0.1:9, which is not followed",
        ),
    ] {
        let plane = play(&format!("[[job]]\nid = \"rj-1\"\n[[fault]]\nkind = \"{fault}\""));
        let done =
            Watch::wait(&plane, &["rj-1", "--unreachable-after", "0", "--output", "json"]).run().expect(5);
        let report = done.json();
        let error = report["jobs"][0]["last_error"].as_str().unwrap();
        assert!(error.contains(name), "{fault}: {error}");
    }
}

#[test]
fn redirects_are_not_followed_and_get_no_key() {
    let started = [301, 302, 303, 307, 308].map(|status| {
        let elsewhere = receive([]);
        let plane = play(&format!(
            "[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1s\"\n\
             [[fault]]\nfirst = 1\nkind = \"redirect\"\nstatus = {status}\nlocation = \"{}/restore-jobs/rj-1\"",
            elsewhere.url()
        ));
        (Watch::wait(&plane, &["rj-1"]).start(), plane, elsewhere)
    });
    for (wait, plane, elsewhere) in started {
        wait.finish().expect(0);
        assert_eq!((plane.count(), elsewhere.count()), (2, 0));
    }
}

#[test]
fn proxies_of_the_environment_are_not_used_on_loopback() {
    let proxy = receive([]);
    let plane = play("[[job]]\nid = \"rj-1\"\nage = \"1h\"\ntakes = \"1s\"");
    let wait = Watch::wait(&plane, &["rj-1"]).env("http_proxy", &proxy.url()).env("ALL_PROXY", &proxy.url());
    wait.run().expect(0);
    assert_eq!(proxy.count(), 0);
}
