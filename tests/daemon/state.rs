//! The state file: deleted while in use, set aside, mounted as a single file, at the file size
//! limit.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use restore_watch::simulate::Reply;

use crate::Daemon;
use crate::support::state::is_about_files;
use crate::support::{Folder, KEY, Watch, done, play, receive, skipped};

#[test]
fn deleted_state_ends_the_daemon_after_its_deliveries() {
    if is_about_files("a file is deleted") {
        return;
    }
    let plane = play(&done(&[("rj-1", "completed")]));
    // In flight while the file is deleted, and delivered before the daemon ends.
    let receiver = receive([Reply::status(200).after(Duration::from_secs(5))]);
    let sink = format!("[[sink]]\ntype = \"webhook\"\nurl = \"{}\"\n", receiver.url());
    let daemon = Daemon::new("drain_timeout = \"1m\"\n").project("one", &plane, &["rj-1"]).with(&sink);

    let mut daemon = daemon.run(&[]).start();
    daemon.until("a webhook", |_| receiver.count() == 1);

    std::fs::remove_file(daemon.folder().path().join("state/state.db")).unwrap();
    daemon.until_logged("state.db: it was deleted while it was in use; ending");
    let done = daemon.finish().expect(74).logged("help: stop the daemon before its state is moved");

    assert!(!done.stderr.contains("still pending"), "{}", done.stderr);
    assert!(receiver.count() >= 2, "all that was pending");
}

#[test]
fn deleted_wal_ends_the_daemon_and_loses_nothing() {
    if is_about_files("a file is deleted") {
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let files = Folder::new();
    files.write("config.toml", &Daemon::new("").project("one", &plane, &["rj-1"]).text);
    let mut daemon = again(&files, &[]).start();
    daemon.until_logged("watching restore rj-1");
    let state = files.path().join("state/state.db");
    std::fs::remove_file(state.with_extension("db-wal")).unwrap();
    daemon.finish().expect(74).logged("state.db-wal was deleted while it was in use");
    assert_eq!(jobs_in(&state), 1);
}

#[test]
fn interrupted_set_aside_is_finished_by_the_next_start() {
    if is_about_files("a file is set aside") {
        return;
    }
    let plane = play("[[job]]\nid = \"rj-1\"\ntakes = \"1h\"\n");
    let files = Folder::new();
    files.write("config.toml", &Daemon::new("").project("one", &plane, &["rj-1"]).text);

    let mut first = again(&files, &[]).start();
    first.until_logged("watching restore rj-1");

    assert_eq!(first.kill().signal, Some(9), "so that all is in the log");
    let killed = again(&files, &["--set-state-aside"]).env("RESTORE_WATCH_FAILPOINT", "set_aside:1").run();

    assert_eq!(killed.signal, Some(9), "{}", killed.stderr);
    let mut next = again(&files, &[]).start();
    next.until_logged("the state was set aside, as ");
    next.until_logged("jobs known: 0");

    let aside = std::fs::read_dir(files.path().join("state")).unwrap().flatten().map(|file| file.path());
    let aside: Vec<_> = aside.filter(|path| path.to_string_lossy().ends_with('Z')).collect();
    assert_eq!((aside.len(), jobs_in(&aside[0])), (1, 1));
}

#[test]
fn state_mounted_as_a_single_file_is_refused() {
    if is_about_files("a file is mounted") {
        return;
    }
    let folder = Folder::new();
    let state = folder.write("state.db", "");
    let mounts = "mount --bind \"$0\" \"$0\" && exec \"$@\"";
    let launcher = ["unshare", "--mount", "sh", "-c", mounts, &state];
    let can = Command::new(launcher[0]).args(&launcher[1..]).arg("true").output();
    if !can.is_ok_and(|done| done.status.success()) {
        skipped("no file can be mounted here, so no state is");
        return;
    }
    let config = folder.write("config.toml", format!("jobs = [\"rj-1\"]\n[state]\npath = \"{state}\"\n"));

    for words in [["run", "--config", &config], ["deliveries", "--state-file", &state]] {
        let done = Watch::through(&launcher, words).env("PINECONE_API_KEY", KEY).run().expect(74);
        done.logged("is mounted as a single file").logged("help: mount the directory");
    }
}

#[test]
fn file_size_limit_is_an_error_and_no_fatal_signal() {
    if is_about_files("a file is at its limit") {
        return;
    }
    if !Command::new("prlimit").arg("--version").output().is_ok_and(|done| done.status.success()) {
        skipped("there is no prlimit here");
        return;
    }
    let plane = play("[[job]]\nid = \"rj\"\ncount = 20\ntakes = \"1h\"\n");
    let ids: Vec<_> = (1..=20).map(|number| format!("rj-{number}")).collect();
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    let daemon = Daemon::new("").project("one", &plane, &ids);
    let done = daemon.run_through(&["prlimit", "--fsize=150000"], &[]).run().expect(74);
    done.logged("the limit of 150000 bytes for a file");
}

/// A daemon on the files of an earlier one.
fn again(files: &Folder, arguments: &[&str]) -> Watch {
    let (config, state) = (files.path().join("config.toml"), files.path().join("state"));
    Watch::new(["run", "--config", &config.to_string_lossy()].iter().chain(arguments))
        .env("KEY", KEY)
        .env("STATE_DIRECTORY", &state.to_string_lossy())
}

/// How many jobs a state has, read without the program under test.
fn jobs_in(state: &Path) -> i64 {
    let connection = rusqlite::Connection::open(state).expect("a state");
    connection.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0)).expect("jobs")
}
