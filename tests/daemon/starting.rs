//! A start that blocks: on a hanging file, or on a state locked by another program.

use std::path::Path;
use std::process::Command;

use crate::support::state::is_about_files;
use crate::support::{Folder, KEY, Running, Watch, done, fast, play, skipped};

const CODES: [(&str, i32); 2] = [("INT", 130), ("TERM", 143)];

#[test]
fn hanging_file_does_not_hold_up_a_signal() {
    if !is_shown() {
        return;
    }
    let folder = Folder::new();
    let (config, secret) = (pipe(&folder, "config.toml"), pipe(&folder, "secret"));
    let key = format!("[[project]]\nname = \"p\"\njobs = [\"rj-1\"]\napi_key = {{ file = \"{secret}\" }}\n");
    let key = folder.write("key.toml", key);
    let url = format!("jobs = [\"rj-1\"]\n[[sink]]\ntype = \"webhook\"\nurl = {{ file = \"{secret}\" }}\n");
    let url = folder.write("url.toml", url);
    let commands: [&[&str]; 11] = [
        &["run", "--config", &config],
        &["run", "--config", &key],
        &["run", "--config", &url],
        &["wait", "--config", &config],
        &["wait", "--config", &key],
        &["wait", "--from-file", &config],
        &["list", "--config", &key],
        &["check", "--config", &config],
        &["notify-test", "--config", &config],
        &["notify-test", "--config", &url],
        &["explain", "rj-1", "--config", &key],
    ];

    for (signal, code) in CODES {
        for words in commands {
            let mut process = command(words, &folder).start();
            process.until("the read", reads);
            process.signal(signal);
            process
                .finish()
                .expect(code)
                .logged(&format!("error: interrupted by SIG{signal} while reading "));
        }
    }
}

#[test]
fn locked_state_does_not_hold_up_a_signal() {
    if is_about_files("a file is locked") {
        return;
    }
    if !is_shown() {
        return;
    }
    let folder = Folder::new();
    let state = folder.path().join("state.db");
    let mut other = rusqlite::Connection::open(&state).unwrap();
    other.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    let _locked = other.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive).unwrap();
    let config = folder.write("config.toml", "jobs = [\"rj-1\"]\n");

    for (signal, code) in CODES {
        let mut daemon = command(&["run", "--config", &config], &folder).start();
        daemon.until("the read", reads);
        daemon.signal(signal);
        daemon.finish().expect(code);
    }
}

#[test]
fn pipe_with_a_writer_is_read() {
    let plane = play(&done(&[("rj-1", "completed")]));
    let folder = Folder::new();
    let secret = pipe(&folder, "secret");
    let writer = std::thread::spawn({
        let secret = secret.clone();
        move || std::fs::write(secret, KEY)
    });
    let text = format!(
        "[[project]]\nname = \"p\"\njobs = [\"rj-1\"]\napi_key = {{ file = \"{secret}\" }}\n{}",
        fast(&plane)
    );

    command(&["wait", "--config", "/dev/stdin"], &folder).stdin(text).run().expect(0);
    writer.join().unwrap().unwrap();
}

/// A pipe without a writer, which reads like a network disk that hangs.
fn pipe(folder: &Folder, name: &str) -> String {
    let path = folder.path().join(name);
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path.to_string_lossy().into_owned()
}

/// Whether /proc shows the threads of a process.
fn is_shown() -> bool {
    let is_shown = Path::new("/proc/self/task").exists();
    if !is_shown {
        skipped("there is no /proc here that shows what a process does");
    }
    is_shown
}

/// Whether the process has the thread `start`, which reads the files that a start needs.
fn reads(process: &Running) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.id()));
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.is_ok_and(|tasks| tasks.flatten().any(|task| name(task) == "start\n"))
}

fn command(words: &[&str], folder: &Folder) -> Watch {
    let home = folder.path().to_string_lossy();
    Watch::new(words).env("PINECONE_API_KEY", KEY).env("STATE_DIRECTORY", &home)
}
