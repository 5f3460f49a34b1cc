//! Silences of a running daemon, through the command that sets them.

use std::process::Command;
use std::time::Duration;

use restore_watch::simulate::{Receiver, Simulator};
use serde_json::Value;

use crate::support::{KEY, Running, Watch, done, play, receive};
use crate::{Daemon, ask, status};

/// A daemon with one job that runs, and a webhook `ops`.
fn daemon(plane: &Simulator, receiver: &Receiver) -> Running {
    let sink = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\nevents = [\"restore_job.completed\"]\n[[sink]]\ntype = \"log\"\n",
        receiver.url()
    );
    let mut daemon = Daemon::new("").project("one", plane, &[]).with(&sink).run(&[]).start();
    daemon.until_logged("watching 0 restores");
    daemon
}

/// The deliveries of a daemon to the webhook.
fn deliveries(daemon: &Running) -> Vec<Value> {
    let state = daemon.folder().path().join("state/state.db");
    let state = state.to_string_lossy();
    let words = ["deliveries", "--all", "--json", "--sink", "ops", "--state-file", &state];
    let listed = Watch::new(words).run().expect(0);
    serde_json::from_str(&listed.stdout).expect("JSON")
}

#[test]
fn a_silence_needs_a_matcher_an_end_and_a_reason() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let daemon = daemon(&plane, &receiver);
    for (words, said) in [
        (&["--for", "2h", "--comment", "x"][..], "at least one of --index, --project and --sink"),
        (&["--index", "prod-*", "--comment", "x"], "--for or --until"),
        (&["--index", "prod-*", "--for", "2h"], "a --comment that says why"),
        (&["--index", "prod/*", "--for", "2h", "--comment", "x"], "which no name of an index has"),
        (&["--index", "a", "--for", "31d", "--comment", "x"], "a silence lasts 30d at most"),
        (&["--index", "a", "--for", "0s", "--comment", "x"], "would be over at once"),
        (&["--index", "a", "--until", "2020-01-01", "--comment", "x"], "would be over at once"),
        (&["--project", "nope", "--for", "1h", "--comment", "x"], "it has: one"),
        (&["--sink", "nope", "--for", "1h", "--comment", "x"], "the daemon has no sink `nope`"),
        (&["--sink", "log", "--for", "1h", "--comment", "x"], "is the log, which no silence leaves out"),
        (&["--end", "7"], "no silence 7 is in force"),
    ] {
        let words = [&["silence"][..], words].concat();
        ask(&daemon, &words).expect(2).logged(said);
    }
    assert_eq!(ask(&daemon, &["silence"]).expect(0).stdout, "no silence is in force\n");
}

#[test]
fn a_silence_survives_a_kill_and_hides_nothing_for_good() {
    let plane = play(&done(&[("rj-1", "completed"), ("rj-2", "completed")]));
    let receiver = receive([]);
    let mut daemon = daemon(&plane, &receiver);
    let words = ["silence", "--project", "one", "--for", "2h", "--comment", "maintenance", "--json"];
    let set: Value = serde_json::from_str(&ask(&daemon, &words).expect(0).stdout).expect("JSON");
    assert_eq!(
        (&set["id"], &set["project"], &set["comment"]),
        (&1.into(), &"one".into(), &"maintenance".into())
    );
    daemon.until_logged("silence 1 began, until ");

    // What was answered was committed.
    let killed = Command::new("kill").args(["-9", &daemon.id().to_string()]).status().unwrap();
    assert!(killed.success() && daemon.ends_within(Duration::from_secs(10)));
    let config = daemon.folder().path().join("config.toml");
    let state = daemon.folder().path().join("state");
    let mut second = Watch::new(["run", "--config", &config.to_string_lossy()])
        .env("KEY", KEY)
        .env("STATE_DIRECTORY", &state.to_string_lossy())
        .env("RUNTIME_DIRECTORY", &state.to_string_lossy())
        .start();
    second.until_logged("watching 0 restores");
    let socket = state.join("control.sock").to_string_lossy().into_owned();
    let send = |words: &[&str]| Watch::new(words).env("RESTORE_WATCH_SOCKET", &socket).run();

    send(&["add", "rj-1"]).expect(0);
    second.until_logged("is not sent to ops: silenced by 1: maintenance");
    let shown = send(&["status"]).expect(0).stdout;
    assert!(shown.contains("1 silence is in force"), "{shown}");
    assert!(shown.contains("left: project one: maintenance"), "{shown}");
    let listed = send(&["silence"]).expect(0).stdout;
    assert!(listed.starts_with("silence 1 until ") && listed.lines().count() == 1, "{listed}");
    second.until("it is recorded", |_| deliveries(&daemon).len() == 1);
    let dropped = &deliveries(&daemon)[0];
    assert_eq!((&dropped["state"], &dropped["attempts"]), (&"dropped".into(), &0.into()));
    assert_eq!(dropped["last_error"], "silenced by 1: maintenance");
    assert_eq!(receiver.count(), 0);

    // The next one goes out, and so does the first, if a person wants it.
    let ended = send(&["silence", "--end", "1"]).expect(0).stdout;
    assert_eq!(ended, "silence 1 ended: project one: maintenance\n");
    second.until_logged("silence 1 was ended by hand: maintenance");
    send(&["add", "rj-2"]).expect(0);
    second.until("the second is delivered", |_| receiver.count() == 1);
    let id = dropped["id"].as_str().expect("an id");
    Watch::new(["deliveries", "retry", id, "--state-file", &state.join("state.db").to_string_lossy()])
        .run()
        .expect(0);
    second.until("the first is delivered", |_| receiver.count() == 2);
}

#[test]
fn a_silence_ends_by_itself() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let mut daemon = daemon(&plane, &receiver);

    ask(&daemon, &["silence", "--sink", "ops", "--for", "1s", "--comment", "short"]).expect(0);

    daemon.until_logged("silence 1 ended: short");
    assert_eq!(status(&daemon)["silences"], Value::Array(Vec::new()));
    ask(&daemon, &["add", "rj-1"]).expect(0);
    daemon.until("it is delivered", |_| receiver.count() == 1);
}
