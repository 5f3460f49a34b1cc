//! `/livez`, `/readyz` and `status --check`: through a start, an outage, a drain and a stall.

use restore_watch::simulate::Reply;

use crate::http::{address, get};
use crate::support::state::is_on_postgres;
use crate::support::{Done, Running, done, play, receive};
use crate::{Daemon, ask, status};

const HTTP: &str = "[http]\nlisten = \"127.0.0.1:0\"\n";

/// The line of `status --check`, which must end with this code.
#[track_caller]
fn check(daemon: &Running, code: i32) -> String {
    let Done { stdout, stderr, .. } = ask(daemon, &["status", "--check"]).expect(code);
    assert!(stdout.ends_with('\n') && stdout.lines().count() == 1, "{stdout:?}");
    assert_eq!(stderr, "");
    stdout
}

#[test]
fn a_working_daemon_is_live_ready_and_well() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new(HTTP).project("one", &plane, &["rj-1"]).run(&[]).start();
    let address = address(&mut daemon);
    daemon.until("it is ready", |_| get(&address, "/readyz").0 == 200);

    // A replica says that it is the active one.
    let ready = if is_on_postgres() { "ok (active)\n" } else { "ok\n" };
    for (path, good) in [("/livez", "ok\n"), ("/readyz", ready)] {
        assert_eq!(get(&address, path), (200, good.to_owned()));
        let (status, text) = get(&address, &format!("{path}?verbose"));
        assert!(status == 200 && text.starts_with("[+] ") && text.ends_with(&format!("\n{good}")), "{text}");
    }
    let line = check(&daemon, 0);
    assert!(line.starts_with("ok: watching 1 restore; next poll in "), "{line}");
}

#[test]
fn an_outage_is_trouble_and_fails_no_probe() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[fault]]\nfrom = \"1s\"\nkind = \"status\"\nstatus = 503\n",
    );
    let daemon = Daemon::new("[watch]\nunreachable_after = \"500ms\"\n").project("one", &plane, &["rj-1"]);
    let mut daemon = daemon.with(HTTP).run(&[]).start();
    let address = address(&mut daemon);
    daemon.until("the outage is known", |daemon| status(daemon)["trouble"].is_string());

    assert_eq!((get(&address, "/livez").0, get(&address, "/readyz").0), (200, 200));
    let line = check(&daemon, 1);
    assert_eq!(line, "trouble: the API of the project one cannot be reached\n");
}

#[test]
fn every_project_in_trouble_is_named() {
    let plane = play(
        "[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n[[fault]]\nfrom = \"1s\"\nkind = \"status\"\nstatus = 503\n",
    );
    let daemon = Daemon::new("[watch]\nunreachable_after = \"500ms\"\n");
    let mut daemon =
        daemon.project("one", &plane, &["rj-1"]).project("two", &plane, &["rj-2"]).run(&[]).start();
    daemon.until_logged("watching 2 restores");
    let troubles =
        ["one", "two"].map(|project| format!("the API of the project {project} cannot be reached"));

    daemon
        .until("both outages are known", |daemon| status(daemon)["troubles"] == serde_json::json!(troubles));

    assert_eq!(status(&daemon)["trouble"], troubles.join("; "));
    assert_eq!(check(&daemon, 1), format!("trouble: {}\n", troubles.join("; ")));
}

#[test]
fn dead_letters_and_a_failed_reload_are_trouble() {
    let plane = play(&format!("{}[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n", done(&[("rj-1", "completed")])));
    let receiver = receive([]);
    receiver.otherwise(Reply::status(400));
    let sink = format!(
        "[[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\nevents = [\"restore_job.completed\"]\n\
         retry_schedule = [\"10ms\"]\n",
        receiver.url()
    );
    let daemon = Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).with(&sink);
    let mut daemon = daemon.run(&[]).start();
    daemon.until_logged("watching 2 restores");
    daemon.until("a dead letter", |daemon| status(daemon)["deliveries"]["dead"] == 1);

    let line = check(&daemon, 1);
    assert!(line.contains("1 dead letter (restore-watch deliveries)"), "{line}");

    daemon.folder().write("config.toml", "jobs = [");
    ask(&daemon, &["reload"]).expect(78);
    let line = check(&daemon, 1);
    assert!(
        line.contains("the configuration was not reloaded, and the one before stays in force: "),
        "{line}"
    );
    let full = status(&daemon);
    assert!(full["last_reload"]["error"].is_string() && full["last_reload"]["at"].is_string(), "{full}");
    assert!(!full["trouble"].as_str().unwrap_or_default().contains("reload"), "{full}");
    let shown = ask(&daemon, &["status"]).expect(0).stdout;
    assert!(shown.contains("trouble: the configuration was not reloaded"), "{shown}");

    Daemon::new("").project("one", &plane, &["rj-2"]).rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    assert!(status(&daemon)["last_reload"]["error"].is_null());
    assert!(!check(&daemon, 1).contains("reload"), "the dead letter stays");
}

#[test]
fn a_drain_is_live_and_not_ready() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let receiver = receive([]);
    receiver.otherwise(Reply::hang());
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let daemon = Daemon::new("drain_timeout = \"1m\"\n").project("one", &plane, &["rj-1"]).with(&sink);
    let mut daemon = daemon.with(HTTP).run(&[]).start();
    let address = address(&mut daemon);
    daemon.until("a delivery", |_| receiver.count() == 1);
    assert_eq!(get(&address, "/readyz").0, 200);

    daemon.signal("TERM");
    daemon.until_logged("stopping; pending deliveries");

    assert_eq!(get(&address, "/readyz"), (503, "the daemon is stopping\n".to_owned()));
    assert_eq!(get(&address, "/livez").0, 200);
    assert!(check(&daemon, 5).starts_with("down: "));
    daemon.signal("TERM");
    daemon.finish().expect(0);
}

#[test]
fn a_stalled_loop_fails_the_liveness_probe() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let daemon = Daemon::new(HTTP).project("one", &plane, &["rj-1"]).run(&[]);
    let mut daemon = daemon.env("RESTORE_WATCH_FAILPOINT", "stall_loop:50").start();
    let address = address(&mut daemon);
    daemon.until_logged("stalled at stall_loop");

    daemon.until("the probe fails", |_| get(&address, "/livez").0 == 503);

    let (status, text) = get(&address, "/livez?verbose");
    assert_eq!(status, 503);
    assert!(text.starts_with("[-] loop: the loop of the daemon does not run\n"), "{text}");
    assert!(check(&daemon, 5).contains("does not answer"));
    assert_eq!(get(&address, "/v1/status").0, 503);
    daemon.kill();
}
