//! The shipped examples of `format = "template"`, as people use them: checked, printed and sent.

use serde_json::Value;

use crate::support::{Done, Folder, Watch, receive};

/// A secret that must come out in the request alone.
const CANARY: &str = "canary-token-of-an-application";

const EXAMPLES: [&str; 5] = ["telegram", "mattermost", "google-chat", "pushover", "jira-service-management"];

/// A shipped example as a configuration.
fn example(name: &str) -> String {
    let path = format!("{}/config/sinks/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a shipped example");
    format!("jobs = []\n{text}")
}

fn run(config: &str, arguments: &[&str]) -> Done {
    let folder = Folder::new();
    let file = folder.write("config.toml", config);
    folder.write("pushover-token", CANARY);
    folder.write("pushover-user", CANARY);
    let [command, rest @ ..] = arguments else { panic!("a command") };
    let arguments = [command, "--config", &file].into_iter().chain(rest.iter().copied());
    let done = Watch::new(arguments)
        .env("TELEGRAM_CHAT", "-1001234567890")
        .env("CREDENTIALS_DIRECTORY", &folder.path().to_string_lossy())
        .run();
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains("canary"), "{text}");
    }
    done
}

#[test]
fn shipped_examples_are_valid() {
    for name in EXAMPLES {
        let done = run(&example(name), &["check"]).expect(0);

        assert!(done.stdout.contains(&format!("sink {name}\n")), "{}", done.stdout);
        assert!(done.stdout.contains("format    template"), "{}", done.stdout);
    }
}

#[test]
fn print_shows_the_body_and_no_secret() {
    let body: Value = run(&example("pushover"), &["notify-test", "--print", "pushover"]).expect(0).json();

    assert_eq!((&body["token"], &body["user"]), (&"***".into(), &"***".into()));
    assert_eq!(body["title"], "Test of restore-watch, nothing happened");
    assert_eq!(body["priority"], 0);
}

#[test]
fn print_shows_the_event_that_was_asked_for() {
    let done =
        run(&example("telegram"), &["notify-test", "--print", "telegram", "--event", "restore_job.failed"]);
    let body: Value = done.expect(0).logged("sink telegram: application/json").json();

    assert_eq!(body["chat_id"], "-1001234567890");
    assert!(body["text"].as_str().expect("a text").starts_with("Restore failed\nrestore nightly"), "{body}");
    assert_eq!(body["disable_notification"], false);
}

#[test]
fn print_names_sinks_without_a_body() {
    let done = run(&example("mattermost"), &["notify-test", "--print"]).expect(0);

    assert!(done.stderr.contains("sink log: a log has no body"), "{}", done.stderr);
    assert!(done.stdout.contains("\"text\": \"**Test of restore-watch"), "{}", done.stdout);
}

#[test]
fn print_needs_no_secret_and_refuses_unknown_types() {
    let slack =
        "jobs = []\n[[sink]]\ntype = 'webhook'\nname = 'chat'\nformat = 'slack'\nurl = { env = 'MISSING' }\n";

    assert!(run(slack, &["notify-test", "--print", "chat"]).expect(0).json()["blocks"].is_array());
    run(slack, &["notify-test", "--print", "--event", "restore_job.exploded"]).expect(2);
    run(slack, &["notify-test", "--event", "restore_job.failed"]).expect(2).logged("--print");
    run(slack, &["notify-test", "--print", "room"]).expect(2).logged("has no sink `room`");
}

#[test]
fn a_test_reaches_the_receiver_with_its_secrets() {
    let receiver = receive([]);
    let config = example("pushover").replace("https://api.pushover.net", &receiver.url());

    run(&config, &["notify-test", "pushover"]).expect(0);

    let post = receiver.received().remove(0);
    let body: Value = serde_json::from_slice(&post.body).expect("JSON");
    assert_eq!((&body["token"], &body["user"]), (&CANARY.into(), &CANARY.into()));
    assert_eq!(post.header("content-type"), Some("application/json"));
}

#[test]
fn a_faulty_text_is_shown_with_its_place() {
    let sink = "[[sink]]\ntype = 'webhook'\nurl = 'https://x'\nformat = 'template'\n";
    let done = run(&format!("jobs = []\n{sink}payload = {{ text = '{{{{ job.id }}}}' }}\n"), &["check"]);
    let done = done.expect(78);

    for said in
        ["config.toml:6:20", "`text` cannot be rendered for project.unauthorized", "job.id if job else"]
    {
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
}
