//! What a wait prints, and where.

use crate::support::{Folder, KEY, Watch, done, fast, play};

/// The published keys of an event and of its job.
const TRANSITION: [&str; 12] = [
    "detection_delay_seconds",
    "elapsed_lower_bound_seconds",
    "elapsed_seconds",
    "elapsed_upper_bound_seconds",
    "id",
    "job",
    "previous_status",
    "project",
    "reason",
    "status",
    "timestamp",
    "type",
];

#[test]
fn human_output_has_a_line_for_each_job() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let done = Watch::wait(&plane, &["rj-1", "rj-2"]).run().expect(1);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("completed  ") && lines[0].contains("  rj-1  "), "{lines:?}");
    assert!(lines[1].starts_with("failed     ") && lines[1].contains("  rj-2  at most "), "{lines:?}");
    assert!(lines[2].starts_with("1 of 2 restores completed, 1 failed, in "), "{lines:?}");
    assert!(lines[2].ends_with(" (exit code 1)"), "{lines:?}");
}

#[test]
fn report_has_the_order_in_which_jobs_were_named() {
    let plane = play("[[job]]\nid = \"rj\"\ncount = 12\nage = \"1h\"\ntakes = \"10m\"");
    let ids = ["rj-10", "rj-2", "rj-12", "rj-1"];
    let named = Watch::wait(&plane, &ids).run().expect(0);
    let order: Vec<_> = named.stdout.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    assert_eq!(order[..4], ids, "{}", named.stdout);
}

#[test]
fn json_output_is_one_document() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let report = Watch::wait(&plane, &["rj-1", "rj-2", "--output", "json"]).run().expect(1).json();

    assert_eq!(
        keys(&report),
        [
            "exit_code",
            "expected",
            "jobs",
            "list_error",
            "outcome",
            "resume",
            "timed_out",
            "version",
            "waited_seconds"
        ]
    );
    assert_eq!(
        (&report["version"], &report["exit_code"], &report["outcome"]),
        (&1.into(), &1.into(), &"failed".into())
    );

    let jobs = report["jobs"].as_array().unwrap();
    let outcomes: Vec<_> = jobs.iter().map(|job| job["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["completed", "failed"]);
    assert_eq!(jobs[0]["elapsed_seconds"], 600.0);
    assert_eq!(
        (&jobs[0]["elapsed_upper_bound_seconds"], &jobs[1]["elapsed_seconds"]),
        (&().into(), &().into())
    );
    assert!(jobs[1]["elapsed_upper_bound_seconds"].as_f64() > Some(600.0), "{}", jobs[1]);
    assert!(jobs[1]["elapsed_lower_bound_seconds"].is_null(), "it was never seen running");
    assert_eq!(jobs[0]["job"]["percent_complete"], 100.0);
    assert!(jobs[0]["job"]["completed_at"].is_string() && jobs[1]["job"]["completed_at"].is_null());
    assert_eq!((&jobs[0]["polls"], &jobs[0]["last_error"]), (&1.into(), &().into()));
}

#[test]
fn ndjson_output_has_a_line_for_each_event() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1500ms\"\nprogress = \"linear\"");
    let lines = Watch::wait(&plane, &["rj-1", "--output", "ndjson"]).run().expect(0).json_lines();

    let kind = |line: &serde_json::Value| line["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&lines[0]), "restore_job.watched");
    assert_eq!(kind(lines.last().unwrap()), "restore_job.completed");

    let mut ids: Vec<_> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    for line in &lines {
        assert_eq!(keys(line), TRANSITION);
        assert_eq!((&line["project"], &line["job"]["id"]), (&"default".into(), &"rj-1".into()));
    }
    assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'), "{ids:?}");

    ids.dedup();
    assert_eq!(ids.len(), lines.len());

    let end = lines.last().unwrap();
    assert_eq!((&end["previous_status"], &end["status"]), (&"Pending".into(), &"Completed".into()));
    assert!(end["detection_delay_seconds"].as_f64().unwrap() < 20.0, "{end}");
}

#[test]
fn plain_progress_is_on_standard_error() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"700ms\"");
    for progress in [&[][..], &["--progress", "plain"]] {
        let arguments: Vec<_> = ["rj-1"].iter().chain(progress).copied().collect();
        let done = Watch::wait(&plane, &arguments).run().expect(0);
        assert_eq!(done.stdout.lines().count(), 2, "{}", done.stdout);
        let last = done.stderr.lines().last().unwrap();
        assert!(last.contains("Z restore rj-1 into index docs completed after "), "{last}");
    }
}

#[test]
fn progress_none_prints_no_progress() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let done = Watch::wait(&plane, &["rj-1", "--progress", "none", "--heartbeat", "1ms"]).run().expect(0);
    assert_eq!(done.stderr, "");
    let done = Watch::wait(&plane, &["rj-2", "--progress", "none"]).run().expect(1);
    assert_eq!(done.stderr, "", "the summary of the report says it");
}

#[test]
fn quiet_prints_the_report_alone() {
    let plane =
        play(&format!("{}[[job]]\nid = \"open\"", done(&[("rj-1", "completed"), ("rj-2", "failed")])));
    for (arguments, code) in
        [(&["rj-1"][..], 0), (&["rj-2"], 1), (&["open", "--timeout", "300ms", "--heartbeat", "10ms"], 124)]
    {
        let arguments: Vec<_> = arguments.iter().chain(&["--quiet"]).copied().collect();
        let done = Watch::wait(&plane, &arguments).run().expect(code);
        assert_eq!((done.stderr.as_str(), done.stdout.lines().count()), ("", 2), "{arguments:?}");
    }

    // Errors are printed all the same.
    Watch::new(["wait", "rj-1", "--quiet"]).run().expect(78).logged("error: ");
}

#[test]
fn progress_lines_come_at_the_interval() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"2s\"");
    let waits =
        ["100ms", "0", "1h"].map(|interval| Watch::wait(&plane, &["rj-1", "--heartbeat", interval]).start());
    let [many, none, rare] = waits.map(|wait| {
        let is_progress = |line: &&str| line.contains(" waiting for docs: Pending, ");
        wait.finish().expect(0).stderr.lines().filter(is_progress).count()
    });
    assert!((2..=25).contains(&many), "{many}");
    assert_eq!((none, rare), (0, 0));
}

#[test]
fn no_color_without_a_terminal_or_against_the_wish() {
    // Every process of these tests is checked for escape sequences; here they are asked for.
    let plane = play(&done(&[("rj-1", "completed")]));
    for (name, value) in [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1"), ("TERM", "xterm-256color")] {
        Watch::wait(&plane, &["rj-1"])
            .env(name, value)
            .env("RUST_LOG", "debug")
            .run()
            .expect(0)
            .logged("DEBUG");
    }
}

#[test]
fn closed_reader_changes_no_exit_code() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    for (job, code) in [("rj-1", 0), ("rj-2", 1)] {
        for output in ["human", "json", "ndjson"] {
            Watch::wait(&plane, &[job, "--output", output]).unread().run().expect(code);
        }
    }
}

#[test]
fn slow_restore_is_logged_and_changes_no_exit_code() {
    let plane = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"1500ms\"");
    let folder = Folder::new();
    let config =
        folder.write("config.toml", format!("jobs = []\n{}[watch]\nslow_after = \"500ms\"\n", fast(&plane)));
    let wait = ["wait", "rj-1", "--config", &config, "--output", "ndjson"];

    let done = Watch::new(wait).env("PINECONE_API_KEY", KEY).run().expect(0);
    let slow = done.json_lines().into_iter().find(|line| line["type"] == "restore_job.slow").unwrap();
    assert_eq!(
        (&slow["status"], &slow["reason"]),
        (&"Pending".into(), &"longer than slow_after = 500ms".into())
    );

    let line = " restore rj-1 into index docs is slow: Pending after ";
    assert_eq!(done.stderr.matches(line).count(), 1, "{}", done.stderr);
    assert!(done.stderr.contains(", longer than slow_after = 500ms\n"), "{}", done.stderr);
}

fn keys(value: &serde_json::Value) -> Vec<&str> {
    let mut keys: Vec<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}
