//! restore-watch.service in operation: its status and journal, reloads, and the watchdog.

use std::time::Duration;

use restore_watch::platform::clock::Clock;
use restore_watch::simulate::{Receiver, Reply, Simulator};
use serde_json::Value;

use crate::support::done;
use crate::world::World;

const UNIT: &str = "restore-watch.service";

#[test]
fn systemd_shows_the_status_of_the_daemon() {
    let Some(world) = World::boot() else { return };
    let ended = [("rj-1", "failed"), ("rj-2", "completed"), ("rj-3", "completed")];
    let (plane, other) = (
        world.play(&(done(&ended) + "[[job]]\nid = \"open\"\ncount = 8\n")),
        world.play("[[job]]\nid = \"open\"\ncount = 4\n"),
    );
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::hang());
    // As Slack answers to a format that is not its own.
    let slack = world.receive(Vec::new());
    slack.otherwise(Reply::status(400).body("invalid_payload"));
    let jobs: Vec<_> = (1..=8).map(|number| format!("open-{number}")).collect();
    let jobs: Vec<_> = ["rj-1", "rj-2", "rj-3"].into_iter().chain(jobs.iter().map(String::as_str)).collect();
    let further = format!(
        "[[project]]\nname = \"two\"\napi_key = {{ credential = \"pinecone-api-key\" }}\n\
         jobs = [\"open-1\", \"open-2\", \"open-3\", \"open-4\"]\napi = {{ endpoint = \"{}\" }}\n{}",
        other.url(),
        webhook(&receiver, "events = [\"restore_job.failed\"]")
    );
    let chat = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"chat\"\nurl = \"{}\"\nevents = [\"restore_job.failed\"]\n\
         retry_schedule = [\"100ms\"]\n",
        slack.url()
    );
    world.configure(&plane, &jobs, &(further + &chat));

    world.succeed("systemctl start restore-watch");
    let parts = [
        "watching 12 restores in 2 projects, 2 completed, 1 failed; ",
        "; sink chat has taken nothing since ",
        " (HTTP 400: invalid_payload); 1 dead letter (restore-watch deliveries)",
        "; next poll in ",
        "; 1 delivery pending",
    ];
    world.until("a status that says it all", || {
        let status = world.property(UNIT, "StatusText");
        parts.iter().all(|part| format!("; {status}").contains(part))
    });
    assert!(world.has_logged("PRIORITY=3", "sink chat has taken nothing with these settings"));
    assert!(world.has_logged("PRIORITY=3", "sink chat: gave up restore_job.failed of "));
}

#[test]
fn journal_finds_the_events_of_a_restore() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[("rj-1", "failed"), ("rj-2", "completed")]));
    let receiver = world.receive(Vec::new());
    world.configure(&plane, &["rj-1", "rj-2"], &webhook(&receiver, ""));

    world.succeed("systemctl start restore-watch");
    let found = |matching: &str| world.journal(&format!("{matching} _SYSTEMD_UNIT={UNIT}"));
    world.until("both ends in the journal and at the receiver", || {
        receiver.count() == 4
            && found("RESTORE_JOB_ID=rj-1").len() >= 2
            && found("RESTORE_JOB_ID=rj-2").len() >= 2
    });

    let failed = found("RESTORE_JOB_ID=rj-1 RESTORE_STATUS=Failed RESTORE_PROJECT=one PRIORITY=3");
    let [line] = &failed[..] else { panic!("{failed:#?}") };
    assert!(line["MESSAGE"].as_str().unwrap().contains("rj-1"), "{line}");
    assert!(found("RESTORE_JOB_ID=rj-2 PRIORITY=3").is_empty());

    // The id of the event leads from a webhook to its journal line and back.
    let webhooks = receiver.received();
    let id = line["TRANSITION_ID"].as_str().expect("an id");
    let sent = webhooks.iter().find(|webhook| webhook.header("webhook-id") == Some(id)).expect("its webhook");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();

    assert_eq!((&body["type"], &body["job"]["id"]), (&"restore_job.failed".into(), &"rj-1".into()));
    for webhook in &webhooks {
        let id = webhook.header("webhook-id").unwrap();
        assert_eq!(found(&format!("TRANSITION_ID={id}")).len(), 1, "{id}");
    }
}

#[test]
fn commands_of_a_shell_find_the_service() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&done(&[("rj-1", "failed")]));
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::status(400));
    world.configure(&plane, &["rj-1"], &webhook(&receiver, "events = [\"restore_job.failed\"]"));
    world.succeed("systemctl start restore-watch");
    world.until("an attempt", || receiver.count() == 1);

    // No option names the state or a credential, which only the service has.
    world.until("the pending delivery", || world.run("restore-watch deliveries").stdout.contains("HTTP 400"));
    receiver.otherwise(Reply::status(200));
    let tested = world.run("restore-watch notify-test webhook");
    assert!(tested.code == Some(0) && tested.stdout.contains(" ok "), "{tested:?}");
    world.succeed("restore-watch backup /root/copy.db && restore-watch deliveries retry --all");
    world.until("the delivery", || receiver.count() == 3);
    let copied = world.run("restore-watch deliveries --all --state-file /root/copy.db");
    assert!(copied.stdout.contains("pending"), "{copied:?}");
}

#[test]
fn reload_takes_up_added_jobs() {
    let Some(world) = World::boot() else { return };
    let plane =
        world.play(&(done(&[("rj-1", "completed"), ("rj-2", "failed")]) + "[[job]]\nid = \"rj-3\"\n"));
    let receiver = world.receive(Vec::new());
    world.configure(&plane, &["rj-1", "rj-3"], &webhook(&receiver, ""));

    world.succeed("systemctl start restore-watch");
    world.until("three webhooks", || receiver.count() == 3);

    let process = main_pid(&world);
    world.configure(&plane, &["rj-1", "rj-2", "rj-3"], &webhook(&receiver, ""));
    world.succeed("systemctl reload restore-watch");

    assert_eq!(world.property(UNIT, "ActiveState"), "active");
    world.until("what is new", || receiver.count() == 5);

    until_polled(&world, &plane, "rj-3");
    let posts = receiver.received();
    let of_new = |webhook: &&restore_watch::simulate::Received| {
        String::from_utf8_lossy(&webhook.body).contains("\"rj-2\"")
    };
    assert_eq!((posts.len(), posts.iter().filter(of_new).count()), (5, 2), "{posts:?}");
    assert_eq!((main_pid(&world), world.property(UNIT, "NRestarts")), (process, "0".to_owned()));
}

#[test]
fn bad_reload_fails_and_changes_nothing() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj\"\ncount = 2\n");
    world.configure(&plane, &["rj-1"], "");

    world.succeed("systemctl start restore-watch");
    let process = main_pid(&world);

    // Without the last line it would watch another job instead.
    world.configure(&plane, &["rj-2"], "[stat]\n");
    let ran = world.run("systemctl reload restore-watch");

    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(world.property(UNIT, "ActiveState"), "active");
    assert_eq!(main_pid(&world), process);
    assert!(
        world.has_logged(&format!("--unit={UNIT}"), "/etc/restore-watch/config.toml:"),
        "no reason was given"
    );

    until_polled(&world, &plane, "rj-1");
    assert!(plane.requests().iter().all(|request| !request.path.contains("rj-2")));

    // The corrected file is used.
    world.configure(&plane, &["rj-1", "rj-2"], "");
    world.succeed("systemctl reload restore-watch");

    until_polled(&world, &plane, "rj-2");
}

#[test]
fn watchdog_ends_a_stopped_process() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj-1\"\n");
    world.configure(&plane, &["rj-1"], "");
    start_watched(&world, "");
    let process = main_pid(&world);
    world.succeed(&format!("kill -s STOP {process}"));
    until_restarted_by_watchdog(&world, &process);
    until_polled(&world, &plane, "rj-1");
}

#[test]
fn watchdog_ends_a_process_with_a_stuck_loop() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(&(done(&[("rj-1", "completed")]) + "[[job]]\nid = \"rj-2\"\n"));
    let receiver = world.receive(Vec::new());
    world.configure(&plane, &["rj-1", "rj-2"], &webhook(&receiver, ""));
    start_watched(&world, "Environment=RESTORE_WATCH_FAILPOINT=stall_loop:3");
    let process = main_pid(&world);
    until_restarted_by_watchdog(&world, &process);

    // The next process is not stuck and emits the end.
    world.edit(UNIT, "[Service]\nWatchdogSec=2s\nTimeoutAbortSec=500ms\nRestartSec=50ms\n");
    let is_delivered = || {
        let posts = receiver.received();
        posts.iter().any(|webhook| String::from_utf8_lossy(&webhook.body).contains("restore_job.completed"))
    };

    world.until("the event of the end", is_delivered);
    until_polled(&world, &plane, "rj-2");
}

#[test]
fn watchdog_spares_a_busy_process() {
    let Some(world) = World::boot() else { return };
    let plane = world.play(
        "[[job]]\nid = \"rj\"\ncount = 200\nprogress = \"linear\"\ntakes = \"1m\"\ntakes_step = \"1s\"\n",
    );
    let receiver = world.receive(Vec::new());
    receiver.otherwise(Reply::status(503).after(Duration::from_millis(200)));
    let jobs: Vec<_> = (1..=200).map(|number| format!("rj-{number}")).collect();
    let jobs: Vec<_> = jobs.iter().map(String::as_str).collect();
    world.configure(&plane, &jobs, &webhook(&receiver, "retry_schedule = [\"1s\", \"1s\", \"1s\"]"));
    start_watched(&world, "");
    let process = main_pid(&world);
    let clock = Clock::system();
    let start = clock.now().instant;

    world.until("three times the patience of the watchdog, and much to do", || {
        clock.now().instant.since(start) > Duration::from_secs(6)
            && plane.count() > 500
            && receiver.count() > 20
    });
    assert_eq!((main_pid(&world), world.property(UNIT, "NRestarts")), (process, "0".to_owned()));
    assert!(!world.has_logged("_PID=1", "Watchdog timeout"));
}

#[test]
fn root_finds_the_daemon_and_others_are_refused() {
    let Some(world) = World::boot() else { return };
    let plane = world.play("[[job]]\nid = \"rj-1\"\n[[job]]\nid = \"rj-2\"\n");
    world.configure(&plane, &["rj-1"], "");

    let none = world.run("restore-watch status");
    assert_eq!(
        (none.code, none.stderr.contains("systemctl start restore-watch")),
        (Some(5), true),
        "{none:?}"
    );

    world.succeed("systemctl start restore-watch");
    world.succeed("restore-watch add rj-2 --name nightly");

    until_polled(&world, &plane, "rj-2");
    world.succeed("systemctl restart restore-watch");

    assert!(world.succeed("restore-watch status").contains("nightly (rj-2)"), "it is part of the state");
    let other = world.run("setpriv --reuid 65534 --regid 65534 --clear-groups restore-watch status --socket /run/restore-watch/control.sock");

    assert_eq!((other.code, other.stderr.contains("sudo")), (Some(4), true), "{other:?}");
    let modes = world.succeed("stat -c '%a' /run/restore-watch /run/restore-watch/control.sock");

    assert_eq!(modes.split_whitespace().collect::<Vec<_>>(), ["700", "600"]);
    world.succeed("systemctl stop restore-watch && test ! -e /run/restore-watch");
}

fn webhook(receiver: &Receiver, further: &str) -> String {
    let url = receiver.url();
    format!("[[sink]]\ntype = \"log\"\n[[sink]]\ntype = \"webhook\"\nurl = \"{url}\"\n{further}\n")
}

fn main_pid(world: &World) -> String {
    world.property(UNIT, "MainPID")
}

/// Waits until a job has been polled some times more.
#[track_caller]
fn until_polled(world: &World, plane: &Simulator, job: &str) {
    let path = format!("/restore-jobs/{job}");
    let polls = || plane.requests().iter().filter(|request| request.path == path).count();
    let before = polls();
    world.until(&format!("polls of {job}"), || polls() > before + 2);
}

/// Starts it with a short watchdog limit and further lines in its unit.
fn start_watched(world: &World, further: &str) {
    world.edit(
        UNIT,
        &format!("[Service]\nWatchdogSec=2s\nTimeoutAbortSec=500ms\nRestartSec=50ms\n{further}\n"),
    );
    world.succeed("systemctl start restore-watch");
}

/// Waits until the watchdog ended it and it was started again.
#[track_caller]
fn until_restarted_by_watchdog(world: &World, process: &str) {
    world.until("the watchdog", || world.has_logged("_PID=1", "Watchdog timeout"));
    world.until("a new start", || {
        world.property(UNIT, "ActiveState") == "active" && main_pid(world) != process
    });
}
