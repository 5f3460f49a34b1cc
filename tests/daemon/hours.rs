//! Sinks that get deliveries at some hours only.

use std::process::Command;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use restore_watch::platform::clock::Clock;
use serde_json::Value;

use crate::Daemon;
use crate::support::{KEY, Running, Watch, done, play, receive};

/// The hours from two hours ahead on, to three hours ahead, and when they begin.
fn later() -> (String, Timestamp) {
    let now = Clock::system().now().wall;
    let minute = |hours: i64| {
        let shown = TimeZone::UTC.to_datetime(now + SignedDuration::from_hours(hours));
        shown.strftime("%H:%M").to_string()
    };
    let opening = Timestamp::from_second((now.as_second() / 60) * 60 + 7200).expect("a time");
    (format!("hours = {{ from = \"{}\", to = \"{}\" }}\n", minute(2), minute(3)), opening)
}

/// A configuration with a webhook `ops` and these further keys of it.
fn configured(url: &str, keys: &str) -> String {
    format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{url}\"\nevents = [\"restore_job.completed\"]\n{keys}"
    )
}

fn deliveries(daemon: &Running) -> Vec<Value> {
    let state = daemon.folder().path().join("state/state.db");
    let state = state.to_string_lossy();
    let words = ["deliveries", "--all", "--json", "--sink", "ops", "--state-file", &state];
    let listed = Watch::new(words).run().expect(0);
    serde_json::from_str(&listed.stdout).expect("JSON")
}

#[test]
fn held_deliveries_survive_a_kill_and_go_out_once_open() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let (hours, opening) = later();
    let mut daemon = Daemon::new("")
        .project("one", &plane, &["rj-1"])
        .with(&configured(&receiver.url(), &hours))
        .run(&[])
        .start();
    daemon.until_logged("watching 1 restore");
    daemon.until("it is held", |daemon| deliveries(daemon).len() == 1);
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

    // It is held, and that is no trouble.
    let status: Value = serde_json::from_str(&send(&["status", "--json"]).expect(0).stdout).expect("JSON");
    let ops = &status["sinks"].as_array().unwrap().iter().find(|sink| sink["name"] == "ops").unwrap();
    assert_eq!((&ops["pending"], &ops["held"], &status["trouble"]), (&1.into(), &1.into(), &Value::Null));
    assert_eq!(ops["held_until"].as_str().unwrap().parse::<Timestamp>().unwrap(), opening);
    let text = send(&["status"]).expect(0).stdout;
    assert!(text.contains(&format!("sink ops holds 1 until {}", opening.strftime("%F %H:%M UTC"))), "{text}");
    let row = deliveries(&daemon).remove(0);
    assert_eq!((&row["state"], &row["next_attempt_at"]), (&"pending".into(), &ops["held_until"]));
    let database = state.join("state.db").to_string_lossy().into_owned();
    Watch::new(["deliveries", "retry", "--all", "--state-file", &database])
        .run()
        .expect(0)
        .logged("the sink ops is outside its hours: its deliveries are retried at ");

    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace(&hours, "")).unwrap();
    send(&["reload"]).expect(0);
    second.until("it is delivered", |_| receiver.count() == 1);
}

#[test]
fn a_stop_does_not_wait_for_held_deliveries() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let mut daemon = Daemon::new("drain_timeout = \"10m\"\n")
        .project("one", &plane, &["rj-1"])
        .with(&configured(&receiver.url(), &later().0))
        .run(&[])
        .start();
    daemon.until_logged("watching 1 restore");
    daemon.until("it is held", |daemon| deliveries(daemon).len() == 1);

    daemon.signal("TERM");

    daemon.finish().expect(0).logged("deliveries still pending: 1");
    assert_eq!(receiver.count(), 0);
}

#[test]
fn exit_when_done_leaves_held_deliveries_to_the_next_start() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let (hours, opening) = later();

    let ended = Daemon::new("")
        .project("one", &plane, &["rj-1"])
        .with(&configured(&receiver.url(), &hours))
        .run(&["--exit-when-done"])
        .run()
        .expect(0);

    let until = opening.strftime("%F %H:%M UTC");
    ended.logged(&format!("sink ops: deliveries held: 1 until {until}; the next start sends them"));
    assert_eq!(receiver.count(), 0);
}

#[test]
fn a_sink_that_drops_lists_what_it_dropped() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    let keys = format!("{}outside = \"drop\"\n", later().0);
    let mut daemon = Daemon::new("")
        .project("one", &plane, &["rj-1"])
        .with(&configured(&receiver.url(), &keys))
        .run(&[])
        .start();

    daemon.until_logged("is not sent to ops: outside the hours of the sink");

    daemon.until("it is recorded", |daemon| deliveries(daemon).len() == 1);
    let row = deliveries(&daemon).remove(0);
    assert_eq!(
        (&row["state"], &row["last_error"]),
        (&"dropped".into(), &"outside the hours of the sink".into())
    );
}
