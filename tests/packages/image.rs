//! The image: what is in it, and the program as a container with a root that cannot be written to.

use std::process::Command;

use restore_watch::simulate::Reply;
use serde_json::{Value, json};

use crate::engine::{Container, Engine, Options, archive};
use crate::support::{Folder, KEY, done, fast, play, receive};

/// A user as `OpenShift` gives one to a project: without an entry in `/etc/passwd`, in group 0.
const ARBITRARY: &str = "1000650000:0";

/// A file of the archive.
fn member(name: &str) -> Vec<u8> {
    let archive = archive().expect("an image");
    let output = Command::new("tar").arg("--to-stdout").arg("-xf").arg(archive).arg(name).output().unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    output.stdout
}

fn json_member(name: &str) -> Value {
    serde_json::from_slice(&member(name)).unwrap()
}

/// What a configuration of a container has: a folder for it, and the key.
fn options(folder: &Folder) -> Options {
    Options::default().configured(folder).with(&["--env", &format!("PINECONE_API_KEY={KEY}")])
}

/// A daemon for one job of this control plane.
fn daemon(engine: &'static Engine, plane: &str, further: &str, options: &[&str]) -> (Container, Folder) {
    let folder = Folder::new();
    folder.write("config.toml", format!("jobs = [\"rj-1\"]\n{plane}{further}"));
    let container = engine.start_container(&self::options(&folder).with(options), &[]);
    (container, folder)
}

/// Waits until a condition holds.
#[track_caller]
fn until(container: &Container, what: &str, condition: impl Fn() -> bool) {
    let clock = restore_watch::platform::clock::Clock::system();
    let start = clock.now().instant;
    while !condition() {
        let waited = clock.now().instant.since(start);
        assert!(waited < crate::support::PATIENCE, "waited in vain for {what}\n{}", container.logged());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn image_says_what_it_is_and_how_it_runs() {
    if archive().is_none() {
        return;
    }
    let manifest = json_member("manifest.json");

    let config = json_member(manifest[0]["Config"].as_str().unwrap())["config"].take();

    let label = |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].as_str().unwrap();
    assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(label("description"), env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(label("licenses"), env!("CARGO_PKG_LICENSE"));
    assert_eq!(label("title"), "restore-watch");
    assert_eq!((label("revision").len(), label("created").len()), (40, "2026-01-01T00:00:00Z".len()));
    assert_eq!(config["User"], "65532:65532");
    assert_eq!((&config["Entrypoint"], &config["Cmd"]), (&json!(["restore-watch"]), &json!(["run"])));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Healthcheck"]["Test"], json!(["CMD", "restore-watch", "status", "--check"]));
}

#[test]
fn image_has_one_program_and_no_shell() {
    if archive().is_none() {
        return;
    }
    let manifest = json_member("manifest.json");

    let mut entries = Vec::new();
    for layer in manifest[0]["Layers"].as_array().unwrap() {
        let folder = Folder::new();
        let layer = folder.write("layer", member(layer.as_str().unwrap()));
        let list = Command::new("tar").args(["--numeric-owner", "-tvf", &layer]).output().unwrap();
        let list = String::from_utf8(list.stdout).unwrap();
        entries.extend(list.lines().map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            format!("{} {} {}", fields[0], fields[1], fields[5])
        }));
    }

    let mut files: Vec<_> = entries.iter().filter(|entry| !entry.starts_with('d')).collect();
    files.sort();
    assert_eq!(
        files,
        [
            "-rw-r--r-- 0/0 etc/nsswitch.conf",
            "-rw-r--r-- 0/0 etc/ssl/certs/ca-certificates.crt",
            "-rw-r--r-- 0/0 usr/share/doc/restore-watch/LICENSE",
            "-rwxr-xr-x 0/0 usr/bin/restore-watch",
        ]
    );
    for written in ["run/restore-watch/", "var/lib/restore-watch/"] {
        assert!(entries.contains(&format!("drwxrwx--- 65532/0 {written}")), "{entries:?}");
    }
}

#[test]
fn daemon_runs_as_any_user_and_stops_in_order() {
    let Some(engine) = Engine::start() else { return };
    for user in [&[][..], &["--user", ARBITRARY, "--read-only-tmpfs=false", "--env", "HOME="]] {
        let plane = play(&done(&[("rj-1", "completed")]));
        let receiver = receive([Reply::status(200).after(std::time::Duration::from_secs(1))]);
        let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
        let (container, _folder) = daemon(engine, &fast(&plane), &sink, user);
        until(&container, "a delivery", || receiver.count() == 1);

        let status = container.exec(&["status", "--output", "json"]).expect(0).json();
        container.exec(&["deliveries"]).expect(0);
        container.exec(&["check"]).expect(0);
        assert_eq!(status["pid"], 1);
        let code = container.stop();

        let logged = container.logged();
        assert_eq!(code, 0, "{logged}");
        assert!(logged.trim_end().ends_with("stopped"), "{logged}");
        let faults = ["panic", "warning", "WARN", "ERROR", "still pending"];
        assert!(!faults.iter().any(|fault| logged.contains(fault)), "{logged}");
    }
}

#[test]
fn healthcheck_fails_if_the_key_is_refused() {
    let Some(engine) = Engine::start() else { return };
    for (key, code) in [(KEY, 0), ("another", 1)] {
        let plane = play(&format!("api_key = \"{key}\"\n[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n"));
        let (container, _folder) = daemon(engine, &fast(&plane), "", &[]);
        let settled = if code == 0 { "Pending" } else { "key refused" };
        until(&container, settled, || container.exec(&["status"]).stdout.contains(settled));

        let check = container.check_health();

        assert_eq!(check.code, Some(code), "{check:?}\n{}", container.logged());
    }
}

#[test]
fn container_of_a_wait_ends_with_its_exit_code() {
    let Some(engine) = Engine::start() else { return };
    let plane = play(&format!(
        "{}[[job]]\nid = \"rj-3\"\ntakes = \"1h\"\n",
        done(&[("rj-1", "completed"), ("rj-2", "failed")])
    ));
    let host = format!("PINECONE_CONTROLLER_HOST={}", plane.url());
    let key = format!("PINECONE_API_KEY={KEY}");
    let options = Options::default().with(&["--env", &host, "--env", &key]);

    for (arguments, code) in [
        (&["wait", "rj-1"][..], 0),
        (&["wait", "rj-2"][..], 1),
        (&["wait", "--no-such-option"][..], 2),
        (&["wait", "rj-3", "--timeout", "1s"][..], 124),
    ] {
        engine.run(&options, arguments).expect(code);
    }
    engine.run(&Options::default().with(&["--env", &host]), &["wait", "rj-1"]).expect(78);

    let waiting = engine.start_container(&options, &["wait", "rj-3"]);
    let count = plane.count();
    until(&waiting, "a poll", || plane.count() > count);
    assert_eq!(waiting.stop(), 143, "{}", waiting.logged());
}

#[test]
fn commands_need_no_home_and_no_state() {
    let Some(engine) = Engine::start() else { return };
    let bare = ["--user", ARBITRARY, "--read-only-tmpfs=false", "--env", "HOME="];
    let options = Options::default().with(&bare);

    let config = engine.run(&options, &["init"]).expect(0);
    assert_eq!(config.stderr, "");
    let folder = Folder::new();
    folder.write("config.toml", config.stdout);
    let checked = engine.run(&self::options(&folder).with(&bare), &["check"]).expect(0);
    assert_eq!(checked.stderr, "");
    let written = engine.run(&options, &["init", "/etc/restore-watch/config.toml"]).expect(1);
    assert!(written.stderr.contains("Read-only file system"), "{}", written.stderr);
    let down = engine.run(&options, &["status", "--check"]).expect(5);
    assert_eq!(down.stdout.matches("/run/restore-watch/control.sock").count(), 1, "{}", down.stdout);
}
