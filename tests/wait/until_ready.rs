//! `wait --until ready`: after the job completed, its index is polled.

use crate::support::{Folder, KEY, Watch, fast, play};

/// A job that completes at once and whose index is ready some time later.
const SOON: &str = "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"800ms\"\nready_after = \"800ms\"\n";

#[test]
fn until_ready_polls_the_job_and_then_its_index() {
    let plane = play(SOON);
    let done = Watch::wait(&plane, &["rj-1", "--until", "ready", "--heartbeat", "50ms"]).run().expect(0);
    assert!(done.stdout.starts_with("ready  docs  rj-1  "), "{}", done.stdout);
    let stderr = &done.stderr;
    let first = stderr.find(" waiting for docs: Pending, ").expect("the first wait");
    let completed = stderr.find(" restore rj-1 into index docs completed after ").expect("its end");
    let second = stderr.find(" waiting for docs: Completed, index Initializing, ").expect("the second wait");
    let ready = stderr.find(" index docs of restore rj-1 is ready after ").expect("the end of all");
    assert!(first < completed && completed < second && second < ready, "{stderr}");

    let mut paths: Vec<_> = plane.requests().into_iter().map(|request| request.path).collect();
    paths.retain(|path| !path.starts_with("/restore-jobs?"));
    let change = paths.iter().position(|path| path == "/indexes/docs").expect("the index is asked for");
    assert!(paths[..change].iter().all(|path| path == "/restore-jobs/rj-1"), "{paths:?}");
    assert!(paths[change..].iter().all(|path| path == "/indexes/docs"), "{paths:?}");
}

#[test]
fn without_until_ready_a_completed_job_is_enough() {
    let plane = play(&index("InitializationFailed"));
    for arguments in [&["rj-1"][..], &["rj-1", "--until", "completed"]] {
        Watch::wait(&plane, arguments).run().expect(0);
    }
    assert_eq!(plane.count(), 2);
}

#[test]
fn index_that_cannot_become_ready_is_a_failure() {
    for state in ["InitializationFailed", "Failed", "Terminating", "Disabled"] {
        let plane = play(&index(state));
        let done = Watch::wait(&plane, &["rj-1", "--until", "ready", "--output", "json"]).run().expect(1);
        let report = done.json();
        let job = &report["jobs"][0];
        assert_eq!((&job["outcome"], &job["status"]), (&"not_ready".into(), &"Completed".into()));
        assert_eq!((&job["until"], &job["index_state"]), (&"ready".into(), &state.into()));
        done.logged(&format!("index docs of restore rj-1 did not become ready: its state is {state}"));
    }
}

#[test]
fn missing_index_is_a_failure_after_the_grace() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"\n\
         [[index]]\nname = \"docs\"\nvanishes = \"1ms\"\n",
    );
    let arguments = ["rj-1", "--until", "ready", "--not-found-grace", "300ms"];

    let done = Watch::wait(&plane, &arguments).run().expect(1);
    assert!(done.stderr.contains("did not become ready: HTTP 404: Resource docs not found"));
    let line = "index not ready  docs  rj-1  at most 1h 00m  noticed ";
    assert!(done.stdout.starts_with(line) && done.stdout.contains("last error: HTTP 404"), "{}", done.stdout);
    let summary = "\n1 restore with an index that is not ready, in ";
    assert!(done.stdout.contains(summary), "{}", done.stdout);
}

#[test]
fn timeout_while_awaiting_the_index_reports_its_state() {
    let plane = play(&index("Initializing"));
    let arguments = ["rj-1", "--until", "ready", "--timeout", "300ms"];
    let done = Watch::wait(&plane, &arguments).run().expect(124);
    assert!(done.stdout.starts_with("Completed, index Initializing  docs  rj-1  1h 00m"), "{}", done.stdout);
}

#[test]
fn any_succeeds_with_the_first_ready_index() {
    let slow = SOON
        .replace("rj-1", "rj-2")
        .replace("docs", "images")
        .replace("ready_after = \"800ms", "ready_after = \"1h");
    let plane = play(&format!("{SOON}{slow}"));
    Watch::wait(&plane, &["rj-1", "rj-2", "--until", "ready", "--any"]).run().expect(0);
}

#[test]
fn until_ready_option_overrides_the_configuration() {
    let plane = play(&index("Disabled"));
    let folder = Folder::new();

    for (name, watch, job, code) in [
        ("all", "[watch]\nuntil = \"ready\"", "\"rj-1\"", 1),
        ("one", "", "{ id = \"rj-1\", until = \"ready\" }", 1),
        ("not", "[watch]\nuntil = \"ready\"", "{ id = \"rj-1\", until = \"completed\" }", 0),
    ] {
        let text = format!("jobs = [{job}]\n{watch}\n{}", fast(&plane));
        let config = folder.write(name, text);
        let wait = |further: &[&str]| {
            let arguments = ["wait", "--config", &config, "rj-1"].into_iter().chain(further.iter().copied());
            Watch::new(arguments).env("PINECONE_API_KEY", KEY).run()
        };
        wait(&[]).expect(code);
        wait(&["--until", "completed"]).expect(0);
        wait(&["--until", "ready"]).expect(1);
    }
}

#[test]
fn failed_index_polls_decide_nothing() {
    let plane = play(&format!(
        "{SOON}[[fault]]\nendpoint = \"index\"\nfirst = 3\nkind = \"status\"\nstatus = 503\n\
         [[fault]]\nendpoint = \"index\"\nrequests = [4]\nkind = \"bad_json\"\n"
    ));
    Watch::wait(&plane, &["rj-1", "--until", "ready"]).run().expect(0);

    let plane = play(&format!("{SOON}[[fault]]\nendpoint = \"index\"\nkind = \"status\"\nstatus = 503\n"));
    let arguments = ["rj-1", "--until", "ready", "--unreachable-after", "500ms"];
    Watch::wait(&plane, &arguments)
        .run()
        .expect(5)
        .logged("no good answer about index docs of restore rj-1 for too long: HTTP 503");

    let plane = play(&format!("{SOON}[[fault]]\nendpoint = \"index\"\nkind = \"status\"\nstatus = 403\n"));
    Watch::wait(&plane, &["rj-1", "--until", "ready"]).run().expect(4);
}

/// A job that completed long ago, and an index in this state.
fn index(state: &str) -> String {
    format!(
        "[[job]]\nid = \"rj-1\"\nindex = \"docs\"\nage = \"1h\"\ntakes = \"10m\"\n\
         [[index]]\nname = \"docs\"\nstates = [{{ at = \"0s\", state = \"{state}\" }}]\n"
    )
}
