//! Reading the configuration again while the daemon works.

use std::collections::BTreeSet;
use std::time::Duration;

use restore_watch::simulate::{Receiver, Reply};

use crate::support::state::is_on_postgres;
use crate::support::{KEY, Running, done, play, receive};
use crate::{Daemon, ask, status};

#[test]
fn reload_adds_and_removes_jobs() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n[[job]]\nid = \"rj-2\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    Daemon::new("").project("one", &plane, &["rj-2"]).rewrite(&daemon);
    hang_up(&mut daemon, "configuration reloaded: 1 added, 1 removed");
    daemon.until_logged("; added: rj-2; removed: rj-1");
    daemon.until_logged("watching restore rj-2");
    Daemon::new("").project("one", &plane, &["rj-1", "rj-2"]).rewrite(&daemon);
    let done = ask(&daemon, &["reload"]).expect(0);

    assert!(
        done.stdout.starts_with("configuration reloaded: 1 added, 0 removed\nwatching 2 restores"),
        "{}",
        done.stdout
    );
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;

    assert_eq!(logged.matches("watching restore rj-1").count(), 1, "it was logged before: {logged}");
}

#[test]
fn bad_file_changes_nothing_and_names_the_problem() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");

    let before = status(&daemon)["jobs"][0]["job"].clone();
    let bad = |text: &str| Daemon::new(text).project("one", &plane, &["rj-2"]);
    for (text, what) in [
        ("jbos = []\n", "did you mean `jobs`?"),
        ("drain_timeout = 5\n", "`drain_timeout`"),
        ("[heartbeat]\nurl = { env = \"NOT_SET\" }\n", "the environment variable NOT_SET is not set"),
    ] {
        bad(text).rewrite(&daemon);
        let done = ask(&daemon, &["reload"]).expect(78).logged(what);
        assert_eq!(done.stderr.matches("error: ").count(), 1, "{}", done.stderr);
        hang_up(&mut daemon, "the configuration is not used, and the one before stays in force");
    }

    let keyless =
        bad("").with("[[project]]\nname = \"two\"\njobs = [\"x\"]\napi_key = { file = \"/nowhere/key\" }\n");
    keyless.rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(78).logged("project two: cannot read /nowhere/key");

    std::fs::remove_file(daemon.folder().path().join("config.toml")).unwrap();
    ask(&daemon, &["reload"]).expect(78).logged("does not exist");

    let polls = plane.count();
    daemon.until("further polls", |_| plane.count() > polls + 3);

    assert_eq!(status(&daemon)["jobs"][0]["job"], before);
    assert_eq!(status(&daemon)["jobs"].as_array().unwrap().len(), 1);
}

#[test]
fn reload_names_settings_that_need_a_restart() {
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let mut daemon = Daemon::new("").project("one", &plane, &["rj-1"]).run(&[]).start();
    daemon.until_logged("watching restore rj-1");
    let further = "[state]\npath = \"elsewhere.db\"\n[[sink]]\ntype = \"log\"\nformat = \"json\"\n";
    Daemon::new("").project("one", &plane, &["rj-1"]).with(further).rewrite(&daemon);
    let done = ask(&daemon, &["reload"]).expect(0);
    let what = if is_on_postgres() { "place" } else { "path" };
    assert!(done.stdout.contains(&format!("warning: the {what} of the state changed")), "{}", done.stdout);
    assert!(done.stdout.contains("warning: the format of the log changed"), "{}", done.stdout);
    assert!(!daemon.folder().path().join("elsewhere.db").exists());
}

#[test]
fn reload_reads_the_key_again() {
    let plane = play(&format!("api_key = \"{KEY}\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n"));
    let daemon = Daemon::new("");
    let key = daemon.folder.write("key", "pcsk_wrong_key");
    let url = plane.url();
    let text = format!(
        "[[project]]\nname = \"one\"\napi_key = {{ file = \"{key}\" }}\njobs = [\"rj-1\"]\n\
         [project.api]\nendpoint = \"{url}\"\n[project.cadence]\nmin_interval = \"20ms\"\nmax_interval = \"1h\"\n"
    );

    let mut daemon = daemon.with(&text).run(&[]).start();
    daemon.until_logged("refuses the key");

    std::fs::write(&key, KEY).unwrap();
    hang_up(&mut daemon, "configuration reloaded");
    daemon.until_logged("watching restore rj-1");
}

#[test]
fn reload_keeps_deliveries_and_tries_a_new_address_at_once() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let [slow, broken, mended] = [receive([]), receive([]), receive([])];

    // One answers only after the reload, one never accepts anything.
    slow.otherwise(Reply::status(200).after(Duration::from_secs(2)));
    broken.otherwise(Reply::status(500));
    let daemon = Daemon::new("").project("one", &plane, &["rj-1"]);
    let text = |second: &Receiver| webhook("slow", &slow) + &webhook("second", second);

    let mut daemon = daemon.with(&text(&broken)).run(&[]).start();
    daemon.until("both were asked", |_| slow.count() >= 1 && broken.count() >= 1);
    let file = |sinks: &str| Daemon::new("").project("one", &plane, &["rj-1"]).with(sinks).rewrite(&daemon);

    file(&text(&mended));
    ask(&daemon, &["reload"]).expect(0);
    daemon.until("both events at the mended one", |_| mended.count() == 2);
    daemon.until("both events at the slow one", |_| slow.count() == 2);
    daemon.until("no pending deliveries", |daemon| status(daemon)["deliveries"]["pending"] == 0);
    daemon.signal("TERM");
    daemon.finish().expect(0);

    for receiver in [&slow, &mended] {
        let ids: BTreeSet<_> =
            receiver.received().iter().map(|post| post.header("webhook-id").unwrap().to_owned()).collect();
        assert_eq!((ids.len(), receiver.count()), (2, 2), "each once");
    }
}

#[test]
fn many_reloads_under_load_lose_and_repeat_no_event() {
    let ids: Vec<_> = (0..40).map(|n| format!("rj-{n}")).collect();
    let script = |n| format!("[[job]]\nid = \"rj-{n}\"\ntakes = \"{}ms\"\n", 100 * n);
    let plane = play(&(0..40).map(script).collect::<Vec<_>>().concat());
    let receiver = receive([]);
    let names: Vec<_> = ids.iter().map(String::as_str).collect();
    let good = |jobs: &[&str]| Daemon::new("").project("one", &plane, jobs).with(&webhook("ops", &receiver));

    let mut daemon = good(&names).run(&[]).start();
    daemon.until("the first event", |_| receiver.count() > 0);
    for round in 0..60 {
        match round % 4 {
            0 => good(&names[round % 20..]).rewrite(&daemon),
            1 => Daemon::new("jobs = [").rewrite(&daemon),
            2 => good(&names[..40 - round % 20]).rewrite(&daemon),
            _ => Daemon::new("")
                .project("one", &plane, &names)
                .with("[[sink]]\ntype = \"log\"\n")
                .rewrite(&daemon),
        }
        daemon.signal("HUP");
        if round % 5 == 0 {
            drop(ask(&daemon, &["reload"]));
        }
    }
    good(&names).rewrite(&daemon);
    ask(&daemon, &["reload"]).expect(0);
    daemon.until("all ended", |daemon| status(daemon)["projects"][0]["ended"] == 40);
    daemon.until("no pending deliveries", |daemon| status(daemon)["deliveries"]["pending"] == 0);
    daemon.signal("TERM");
    let logged = daemon.finish().expect(0).stderr;

    assert!(logged.contains("the configuration is not used"), "{logged}");
    let posts = receiver.received();
    let ends: Vec<_> = posts
        .iter()
        .map(|post| serde_json::from_slice::<serde_json::Value>(&post.body).unwrap())
        .filter(|post| post["type"] == "restore_job.completed")
        .map(|post| post["job"]["id"].as_str().unwrap().to_owned())
        .collect();
    let once: BTreeSet<_> = ends.iter().collect();

    assert_eq!(once.len(), ends.len(), "an end was emitted twice");
    // An end observed while the webhook was not configured is not delivered to it.
    assert!(once.len() >= 20, "{once:?}");

    let ids: BTreeSet<_> = posts.iter().map(|post| post.header("webhook-id").unwrap()).collect();
    assert_eq!(ids.len(), posts.len(), "nothing was sent twice");
}

fn webhook(name: &str, receiver: &Receiver) -> String {
    format!("[[sink]]\ntype = \"webhook\"\nname = \"{name}\"\nurl = \"{}\"\n", receiver.url())
}

/// Reloads by SIGHUP and waits for the log line.
fn hang_up(daemon: &mut Running, logged: &str) {
    let before = daemon.stderr().matches(logged).count();
    daemon.signal("HUP");
    daemon.until(logged, |daemon| daemon.stderr().matches(logged).count() > before);
}
