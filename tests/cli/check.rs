//! `restore-watch check`

use crate::support::{Folder, KEY, Watch};

#[test]
fn shipped_configuration_is_valid_and_explained() {
    let done = Watch::new(["check", "--config", &shipped("restore-watch.toml")]).run().expect(0);
    assert_eq!(done.stderr, "");
    for line in [
        "restore-watch.toml is valid",
        "project default",
        "  endpoint  https://api.pinecone.io, API version 2026-04",
        "  API key   from environment variable PINECONE_API_KEY",
        "    9857add2-99d4-4399-870e-aa7f15d8d326",
        "sink log",
        "state\n  kept in   /",
        "  kept for  30d once it is over\n",
    ] {
        assert!(done.stdout.contains(line), "{line}: {}", done.stdout);
    }
}

#[test]
fn slowness_and_discovery_are_explained() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "discover = { indexes = [\"prod-*\", \"docs\"], exclude = [\"*-scratch\"] }\njobs = [\"a\"]\n\
         [cadence]\neffort = \"eager\"\n[watch]\nslow_after = \"2h\"\n\
         [[project]]\nname = \"x\"\ndiscover = true\nwatch.slow_after = \"p99.9\"\n",
    );

    let shown = Watch::new(["check", "--config", &config]).run().expect(0).stdout;
    for line in [
        "  polls     1s to 1m apart, effort eager\n",
        "  emits     not found after 1m, unauthorized after 5s, unreachable after 10m, slow after 2h\n",
        "  jobs      1, and all that are found unfinished into indexes prod-*, docs, except into *-scratch\n",
        "unreachable after 10m, slow once longer than 99.9 % of the past restores (at least 20)\n",
        "  jobs      0, and all that are found unfinished\n",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

#[test]
fn no_secret_is_read_or_shown() {
    let folder = Folder::new();
    folder.write("key", "pcsk_canary");
    let config = folder.write(
        "config.toml",
        "[[project]]\nname = \"p\"\njobs = [\"a\"]\napi_key = { file = \"key\" }\n\
         [[sink]]\ntype = \"webhook\"\nurl = \"https://user:canary@hooks.example/canary?canary\"\n",
    );

    let done =
        Watch::new(["check", "--config", &config]).env("PINECONE_API_KEY", "pcsk_canary").run().expect(0);
    assert!(!done.stdout.contains("canary"), "{}", done.stdout);
    assert!(done.stdout.contains("webhook to https://hooks.example\n"), "{}", done.stdout);

    // `check` needs no key: another user may run the daemon.
    std::fs::remove_file(folder.path().join("key")).unwrap();
    Watch::new(["check", "--config", &config]).run().expect(0);
}

#[test]
fn webhooks_and_the_state_are_explained() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "jobs = [\"a\"]\n[state]\npath = \"/srv/watch.db\"\nkeep = \"90d\"\n\
         [[sink]]\ntype = \"webhook\"\nurl = \"https://hooks.example\"\n\
         [[sink]]\ntype = \"webhook\"\nname = \"ops\"\nurl = { env = \"OPS\" }\nformat = \"cloudevents\"\n\
         block_private = true\nretry_schedule = [\"5s\", \"90s\"]\n\
         signing_secret = [{ credential = \"new\" }, { env = \"OLD\" }]\n",
    );

    let done = Watch::new(["check", "--config", &config]).env("OLD", "whsec_canary").run().expect(0);
    let (_, sinks) = done.stdout.split_once("\nsink webhook\n").unwrap();
    assert_eq!(
        sinks,
        "  webhook to https://hooks.example\n  receives  every event\n  format    standard\n  signed    no\n  \
         reaches   private addresses too\n\nsink ops\n  webhook, address from environment variable OPS\n  \
         receives  every event\n  format    cloudevents\n  signed    with 2 secrets, from credential new, \
         environment variable OLD\n  reaches   public addresses only\n  retries   after 5s, 1m30s\n\nsink log\n  log on standard error, for people\n  \
         receives  every event\n\nstate\n  \
         kept in   /srv/watch.db\n  kept for  90d once it is over\n",
    );
}

#[test]
fn all_problems_are_reported_at_once() {
    let folder = Folder::new();
    let config = folder.write(
        "config.toml",
        "jbos = [\"a\"]\n[[sink]]\ntype = \"webhook\"\nurl = \"ftp://x\"\nevents = [\"restore_job.complete\"]\n[heartbeat]\ninterval = 5\n",
    );

    let done = Watch::new(["check", "--config", &config]).run().expect(78);
    assert_eq!(done.stdout, "");
    for (place, what) in [
        ("config.toml:1:1\n", "did you mean `jobs`?"),
        ("config.toml:4:7\n", "`url`"),
        ("config.toml:5:11\n", "did you mean \"restore_job.completed\"?"),
        ("config.toml:6:1\n", "a heartbeat without a url"),
        ("config.toml:7:12\n", "`interval`"),
    ] {
        assert!(done.stderr.contains(place) && done.stderr.contains(what), "{place} {what}: {}", done.stderr);
    }
    assert!(done.stderr.matches('^').count() >= 4, "{}", done.stderr);
}

#[test]
fn missing_file_is_an_error() {
    Watch::new(["check", "--config", "/nonexistent"]).run().expect(78).logged("does not exist");
    let unset = Watch::new(["check"]).env("XDG_CONFIG_HOME", "/nonexistent").run();
    assert!(unset.code == Some(78) || std::path::Path::new("/etc/restore-watch/config.toml").exists());
}

#[test]
fn paths_are_shown_without_control_characters() {
    let folder = Folder::new();
    let config = folder.write(
        "con\u{202e}fig.toml",
        "jobs = [\"a\"]\n[api]\nca_file = \"ca\\u001b[2J\\n.pem\"\n[state]\npath = \"/st\\u0007ate.db\"\n",
    );

    let done = Watch::new(["check", "--config", &config]).run().expect(0);
    for shown in ["con\u{fffd}fig.toml is valid", "ca\u{fffd}[2J\u{fffd}.pem too\n", "/st\u{fffd}ate.db\n"] {
        assert!(done.stdout.contains(shown), "{shown}: {:?}", done.stdout);
    }

    // A file that cannot be read is named, too.
    let done = Watch::new(["wait", "--config", &config]).env("PINECONE_API_KEY", KEY).run().expect(78);
    assert!(done.stderr.contains("ca\u{fffd}[2J\u{fffd}.pem"), "{:?}", done.stderr);
}

/// A file shipped with the program.
fn shipped(path: &str) -> String {
    format!("{}/config/{path}", env!("CARGO_MANIFEST_DIR"))
}
