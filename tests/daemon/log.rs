//! Events in the log, for people and for machines.

use serde_json::Value;

use crate::Daemon;
use crate::support::{KEY, done, json_lines, play};

const JSON_LOG: &str = "[[sink]]\ntype = \"log\"\nformat = \"json\"\n";

#[test]
fn human_log_has_each_job_of_each_project() {
    let one = play(&format!("api_key = \"{KEY}\"\n{}", done(&[("rj-1", "completed"), ("rj-2", "failed")])));
    let two = play("[[job]]\nid = \"rj-1\"\nindex = \"docs\"\ntakes = \"800ms\"");
    let daemon = Daemon::new("").project("one", &one, &["rj-1", "rj-2"]).project("two", &two, &["rj-1"]);

    let done = daemon.run(&["--exit-when-done"]).run().expect(1);
    assert_eq!(done.stdout, "");
    for line in [
        " INFO watching 3 restores\n",
        " INFO project two: watching restore rj-1 into index docs: Pending\n",
        " INFO project two: restore rj-1 into index docs completed after ",
        "ERROR project one: restore rj-2 into index ",
        " INFO all jobs ended\n",
    ] {
        assert_eq!(done.stderr.matches(line).count(), 1, "{line}: {}", done.stderr);
    }
}

#[test]
fn json_log_has_each_event_in_the_published_shape() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"700ms\"", done(&[("rj-1", "cancelled")])));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(JSON_LOG);

    let done = daemon.run(&["--exit-when-done"]).run().expect(1);
    let events = events(&done.stderr);
    let kinds = |job: &str| -> Vec<_> {
        let of_job = events.iter().filter(|event| event["job"]["id"] == job);
        of_job.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(kinds("rj-1"), ["restore_job.watched", "restore_job.cancelled"]);
    assert_eq!(kinds("rj-2"), ["restore_job.watched", "restore_job.completed"]);

    for event in &events {
        let keys: Vec<_> = event.as_object().unwrap().keys().map(String::as_str).collect();
        for key in
            ["id", "type", "timestamp", "project", "job", "previous_status", "status", "elapsed_seconds"]
        {
            assert!(keys.contains(&key), "{key} is not in {event}");
        }
        assert!(keys.contains(&"detection_delay_seconds"));
        let job: Vec<_> = event["job"].as_object().unwrap().keys().map(String::as_str).collect();
        for key in [
            "id",
            "name",
            "backup_id",
            "target_index_name",
            "target_index_id",
            "created_at",
            "completed_at",
            "percent_complete",
        ] {
            assert!(job.contains(&key), "{key} is not in {event}");
        }
        assert_eq!(event["project"], "one");
    }
}

#[test]
fn log_sink_filters_events_and_sets_their_levels() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "failed")]));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(JSON_LOG).with(
        "events = [\"restore_job.failed\", \"restore_job.watched\"]\nlevels = { \"restore_job.failed\" = \"warn\", \
         \"restore_job.watched\" = \"debug\" }\n",
    );

    let done = daemon.run(&["--exit-when-done"]).run().expect(1);
    let lines: Vec<_> =
        json_lines(&done.stderr).into_iter().filter(|line| line["transition"].is_object()).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(
        (&lines[0]["level"], &lines[0]["transition"]["type"]),
        (&"WARN".into(), &"restore_job.failed".into())
    );
}

#[test]
fn exit_when_done_exits_with_the_worst_outcome() {
    for (jobs, code) in [
        (&[("rj-1", "completed"), ("rj-2", "completed")], 0),
        (&[("rj-1", "completed"), ("rj-2", "cancelled")], 1),
    ] {
        let plane = play(&done(jobs));
        Daemon::new("")
            .project("one", &plane, &["rj-1", "rj-2"])
            .run(&["--exit-when-done"])
            .run()
            .expect(code);
    }
    let plane = play(&format!("{}end_time = true", done(&[("rj-1", "Exploded")])));
    let done = Daemon::new("").project("one", &plane, &["rj-1"]).run(&["--exit-when-done"]).run().expect(6);

    done.logged("ended with the unknown status Exploded");
}

#[test]
fn key_is_in_no_line_at_trace_level() {
    let plane = play(&format!("api_key = \"another\"\n{}", done(&[("rj-1", "completed")])));
    let mut daemon =
        Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).env("RUST_LOG", "trace").start();
    daemon.until_logged("the API refuses the key");
    daemon.signal("TERM");
    daemon.finish().expect(0).logged("TRACE");
}

/// The events of a log in JSON, each line of which must be an object.
pub(crate) fn events(log: &str) -> Vec<Value> {
    let lines = json_lines(log);
    for line in &lines {
        let texts = ["timestamp", "level", "target", "message"];
        assert!(texts.iter().all(|key| line[key].is_string()), "{line}");
    }
    lines.into_iter().map(|mut line| line["transition"].take()).filter(|event| !event.is_null()).collect()
}
