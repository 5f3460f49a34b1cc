//! A restore that is accepted: what is sent, what is printed, and when it ends.

use serde_json::json;

use crate::stage::{SOON, Stage};
use crate::support::{Folder, Watch, receive};

#[test]
fn accepted_restore_is_waited_for() {
    let stage = Stage::new(SOON);

    let done = stage.run(&[]).expect(0).logged("Z started restore rj-1 of backup b-1 into index docs\n");

    assert!(done.stdout.starts_with("completed  docs  rj-1  "), "{}", done.stdout);
    let [post] = &stage.posts()[..] else { panic!("one request starts it: {:?}", stage.posts()) };
    assert_eq!((post.path.as_str(), post.body.as_str()), ("/backups/b-1/create-index", r#"{"name":"docs"}"#));
    assert_eq!((post.version.as_deref(), post.answered), (Some("2026-04"), Some(202)));
    let first_poll = stage.plane.requests().iter().position(|request| request.method == "GET").unwrap();
    assert_eq!(first_poll, 1, "nothing is asked before");
}

#[test]
fn until_ready_waits_for_the_index() {
    let stage = Stage::new(SOON);

    let done = stage.run(&["--until", "ready"]).expect(0);

    assert!(done.stdout.starts_with("ready  docs  rj-1  "), "{}", done.stdout);
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn failed_restore_is_1() {
    let stage = Stage::new("[restore]\nid = \"rj-1\"\ntakes = \"100ms\"\nends = \"failed\"");

    let done = stage.run(&["--", "echo", "ran"]).expect(1);

    assert!(done.stdout.starts_with("failed  docs  rj-1  ") && !done.stdout.contains("ran"));
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn command_runs_after_a_good_restore() {
    let stage = Stage::new(SOON);

    let done = stage.run(&["--quiet", "--", "echo", "ran"]).expect(0);

    assert!(done.stdout.ends_with("\nran\n") && done.stderr.is_empty(), "{}{}", done.stdout, done.stderr);
}

#[test]
fn missing_command_is_noticed_before_the_request() {
    let stage = Stage::new(SOON);

    stage.run(&["--", "./no-such-program"]).expect(127);

    assert_eq!(stage.plane.count(), 0);
}

#[test]
fn tags_and_protection_are_in_the_body() {
    let stage = Stage::new(SOON);

    stage.run(&["--tag", "team=search", "--tag", "a=b=c", "--deletion-protection"]).expect(0);

    let body: serde_json::Value = serde_json::from_str(&stage.posts()[0].body).unwrap();
    let tags = json!({ "team": "search", "a": "b=c" });
    assert_eq!(body, json!({ "name": "docs", "tags": tags, "deletion_protection": "enabled" }));
}

#[test]
fn first_line_of_json_names_the_job() {
    for form in ["json", "ndjson"] {
        let stage = Stage::new(SOON);
        let done = stage.run(&["--output", form]).expect(0);

        let lines = done.json_lines();
        let first = lines[0].as_object().unwrap();
        assert_eq!(first["restore_job_id"], "rj-1", "{form}");
        assert_eq!((&first["backup_id"], &first["target_index_name"]), (&json!("b-1"), &json!("docs")));
        assert!(first["index_id"].is_string(), "{first:?}");
        let last = lines.last().unwrap();
        assert!(last["outcome"] == "met" || last["type"] == "restore_job.completed", "{form}: {last}");
    }
}

#[test]
fn first_line_comes_before_the_wait_and_resumes_it() {
    let stage = Stage::new("[restore]\nid = \"rj-1\"\ntakes = \"1500ms\"");
    let mut running = stage.restore(&["--output", "json"]).start();
    running.until("the first line", |running| running.stdout().ends_with('\n'));

    let printed = running.kill().stdout;
    let wait = Watch::wait(&stage.plane, &["-"]).stdin(printed).run().expect(0);

    assert!(wait.stdout.starts_with("completed  docs  rj-1  "), "{}", wait.stdout);
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn timeout_counts_from_the_start_and_names_how_to_go_on() {
    let stage = Stage::new("[restore]\nid = \"rj-1\"");

    let done = stage.run(&["--timeout", "300ms", "--until", "ready"]).expect(124);

    let done = done.logged("to go on: restore-watch wait rj-1 --until ready --timeout 300ms --config ");
    assert!(done.stdout.contains("timed out after "), "{}", done.stdout);
    assert_eq!(stage.posts().len(), 1);
}

#[test]
fn webhook_gets_the_events_of_the_restore() {
    let stage = Stage::new(SOON);
    let receiver = receive([]);

    stage.run(&["--webhook", &receiver.url()]).expect(0);

    assert!(receiver.count() >= 2, "watching, completed");
}

#[test]
fn pipeline_has_the_outputs_of_a_wait() {
    let folder = Folder::new();
    for (scenario, further, code, outcome) in [
        (SOON, &[][..], 0, "met"),
        ("[[backup]]\nid = \"b-1\"\nstatus = \"Initializing\"", &[], 1, "failed"),
        ("[[backup]]\nid = \"b-2\"", &[], 3, "not_found"),
    ] {
        let stage = Stage::new(scenario);
        let outputs = folder.write("outputs", "");
        let run = stage.restore(further).env("GITHUB_ACTIONS", "true").env("GITHUB_OUTPUT", &outputs).run();

        run.expect(code);

        let written = std::fs::read_to_string(&outputs).unwrap();
        assert!(written.contains(&format!("\n{outcome}\n")), "{written}");
        assert!(written.contains(&format!("\n{code}\n")), "{written}");
    }
}

#[test]
fn wrong_usage_sends_nothing() {
    let stage = Stage::new(SOON);
    let with_name = |name: &str| Watch::new(["restore", "b-1", "--name", name]).on(&stage.plane).run();
    for (done, said) in [
        (with_name("Docs"), "lower-case letters"),
        (with_name("../docs"), "lower-case letters"),
        (with_name(""), "1 to 45 characters"),
        (Watch::new(["restore", "b-1"]).on(&stage.plane).run(), "--name <INDEX>"),
        (stage.run(&["--tag", "team"]), "like team=search"),
        (stage.run(&["--tag", "a=1", "--tag", "a=2"]), "the tag `a` is given twice"),
        (stage.run(&["--read-capacity", "x"]), "unexpected argument"),
        (stage.restore_of("b 1", &[]).run(), "a backup id has no spaces"),
        (stage.restore_of("https://app.pinecone.io/b", &[]).run(), "this is an address"),
    ] {
        done.expect(2).logged(said);
    }
    assert_eq!(stage.plane.count(), 0);
}

#[test]
fn bad_configuration_is_noticed_before_the_request() {
    let stage = Stage::new(SOON);

    stage.restore(&[]).env_remove("PINECONE_API_KEY").run().expect(78).logged("PINECONE_API_KEY");
    stage.run(&["--webhook", "nonsense"]).expect(2).logged("--webhook");

    assert_eq!(stage.plane.count(), 0);
}
